"""What a task is made of: queries, the corpus each is ranked against, and what answers it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.metrics import RelevantRanks

TEXT = "text"
"""Language of a question: what the text adapter encodes."""


class Missing(CodesiftError):
    """The data of a task is not there: it is skipped."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One text that is encoded."""

    head: str
    """Stands at the beginning of each window, see `codesift.models.template`."""
    body: str
    language: str
    """Whose adapter encodes it; `TEXT` for a question."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Queries that are ranked against one corpus, all of it."""

    queries: tuple[Snippet, ...]
    corpus: tuple[Snippet, ...]
    relevant: tuple[tuple[int, ...], ...]
    """For each query the rows of the corpus that answer it."""
    left_out: tuple[tuple[int, ...], ...] = ()
    """For each query the rows that are not ranked; empty if that is none for any."""

    def snippets(self) -> Iterator[Snippet]:
        """All that has to be encoded."""
        yield from self.queries
        yield from self.corpus


@dataclass(frozen=True, slots=True)
class Group:
    """A row of a table: the mean over the queries of its pools."""

    name: str
    pools: tuple[Pool, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """Groups measured under one heading."""

    name: str
    about: str
    """One line: what is asked, of what."""
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class GroupRanks:
    """What all systems found for one group."""

    corpus: int
    """Entries, all pools together."""
    pools: int
    found: Mapping[str, Sequence[RelevantRanks]]
    """System -> one for each query, in the same order for all systems."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What all systems found in one task."""

    name: str
    about: str
    groups: Mapping[str, GroupRanks]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be measured, and where its data lies."""

    work: Path
    data: Path | None = None
    """Folder of the evaluation data."""
    languages: tuple[str, ...] = ()
    """Only these; empty is all."""
    partition: str = "test"
    seed: int = 0
    packages: int = 0
    """At most this many packages a language; 0 is all."""
    repos: tuple[str, ...] = ()
    """Only these repositories; empty is all."""
    csn: Path | None = None
    xlcost: Path | None = None

    def wants(self, language: str) -> bool:
        """Whether a language is to be measured."""
        return not self.languages or language in self.languages

    def file(self, *parts: str) -> Path:
        """A file of the evaluation data.

        Raises:
            Missing: it is not there.
        """
        if self.data is None:
            raise Missing("no evaluation data", "give --eval FOLDER or set CODESIFT_EVAL")
        path = self.data.joinpath(*parts)
        if not path.exists():
            raise Missing(f"{path} is not there")
        return path


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Around what takes rows of a file apart: one that lacks what is expected is named.

    Raises:
        CodesiftError: in place of what goes wrong with such a row.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise CodesiftError(f"{path} does not hold the rows it should: {error!r}") from error


def say(line: str) -> None:
    """One line for the user beside the results."""
    sys.stderr.write(line + "\n")
