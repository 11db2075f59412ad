"""Filters: the units that a search may return, by language, kind and path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codesift.index.opening import Index
from codesift.index.selection import EVERYTHING, Selection
from codesift.patterns.gitignore import RuleSet, check_patterns, to_rules
from codesift.repository.path_roles import is_test

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
        UsageError: a pattern is malformed, or there are too many.
    """
    if only.is_open():
        return EVERYTHING
    by_file = only.languages or only.paths or only.other_than or not only.tests
    return index.catalog.select(list(_passing_files(index, only)) if by_file else None, only.kinds)


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
    patterns = [from_root(pattern) for pattern in patterns]
    check_patterns(patterns, "--path", MAX_PATH_PATTERNS)
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
