"""Confidence: features of a ranking -> the probability that its first result answers the query."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codesift.types import Judgement

FEATURES: Mapping[str, str] = {
    "nearest": "highest cosine among the candidates",
    "margin": "how far that is above the twentieth highest",
    "coverage": "fraction of the query's words that the first result has, weighted by idf",
    "best_coverage": "the highest such fraction among the candidates",
    "path_words": "fraction of the query's words in the path, the highest of the first five results",
    "unknown": "fraction of the query's words that no candidate has; 0 if the first result's name matches",
    "lead": "how far the first result's value is above the second's",
    "symbol": "how well the first result's name is the bare symbol asked for",
}
"""Name -> description. The length of the query is left out on purpose: it distinguishes questions that were
written for a benchmark from others, and nothing else."""
FEATURE_SIGNALS = frozenset(("cosine", "coverage", "path_words", "symbol"))
"""The signals that `confidence_features` reads."""
NO_WORD_FEATURES = {"coverage": 0.0, "best_coverage": 0.0, "unknown": 1.0}
"""Values of the word features for a query that consists of stop words: its words are no evidence."""
_MARGIN_RANK = 20
_PATH_RANKS = 5
_MAX_LEAD = 5.0
"""Odds of e^5 are as good as certain; the definition of a bare symbol may lead by more."""


@dataclass(frozen=True)
class Logistic:
    """A logistic regression over features."""

    bias: float
    weights: Mapping[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        """Predict the probability of the event this regression was fitted on."""
        value = self.bias + sum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, value))))


NO_RESULT = Judgement(0.0, 0.0, False)
"""Judgement of a search without results."""


@dataclass(frozen=True)
class Calibration:
    """Turns the features of a ranking into a judgement."""

    right: Logistic
    """Predicts whether the first result answers the query."""
    answerable: Logistic
    """Predicts whether any result answers the query. A hard query may have its answer on the tenth place."""
    threshold: float
    """Threshold on `answerable`: below it, nothing is reported to match well. About 4% of the answerable
    questions fall below it (`answered called nothing` in the head of `ranking.json`)."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Calibration:
        """Read what `python -m training fit` wrote."""
        return cls(Logistic(**row["right"]), Logistic(**row["answerable"]), row["threshold"])

    def judge(self, features: Mapping[str, float]) -> Judgement:
        """Judge a ranking by its features."""
        answerable = self.answerable.probability(features)
        # The two regressions may disagree, but the first result cannot be likelier to answer than any result.
        confidence = min(self.right.probability(features), answerable)
        return Judgement(confidence, answerable, answerable >= self.threshold)


def confidence_features(
    ranked: Sequence[Mapping[str, float]], lead: float, unknown: float
) -> dict[str, float]:
    """Compute the features of a ranking.

    Args:
        ranked: the signals of at least one unit, best first.
        lead: how far the first unit's value is above the second's.
        unknown: fraction of the query's words that no candidate has.
    """
    cosines = sorted((signals["cosine"] for signals in ranked), reverse=True)
    return {
        "nearest": cosines[0],
        "margin": cosines[0] - cosines[min(_MARGIN_RANK, len(cosines)) - 1],
        "coverage": ranked[0]["coverage"],
        "best_coverage": max(signals["coverage"] for signals in ranked),
        "path_words": max(signals["path_words"] for signals in ranked[:_PATH_RANKS]),
        "unknown": 0.0 if ranked[0]["symbol"] else unknown,
        "lead": min(lead, _MAX_LEAD),
        "symbol": ranked[0]["symbol"],
    }
