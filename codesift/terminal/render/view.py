"""The view: how an answer is shown, decided once from the flags and the terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Literal, TextIO

from codesift.config import Settings

Mode = Literal["human", "plain", "json", "vimgrep", "files"]


@dataclass(frozen=True)
class View:
    """The choices that determine how an answer is shown."""

    mode: Mode = "plain"
    context: int | None = None
    """Lines shown on each side of the focus line; None lets the length of the unit decide."""
    full: bool = False
    """Show whole units."""
    explain: bool = False
    """Show the contribution of each signal to the value that a hit was ranked by."""
    color: bool = True
    """False removes colors in `human`; bold, dim and links stay, as NO_COLOR specifies."""
    relative_to: str = ""
    """Absolute folder that printed paths are relative to, so that they can be opened; empty for the root.
    Paths in JSON are always relative to the root."""


def view_of_table(settings: Settings, json: bool) -> View:
    """Return the view for a table on stdout."""
    chosen: Mode | None = "json" if json else "human" if settings.color == "always" else None
    return View(choose_mode(chosen, sys.stdout))


def choose_mode(requested: Mode | None, out: TextIO) -> Mode:
    """Return the requested mode, else `human` on a terminal that can draw, else `plain`."""
    if requested is not None:
        return requested
    return "human" if out.isatty() and os.environ.get("TERM") != "dumb" else "plain"


def shown_path(path: str, root: str, view: View) -> str:
    """Convert a path from `root` to one relative to `view.relative_to`, or to an absolute one if that is
    shorter."""
    if not view.relative_to or not root:
        return path
    absolute = os.path.join(root, path)  # noqa: PTH118 - pathlib has no relative path upwards on 3.10
    try:
        relative = os.path.relpath(absolute, view.relative_to)
    except ValueError:  # It is on another drive.
        return absolute
    return min(relative, absolute, key=len)
