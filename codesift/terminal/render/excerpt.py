"""Excerpts: the lines of a unit that are shown, which are its signature and the lines around the focus
line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from codesift.terminal.render.view import View
from codesift.types import Hit

AUTOMATIC_LINES = 8
"""Number of lines of a long unit that are shown by default."""
WHOLE_LINES = 10
"""Maximum number of lines of a unit that is shown whole, as an excerpt would not be shorter."""
_LINES_BEFORE_FOCUS = 2
_SIGNATURE_SEARCH = 40
_NOT_A_SIGNATURE = ("@", "#", "[", "//", "/*", "*", '"""')
_UNNAMED = ("module", "text")


@dataclass(frozen=True)
class Line:
    """One line of a file, without its line break."""

    number: int
    """Counted from 1."""
    text: str


def code_lines(hit: Hit) -> list[Line]:
    """Split a unit into lines. Only a line feed ends a line, as in the parser, so that the numbers are
    correct."""
    if not hit.code:
        return []
    pieces = hit.code.removeprefix("\ufeff").removesuffix("\n").split("\n")
    return [Line(hit.start_line + i, piece.removesuffix("\r")) for i, piece in enumerate(pieces)]


def excerpt(hit: Hit, lines: list[Line], view: View) -> list[Line]:
    """Select the lines to show, in order; where numbers jump, lines are left out.

    Args:
        lines: the lines of the hit, as from `code_lines`.
    """
    if view.full or not lines or (view.context is None and len(lines) <= WHOLE_LINES):
        return lines
    signature = _signature_index(hit, lines)
    focus = max(focus_number(hit, lines) - lines[0].number, signature or 0)
    start, end = _window(focus, signature or 0, len(lines), view)
    chosen = set(_without_blank_edges(lines, start, end))
    if signature is not None:
        chosen.add(signature)
    return [lines[i] for i in _bridged(sorted(chosen))]


def focus_number(hit: Hit, lines: list[Line]) -> int:
    """Return the line that an editor should jump to: the best line."""
    wanted = hit.focus_line or hit.best_lines[0]
    inside = not lines or lines[0].number <= wanted <= lines[-1].number
    return wanted if inside else hit.start_line


def anchor_number(hit: Hit, lines: list[Line]) -> int:
    """Return the line shown beside the path: the start of the unit, or the best line of a unit without a
    name."""
    return focus_number(hit, lines) if hit.kind in _UNNAMED else hit.start_line


def with_gaps(lines: list[Line]) -> Iterator[Line | None]:
    """Yield lines, with None wherever numbers jump."""
    previous: int | None = None
    for line in lines:
        if previous is not None and line.number != previous + 1:
            yield None
        yield line
        previous = line.number


def _signature_index(hit: Hit, lines: list[Line]) -> int | None:
    """Return the index of the declaration, after decorators and comments; None if the unit has none."""
    if hit.kind in _UNNAMED:
        return None
    for i, line in enumerate(lines[:_SIGNATURE_SEARCH]):
        if hit.name in line.text and not line.text.lstrip().startswith(_NOT_A_SIGNATURE):
            return i
    return 0


def _window(focus: int, signature: int, length: int, view: View) -> tuple[int, int]:
    """Return the first and last index around `focus`. The default window keeps its size at both ends of the
    unit."""
    if view.context is not None:
        return max(0, focus - view.context), min(length - 1, focus + view.context)
    size = AUTOMATIC_LINES - 1
    if focus - signature < size:
        return signature, min(length - 1, signature + size)
    start = min(focus - _LINES_BEFORE_FOCUS, length - size)
    return start, start + size - 1


def _without_blank_edges(lines: list[Line], start: int, end: int) -> range:
    while end > start and not lines[end].text.strip():
        end -= 1
    while start < end and not lines[start].text.strip():
        start += 1
    return range(start, end + 1)


def _bridged(indexes: list[int]) -> list[int]:
    """Add single lines that are left out, as the mark of a gap would take as much space."""
    filled = {i + 1 for i, following in pairwise(indexes) if following == i + 2}
    return sorted(filled.union(indexes))
