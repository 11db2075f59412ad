"""The modes for pipes, editors and scripts: plain, vimgrep, files. This module does not import rich."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TextIO

from codesift.search.overlap import NEAR_DUPLICATE_JACCARD
from codesift.terminal.render.excerpt import Line, anchor_number, code_lines, excerpt, focus_number, with_gaps
from codesift.terminal.render.text import (
    contributions_text,
    cut,
    cut_mark,
    gap_mark,
    same_tokens,
    score_text,
    visible,
    visible_code,
    write,
)
from codesift.terminal.render.view import View, shown_path
from codesift.types import Answer, Hit, UnitLocation

MAX_LINE_LENGTH = 300
UNREADABLE = "(the file could not be read again)"


def show_plain(answer: Answer, view: View, out: TextIO) -> None:
    """Write `path:line: name  (kind, score)`, then numbered code; a blank line between hits."""
    for rank, hit in enumerate(answer.hits):
        block = "\n".join(_plain_hit(hit, answer.root, view, out))
        write(out, ("\n" if rank else "") + block + "\n")


def _plain_hit(hit: Hit, root: str, view: View, out: TextIO) -> Iterator[str]:
    lines = code_lines(hit)
    location = f"{visible(shown_path(hit.path, root, view))}:{anchor_number(hit, lines)}"
    facts = [visible(hit.kind), f"score {score_text(hit.score)}", *nearly_same(hit)]
    yield f"{location}: {visible(hit.qualified_name)}  ({', '.join(facts)})"
    if view.explain:
        yield f"  = {contributions_text(hit.signals)}"
    if not lines:
        yield f"  {UNREADABLE}"
    yield from _numbered(excerpt(hit, lines, view), view, out)
    yield from more_lines(hit, root, view)


def more_lines(hit: Hit, root: str, view: View) -> Iterator[str]:
    """Yield `3 more like this`, then a line for each near-duplicate with its location."""
    if hit.more:
        yield f"  {len(hit.more)} more like this"
    for location in hit.more:
        path = visible(shown_path(location.path, root, view))
        yield f"    {path}:{location.start_line}  {visible(location.qualified_name)}"


def nearly_same(hit: Hit) -> list[str]:
    """Format the overlap of a near-duplicate; nothing for another hit."""
    common = hit.common_tokens or 0.0
    return [same_tokens(common)] if common >= NEAR_DUPLICATE_JACCARD else []


def _numbered(lines: list[Line], view: View, out: TextIO) -> Iterator[str]:
    width = len(str(lines[-1].number)) if lines else 0
    gap, mark = gap_mark(out), cut_mark(out)
    for line in with_gaps(lines):
        if line is None:
            yield f"  {gap:>{width}}"
            continue
        text = visible_code(line.text).rstrip()
        yield f"  {line.number:>{width}}| {text if view.full else cut(text, MAX_LINE_LENGTH, mark)}".rstrip()


def show_vimgrep(answer: Answer, view: View, out: TextIO) -> None:
    """Write `path:line:column:text`, one line for each hit; columns are bytes counted from 1, as in vim."""
    mark = cut_mark(out)
    shown_positions = set()
    for hit in answer.hits:
        lines = code_lines(hit)
        number = focus_number(hit, lines)
        # A function and one inside it may have the same best line.
        if (hit.path, number) in shown_positions:
            continue
        shown_positions.add((hit.path, number))
        text = next((line.text for line in lines if line.number == number), "")
        column = len(text) - len(text.lstrip()) + 1
        path = visible(shown_path(hit.path, answer.root, view))
        shown = cut(visible_code(text), MAX_LINE_LENGTH, mark) or visible(hit.qualified_name)
        write(out, f"{path}:{number}:{column}:{shown}\n")
        for location in hit.more:
            write(out, _vimgrep_location(location, answer.root, view, "like the one above"))


def _vimgrep_location(location: UnitLocation, root: str, view: View, note: str) -> str:
    path = visible(shown_path(location.path, root, view))
    return f"{path}:{location.start_line}:1:{visible(location.qualified_name)}  ({note})\n"


def show_files(answer: Answer, view: View, out: TextIO) -> None:
    """Write each path once, best first.

    On a terminal, names are escaped. In a pipe they are the bytes of the file system, as xargs needs them;
    only a name with a line break is escaped, so that each line is one path.
    """
    locations = (location for hit in answer.hits for location in (hit.location(), *hit.more))
    write_paths((location.path for location in locations), answer.root, view, out)


def write_paths(paths: Iterable[str], root: str, view: View, out: TextIO) -> None:
    """Write each of these paths from the root once, on a line of its own."""
    for path in dict.fromkeys(shown_path(path, root, view) for path in paths):
        if out.isatty() or "\n" in path:
            write(out, visible(path) + "\n")
        else:
            _write_raw(out, path)


def _write_raw(out: TextIO, path: str) -> None:
    buffer = getattr(out, "buffer", None)
    if buffer is None:
        write(out, path + "\n")
        return
    out.flush()
    buffer.write(os.fsencode(path) + b"\n")
