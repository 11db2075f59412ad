"""How sure the first result of a search is, as a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codesift.types import Hit

TRAITS: Mapping[str, str] = {
    "nearest": "highest cosine among the candidates",
    "margin": "how far that is above the twentieth highest",
    "coverage": "share of the query's words that the first result has, by how rare they are",
    "best_coverage": "the highest such share among the candidates",
    "path_words": "share of the query's words in the path, the highest of the first five results",
    "symbol": "how well the first result's name is the bare symbol asked for",
}
"""Name -> what it is. How long the query is, is left out on purpose: it tells questions written for a benchmark
apart, and nothing else."""
_MARGIN_RANK = 20
_FIRST = 5


@dataclass(frozen=True)
class Calibration:
    """A logistic regression over traits."""

    bias: float
    weights: Mapping[str, float]
    threshold: float
    """Below this probability nothing matches well."""

    def probability(self, found: Mapping[str, float]) -> float:
        """That the first result answers the query, given its traits."""
        value = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))


def traits(ranked: Sequence[Hit], signals: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """The traits of a ranking.

    Args:
        ranked: at least one hit, best first.
        signals: unit id -> its signals, for each of them.
    """
    own = [signals[hit.unit_id] for hit in ranked]
    cosines = sorted((each["cosine"] for each in own), reverse=True)
    return {
        "nearest": cosines[0],
        "margin": cosines[0] - cosines[min(_MARGIN_RANK, len(cosines)) - 1],
        "coverage": own[0]["coverage"],
        "best_coverage": max(each["coverage"] for each in own),
        "path_words": max(each["path_words"] for each in own[:_FIRST]),
        "symbol": own[0]["symbol"],
    }
