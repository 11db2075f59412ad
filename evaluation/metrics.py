"""Figures of a ranking, and how sure they are: MRR, NDCG@10, recall, bootstrap intervals over queries."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluation.arrays import RealArray

RESAMPLES = 1000
SEED = 7
"""Seed of the bootstrap over questions on whole repositories; any will do, the same one repeats figures."""
LEVEL = 0.95
"""Share of the resamples that an interval holds: the 2.5th to the 97.5th percentile."""


class Estimate(NamedTuple):
    """A mean over queries, or a difference of two, with its bootstrap interval; in JSON a list of three."""

    value: float
    low: float
    high: float

    @classmethod
    def rounded(cls, value: float, low: float, high: float) -> Estimate:
        """To five decimals, as results are published."""
        return cls(*(round(float(each), 5) for each in (value, low, high)))


@dataclass(frozen=True, slots=True)
class RelevantRanks:
    """Where the relevant entries of one query came out."""

    ranks: tuple[int, ...]
    """From 1, ascending; an entry that was not ranked at all has none."""
    relevant: int
    """How many entries are relevant, ranked or not."""

    @classmethod
    def among(cls, ranking: Sequence[str], relevant: set[str]) -> RelevantRanks:
        """From a ranking without repetitions, best first."""
        return cls(tuple(rank for rank, item in enumerate(ranking, 1) if item in relevant), len(relevant))

    def reciprocal(self) -> float:
        """1 / rank of the first relevant entry, over the whole ranking; 0 if there is none."""
        return 1 / self.ranks[0] if self.ranks else 0.0

    def ndcg(self, k: int = 10) -> float:
        """NDCG@k with binary gains (Järvelin and Kekäläinen 2002)."""
        gain = sum(_gain(rank) for rank in set(self.ranks) if rank <= k)
        best = sum(_gain(rank) for rank in range(1, min(k, self.relevant) + 1))
        return gain / best if best else 0.0

    def recall(self, k: int) -> float:
        """1 if a relevant entry is among the first k, else 0: recall@k as it is meant in code search."""
        return float(bool(self.ranks) and self.ranks[0] <= k)


def _gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


METRICS: Mapping[str, Callable[[RelevantRanks], float]] = {
    "MRR": RelevantRanks.reciprocal,
    "NDCG@10": RelevantRanks.ndcg,
    "recall@1": lambda found: found.recall(1),
    "recall@5": lambda found: found.recall(5),
    "recall@10": lambda found: found.recall(10),
    "recall@100": lambda found: found.recall(100),
}


def relevant_ranks(
    scores: RealArray, relevant: Sequence[Sequence[int]], left_out: Sequence[Sequence[int]] = ()
) -> list[RelevantRanks]:
    """Rank a corpus by its scores, ties broken against us.

    Args:
        scores: shape (queries, corpus), higher is better.
        relevant: for each query the rows of the corpus that answer it, at least one.
        left_out: for each query the rows that are not ranked, such as the query itself; none if empty.
    """
    skipped = left_out or [()] * len(relevant)
    return [_found(*row) for row in zip(scores, relevant, skipped, strict=True)]


def _found(scores: RealArray, relevant: Sequence[int], left_out: Sequence[int]) -> RelevantRanks:
    if left_out:
        scores = scores.copy()
        scores[list(left_out)] = -np.inf
    own = np.sort(scores[list(relevant)])[::-1]
    # Every other entry with the same score is taken to come first.
    others = [int((scores >= score).sum() - (own >= score).sum()) for score in own]
    return RelevantRanks(tuple(other + place for place, other in enumerate(others, 1)), len(own))


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one system, or the difference of two, with their bootstrap."""

    figures: RealArray
    """Shape (metrics,), in the order of `METRICS`."""
    resampled: RealArray
    """Shape (resamples, metrics)."""

    @classmethod
    def measure(
        cls, found: Sequence[RelevantRanks], name: str, seed: int, resamples: int = RESAMPLES
    ) -> Sample:
        """Means over queries, and the same of queries drawn with replacement.

        Args:
            found: one for each query.
            name: of the group of queries. Systems measured under the same name with the same seed are
                resampled alike, so their difference is a paired bootstrap (Sakai 2006).
            seed: of the draws.
            resamples: how many.
        """
        return cls.of(
            np.array([[metric(each) for metric in METRICS.values()] for each in found]), name, seed, resamples
        )

    @classmethod
    def of(cls, values: RealArray, name: str, seed: int, resamples: int = RESAMPLES) -> Sample:
        """As `measure`, of figures that may be others than `METRICS`: shape (queries, figures)."""
        generator = np.random.default_rng([seed, zlib.crc32(name.encode())])
        count = len(values)
        draws = [values[generator.integers(count, size=count)].mean(axis=0) for _ in range(resamples)]
        return cls(values.mean(axis=0), np.stack(draws))

    @classmethod
    def macro(cls, samples: Sequence[Sample]) -> Sample:
        """The mean over groups, each counting the same however many queries it has."""
        return cls(
            np.mean([sample.figures for sample in samples], axis=0),
            np.mean([sample.resampled for sample in samples], axis=0),
        )

    def minus(self, other: Sample) -> Sample:
        """The paired difference to a system that was measured on the same queries."""
        return Sample(self.figures - other.figures, self.resampled - other.resampled)

    def estimates(self) -> dict[str, Estimate]:
        """Metric -> its figure with the percentile interval that holds `LEVEL` of the resamples."""
        return self.named(METRICS)

    def named(self, names: Iterable[str]) -> dict[str, Estimate]:
        """As `estimates`, of figures that may be others than `METRICS`."""
        edges = 100 * np.array([(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        low, high = np.percentile(self.resampled, edges, axis=0)
        rows = zip(names, self.figures, low, high, strict=True)
        return {name: Estimate.rounded(*values) for name, *values in rows}


def auroc(answered: Sequence[float], unanswerable: Sequence[float]) -> Estimate:
    """The chance that a question with an answer has the higher confidence, ties counting half.

    That is the area under the ROC curve (Hanley and McNeil 1982). The interval is of a bootstrap in which
    both kinds of questions are drawn anew.
    """
    wins = _wins(np.array(answered), np.array(unanswerable))
    generator = np.random.default_rng(SEED)
    rows, columns = wins.shape
    draws = [
        wins[np.ix_(generator.integers(rows, size=rows), generator.integers(columns, size=columns))].mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Estimate.rounded(wins.mean(), low, high)


def _wins(answered: RealArray, unanswerable: RealArray) -> RealArray:
    """Shape (answered, unanswerable): 1 where the answered one is surer, a half where both are as sure."""
    left, right = answered[:, np.newaxis], unanswerable[np.newaxis, :]
    return np.asarray((left > right) + 0.5 * (left == right))
