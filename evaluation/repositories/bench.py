"""codesift's own rankings of the questions on one repository, taken inside this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift import Filter, Repository
from codesift.encoders import open_encoder
from codesift.search.lookup import Origin
from codesift.search.query import Question, rank
from codesift.search.similar import alike
from codesift.search.sources import Sources
from evaluation.metrics import RelevantRanks
from evaluation.repositories.matching import by_file, by_function, matches
from evaluation.repositories.questions import FILE, FUNCTION, SIMILAR, QuestionRow

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.index.opening import Index
    from codesift.index.update import Stage
    from codesift.types import Encoder, Hit, Progress

SYSTEMS = {"words": (True, False), "vectors": (False, True), "hybrid": (True, True)}
"""Name -> (lexical, semantic)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    part: str
    """`FILE`, `FUNCTION` or `SIMILAR`."""
    system: str
    """A key of `SYSTEMS`; `vectors` where code is looked for by code."""
    repo: str
    language: str
    units: int
    """Units in the repository's index."""
    found: RelevantRanks


class Bench:
    """The indexes of all repositories, and rankings from them.

    Args:
        corpora: the folder of all repositories.
        settings: which model and adapters to search with, among others.
        progress: told of indexing.
        opening: opens the encoder of an index's space; the tool's own if not given.
        until: the stage that an index is brought to before it is searched.
    """

    def __init__(
        self,
        corpora: Path,
        settings: Settings,
        progress: Progress | None = None,
        opening: Callable[[Any], Encoder] = open_encoder,
        until: Stage = "vectors",
    ) -> None:
        self.corpora, self.settings, self._opening = corpora, settings, opening
        self._progress = progress or _no_progress
        self._until = until
        self._encoder: Encoder | None = None

    def encoder(self, space: Any) -> Encoder:
        if self._encoder is None:
            self._encoder = self._opening(space)
        return self._encoder

    def on(self, repo: str, work: Callable[[Index], Any]) -> Any:
        """Call `work` with the index of one repository, built if need be."""
        root = self.corpora / repo
        with Repository(root.resolve(), self.settings, _say, self._progress, self.encoder) as repository:
            if self.settings.refresh:
                repository.refresh(self._until)
            return repository.on_index(work)

    def ask(self, index: Index, text: str, system: str) -> Sequence[Hit]:
        lexical, semantic = SYSTEMS[system]
        question = Question(text, 0, lexical, semantic)
        return rank(question, index, self.settings, lambda: self.encoder(index.primary.space)).hits

    def alike(
        self, index: Index, source: QuestionRow, weights: Mapping[str, float] | None = None
    ) -> Sequence[Hit]:
        units = [u for u in index.catalog.units_of(source["path"]) if matches(u, source)]
        if not units:
            return []
        unit = max(units, key=lambda u: (u.start_line == source["start_line"], u.start_line - u.end_line))
        lines = unit.start_line, unit.end_line
        origin = Origin("", unit.language, index.primary.vectors.of_unit(unit.unit_id), unit.path, lines)
        return alike(origin, index, self.settings, Filter(), Sources(index, self.settings), weights)


def outcomes(
    bench: Bench,
    repo: str,
    rows: Mapping[str, Sequence[QuestionRow]],
    systems: Collection[str] = tuple(SYSTEMS),
) -> list[Outcome]:
    """What becomes of all questions on one repository.

    Args:
        bench: what is searched.
        repo: name of the repository.
        rows: part -> its questions, as from `questions`.
        systems: which of `SYSTEMS` to ask.
    """

    def work(index: Index) -> list[Outcome]:
        _, units = index.catalog.counts()
        return [
            Outcome(part, system, repo, row["language"], units, found)
            for part, system, row, found in _asked(bench, index, rows, systems)
        ]

    found: list[Outcome] = bench.on(repo, work)
    return found


def _asked(
    bench: Bench, index: Index, rows: Mapping[str, Sequence[QuestionRow]], systems: Collection[str]
) -> Iterator[tuple[str, str, QuestionRow, RelevantRanks]]:
    for system in systems:
        for row in rows.get(FILE, ()):
            yield FILE, system, row, by_file(bench.ask(index, row["query"], system), row)
        for row in rows.get(FUNCTION, ()):
            hits = bench.ask(index, row["query"], system)
            yield FUNCTION, system, row, by_function(hits, row["answers"])
    for row in rows.get(SIMILAR, ()) if "vectors" in systems else ():
        yield SIMILAR, "vectors", row, by_function(bench.alike(index, row["source"]), row["answers"])


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _no_progress(stage: str, done: int, total: int) -> None:
    pass
