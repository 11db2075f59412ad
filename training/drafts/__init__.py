"""Drafts: collecting texts and their vectors, fitting a static encoder to them, measuring and shipping it."""
