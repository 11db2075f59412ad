"""The one sink for output. Importing it costs no rich; only `human` mode and a visible bar load that.

What belongs here writes records of `types` on a stream in one mode (`view.Mode`), with control characters of
names and code made visible. It searches nothing, and reads no file of a repository.
"""

from __future__ import annotations

import sys
from typing import TextIO

from codesift.terminal.render import clusters
from codesift.terminal.render.clusters import show_extent
from codesift.terminal.render.machine import answer_json, write_json
from codesift.terminal.render.plain import show_files, show_plain, show_vimgrep
from codesift.terminal.render.progress import progress
from codesift.terminal.render.tables import (
    show_indexes,
    show_models,
    show_note,
    show_report,
    show_settings,
    show_status,
    size,
)
from codesift.terminal.render.text import cut, cut_mark, visible, write
from codesift.terminal.render.view import Mode, View, choose_mode, view_of_table
from codesift.types import Answer, Duplicates

__all__ = [
    "Mode",
    "View",
    "answer_json",
    "choose_mode",
    "progress",
    "show_answer",
    "show_coverage",
    "show_duplicates",
    "show_extent",
    "show_indexes",
    "show_models",
    "show_note",
    "show_report",
    "show_settings",
    "show_status",
    "size",
    "view_of_table",
    "write",
]


def show_answer(
    answer: Answer, view: View, out: TextIO, root_for_links: str = "", err: TextIO | None = None
) -> None:
    """Write an answer to `out` in the mode of `view`; if it is empty, a line on `err` (stderr) says so.

    Args:
        root_for_links: root of the paths in hyperlinks; empty for the root of the answer.

    Raises:
        BrokenPipeError: the reader of `out` has closed it.
    """
    if view.mode == "json":
        write_json(answer_json(answer, view.full), out)
        return
    if not answer.hits:
        _tell(f"nothing found for {_quoted_query(answer, err)}", view, err)
        return
    if not answer.matches:
        _tell(f"nothing matches {_quoted_query(answer, err)} well; these are the closest", view, err)
    if view.mode == "human":
        from codesift.terminal.render.human import show_human

        show_human(answer, view, out, root_for_links or answer.root)
    else:
        {"plain": show_plain, "vimgrep": show_vimgrep, "files": show_files}[view.mode](answer, view, out)


def show_duplicates(duplicates: Duplicates, view: View, out: TextIO, err: TextIO | None = None) -> None:
    """Write clusters of near-duplicates to `out`; if there are none, a line on `err` (stderr) says so."""
    clusters.show_duplicates(duplicates, view, out, err or sys.stderr)


def show_coverage(answer: Answer, err: TextIO) -> None:
    """Write one line to `err` while vectors are missing, so that a partial answer is not taken for a full
    one."""
    if answer.vectors_ready < answer.units:
        ready = f"{answer.vectors_ready:,} of {answer.units:,} units"
        how = "approximate ones" if answer.has_drafts else "none"
        show_note(f"{ready} have full vectors, the others {how}; `codesift index` computes the rest", err)


def _quoted_query(answer: Answer, err: TextIO | None) -> str:
    return visible(cut(" ".join(answer.query.split()), 60, cut_mark(err or sys.stderr)))


def _tell(line: str, view: View, err: TextIO | None) -> None:
    # In the mode vimgrep, an editor parses stderr as results.
    if view.mode in ("human", "plain"):
        write(err or sys.stderr, line + "\n")
