"""The modes for pipes, editors and files: plain, vimgrep, files. Nothing here imports rich."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TextIO

from codesift.render.excerpt import Line, anchor_number, code_lines, excerpt, focus_number, with_gaps
from codesift.render.text import (
    cut,
    cut_mark,
    gap_mark,
    score_text,
    shares_text,
    visible,
    visible_code,
    write,
)
from codesift.render.view import View, shown_path
from codesift.types import Answer, Hit

LONGEST_LINE = 300
UNREADABLE = "(the file could not be read again)"


def show_plain(answer: Answer, view: View, out: TextIO) -> None:
    """`path:line: name  (kind, score)`, then numbered code; a blank line between hits."""
    for rank, hit in enumerate(answer.hits):
        block = "\n".join(_plain_hit(hit, answer.root, view, out))
        write(out, ("\n" if rank else "") + block + "\n")


def _plain_hit(hit: Hit, root: str, view: View, out: TextIO) -> Iterator[str]:
    lines = code_lines(hit)
    place = f"{visible(shown_path(hit.path, root, view))}:{anchor_number(hit, lines)}"
    yield f"{place}: {visible(hit.qualified_name)}  ({visible(hit.kind)}, score {score_text(hit.score)})"
    if view.explain:
        yield f"  = {shares_text(hit.signals)}"
    if not lines:
        yield f"  {UNREADABLE}"
    yield from _numbered(excerpt(hit, lines, view), view, out)


def _numbered(lines: list[Line], view: View, out: TextIO) -> Iterator[str]:
    width = len(str(lines[-1].number)) if lines else 0
    gap, mark = gap_mark(out), cut_mark(out)
    for line in with_gaps(lines):
        if line is None:
            yield f"  {gap:>{width}}"
            continue
        text = visible_code(line.text).rstrip()
        yield f"  {line.number:>{width}}| {text if view.full else cut(text, LONGEST_LINE, mark)}".rstrip()


def show_vimgrep(answer: Answer, view: View, out: TextIO) -> None:
    """`path:line:column:text`, one line a hit; columns are bytes counted from 1, as vim counts them."""
    mark = cut_mark(out)
    shown_places = set()
    for hit in answer.hits:
        lines = code_lines(hit)
        number = focus_number(hit, lines)
        # A function and one inside it may have the same best line.
        if (hit.path, number) in shown_places:
            continue
        shown_places.add((hit.path, number))
        text = next((line.text for line in lines if line.number == number), "")
        column = len(text) - len(text.lstrip()) + 1
        path = visible(shown_path(hit.path, answer.root, view))
        shown = cut(visible_code(text), LONGEST_LINE, mark) or visible(hit.qualified_name)
        write(out, f"{path}:{number}:{column}:{shown}\n")


def show_files(answer: Answer, view: View, out: TextIO) -> None:
    """Each path once, best first.

    On a terminal names are escaped. In a pipe they are the file's own bytes, as xargs needs them; only a
    name with a line break is escaped, so that a line is always one path.
    """
    for path in dict.fromkeys(shown_path(hit.path, answer.root, view) for hit in answer.hits):
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
