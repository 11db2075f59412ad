"""Filters: the units that a search may return, by language, kind and path."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codesift.errors import UsageError
from codesift.index.opening import Index
from codesift.index.selection import EVERYTHING, Selection
from codesift.parsing.languages import resolve_language
from codesift.patterns.gitignore import RuleSet, check_patterns, to_rules
from codesift.repository.path_roles import is_test
from codesift.types import KINDS

MAX_PATH_PATTERNS = 100
"""Maximum number of `--path` patterns."""


@dataclass(frozen=True)
class Filter:
    """The units that a search may return; all by default."""

    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Patterns as in .gitignore, where a leading `!` excludes paths. If there are positive patterns, a path
    must match one of them."""
    tests: bool = True
    """Whether tests may be returned."""
    other_than: str = ""
    """A language to exclude; empty for none."""

    def is_open(self) -> bool:
        """Tell whether the filter excludes nothing."""
        return self == Filter()


def select(index: Index, only: Filter) -> Selection:
    """Select the units that pass a filter.

    Raises:
        UsageError: a pattern is malformed, there are too many, or a kind or a language is unknown.
    """
    if only.is_open():
        return EVERYTHING
    only = checked(only, index.root)
    by_file = only.languages or only.paths or only.other_than or not only.tests
    return index.catalog.select(list(_passing_files(index, only)) if by_file else None, only.kinds)


def checked(only: Filter, root: Path) -> Filter:
    """Check a filter; return it with the names of languages for their aliases, and all paths from the root.

    Raises:
        UsageError: a pattern is malformed, there are too many, or a kind or a language is unknown.
    """
    for kind in only.kinds:
        if kind not in KINDS:
            raise UsageError(f"unknown kind {kind!r}", f"one of {', '.join(KINDS)}")
    languages = tuple(resolve_language(name) for name in only.languages)
    paths = tuple(below_root(from_root(pattern), root) for pattern in only.paths)
    check_patterns(paths, "--path", MAX_PATH_PATTERNS)
    return replace(only, languages=languages, paths=paths)


def below_root(pattern: str, root: Path) -> str:
    """Turn a pattern that begins with an absolute path below the root into one from the root."""
    negation = "!" if pattern.startswith("!") else ""
    folder, rest = existing_part(pattern[len(negation) :])
    if folder is None or not folder.is_relative_to(root):
        return pattern
    literal = re.sub(r"([\\*?\[])", r"\\\1", folder.relative_to(root).as_posix())
    parts = [part for part in (literal, rest) if part not in ("", ".")]
    return negation + ("/" + "/".join(parts) if parts else "*")


def existing_part(path: str) -> tuple[Path | None, str]:
    """Split an absolute path, or a pattern that begins with one.

    Returns:
        the longest part of it that exists, resolved, and what follows; None if only the file system's root
        exists, or the path is not absolute.
    """
    if not Path(path).is_absolute() or "\0" in path:
        return None, path
    folder, rest = Path(path), ""
    while not os.path.lexists(folder):
        folder, rest = folder.parent, f"{folder.name}/{rest}" if rest else folder.name
    return (None, path) if folder == folder.parent else (Path(os.path.realpath(folder)), rest)


def _passing_files(index: Index, only: Filter) -> Iterator[int]:
    """Yield the ids of the files that pass a filter."""
    passes_path = _path_filter(only.paths)
    for row in index.catalog.files():
        if (
            (not only.languages or row.language in only.languages)
            and row.language != only.other_than
            and (only.tests or not is_test(row.path))
            and passes_path(row.path)
        ):
            yield row.id


def _path_filter(patterns: Sequence[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda path: True
    included = RuleSet(to_rules(pattern for pattern in patterns if not pattern.startswith("!")))
    excluded = RuleSet(to_rules(pattern[1:] for pattern in patterns if pattern.startswith("!")))
    only_exclusions = all(pattern.startswith("!") for pattern in patterns)

    def passes(path: str) -> bool:
        octets = path.encode("utf-8", "surrogateescape")
        return (only_exclusions or included.covers(octets) is True) and not excluded.covers(octets)

    return passes


def from_root(pattern: str) -> str:
    """Strip the `./` that shell completion puts before a path from a pattern."""
    negation = "!" if pattern.startswith("!") else ""
    return negation + pattern[len(negation) :].removeprefix("./")
