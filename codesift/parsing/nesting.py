"""Nesting: decides which definitions become units, how they nest, and their qualified names."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field

from codesift.parsing.grammar import Definition, Lead, Syntax

NESTED_LINES = 5
"""Minimum number of lines of a definition inside a function that becomes a unit of its own."""
MAX_DEPTH = 8
"""Maximum depth of a unit. Deeper definitions stay part of the unit around them; without a limit, text would
be repeated in every unit that contains it."""
MAX_NAME_LENGTH = 200

_BRACKETS = re.compile(r"(?<=\w)\s*<[^<>]*>|(?<=\w)\[[^\[\]]*\]")
_OPERATOR = re.compile(r"\(\)|[^(]*")
"""Matches what follows the word `operator` in a name, without the parameters."""
_REFERENCE = re.compile(r"^(?:[&*]\s*|'\w+\s+|(?:mut|dyn|const)\s+)+")


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A parsed file, with tables for lookups by byte."""

    source: bytes
    breaks: list[int]
    """Position of every line feed."""
    stem: str
    """File name without its suffix: the name of units that have no other."""
    separator: str
    syntax: Syntax
    lead_starts: list[int]
    filler_starts: list[int]

    def line(self, byte: int) -> int:
        """Return the line of a byte, counted from 1."""
        return bisect_left(self.breaks, byte) + 1

    def text(self, start: int, end: int) -> str:
        """Return the text between two bytes."""
        return self.source[start:end].decode("utf-8", "replace")

    def trimmed(self, end: int) -> int:
        """Return the byte after the last character before `end` that is not blank."""
        return self.last(end, b" \t\r\n\f")

    def begins_line(self, start: int) -> bool:
        """Return whether only blanks precede `start` on its line."""
        start = self.last(start, b" \t")
        return start == 0 or self.source[start - 1] == 10

    def last(self, end: int, blanks: bytes) -> int:
        """Return the byte after the last character before `end` that is not among `blanks`."""
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
class NestedDefinition:
    """A definition that becomes a unit, or a scope outside all units, with what is nested in it."""

    definition: Definition
    kind: str
    name: str
    qualified: str
    outer: int
    """Start of its leading comments."""
    start: int
    """Start of the definition with its decorators."""
    end: int
    comments: list[tuple[int, int]]
    """Ranges of the leading comments before `start`."""
    children: list[NestedDefinition] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Frame:
    """A definition that is open at one point of the sweep over a file."""

    end: int
    kind: str
    """Kind of the enclosing definition: `function`, `class`, `dropped`, or empty."""
    member: bool
    """Whether functions directly inside it are methods."""
    qualified: str
    depth: int
    nearest: NestedDefinition | None
    """Nearest enclosing unit or scope."""
    is_new: bool
    """Whether `nearest` was opened with this frame."""


_OUTSIDE = _Frame(0, "", False, "", 0, None, False)


def nest(file: ParsedFile) -> tuple[list[NestedDefinition], list[NestedDefinition]]:
    """Nest the definitions of a file.

    Returns:
        All nested definitions, and those inside no other one, both in source order.
    """
    all_nested: list[NestedDefinition] = []
    top: list[NestedDefinition] = []
    stack: list[_Frame] = []
    for definition in file.syntax.definitions:
        nested = _nested(file, definition)
        _close(file, stack, nested)
        frame = stack[-1] if stack else _OUTSIDE
        if stack and definition.end > frame.end:
            continue
        opened = _open(file, nested, frame)
        stack.append(opened)
        if opened.is_new:
            all_nested.append(nested)
            (frame.nearest.children if frame.nearest else top).append(nested)
    return all_nested, top


def _nested(file: ParsedFile, definition: Definition) -> NestedDefinition:
    outer, start, comments = _leading(file, definition.start)
    return NestedDefinition(
        definition, definition.kind, "", "", outer, start, file.trimmed(definition.end), comments
    )


def _close(file: ParsedFile, stack: list[_Frame], nested: NestedDefinition) -> None:
    """Close the frames that end before a definition.

    Some grammars include the comments of a definition in the definition before it: they are taken back.
    """
    while stack and stack[-1].end <= nested.definition.start:
        frame = stack.pop()
        if frame.is_new and frame.nearest and frame.nearest.end > nested.outer:
            frame.nearest.end = file.trimmed(nested.outer)


def _open(file: ParsedFile, nested: NestedDefinition, frame: _Frame) -> _Frame:
    """Decide whether a definition becomes a unit, name it, and return the frame for definitions inside it."""
    definition = nested.definition
    if _dropped(file, nested, frame):
        return _Frame(definition.end, "dropped", False, "", frame.depth, frame.nearest, False)
    _name(file, nested, frame)
    if definition.kind == "scope":
        is_new = frame.nearest is None
        nearest = nested if is_new else frame.nearest
        return _Frame(definition.end, frame.kind, True, nested.qualified, frame.depth, nearest, is_new)
    is_class = definition.kind == "class"
    kind = "class" if is_class else "function"
    return _Frame(definition.end, kind, is_class, nested.qualified, frame.depth + 1, nested, True)


def _dropped(file: ParsedFile, nested: NestedDefinition, frame: _Frame) -> bool:
    if frame.kind == "dropped" or frame.depth >= MAX_DEPTH:
        return True
    lines = file.line(nested.end - 1) - file.line(nested.start) + 1
    return frame.kind == "function" and nested.kind != "scope" and lines < NESTED_LINES


def _name(file: ParsedFile, nested: NestedDefinition, frame: _Frame) -> None:
    parts = _parts(nested.definition.name, file.separator) or [file.stem]
    if nested.kind == "scope":
        parts = parts[-1:]
    owner = _parts(nested.definition.owner, file.separator)
    nested.name = parts[-1]
    if nested.kind == "function" and (owner or frame.member or len(parts) > 1):
        nested.kind = "method"
    nested.qualified = file.separator.join([part for part in (frame.qualified, *owner, *parts) if part])


def _parts(text: str, separator: str) -> list[str]:
    """`Grid<T>::at` -> `Grid`, `at`."""
    if text.isidentifier():
        return [text[:MAX_NAME_LENGTH]]
    text = _REFERENCE.sub("", " ".join(text[: 4 * MAX_NAME_LENGTH].split()).strip("$:'\"`"))
    head, operator, tail = text.partition("operator")
    tail = (_OPERATOR.match(tail) or [""])[0]
    for _ in range(MAX_NAME_LENGTH):
        head, changes = _BRACKETS.subn("", head)
        if not changes:
            break
    *owners, last = head.split(separator)
    return [part.strip()[:MAX_NAME_LENGTH] for part in (*owners, last + operator + tail) if part.strip()]


def _leading(file: ParsedFile, start: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Find the comments and decorators right before a definition.

    Returns:
        The start of the first of them, the start of the definition with its decorators, and the comments
        before that.
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


def _is_blank(file: ParsedFile, start: int, end: int) -> bool:
    """Return whether there are only blanks between two bytes, in either order."""
    start, end = sorted((start, end))
    return file.last(end, b" \t\n\r\v\f") <= start


def _adjoins(file: ParsedFile, lead: Lead, start: int) -> bool:
    """Return whether no blank line separates a lead from `start`, and a comment begins its line."""
    newlines = file.source.count(b"\n", lead.end, start) + (file.source[lead.end - 1] == 10)
    return newlines <= 1 and (lead.decorator or file.begins_line(lead.start))
