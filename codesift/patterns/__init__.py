"""Patterns as in `.gitignore`, matched in linear time. Nothing here reads a file.

What belongs here is text in, verdict out: reading a pattern, and matching many of them in one pass over a
path. Ignore files, settings and `--path` use it. It imports `errors` alone.
"""
