"""Speed and quality of codesift, measured on real packages; run with `python -m benchmarks`."""
