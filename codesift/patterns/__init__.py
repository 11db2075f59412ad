"""Patterns as in `.gitignore`, matched in linear time. Nothing in this room reads a file."""
