"""Quality of answers on real repositories, beside other tools: `python -m benchmarks quality`."""

from benchmarks.quality.command import main

__all__ = ["main"]
