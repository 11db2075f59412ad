"""Answers -> figures: one for each question and metric, their means and how sure those are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.answers import Answers
from benchmarks.quality.systems import Ranking
from evaluation.arrays import RealArray
from evaluation.metrics import SEED, Estimate, RelevantRanks, Sample
from evaluation.repositories.matching import among_files, by_function, matches, unique
from evaluation.repositories.questions import (
    FILE,
    FUNCTION,
    SIMILAR,
    QuestionRow,
    RepositoryQuestions,
    kind_of,
)


def _share(k: int) -> Callable[[RelevantRanks], float]:
    """Share of the first min(k, relevant) counterparts that are among the first k."""
    return lambda found: sum(rank <= k for rank in found.ranks) / min(k, found.relevant)


def _recall(k: int) -> Callable[[RelevantRanks], float]:
    return lambda found: found.recall(k)


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a question's ranking."""

    name: str
    part: str
    """The questions it is of."""
    of: Callable[[RelevantRanks], float]


METRICS = (
    Metric("NDCG@10 by file", FILE, RelevantRanks.ndcg),
    Metric("MRR by function", FUNCTION, RelevantRanks.reciprocal),
    *(Metric(f"recall@{k} by function", FUNCTION, _recall(k)) for k in (1, 5, 10)),
    Metric("MRR of similar", SIMILAR, RelevantRanks.reciprocal),
    *(Metric(f"recall@{k} of similar", SIMILAR, _share(k)) for k in (1, 5, 10)),
)
MAIN = ("NDCG@10 by file", "MRR by function", "recall@10 by function", "recall@5 of similar")
"""Those that are compared by pairs in the report; JSON has all."""
GROUPINGS = ("repository", "language", "kind")


@dataclass(frozen=True, slots=True)
class MetricValues:
    """One system's values of one metric, a question each, always in the same order."""

    values: RealArray
    """Shape (questions,)."""
    groups: Mapping[str, Sequence[str]]
    """Grouping -> the group of each question."""

    def of_groups(self, grouping: str) -> dict[str, RealArray]:
        """Group -> the values of its questions."""
        names = np.array(self.groups[grouping])
        return {str(name): self.values[names == name] for name in sorted(set(names)) if name}


def scores_of(
    answers: Mapping[str, Answers], asked: Mapping[str, RepositoryQuestions]
) -> dict[str, MetricValues]:
    """Metric -> values of one system, for the metrics whose questions it answered."""
    found: dict[str, MetricValues] = {}
    for part in (FILE, FUNCTION, SIMILAR):
        if not all(part in each.rankings for each in answers.values()):
            continue
        rows = [(row, each) for repo in answers for row, each in _pairs(answers[repo], asked[repo], part)]
        if rows:
            placed = [_found(part, row, each) for row, each in rows]
            groups = _groups(part, [row for row, _ in rows])
            found |= {
                m.name: MetricValues(np.array([*map(m.of, placed)]), groups)
                for m in METRICS
                if m.part == part
            }
    return found


def _pairs(answers: Answers, asked: RepositoryQuestions, part: str) -> Iterator[tuple[QuestionRow, Ranking]]:
    return zip(asked.get(part, ()), answers.rankings[part], strict=True)


def _groups(part: str, rows: Sequence[QuestionRow]) -> dict[str, list[str]]:
    return {
        "repository": [row["repo"] for row in rows],
        "language": [row["language"] for row in rows],
        "kind": [kind_of(part, row) for row in rows],
    }


def _found(part: str, row: QuestionRow, ranking: Ranking) -> RelevantRanks:
    """Where the answers came out; what is itself the source of `similar` does not count as a result."""
    if part == FILE:
        files = ranking.files
        return among_files(unique(each.path for each in ranking.results) if files is None else files, row)
    results = [each for each in ranking.results if part != SIMILAR or not matches(each, row["source"])]
    return by_function(results, row["answers"])


# -- means ----------------------------------------------------------------------------------------


def mean(values: RealArray, name: str) -> Estimate:
    """Mean over questions, with its bootstrap interval."""
    return Sample.of(values[:, np.newaxis], name, SEED).named(["mean"])["mean"]


def macro(groups: Mapping[str, RealArray]) -> Estimate:
    """Mean over groups, each counting the same however many questions it has."""
    samples = [Sample.of(values[:, np.newaxis], name, SEED) for name, values in groups.items()]
    return Sample.macro(samples).named(["macro"])["macro"]
