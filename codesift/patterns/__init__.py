"""Patterns as in `.gitignore`, matched in linear time. Nothing here reads a file."""
