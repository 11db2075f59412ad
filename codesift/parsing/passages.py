"""Passages: overlapping windows of lines for text without a grammar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from codesift.types import Unit

WINDOW_LINES = 40
WINDOW_STEP = 30
WINDOW_LENGTH = 8_000
"""Maximum number of characters of a window; longer ones are cut further, even within a line."""


def line_breaks(source: bytes) -> list[int]:
    """Return the position of every line feed."""
    return [match.start() for match in re.finditer(b"\n", source)]


def passages(source: bytes, filename: str) -> list[Unit]:
    """Cut a text into overlapping windows of lines, in source order; lines that are too long are cut."""
    return sorted(_passages(source, filename), key=lambda unit: (unit.start_byte, -unit.end_byte))


def _passages(source: bytes, filename: str) -> Iterator[Unit]:
    edges = [0, *(position + 1 for position in line_breaks(source))]
    if edges[-1] < len(source):
        edges.append(len(source))
    lines = len(edges) - 1
    for first in range(0, lines, WINDOW_STEP):
        last = min(first + WINDOW_LINES, lines)
        text = source[edges[first] : edges[last]].decode("utf-8", "replace")
        start, line = edges[first], first + 1
        for code in _pieces(text):
            end = start + len(code.encode())
            breaks = code.count("\n")
            if code.strip():
                until = line + breaks - code.endswith("\n")
                yield Unit("text", filename, filename, line, until, start, end, "", "", code)
            start, line = end, line + breaks
        if last == lines:
            return


def _pieces(text: str) -> Iterator[str]:
    """Cut a text into pieces of bounded length: after a line, else after a blank, else within a word."""
    start = 0
    while len(text) - start > WINDOW_LENGTH:
        high = start + WINDOW_LENGTH
        low = start + WINDOW_LENGTH // 2
        cuts = (text.rfind(mark, low, high) + 1 for mark in "\n ;,")
        end = next(filter(None, cuts), high)
        yield text[start:end]
        start = end
    yield text[start:]
