"""How an answer is to be shown: decided once, from the flags and the terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal, TextIO

from codesift.config import Settings

Mode = Literal["human", "plain", "json", "vimgrep", "files"]


@dataclass(frozen=True)
class View:
    """What the user asked to see."""

    mode: Mode = "plain"
    context: int | None = None
    """Lines shown on each side of the focus line; None lets the length of the unit decide."""
    full: bool = False
    """Show whole units."""
    explain: bool = False
    """Show what each signal adds to the value a hit was ranked by."""
    color: bool = True
    """False removes colours in `human`; bold, dim and links stay, as NO_COLOR means it."""
    relative_to: str = ""
    """Absolute folder that printed paths start from, so that they open; empty: the index's root.
    JSON always counts from the root."""


def view_of_table(settings: Settings, json: bool) -> View:
    """How to show a table on stdout."""
    chosen: Mode | None = "json" if json else "human" if settings.color == "always" else None
    return View(choose_mode(chosen, sys.stdout))


def choose_mode(requested: Mode | None, out: TextIO) -> Mode:
    """Return the requested mode, else `human` on a terminal that can draw, else `plain`."""
    if requested is not None:
        return requested
    return "human" if out.isatty() and os.environ.get("TERM") != "dumb" else "plain"


def shown_path(path: str, root: str, view: View) -> str:
    """`path` (from `root`) as seen from `view.relative_to`; absolute where that is shorter."""
    if not view.relative_to or not root:
        return path
    absolute = os.path.join(root, path)  # noqa: PTH118 - pathlib has no relative path upwards on 3.10
    try:
        relative = os.path.relpath(absolute, view.relative_to)
    except ValueError:  # another drive
        return absolute
    return min(relative, absolute, key=len)
