"""The questions with all that the searches know of their candidates: what the weights are fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from codesift.index.opening import Index
from codesift.search.query import Question, candidates
from codesift.search.ranking import DEFINITION
from codesift.search.signals import SIGNALS, Asked, Evidence, measure
from codesift.types import Hit
from evaluation.metrics import RelevantRanks
from evaluation.repositories.bench import SYSTEMS, Bench
from evaluation.repositories.matching import by_file, by_function, matches
from evaluation.repositories.questions import FILE, FUNCTION, NOTHING, SIMILAR, QuestionRow
from training.ranking.linear import CandidateList

WAYS = {"both": "hybrid", "words": "words", "vectors": "vectors"}
"""What is searched, as `ranking.way` calls it -> its name among `SYSTEMS`."""
FITTED = tuple(name for name in SIGNALS if name != "symbol")
"""All signals but the one that is a rule."""
FILE_WEIGHT = 1.5
"""Of a question for a file, against 1 of one for a function. With 2, files gain 0.01 and
functions lose it."""


@dataclass(frozen=True, slots=True)
class Case:
    """One question, one way to search."""

    part: str
    repo: str
    row: QuestionRow
    asked: Asked
    hits: Mapping[int, Hit]
    found: Mapping[int, Evidence]

    def outcome(self, ranked: Sequence[Hit]) -> RelevantRanks:
        """Where the answers came out."""
        if self.part == FILE:
            return by_file(ranked, self.row)
        return by_function(ranked, self.row.get("answers", ()))

    def is_answered_by(self, hit: Hit) -> bool:
        """Whether this result answers the question."""
        return bool(self.outcome([hit]).ranks)

    def candidate_list(self) -> CandidateList:
        """The candidates as the fit takes them."""
        signals = measure(self.asked, self.hits, self.found)
        rows = [signals[unit_id] for unit_id in self.hits]
        matrix = np.array([[row[name] for name in FITTED] for row in rows]).reshape(len(rows), len(FITTED))
        offset = DEFINITION * np.array([row["symbol"] for row in rows])
        if self.part == FUNCTION:
            answers = self.row["answers"]
            relevant = [any(matches(hit, answer) for answer in answers) for hit in self.hits.values()]
            return CandidateList(matrix, offset, np.arange(len(rows)), np.array(relevant))
        paths, items = np.unique([hit.path for hit in self.hits.values()], return_inverse=True)
        wanted = {*self.row["relevant"], *self.row["secondary"]}
        return CandidateList(matrix, offset, items, np.array([path in wanted for path in paths]), FILE_WEIGHT)


def cases(bench: Bench, repo: str, rows: Mapping[str, Sequence[QuestionRow]], way: str) -> list[Case]:
    """All questions on one repository that have an answer there, and those that have none.

    Args:
        bench: what is searched.
        repo: name of the repository.
        rows: part -> its questions.
        way: a key of `WAYS`.
    """
    lexical, semantic = SYSTEMS[WAYS[way]]

    def work(index: Index) -> Iterator[Case]:
        for part in (FILE, FUNCTION, NOTHING):
            for row in rows.get(part, ()):
                question = Question(row["query"], 0, lexical, semantic)
                known = candidates(question, index, bench.settings, lambda: bench.encoder(index.space))
                yield Case(part, repo, row, *known)

    found: list[Case] = bench.on(repo, lambda index: list(work(index)))
    return found


def likenesses(bench: Bench, repo: str, rows: Mapping[str, Sequence[QuestionRow]]) -> list[CandidateList]:
    """What `similar` finds for each function that has counterparts, with its two signals."""

    def work(index: Index) -> Iterator[CandidateList]:
        for row in rows.get(SIMILAR, ()):
            hits = bench.alike(index, row["source"])
            signals = np.array([[hit.signals["meaning"], hit.signals["tokens"]] for hit in hits])
            relevant = [any(matches(hit, answer) for answer in row["answers"]) for hit in hits]
            yield CandidateList(signals, np.zeros(len(hits)), np.arange(len(hits)), np.array(relevant))

    found: list[CandidateList] = bench.on(repo, lambda index: list(work(index)))
    return found
