"""Which units a search may return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codesift.index.opening import Index
from codesift.index.selection import EVERYTHING, Selection
from codesift.patterns.gitignore import RuleSet, check_patterns, to_rules
from codesift.repository.path_roles import is_test

MOST_PATHS = 100
"""Maximum number of patterns of `--path`."""


@dataclass(frozen=True)
class Filter:
    """Which units a search may return; the default is all."""

    languages: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Patterns as in .gitignore, `!` in front negates; a path must match a positive one, if there are any."""
    tests: bool = True
    """Whether tests may be returned."""
    other_than: str = ""
    """A language to leave out."""

    def is_open(self) -> bool:
        """Whether everything passes."""
        return self == Filter()


def select(index: Index, wanted: Filter) -> Selection:
    """The units that a filter lets through.

    Raises:
        UsageError: a pattern is wrong, or there are too many.
    """
    if wanted.is_open():
        return EVERYTHING
    by_file = wanted.languages or wanted.paths or wanted.other_than or not wanted.tests
    return index.catalog.select(list(_passing_files(index, wanted)) if by_file else None, wanted.kinds)


def _passing_files(index: Index, wanted: Filter) -> Iterator[int]:
    passes_path = _path_filter(wanted.paths)
    for row in index.catalog.files():
        if (
            (not wanted.languages or row.language in wanted.languages)
            and row.language != wanted.other_than
            and (wanted.tests or not is_test(row.path))
            and passes_path(row.path)
        ):
            yield row.id


def _path_filter(patterns: Sequence[str]) -> Callable[[str], bool]:
    if not patterns:
        return lambda path: True
    patterns = [from_root(pattern) for pattern in patterns]
    check_patterns(patterns, "--path", MOST_PATHS)
    wanted = RuleSet(to_rules(pattern for pattern in patterns if not pattern.startswith("!")))
    unwanted = RuleSet(to_rules(pattern[1:] for pattern in patterns if pattern.startswith("!")))
    every = all(pattern.startswith("!") for pattern in patterns)

    def passes(path: str) -> bool:
        octets = path.encode("utf-8", "surrogateescape")
        return (every or wanted.covers(octets) is True) and not unwanted.covers(octets)

    return passes


def from_root(pattern: str) -> str:
    """A pattern without the `./` that a shell's completion puts before a path."""
    negation = "!" if pattern.startswith("!") else ""
    return negation + pattern[len(negation) :].removeprefix("./")
