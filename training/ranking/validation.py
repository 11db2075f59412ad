"""Fitting with one repository left out at a time, and on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import numpy as np

from codesift.config import Settings
from codesift.search.confidence import NOTHING as NO_RESULT
from codesift.search.confidence import TRAITS, Calibration, Logistic
from codesift.search.ranking import Model, fuse
from codesift.search.signals import AGAINST
from codesift.types import Hit, Judgement
from evaluation.metrics import auroc
from evaluation.repositories.bench import Bench
from evaluation.repositories.questions import FILE, FUNCTION, NOTHING, RepositoryQuestions
from training.ranking.cases import FITTED, WAYS, Case, cases, likenesses
from training.ranking.linear import CandidateList, fit_logistic, fit_ranker

PENALTY = 0.03
"""Of squared standardised weights. With 0.003, files lose 0.01 and functions gain 0.01."""
TRAIT_PENALTY = 0.002
LIKENESS_PENALTY = 0.1
"""The same of the two signals of `similar`. With 0.01 the tokens get less weight and MRR is 0.02 lower."""
LIKENESS = ("meaning", "tokens")
_EVEN = dict.fromkeys(LIKENESS, 1.0)
CALLED_NOTHING = 0.03
"""Share of the answered questions that fall below the threshold. On repositories that were not seen it is a
little more, and at most 0.05 is wanted."""
_UNSURE = dict.fromkeys(WAYS, Calibration(Logistic(0.0, {}), Logistic(0.0, {}), 0.0))
_UNSEEN = {
    "both": (),
    "words": ("nearest", "margin"),
    "vectors": ("coverage", "best_coverage", "path_words", "unknown"),
}
"""Way to search -> traits that are not known in it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question as a ranking fitted on other repositories answers it."""

    case: Case
    ranked: list[Hit]
    traits: Mapping[str, float]

    @property
    def right(self) -> bool:
        """Whether the first result answers it."""
        return self.answerable and bool(self.ranked) and self.case.is_answered_by(self.ranked[0])

    @property
    def answerable(self) -> bool:
        return self.case.part != NOTHING


@dataclass(frozen=True, slots=True)
class Way:
    """All questions in one way to search."""

    judged: list[Judged]
    judgements: list[Judgement]
    """Of each, from a calibration on other repositories."""
    calibration: Calibration
    """On all of them."""
    held_out: Mapping[str, Calibration]
    """Repository -> on all others."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What `validated` found."""

    weights: Mapping[str, float]
    ways: Mapping[str, Way]
    held_out: Mapping[str, Mapping[str, float]]
    """Repository -> the weights fitted on all others."""
    similar: Mapping[str, float]
    """The weights of `similar`."""
    similar_held_out: Mapping[str, Mapping[str, float]]

    def counts(self) -> dict[str, int]:
        """Part -> number of questions."""
        return dict(Counter(each.case.part for each in self.ways["both"].judged))

    def figures(self) -> dict[str, dict[str, float]]:
        """Way -> metric -> value, each question answered by a ranking that has not seen its repository."""
        return {name: _figures(way) for name, way in self.ways.items()}

    def reliability(self, bins: int) -> Iterator[tuple[float, float, int]]:
        """(mean confidence, share of first results that were right, questions) of equally large groups."""
        way = self.ways["both"]
        pairs = sorted(
            (judgement.confidence, float(each.right))
            for each, judgement in zip(way.judged, way.judgements, strict=True)
        )
        for part in np.array_split(np.array(pairs), bins):
            yield float(part[:, 0].mean()), float(part[:, 1].mean()), len(part)

    def model(self) -> dict[str, Any]:
        """The weights and calibrations as `Model.from_json` reads them."""
        return {
            "weights": {name: round(weight, 4) for name, weight in self.weights.items()},
            "confidence": {name: _as_json(way.calibration) for name, way in self.ways.items()},
            "similar": dict(self.similar),
        }

    def folds(self) -> dict[str, Any]:
        """Repository -> the model that was fitted on all others, as `Model.from_json` reads it."""
        return {
            repo: {
                "weights": {name: round(weight, 4) for name, weight in weights.items()},
                "confidence": {name: _as_json(way.held_out[repo]) for name, way in self.ways.items()},
                "similar": dict(self.similar_held_out[repo]),
            }
            for repo, weights in self.held_out.items()
        }


def validated(bench: Bench, asked: Mapping[str, RepositoryQuestions]) -> Fit:
    """Fit on all repositories, and judge every question by a fit without its own.

    Args:
        bench: the indexes.
        asked: repository -> its questions.
    """
    known = {
        way: [case for repo, rows in sorted(asked.items()) for case in cases(bench, repo, rows, way)]
        for way in WAYS
    }

    listings = [(case.repo, case.candidate_list()) for case in known["both"] if case.part != NOTHING]

    @cache
    def without(repos: frozenset[str]) -> Model:
        return _model([listing for repo, listing in listings if repo not in repos])

    ways = {way: _way(way, found, without) for way, found in known.items()}
    held_out = {repo: without(frozenset({repo})).weights for repo in asked}
    pairs = {repo: likenesses(bench, repo, rows) for repo, rows in asked.items()}
    similar_held_out = {
        repo: _likeness({other: pairs[other] for other in pairs if other != repo}) for repo in pairs
    }
    return Fit(without(frozenset()).weights, ways, held_out, _likeness(pairs), similar_held_out)


def _likeness(pairs: Mapping[str, Sequence[CandidateList]]) -> dict[str, float]:
    listings = [listing for found in pairs.values() for listing in found]
    weights = fit_ranker(listings, LIKENESS_PENALTY, [1] * len(LIKENESS))
    return {name: round(float(weight), 4) for name, weight in zip(LIKENESS, weights, strict=True)}


def _model(listings: Sequence[CandidateList]) -> Model:
    weights = fit_ranker(listings, PENALTY, [-1 if name in AGAINST else 1 for name in FITTED])
    return Model(dict(zip(FITTED, map(float, weights), strict=True)), _UNSURE, _EVEN)


def _way(way: str, found: Sequence[Case], without: Callable[[frozenset[str]], Model]) -> Way:
    """Judge every question by a calibration on rankings that have not seen its repository."""
    judged = [_judged(case, without(frozenset({case.repo}))) for case in found]

    def calibrated(repo: str) -> Calibration:
        others = (case for case in found if case.repo != repo)
        return _calibrated(way, [_judged(case, without(frozenset({case.repo, repo}))) for case in others])

    held_out = {repo: calibrated(repo) for repo in sorted({case.repo for case in found})}
    judgements = [held_out[one.case.repo].judge(one.traits) if one.ranked else NO_RESULT for one in judged]
    return Way(judged, judgements, _calibrated(way, judged), held_out)


def _probability(head: Logistic, judged: Judged) -> float:
    return head.probability(judged.traits) if judged.ranked else 0.0


def _judged(case: Case, model: Model) -> Judged:
    ranked = fuse(case.asked, case.hits, case.found, Settings(), model)
    return Judged(case, ranked.hits, ranked.traits)


def _calibrated(way: str, found: Sequence[Judged]) -> Calibration:
    """Both regressions, and the threshold that `CALLED_NOTHING` of the answered questions miss."""
    judged = [each for each in found if each.ranked]
    names = [name for name in TRAITS if name not in _UNSEEN[way]]
    inputs = np.array([[each.traits[name] for name in names] for each in judged])

    def fitted(labels: Iterable[bool]) -> Logistic:
        bias, weights = fit_logistic(inputs, np.array(list(labels), dtype=np.float64), TRAIT_PENALTY)
        return Logistic(bias, dict(zip(names, map(float, weights), strict=True)))

    answerable = fitted(each.answerable for each in judged)
    answered = [_probability(answerable, each) for each in found if each.answerable]
    threshold = round(float(np.quantile(answered, CALLED_NOTHING)), 4)
    return Calibration(fitted(each.right for each in judged), answerable, threshold)


def _figures(way: Way) -> dict[str, float]:
    outcomes = [(each.case.part, each.case.outcome(each.ranked)) for each in way.judged if each.answerable]
    functions = [found for part, found in outcomes if part == FUNCTION]
    rows = {
        "NDCG@10 by file": fmean(found.ndcg() for part, found in outcomes if part == FILE),
        "MRR by function": fmean(found.reciprocal() for found in functions),
        **{f"recall@{k} by function": fmean(found.recall(k) for found in functions) for k in (1, 5, 10)},
        **_certainty(way),
    }
    return {name: round(value, 4) for name, value in rows.items()}


def _certainty(way: Way) -> dict[str, float]:
    """How well probabilities tell questions with an answer from those without."""
    known = np.array([each.answerable for each in way.judged])
    right = np.array([float(each.right) for each in way.judged])
    confidence, answerable, matches = map(np.array, zip(*way.judgements, strict=True))
    called = ~matches
    return {
        "AUROC of confidence": auroc(list(confidence[known]), list(confidence[~known])).value,
        "AUROC of answerable": auroc(list(answerable[known]), list(answerable[~known])).value,
        "answered called nothing": float(called[known].mean()),
        "nothing called nothing": float(called[~known].mean()),
        "Brier score of confidence": float(((confidence - right) ** 2).mean()),
    }


def _as_json(calibration: Calibration) -> dict[str, Any]:
    heads = {"right": calibration.right, "answerable": calibration.answerable}
    return {**{name: _rounded(head) for name, head in heads.items()}, "threshold": calibration.threshold}


def _rounded(head: Logistic) -> dict[str, Any]:
    weights = {name: round(weight, 4) for name, weight in head.weights.items()}
    return {"bias": round(head.bias, 4), "weights": weights}
