"""Signals -> one order. The weights are fitted, not chosen: see the head of `ranking.json`, which
`python -m training fit` writes."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.search.confidence import NO_WORDS, NOTHING, TRAIT_SIGNALS, Calibration, traits
from codesift.search.signals import Asked, Evidence, measure
from codesift.types import Hit, Judgement

FIELD_WEIGHTS = (2.0, 1.5, 1.0, 1.0)
"""BM25 weights of name, path, documentation, body."""
DEFINITION = 24.0
"""What `symbol` counts. A rule and no weight: the definition of a bare symbol comes first, whatever else
speaks against it, and so does a name that only begins like it, for half of this."""
_LEXICAL = ("words", "coverage", "file_coverage")
_SEMANTIC = ("meaning", "cosine")
FITTED = Path(__file__).with_name("ranking.json")


@dataclass(frozen=True)
class Model:
    """A linear model over signals, and what turns its first result into a probability."""

    weights: Mapping[str, float]
    """Signal -> weight; differences between two units are log odds of which one answers."""
    calibrations: Mapping[str, Calibration]
    """Way to search -> how sure its first result is."""
    similar: Mapping[str, float]
    """Weights of `meaning` (cosine) and `tokens` (share in common) where code is looked for by code."""
    definition: float = DEFINITION

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Model:
        """Read what `python -m training fit` wrote."""
        calibrations = {name: Calibration.from_json(each) for name, each in row["confidence"].items()}
        return cls(row["weights"], calibrations, row["similar"])

    def without(self, *signals: str) -> Model:
        """The same with signals taken away, the other weights as they are."""
        kept = {name: weight for name, weight in self.weights.items() if name not in signals}
        return replace(self, weights=kept, definition=0.0 if "symbol" in signals else self.definition)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of a query in order."""

    hits: list[Hit]
    """`score` is the probability that the first one answers; of others, that times their odds against it."""
    judgement: Judgement
    traits: Mapping[str, float]
    """What the judgement was taken from."""


@cache
def fitted() -> Model:
    """The model in the package."""
    return Model.from_json(json.loads(FITTED.read_text(encoding="utf-8")))


def fuse(
    asked: Asked,
    hits: Mapping[int, Hit],
    found: Mapping[int, Evidence],
    settings: Settings,
    model: Model | None = None,
) -> Ranked:
    """Rank the candidates of a query, best first.

    Args:
        asked: the query; a bare symbol lifts the units of that name.
        hits: unit id -> the unit, for every candidate that still exists.
        found: unit id -> what was found for it.
        settings: `lexical_weight`, `semantic_weight`.
        model: the weights; those of the package if left out.

    Returns:
        Hits whose `signals` add up to the value they were ranked by, and how sure the first one is.
    """
    model = model or fitted()
    weights = _weighted(model, settings)
    signals = measure(
        asked, hits, found, TRAIT_SIGNALS | {name for name, weight in weights.items() if weight}
    )
    shares = {unit_id: _shares(own, weights) for unit_id, own in signals.items()}
    values = {unit_id: sum(own.values()) for unit_id, own in shares.items()}
    by_value = sorted(hits.values(), key=lambda hit: (-values[hit.unit_id], hit.path, hit.start_line))
    ranked = list(_without_overlaps(by_value))
    if not ranked:
        return Ranked([], NOTHING, {})
    best, *others = (values[hit.unit_id] for hit in ranked[:2])
    present = frozenset().union(*(each.has for each in found.values()))
    own = [signals[hit.unit_id] for hit in ranked]
    known = traits(own, best - others[0] if others else 0.0, 1 - asked.share(present))
    if asked.says_nothing() and not known["symbol"]:
        known |= NO_WORDS
    judgement = model.calibrations[way(asked, found.values())].judge(known)
    shown = [
        replace(
            hit,
            score=judgement.confidence * math.exp(values[hit.unit_id] - best),
            signals=shares[hit.unit_id],
            best_lines=found[hit.unit_id].best_lines or hit.best_lines,
        )
        for hit in ranked
    ]
    return Ranked(shown, judgement, known)


def blended(hit: Hit, cosine: float, common: float, weights: Mapping[str, float]) -> Hit:
    """A hit of `similar`: its score is the weighted mean of the two signals, which are kept as they are."""
    signals = {"meaning": cosine, "tokens": common}
    score = sum(weights[name] * value for name, value in signals.items()) / sum(weights.values())
    return replace(hit, score=score, signals=signals, common_tokens=common)


def way(asked: Asked, found: Iterable[Evidence]) -> str:
    """What was searched, as a key of `Model.calibrations`: words, vectors or both."""
    if all(each.cosine is None for each in found):
        return "words"
    return "both" if asked.rarity else "vectors"


def _weighted(model: Model, settings: Settings) -> dict[str, float]:
    """The weights as the user's settings change them, with that of the rule."""
    factors = dict.fromkeys(_LEXICAL, settings.lexical_weight) | dict.fromkeys(
        _SEMANTIC, settings.semantic_weight
    )
    chosen = {name: weight * factors.get(name, 1.0) for name, weight in model.weights.items()}
    return {**chosen, "symbol": model.definition}


def _shares(signals: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """What each signal that counts adds to a unit's value."""
    return {name: share for name, weight in weights.items() if weight and (share := weight * signals[name])}


def _without_overlaps(ranked: Iterable[Hit]) -> Iterator[Hit]:
    """Leave out a window of a text file that shares lines with a better one."""
    kept: dict[str, list[Hit]] = defaultdict(list)
    for hit in ranked:
        if hit.kind == "text":
            if any(hit.start_line <= k.end_line and k.start_line <= hit.end_line for k in kept[hit.path]):
                continue
            kept[hit.path].append(hit)
        yield hit


def best_first(hit: Hit) -> tuple[float, str, int]:
    """Sort key: by score, ties in the order of the files."""
    return -hit.score, hit.path, hit.start_line
