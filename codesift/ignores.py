"""Patterns as in .gitignore: which of several ignore files decides about a path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

RESTORED = ""
"""What `verdict` says where the last pattern that matches begins with `!`."""


class Patterns(NamedTuple):
    """One ignore file."""

    start: int
    """Its patterns are about what follows the first `start` characters of a path."""
    spec: GitIgnoreSpec
    reason: str


def to_spec(lines: Sequence[str]) -> GitIgnoreSpec:
    """Compile patterns as in .gitignore; like git, pass over a line that is not one."""
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        half = len(lines) // 2
        if not half:
            return GitIgnoreSpec.from_lines(())
        return GitIgnoreSpec([*to_spec(lines[:half]).patterns, *to_spec(lines[half:]).patterns])


def verdict(chain: tuple[Patterns, ...], path: str) -> str | None:
    """The reason to leave a path out, `RESTORED`, or None if no pattern matches; the deepest file wins."""
    for patterns in reversed(chain):
        include = patterns.spec.check_file(path[patterns.start :]).include
        if include is not None:
            return patterns.reason if include else RESTORED
    return None
