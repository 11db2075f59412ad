"""Flags, checked and turned into what the library takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.terminal import render
from codesift.types import KINDS

if TYPE_CHECKING:
    from codesift.search.filters import Filter


def view_of(context: int | None, full: bool, explain: bool, settings: Settings, **modes: bool) -> render.View:
    """How to show what was found.

    Args:
        modes: the flags of modes, of which one at most may be given.
    """
    asked = [name for name, on in modes.items() if on]
    if len(asked) > 1:
        raise UsageError("only one of " + ", ".join(f"--{name}" for name in asked) + " can be given")
    chosen = asked[0] if asked else "human" if settings.color == "always" else None
    mode = render.choose_mode(chosen, sys.stdout)  # type: ignore[arg-type]
    color = settings.color != "never" and not (settings.color == "auto" and os.environ.get("NO_COLOR"))
    lines = context if context is not None else settings.context or None
    return render.View(mode, lines, full, explain, color, relative_to=str(Path.cwd()))


def filter_of(
    languages: list[str] | None, kinds: list[str] | None, paths: list[str] | None, tests: bool, root: Path
) -> Filter:
    """Which units may be returned.

    Args:
        languages: names or aliases; None means all.
        kinds: kinds of units; None means all.
        paths: patterns, or absolute paths below the root; None means all.
        tests: whether tests may be returned.
        root: the repository.
    """
    from codesift.parsing.languages import resolve_language
    from codesift.patterns.gitignore import check_patterns
    from codesift.search.filters import MOST_PATHS, Filter, from_root

    paths = [_pattern(path, root) for path in paths or ()]
    for kind in kinds or ():
        if kind not in KINDS:
            raise UsageError(f"unknown kind {kind!r}", f"one of {', '.join(KINDS)}")
    check_patterns([from_root(pattern) for pattern in paths], "--path", MOST_PATHS)
    names = tuple(resolve_language(name) for name in languages or ())
    return Filter(names, tuple(kinds or ()), tuple(paths), tests)


def _pattern(written: str, root: Path) -> str:
    """A pattern from the root: an absolute path below the root is one without the root."""
    path = Path(written)
    if path.is_absolute() and path.is_relative_to(root) and path != root:
        return f"/{path.relative_to(root).as_posix()}"
    return written


def targeted_files(target: str | None) -> list[str]:
    """What may be the file in `FILE:NAME`; C++ names have colons of their own."""
    parts = (target or "").split(":")
    return [":".join(parts[:end]) for end in range(1, len(parts))]


def check_similar(
    target: str | None, all_units: bool, least: float | None, others: Mapping[str, object]
) -> None:
    """That the flags of `similar` fit together.

    Args:
        target: what to start from.
        all_units: `--all`.
        least: `--min`.
        others: flag -> its value, of those that mean nothing with `--all`.
    """
    if least is not None and not 0 < least <= 1:
        raise UsageError(f"--min must be above 0 and at most 1, found {least:g}", "codesift similar --help")
    if not all_units and target is None:
        raise UsageError("Missing argument TARGET", "codesift similar FILE:NAME, or codesift similar --all")
    given = ["a target"] * (target is not None)
    given += [f"--{name}" for name, value in others.items() if value is not None and value is not False]
    if all_units and given:
        raise UsageError(f"--all cannot be given together with {', '.join(given)}", "codesift similar --help")
