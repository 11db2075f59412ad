"""Definitions as the grammar sees them -> which become units, how they nest, what they are called."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

from codesift.parsing.grammar import Definition, Lead, Syntax

NESTED_LINES = 5
"""A definition inside a function is a unit of its own from this many lines on."""
DEEPEST = 8
"""Deeper definitions stay part of the one they are in: a unit holds the text of those inside it once more."""
NAME_LENGTH = 200

_BRACKETS = re.compile(r"(?<=\w)\s*<[^<>]*>|(?<=\w)\[[^\[\]]*\]")
_OPERATOR = re.compile(r"\(\)|[^(]*")
"""What follows the word `operator` in a name, without the parameters."""
_REFERENCE = re.compile(r"^(?:[&*]\s*|'\w+\s+|(?:mut|dyn|const)\s+)+")


@dataclass(frozen=True, slots=True)
class File:
    """One parsed file, with what is needed to look things up in it by byte."""

    source: bytes
    breaks: list[int]
    """Byte of every newline."""
    stem: str
    """File name without its ending: the name of what has no other."""
    separator: str
    syntax: Syntax
    lead_starts: list[int]
    filler_starts: list[int]

    def line(self, byte: int) -> int:
        """Line of a byte, from 1."""
        return bisect_left(self.breaks, byte) + 1

    def text(self, start: int, end: int) -> str:
        """The text between two bytes."""
        return self.source[start:end].decode("utf-8", "replace")

    def trimmed(self, end: int) -> int:
        """Byte after the last character before `end` that is not blank."""
        return self.last(end, b" \t\r\n\f")

    def begins_line(self, start: int) -> bool:
        """Tell whether only blanks stand before `start` on its line."""
        start = self.last(start, b" \t")
        return start == 0 or self.source[start - 1] == 10

    def last(self, end: int, blanks: bytes) -> int:
        """Byte after the last character before `end` that is not among `blanks`."""
        step = 16
        while end:
            part = self.source[max(end - step, 0) : end]
            kept = len(part.rstrip(blanks))
            end -= len(part) - kept
            if kept:
                break
            step *= 2
        return end


@dataclass(slots=True)
class Place:
    """A definition that is a unit, or a scope outside all units, where it stands in its file."""

    definition: Definition
    kind: str
    name: str
    qualified: str
    outer: int
    """Where its leading comments begin."""
    start: int
    """Where it begins itself, decorators included."""
    end: int
    comments: list[tuple[int, int]]
    """Leading comments before `start`."""
    children: list[Place] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is open at one point of the sweep over a file."""

    end: int
    kind: str
    """What definitions here are inside of: `function`, `class`, `dropped`, or nothing."""
    member: bool
    """Whether functions directly inside are methods."""
    qualified: str
    depth: int
    place: Place | None
    """Nearest unit or scope."""
    own: bool
    """Whether `place` was opened with this frame."""


_OUTSIDE = _Frame(0, "", False, "", 0, None, False)


def place(file: File) -> tuple[list[Place], list[Place]]:
    """Place a file's definitions. Returns all places, and those inside no other, both in source order."""
    places: list[Place] = []
    top: list[Place] = []
    stack: list[_Frame] = []
    for definition in file.syntax.definitions:
        found = _at(file, definition)
        _close(file, stack, found)
        frame = stack[-1] if stack else _OUTSIDE
        if stack and definition.end > frame.end:
            continue
        opened = _open(file, found, frame)
        stack.append(opened)
        if opened.own:
            places.append(found)
            (frame.place.children if frame.place else top).append(found)
    return places, top


def _at(file: File, definition: Definition) -> Place:
    outer, start, comments = _leading(file, definition.start)
    return Place(definition, definition.kind, "", "", outer, start, file.trimmed(definition.end), comments)


def _close(file: File, stack: list[_Frame], found: Place) -> None:
    """Leave what ended. Some grammars count the next definition's comment to the one before it."""
    while stack and stack[-1].end <= found.definition.start:
        frame = stack.pop()
        if frame.own and frame.place and frame.place.end > found.outer:
            frame.place.end = file.trimmed(found.outer)


def _open(file: File, found: Place, frame: _Frame) -> _Frame:
    """Decide on one definition, name it, and describe what the definitions inside it will meet."""
    definition = found.definition
    if _dropped(file, found, frame):
        return _Frame(definition.end, "dropped", False, "", frame.depth, frame.place, False)
    _name(file, found, frame)
    if definition.kind == "scope":
        own = frame.place is None
        nearest = found if own else frame.place
        return _Frame(definition.end, frame.kind, True, found.qualified, frame.depth, nearest, own)
    is_class = definition.kind == "class"
    kind = "class" if is_class else "function"
    return _Frame(definition.end, kind, is_class, found.qualified, frame.depth + 1, found, True)


def _dropped(file: File, found: Place, frame: _Frame) -> bool:
    if frame.kind == "dropped" or frame.depth >= DEEPEST:
        return True
    lines = file.line(found.end - 1) - file.line(found.start) + 1
    return frame.kind == "function" and found.kind != "scope" and lines < NESTED_LINES


def _name(file: File, found: Place, frame: _Frame) -> None:
    parts = _parts(found.definition.name, file.separator) or [file.stem]
    if found.kind == "scope":
        parts = parts[-1:]
    owner = _parts(found.definition.owner, file.separator)
    found.name = parts[-1]
    if found.kind == "function" and (owner or frame.member or len(parts) > 1):
        found.kind = "method"
    found.qualified = file.separator.join([part for part in (frame.qualified, *owner, *parts) if part])


def _parts(text: str, separator: str) -> list[str]:
    """`Grid<T>::at` -> `Grid`, `at`."""
    if text.isidentifier():
        return [text[:NAME_LENGTH]]
    text = _REFERENCE.sub("", " ".join(text[: 4 * NAME_LENGTH].split()).strip("$:'\"`"))
    head, operator, tail = text.partition("operator")
    tail = (_OPERATOR.match(tail) or [""])[0]
    for _ in range(NAME_LENGTH):
        head, changes = _BRACKETS.subn("", head)
        if not changes:
            break
    *owners, last = head.split(separator)
    return [part.strip()[:NAME_LENGTH] for part in (*owners, last + operator + tail) if part.strip()]


def _leading(file: File, start: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Find the comments and decorators right before a definition.

    Returns:
        where they begin, where the definition begins with its decorators, the comments before that.
    """
    outer = start
    comments: list[tuple[int, int]] = []
    index = bisect_left(file.lead_starts, start) - 1
    while index >= 0:
        lead = file.syntax.leads[index]
        if not _is_blank(file, lead.end, outer) or not _adjoins(file, lead, outer):
            break
        outer = lead.start
        if lead.decorator:
            start, comments = outer, []
        else:
            comments.append((lead.start, lead.end))
        index -= 1
    return outer, start, comments[::-1]


def _is_blank(file: File, start: int, end: int) -> bool:
    """Tell whether nothing but blanks stands between two bytes, whichever comes first."""
    start, end = sorted((start, end))
    return file.last(end, b" \t\n\r\v\f") <= start


def _adjoins(file: File, lead: Lead, start: int) -> bool:
    """Tell whether no blank line stands between a lead and `start`, and a comment starts its line."""
    newlines = file.source.count(b"\n", lead.end, start) + (file.source[lead.end - 1] == 10)
    return newlines <= 1 and (lead.decorator or file.begins_line(lead.start))
