"""The port every system is asked through, codesift and its peers alike, and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

DEPTH = 100
"""Results of each question that count. semble answers best by file when asked for about this many."""
HIDDEN = ".*"
"""What copies of sources leave out: hidden folders are indexes of one tool, which another must not search."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """One result: lines of a file."""

    path: str
    """From the repository's root, with forward slashes."""
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a system answered to one question."""

    results: tuple[Result, ...]
    """Best first, at most `DEPTH`."""
    confidence: float | None
    """Higher is surer that the first result is right, comparable within one system; None without results."""
    seconds: float
    nothing: bool
    """The system says that nothing matches: it returned nothing, or said so beside what it returned."""
    files: tuple[str, ...] | None = None
    """Files best first where the system ranks them on their own; None: in order of first appearance."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a file."""
        return {
            "results": [[each.path, each.start_line, each.end_line] for each in self.results],
            "confidence": self.confidence,
            "seconds": round(self.seconds, 6),
            "nothing": self.nothing,
            **({} if self.files is None else {"files": self.files}),
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Ranking:
        """From what `to_json` wrote."""
        results = tuple(Result(*each) for each in row["results"])
        files = tuple(row["files"]) if "files" in row else None
        return cls(results, row["confidence"], row["seconds"], row["nothing"], files)


class Searcher(Protocol):
    """A system with the index of one repository at hand."""

    @property
    def index_seconds(self) -> float:
        """What building the index took; 0 where there is none."""

    def ask(self, query: str) -> Ranking:
        """The best places for a question."""

    def alike(self, source: Result) -> Ranking | None:
        """The places most like one; None if the system cannot tell."""

    def cold_seconds(self, query: str) -> float | None:
        """A fresh process from its start to its answer, the index being there; None if not measured."""


class System(Protocol):
    """Something that answers questions about a repository."""

    @property
    def name(self) -> str:
        """What the report calls it."""

    @property
    def version(self) -> str:
        """Changes whenever its answers may; kept answers of another version are not used."""

    @property
    def about(self) -> str:
        """One line for the report: how it is run, and what its times are of."""

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        """Index a folder outside of it and do `work`.

        Raises:
            Unavailable: the system cannot be had here.
        """


def ranking(places: Sequence[Sequence[Any]], scores: Sequence[float], seconds: float) -> Ranking:
    """The ranking of a system whose confidence is the score of its first result.

    Args:
        places: (path, first line, last line), best first.
        scores: of each place.
        seconds: what asking took.
    """
    results = tuple(Result(str(path), int(first), int(last)) for path, first, last in places[:DEPTH])
    return Ranking(results, scores[0] if results else None, seconds, not results)
