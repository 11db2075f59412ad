"""Ranking cases: questions with the evidence for their candidates, on which the weights are fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from codesift.config import Settings
from codesift.index.neighbors import StoredNeighbors
from codesift.index.opening import Index
from codesift.index.vectors import Vectors
from codesift.search.nearest import compared
from codesift.search.network import CONTEXT, context
from codesift.search.query import Question, candidates
from codesift.search.ranking import DEFINITION_WEIGHT, fuse
from codesift.search.signals import SIGNALS, Evidence, QueryTerms, measure
from codesift.types import Hit
from evaluation.metrics import RelevantRanks
from evaluation.repositories.bench import SYSTEMS, Bench
from evaluation.repositories.matching import by_file, by_function, matches
from evaluation.repositories.questions import FILE, FUNCTION, NOTHING, SIMILAR, QuestionRow
from training.ranking.linear import CandidateList

SEARCH_MODES = {
    "both": "hybrid",
    "some": "hybrid",
    "drafts": "hybrid",
    "words": "words",
    "vectors": "vectors",
}
"""Search mode, as from `ranking.search_mode` -> its name among `SYSTEMS`."""
WITHOUT_VECTORS = ("some", "drafts")
"""Modes in which units are found without vectors."""
FIRST = 16
"""Units that get vectors in the mode `some`: what a budget of one or two seconds allows."""
FITTED_SIGNALS = tuple(name for name in SIGNALS if name != "symbol")
"""All signals but `symbol`, whose weight is a rule."""
FILE_WEIGHT = 1.5
"""Weight of a question for a file, relative to a question for a function. With 2, files gain 0.01 and
functions lose it."""


@dataclass(frozen=True, slots=True)
class RankingCase:
    """One question in one search mode."""

    part: str
    repo: str
    row: QuestionRow
    query: QueryTerms
    hits: Mapping[int, Hit]
    evidence: Mapping[int, Evidence]

    def outcome(self, ranked: Sequence[Hit]) -> RelevantRanks:
        """Return the ranks of the answers."""
        if self.part == FILE:
            return by_file(ranked, self.row)
        return by_function(ranked, self.row.get("answers", ()))

    def is_answered_by(self, hit: Hit) -> bool:
        """Whether this result answers the question."""
        return bool(self.outcome([hit]).ranks)

    def candidate_list(self) -> CandidateList:
        """Return the candidates in the form that the fit takes."""
        signals = measure(self.query, self.hits, self.evidence)
        rows = [signals[unit_id] for unit_id in self.hits]
        matrix = np.array([[row[name] for name in FITTED_SIGNALS] for row in rows]).reshape(
            len(rows), len(FITTED_SIGNALS)
        )
        about = context(self.query, [self.evidence[unit_id] for unit_id in self.hits])
        known = np.array([about[name] for name in CONTEXT])
        offset = DEFINITION_WEIGHT * np.array([row["symbol"] for row in rows])
        if self.part == FUNCTION:
            answers = self.row["answers"]
            relevant = [any(matches(hit, answer) for answer in answers) for hit in self.hits.values()]
            items = np.arange(len(rows))
            return CandidateList(matrix, offset, items, np.array(relevant), context=known)
        paths, items = np.unique([hit.path for hit in self.hits.values()], return_inverse=True)
        wanted = {*self.row["relevant"], *self.row["secondary"]}
        relevant = [path in wanted for path in paths]
        return CandidateList(matrix, offset, items, np.array(relevant), FILE_WEIGHT, known)


def cases(bench: Bench, repo: str, rows: Mapping[str, Sequence[QuestionRow]], mode: str) -> list[RankingCase]:
    """Return all questions on one repository, those with an answer there and those without.

    Args:
        bench: the indexes to search.
        repo: name of the repository.
        rows: part -> its questions.
        mode: a key of `SEARCH_MODES`.
    """
    lexical, semantic = SYSTEMS[SEARCH_MODES[mode]]

    def work(index: Index) -> Iterator[RankingCase]:
        searched = without_vectors(index, bench.settings) if mode in WITHOUT_VECTORS else index
        for part in (FILE, FUNCTION, NOTHING):
            for row in rows.get(part, ()):
                question = Question(row["query"], 0, lexical, semantic)
                found = candidates(
                    question, searched, bench.settings, lambda: bench.encoder(index.primary.space)
                )
                if mode == "some":
                    order = fuse(found.query, found.hits, found.evidence, bench.settings).hits
                    first = [hit.unit_id for hit in order[:FIRST]]
                    found.add(compared(index, found.vectors, first))
                yield RankingCase(part, repo, row, found.query, found.hits, found.evidence)

    result: list[RankingCase] = bench.on(repo, lambda index: list(work(index)))
    return result


def without_vectors(index: Index, settings: Settings) -> Index:
    """Return an index that looks as it does before any vector is stored."""
    member = index.primary
    vectors = Vectors(index.database, "no space")
    neighbors = StoredNeighbors(index.folder, vectors, member.space.dimensions, settings)
    return replace(index, spaces=(replace(member, vectors=vectors, neighbors=neighbors),))


def likenesses(bench: Bench, repo: str, rows: Mapping[str, Sequence[QuestionRow]]) -> list[CandidateList]:
    """Return what `similar` finds for each function that has counterparts, with its two signals."""

    def work(index: Index) -> Iterator[CandidateList]:
        for row in rows.get(SIMILAR, ()):
            hits = bench.alike(index, row["source"])
            signals = np.array([[hit.signals["meaning"], hit.signals["tokens"]] for hit in hits])
            relevant = [any(matches(hit, answer) for answer in row["answers"]) for hit in hits]
            yield CandidateList(signals, np.zeros(len(hits)), np.arange(len(hits)), np.array(relevant))

    result: list[CandidateList] = bench.on(repo, lambda index: list(work(index)))
    return result
