"""Ranking: signals of candidates -> one order with a confidence. The weights are fitted, not chosen: see the
head of `ranking.json`, which `python -m training fit` writes."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.search.confidence import (
    FEATURE_SIGNALS,
    NO_RESULT,
    NO_WORD_FEATURES,
    Calibration,
    confidence_features,
)
from codesift.search.network import Network, context
from codesift.search.signals import Evidence, QueryTerms, measure
from codesift.types import Hit, Judgement

FIELD_WEIGHTS = (2.0, 1.5, 1.0, 1.0)
"""BM25 weights of name, path, documentation, body."""
DEFINITION_WEIGHT = 24.0
"""Weight of `symbol`. It is a rule, not a fitted weight: the definition of a bare symbol comes first whatever
else speaks against it, and so does, with half of this, a name that only begins like the symbol."""
TOGETHER = "together"
"""The contribution of `RankingModel.network`, which stands among those of the signals."""
_LEXICAL = ("words", "coverage", "file_coverage", "phrase")
_SEMANTIC = ("meaning", "cosine", "draft", "file_draft")
MODEL_FILE = Path(__file__).with_name("ranking.json")


@dataclass(frozen=True)
class RankingModel:
    """A linear model over signals, and the calibrations that turn its rankings into probabilities."""

    weights: Mapping[str, float]
    """Signal -> weight. The difference of two units' values is the log odds that the one answers rather than
    the other."""
    calibrations: Mapping[str, Calibration]
    """Search mode, as from `search_mode` -> calibration."""
    similar: Mapping[str, float]
    """Weights of `meaning` (cosine) and `tokens` (Jaccard index) where code is searched for by code."""
    network: Network | None = None
    """What signals say together; None if nothing is added to the weighted sum."""
    definition_weight: float = DEFINITION_WEIGHT

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> RankingModel:
        """Read what `python -m training fit` wrote."""
        calibrations = {mode: Calibration.from_json(part) for mode, part in row["confidence"].items()}
        network = Network.from_json(row["network"]) if row.get("network") else None
        return cls(row["weights"], calibrations, row["similar"], network)

    def without(self, *signals: str) -> RankingModel:
        """Return a copy that lacks some signals; the other weights stay as they are."""
        weights = {name: weight for name, weight in self.weights.items() if name not in signals}
        definition_weight = 0.0 if "symbol" in signals else self.definition_weight
        network = self.network.without(signals) if self.network else None
        return replace(self, weights=weights, definition_weight=definition_weight, network=network)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of a query in order."""

    hits: list[Hit]
    """Best first. The `score` of the first is the probability that it answers; that of another is this
    probability times the odds of the other against the first."""
    judgement: Judgement
    features: Mapping[str, float]
    """The features that the judgement is based on; empty without results."""


@cache
def shipped_model() -> RankingModel:
    """Read the model in the package."""
    return RankingModel.from_json(json.loads(MODEL_FILE.read_text(encoding="utf-8")))


def fuse(
    query: QueryTerms,
    hits: Mapping[int, Hit],
    evidence: Mapping[int, Evidence],
    settings: Settings,
    model: RankingModel | None = None,
) -> Ranked:
    """Rank the candidates of a query, best first.

    Args:
        query: a bare symbol lifts the units of that name.
        hits: unit id -> the unit, for every candidate that still exists.
        evidence: unit id -> what the searches found for it.
        settings: `lexical_weight`, `semantic_weight`.
        model: the weights; those of the package by default.

    Returns:
        Hits whose `signals` add up to the value they were ranked by, with a judgement of the first one.
    """
    model = model or shipped_model()
    weights = _weights_of(model, settings)
    mode = search_mode(query, evidence.values())
    # To words alone the network adds nothing that was measured, and a search by them needs no numpy.
    network = model.network if mode != "words" else None
    wanted = FEATURE_SIGNALS | {name for name, weight in weights.items() if weight}
    signals = measure(query, hits, evidence, wanted.union(network.seen if network else ()))
    contributions = {unit_id: _contributions(values, weights) for unit_id, values in signals.items()}
    if network:
        about = context(query, [evidence[unit_id] for unit_id in hits])
        rows = [{**values, **about} for values in signals.values()]
        added = network.values(rows, _factors(settings))
        for unit_id, value in zip(signals, added, strict=True):
            contributions[unit_id][TOGETHER] = value
    values = {unit_id: sum(parts.values()) for unit_id, parts in contributions.items()}
    by_value = sorted(hits.values(), key=lambda hit: (-values[hit.unit_id], hit.path, hit.start_line))
    ranked = list(_without_overlaps(by_value))
    if not ranked:
        return Ranked([], NO_RESULT, {})
    best, *others = (values[hit.unit_id] for hit in ranked[:2])
    lead = best - others[0] if others else 0.0
    features = _features(query, [signals[hit.unit_id] for hit in ranked], lead, evidence.values())
    judgement = model.calibrations[mode].judge(features)
    scored = [
        replace(
            hit,
            score=judgement.confidence * math.exp(values[hit.unit_id] - best),
            signals=contributions[hit.unit_id],
            best_lines=evidence[hit.unit_id].best_lines or hit.best_lines,
        )
        for hit in ranked
    ]
    return Ranked(scored, judgement, features)


def blended(hit: Hit, cosine: float, jaccard: float, weights: Mapping[str, float]) -> Hit:
    """Score a hit of `similar` by the weighted mean of its two signals, which are kept as they are."""
    signals = {"meaning": cosine, "tokens": jaccard}
    score = sum(weights[name] * value for name, value in signals.items()) / sum(weights.values())
    return replace(hit, score=score, signals=signals, common_tokens=jaccard)


def search_mode(query: QueryTerms, evidence: Iterable[Evidence]) -> str:
    """Return which searches took place, as a key of `RankingModel.calibrations`.

    Returns:
        `words` or `vectors` if there was only one search; otherwise `both` if all candidates have vectors,
        `drafts` if none has, and `some` in between.
    """
    evidence = list(evidence)
    vectors = sum(each.cosine is not None for each in evidence)
    if not vectors and all(each.draft is None for each in evidence):
        return "words"
    if not query.idf:
        return "vectors"
    return "both" if vectors == len(evidence) else "some" if vectors else "drafts"


def _features(
    query: QueryTerms, ranked: Sequence[Mapping[str, float]], lead: float, evidence: Iterable[Evidence]
) -> dict[str, float]:
    """The confidence features of a ranking; `ranked` holds the signals of its units, best first."""
    present = frozenset().union(*(each.terms for each in evidence))
    features = confidence_features(ranked, lead, unknown=1 - query.coverage(present))
    if query.is_stop_words_only() and not features["symbol"]:
        features |= NO_WORD_FEATURES
    return features


def _weights_of(model: RankingModel, settings: Settings) -> dict[str, float]:
    """The model's weights multiplied by the user's settings, and the weight of `symbol`."""
    factors = _factors(settings)
    weights = {name: weight * factors.get(name, 1.0) for name, weight in model.weights.items()}
    return {**weights, "symbol": model.definition_weight}


def _factors(settings: Settings) -> dict[str, float]:
    """Signal -> the user's factor."""
    return dict.fromkeys(_LEXICAL, settings.lexical_weight) | dict.fromkeys(
        _SEMANTIC, settings.semantic_weight
    )


def _contributions(signals: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Signal -> what it adds to a unit's value, for each signal that adds something."""
    return {name: part for name, weight in weights.items() if weight and (part := weight * signals[name])}


def _without_overlaps(ranked: Iterable[Hit]) -> Iterator[Hit]:
    """Leave out each window of a text file that shares lines with a better one."""
    kept: dict[str, list[Hit]] = defaultdict(list)
    for hit in ranked:
        if hit.kind == "text":
            if any(hit.start_line <= k.end_line and k.start_line <= hit.end_line for k in kept[hit.path]):
                continue
            kept[hit.path].append(hit)
        yield hit


def by_score(hit: Hit) -> tuple[float, str, int]:
    """Sort key that puts the highest score first, and equal ones in the order of the files."""
    return -hit.score, hit.path, hit.start_line
