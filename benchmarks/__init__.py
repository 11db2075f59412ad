"""Speed, quality and robustness of codesift, measured on real packages and repositories.

Each benchmark of `python -m benchmarks` is a module or folder of that name. It imports codesift and
evaluation.
"""
