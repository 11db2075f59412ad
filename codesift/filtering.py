"""Which units a search may return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from codesift.roles import is_test
from codesift.store import Index


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


def choose(index: Index, wanted: Filter) -> float:
    """Pick the units a filter lets through for the searches that follow; returns their share of all."""
    if wanted.is_open():
        return 1.0
    by_file = wanted.languages or wanted.paths or wanted.other_than or not wanted.tests
    chosen = index.catalog.choose(list(_passing_files(index, wanted)) if by_file else None, wanted.kinds)
    _, units = index.catalog.counts()
    # Never 1: the searches look at what was picked only if some units are left out.
    return min(chosen / max(units, 1), 0.999)


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
    from pathspec import GitIgnoreSpec

    wanted = GitIgnoreSpec.from_lines(p.removeprefix("./") for p in patterns if not p.startswith("!"))
    unwanted = GitIgnoreSpec.from_lines(p[1:].removeprefix("./") for p in patterns if p.startswith("!"))
    return lambda path: (not len(wanted) or wanted.match_file(path)) and not unwanted.match_file(path)
