"""Measuring what is found: tasks and their data, what ranks them, metrics, and files of results.

`training` and `benchmarks` stand on it, so what both need belongs here. It imports codesift, and neither of
them.
"""
