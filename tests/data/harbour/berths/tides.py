"""Water levels."""

from __future__ import annotations

from collections.abc import Sequence

Reading = tuple[float, float]


def parse_tide_table(text: str) -> list[Reading]:
    """Read lines of `hour;metres` into numbers, comments left out."""
    readings = []
    for line in text.splitlines():
        line = line.partition("#")[0].strip()
        if line:
            hour, metres = line.split(";")
            readings.append((float(hour), float(metres)))
    return readings


def next_high_water(readings: Sequence[Reading], hour: float) -> Reading:
    """The highest tide that is still to come today."""
    coming = [reading for reading in readings if reading[0] > hour]
    return max(coming, key=lambda reading: reading[1])


def interpolate_height(before: Reading, after: Reading, hour: float) -> float:
    """Height of the water between two readings, on a straight line."""
    share = (hour - before[0]) / (after[0] - before[0])
    return before[1] + share * (after[1] - before[1])
