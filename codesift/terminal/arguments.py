"""Arguments: the values of flags are checked and converted for the library."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.terminal import render

if TYPE_CHECKING:
    from codesift.search.filters import Filter


_MAX_PATH_LENGTH = 4096
"""Maximum number of characters in which a file is looked for."""


def view_of(context: int | None, full: bool, explain: bool, settings: Settings, **modes: bool) -> render.View:
    """Decide how to show results.

    Args:
        modes: the flags that select a mode, of which at most one may be set.
    """
    requested = [name for name, on in modes.items() if on]
    if len(requested) > 1:
        raise UsageError("only one of " + ", ".join(f"--{name}" for name in requested) + " can be given")
    chosen = requested[0] if requested else "human" if settings.color == "always" else None
    mode = render.choose_mode(chosen, sys.stdout)  # type: ignore[arg-type]
    color = settings.color != "never" and not (settings.color == "auto" and os.environ.get("NO_COLOR"))
    lines = context if context is not None else settings.context or None
    return render.View(mode, lines, full, explain, color, relative_to=str(Path.cwd()))


def filter_of(
    languages: list[str] | None, kinds: list[str] | None, paths: list[str] | None, tests: bool, root: Path
) -> Filter:
    """Build the filter for the units that may be returned.

    Args:
        languages: names or aliases; None means all.
        kinds: kinds of units; None means all.
        paths: patterns, or absolute paths below the root; None means all.
        tests: whether tests may be returned.
        root: the repository.
    """
    from codesift.search.filters import Filter, checked

    return checked(Filter(tuple(languages or ()), tuple(kinds or ()), tuple(paths or ()), tests), root)


def targeted_files(target: str | None) -> list[str]:
    """Return the possible values of FILE in `FILE:NAME`, shortest first: C++ names contain colons, too."""
    start = (target or "")[:_MAX_PATH_LENGTH]
    return [start[:at] for at, character in enumerate(start) if character == ":"]


def check_similar(
    target: str | None, all_units: bool, min_cosine: float | None, others: Mapping[str, object]
) -> None:
    """Check that the flags of `similar` are compatible.

    Args:
        target: the argument TARGET; None if it is not set.
        all_units: value of `--all`.
        min_cosine: value of `--min`; None if it is not set.
        others: flag -> value, for the flags that exclude `--all`.
    """
    if min_cosine is not None and not 0 < min_cosine <= 1:
        raise UsageError(
            f"--min must be above 0 and at most 1, found {min_cosine:g}", "codesift similar --help"
        )
    if not all_units and target is None:
        raise UsageError("Missing argument TARGET", "codesift similar FILE:NAME, or codesift similar --all")
    excluded = ["a target"] * (target is not None)
    excluded += [f"--{name}" for name, value in others.items() if value is not None and value is not False]
    if all_units and excluded:
        raise UsageError(
            f"--all cannot be given together with {', '.join(excluded)}", "codesift similar --help"
        )
