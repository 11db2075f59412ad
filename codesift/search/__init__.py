"""Searches over an open index: query, similar, duplicates; signals, ranking, confidence."""
