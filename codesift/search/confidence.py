"""How sure the first result of a search is, as a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codesift.types import Judgement

TRAITS: Mapping[str, str] = {
    "nearest": "highest cosine among the candidates",
    "margin": "how far that is above the twentieth highest",
    "coverage": "share of the query's words that the first result has, by how rare they are",
    "best_coverage": "the highest such share among the candidates",
    "path_words": "share of the query's words in the path, the highest of the first five results",
    "unknown": "share of the query's words that no candidate has; 0 where the first result's name is like it",
    "lead": "how far the first result's value is above the second's",
    "symbol": "how well the first result's name is the bare symbol asked for",
}
"""Name -> what it is. The length of the query is left out on purpose: it tells apart questions that were
written for a benchmark, and nothing else."""
TRAIT_SIGNALS = frozenset(("cosine", "coverage", "path_words", "symbol"))
"""The signals that `traits` reads."""
NO_WORDS = {"coverage": 0.0, "best_coverage": 0.0, "unknown": 1.0}
"""Traits of a ranking that no word speaks for."""
_MARGIN_RANK = 20
_FIRST = 5
_LARGEST_LEAD = 5.0
"""Odds of e^5 are as good as certain; a bare symbol's definition may be further ahead."""


@dataclass(frozen=True)
class Logistic:
    """A logistic regression over traits."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, found: Mapping[str, float]) -> float:
        """Of what it was fitted on, given the traits of a ranking."""
        value = self.bias + sum(weight * found[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))


NOTHING = Judgement(0.0, 0.0, False)
"""Of a search without results."""


@dataclass(frozen=True)
class Calibration:
    """What is to be made of the traits of a ranking."""

    right: Logistic
    """That the first result answers the query."""
    answerable: Logistic
    """That anything does. Another question: a hard query may have its answer on the tenth place."""
    threshold: float
    """Of `answerable`; below it nothing matches well. Few of the questions with an answer are."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Calibration:
        """Read what `python -m training fit` wrote."""
        return cls(Logistic(**row["right"]), Logistic(**row["answerable"]), row["threshold"])

    def judge(self, found: Mapping[str, float]) -> Judgement:
        """What the traits of a ranking say."""
        answerable = self.answerable.probability(found)
        # Two regressions may disagree; what answers the query cannot be likelier than that anything does.
        confidence = min(self.right.probability(found), answerable)
        return Judgement(confidence, answerable, answerable >= self.threshold)


def traits(ranked: Sequence[Mapping[str, float]], lead: float, unknown: float) -> dict[str, float]:
    """The traits of a ranking.

    Args:
        ranked: the signals of at least one unit, best first.
        lead: how far the first one's value is above the second's.
        unknown: share of the query's words that no candidate has.
    """
    cosines = sorted((each["cosine"] for each in ranked), reverse=True)
    return {
        "nearest": cosines[0],
        "margin": cosines[0] - cosines[min(_MARGIN_RANK, len(cosines)) - 1],
        "coverage": ranked[0]["coverage"],
        "best_coverage": max(each["coverage"] for each in ranked),
        "path_words": max(each["path_words"] for each in ranked[:_FIRST]),
        "unknown": 0.0 if ranked[0]["symbol"] else unknown,
        "lead": min(lead, _LARGEST_LEAD),
        "symbol": ranked[0]["symbol"],
    }
