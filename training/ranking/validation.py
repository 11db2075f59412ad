"""Fitting with a fold of the repositories left out at a time, and on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.config import Settings
from codesift.search.confidence import FEATURES, NO_RESULT, Calibration, Logistic
from codesift.search.network import CONTEXT
from codesift.search.ranking import RankingModel, fuse
from codesift.search.signals import PENALTY_SIGNALS
from codesift.types import Hit, Judgement
from evaluation.metrics import auroc
from evaluation.repositories.bench import Bench
from evaluation.repositories.questions import (
    FILE,
    FUNCTION,
    NOTHING,
    RepositoryQuestions,
    fitted_half,
)
from training.ranking.cases import FITTED_SIGNALS, SEARCH_MODES, RankingCase, cases, likenesses
from training.ranking.linear import CandidateList, fit_logistic, fit_ranker
from training.ranking.neural import NetworkRecipe, fit_network

if TYPE_CHECKING:
    from evaluation.arrays import RealArray

PENALTY = 0.01
"""Factor of the squared standardized weights. With 0.03, questions from history lose 0.01."""
LENGTH, LENGTH_PENALTY = "short", 0.03
"""The signal whose weight is fitted without the questions from history, and the penalty of that fit: commits
change long functions more often than short ones, which says nothing about what people look for."""
NETWORK_INPUTS = (*(name for name in FITTED_SIGNALS if name != LENGTH), *CONTEXT)
"""What the network sees: for the same reason not the length."""
RECIPE = NetworkRecipe()
FOLDS = 5
"""Groups of repositories that are left out together."""
HISTORY_WEIGHT = 1.0
"""Weight of a question from history, relative to a question for a function."""
WEIGHED_MODES = ("both", "some", "drafts")
"""Modes whose questions the weights are fitted on together: an index passes through all of them."""
FEATURE_PENALTY = 0.002
LIKENESS_PENALTY = 0.1
"""The same for the two signals of `similar`. With 0.01 the tokens get less weight and MRR is 0.02 lower."""
LIKENESS = ("meaning", "tokens")
_EVEN = dict.fromkeys(LIKENESS, 1.0)
CALLED_NOTHING = 0.03
"""Fraction of the answered questions that fall below the threshold. On repositories that were not seen it is
a little more; the goal is at most 0.05."""
_UNSURE = dict.fromkeys(SEARCH_MODES, Calibration(Logistic(0.0, {}), Logistic(0.0, {}), 0.0))
_MISSING_FEATURES = {
    "both": (),
    "some": (),
    "drafts": (),
    "words": ("nearest", "margin"),
    "vectors": ("coverage", "best_coverage", "path_words", "unknown"),
}
"""Search mode -> features that cannot be computed in it."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A question with its ranking by weights that were fitted on other repositories."""

    case: RankingCase
    ranked: list[Hit]
    features: Mapping[str, float]

    @property
    def right(self) -> bool:
        """Whether the first result answers it."""
        return self.answerable and bool(self.ranked) and self.case.is_answered_by(self.ranked[0])

    @property
    def answerable(self) -> bool:
        return self.case.part != NOTHING


@dataclass(frozen=True, slots=True)
class ModeFit:
    """All questions in one search mode."""

    judged: list[Judged]
    judgements: list[Judgement]
    """One for each question, from a calibration on other repositories."""
    calibration: Calibration
    """Calibration on all repositories."""
    held_out: Mapping[str, Calibration]
    """Repository -> calibration on all others."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The result of `validated`."""

    whole: RankingModel
    """Fitted on all repositories."""
    modes: Mapping[str, ModeFit]
    held_out: Mapping[str, RankingModel]
    """Repository -> the model fitted on those of the other folds."""
    similar: Mapping[str, float]
    """The weights of `similar`."""
    similar_held_out: Mapping[str, Mapping[str, float]]
    history: Mapping[str, Mapping[str, float]]
    """Search mode -> metric -> value on the history questions that were not fitted on."""

    def counts(self) -> dict[str, int]:
        """Part -> number of questions."""
        return dict(Counter(each.case.part for each in self.modes["both"].judged))

    def figures(self) -> dict[str, dict[str, float]]:
        """Search mode -> metric -> value, each question answered by a ranking that has not seen its
        repository."""
        return {name: _figures(mode) for name, mode in self.modes.items()}

    def reliability(self, bins: int) -> Iterator[tuple[float, float, int]]:
        """(mean confidence, fraction of first results that were right, questions) of equally large groups."""
        mode = self.modes["both"]
        pairs = sorted(
            (judgement.confidence, float(each.right))
            for each, judgement in zip(mode.judged, mode.judgements, strict=True)
        )
        for part in np.array_split(np.array(pairs), bins):
            yield float(part[:, 0].mean()), float(part[:, 1].mean()), len(part)

    def model(self) -> dict[str, Any]:
        """The weights and calibrations as `RankingModel.from_json` reads them."""
        return {
            **_as_row(self.whole),
            "confidence": {name: _as_json(mode.calibration) for name, mode in self.modes.items()},
            "similar": dict(self.similar),
        }

    def folds(self) -> dict[str, Any]:
        """Repository -> the model fitted on the other folds, as `RankingModel.from_json` reads it."""
        return {
            repo: {
                **_as_row(model),
                "confidence": {name: _as_json(mode.held_out[repo]) for name, mode in self.modes.items()},
                "similar": dict(self.similar_held_out[repo]),
            }
            for repo, model in self.held_out.items()
        }


def validated(
    bench: Bench,
    by_repo: Mapping[str, RepositoryQuestions],
    history: Mapping[str, Sequence[RankingCase]] | None = None,
) -> Fit:
    """Fit on all repositories, and judge every question by a fit without its own.

    Args:
        bench: the indexes.
        by_repo: repository -> its questions.
        history: search mode -> questions from history. Half of their repositories are fitted on in the mode
            `drafts`, figures are taken on the other half.
    """
    history = history or {}
    half = fitted_half({case.repo for of_mode in history.values() for case in of_mode})
    cases_of = {
        mode: [case for repo, rows in sorted(by_repo.items()) for case in cases(bench, repo, rows, mode)]
        for mode in SEARCH_MODES
    }

    lists = [
        (case.repo, case.candidate_list())
        for mode in WEIGHED_MODES
        for case in cases_of[mode]
        if case.part != NOTHING
    ]
    past = [
        replace(case.candidate_list(), weight=HISTORY_WEIGHT)
        for case in history.get("drafts", ())
        if case.repo in half
    ]

    whole = _model([candidate_list for _, candidate_list in lists], past)

    fold_of = {repo: number % FOLDS for number, repo in enumerate(sorted(by_repo))}

    @cache
    def without_folds(folds: frozenset[int]) -> RankingModel:
        seen = [candidate_list for repo, candidate_list in lists if fold_of[repo] not in folds]
        return _model(seen, past, whole)

    def without(repos: frozenset[str]) -> RankingModel:
        return without_folds(frozenset(fold_of[repo] for repo in repos))

    modes = {mode: _fit_of_mode(mode, in_mode, without) for mode, in_mode in cases_of.items()}
    held_out = {repo: without(frozenset({repo})) for repo in by_repo}
    pairs = {repo: likenesses(bench, repo, rows) for repo, rows in by_repo.items()}
    similar_held_out = {
        repo: _likeness({other: pairs[other] for other in pairs if other != repo}) for repo in pairs
    }
    model = whole
    on_history = {
        mode: _history_figures([case for case in of_mode if case.repo not in half], model)
        for mode, of_mode in history.items()
    }
    return Fit(model, modes, held_out, _likeness(pairs), similar_held_out, on_history)


def _history_figures(questions: Sequence[RankingCase], model: RankingModel) -> dict[str, float]:
    ranks = [case.outcome(_judged(case, model).ranked) for case in questions]
    rows = {
        "MRR by function": fmean(each.reciprocal() for each in ranks),
        **{f"recall@{k} by function": fmean(each.recall(k) for each in ranks) for k in (10, 100)},
    }
    return {name: round(value, 4) for name, value in rows.items()}


def _likeness(pairs: Mapping[str, Sequence[CandidateList]]) -> dict[str, float]:
    lists = [candidate_list for of_repo in pairs.values() for candidate_list in of_repo]
    weights = fit_ranker(lists, LIKENESS_PENALTY, [1] * len(LIKENESS))
    return {name: round(float(weight), 4) for name, weight in zip(LIKENESS, weights, strict=True)}


def _model(
    lists: Sequence[CandidateList], past: Sequence[CandidateList], near: RankingModel | None = None
) -> RankingModel:
    """Fit weights on questions and on those from history, faster from the weights of a similar model."""
    signs = [-1 if name in PENALTY_SIGNALS else 1 for name in FITTED_SIGNALS]
    start = np.array([near.weights[name] for name in FITTED_SIGNALS]) if near else None
    at = FITTED_SIGNALS.index(LENGTH)
    length = float(fit_ranker(lists, LENGTH_PENALTY, signs, start)[at])
    weights = fit_ranker([_with_length(each, at, length) for each in (*lists, *past)], PENALTY, signs, start)
    weights[at] = length
    network = fit_network(NETWORK_INPUTS, [_for_network(each, weights) for each in (*lists, *past)], RECIPE)
    named = dict(zip(FITTED_SIGNALS, map(float, weights), strict=True))
    return RankingModel(named, _UNSURE, _EVEN, network)


def _for_network(candidates: CandidateList, weights: RealArray) -> CandidateList:
    """Add the context to the signals that networks see, and the weighted sum to the offset."""
    rows = len(candidates.offset)
    seen = [at for at, name in enumerate(FITTED_SIGNALS) if name != LENGTH]
    known = np.tile(candidates.context, (rows, 1))
    return replace(
        candidates,
        signals=np.concatenate([candidates.signals[:, seen], known], axis=1),
        offset=candidates.offset + candidates.signals @ weights,
    )


def _as_row(model: RankingModel) -> dict[str, Any]:
    weights = {name: round(weight, 4) for name, weight in model.weights.items()}
    return {"weights": weights, "network": model.network.to_json() if model.network else None}


def _with_length(candidates: CandidateList, at: int, weight: float) -> CandidateList:
    """Move a signal with a known weight to the offset."""
    signals = candidates.signals.copy()
    offset = candidates.offset + weight * signals[:, at]
    signals[:, at] = 0.0
    return replace(candidates, signals=signals, offset=offset)


def _fit_of_mode(
    mode: str, questions: Sequence[RankingCase], without: Callable[[frozenset[str]], RankingModel]
) -> ModeFit:
    """Judge every question by a calibration on rankings that have not seen its repository."""
    known: dict[tuple[int, int], tuple[RankingModel, Judged]] = {}

    def judge(case: RankingCase, *left_out: str) -> Judged:
        model = without(frozenset(left_out))
        # Repositories of one fold are left out by the same model.
        key = id(case), id(model)
        if key not in known:
            known[key] = model, _judged(case, model)
        return known[key][1]

    judged = [judge(case, case.repo) for case in questions]

    def calibrated(repo: str) -> Calibration:
        others = (case for case in questions if case.repo != repo)
        return _calibrated(mode, [judge(case, case.repo, repo) for case in others])

    held_out = {repo: calibrated(repo) for repo in sorted({case.repo for case in questions})}
    judgements = [held_out[one.case.repo].judge(one.features) if one.ranked else NO_RESULT for one in judged]
    return ModeFit(judged, judgements, _calibrated(mode, judged), held_out)


def _probability(head: Logistic, judged: Judged) -> float:
    return head.probability(judged.features) if judged.ranked else 0.0


def _judged(case: RankingCase, model: RankingModel) -> Judged:
    ranked = fuse(case.query, case.hits, case.evidence, Settings(), model)
    return Judged(case, ranked.hits, ranked.features)


def _calibrated(mode: str, questions: Sequence[Judged]) -> Calibration:
    """Fit both regressions, and the threshold below which `CALLED_NOTHING` of the answered questions fall."""
    judged = [each for each in questions if each.ranked]
    names = [name for name in FEATURES if name not in _MISSING_FEATURES[mode]]
    inputs = np.array([[each.features[name] for name in names] for each in judged])

    def fitted(labels: Iterable[bool]) -> Logistic:
        bias, weights = fit_logistic(inputs, np.array(list(labels), dtype=np.float64), FEATURE_PENALTY)
        return Logistic(bias, dict(zip(names, map(float, weights), strict=True)))

    answerable = fitted(each.answerable for each in judged)
    answered = [_probability(answerable, each) for each in questions if each.answerable]
    threshold = round(float(np.quantile(answered, CALLED_NOTHING)), 4)
    return Calibration(fitted(each.right for each in judged), answerable, threshold)


def _figures(mode: ModeFit) -> dict[str, float]:
    outcomes = [(each.case.part, each.case.outcome(each.ranked)) for each in mode.judged if each.answerable]
    functions = [ranks for part, ranks in outcomes if part == FUNCTION]
    rows = {
        "NDCG@10 by file": fmean(ranks.ndcg() for part, ranks in outcomes if part == FILE),
        "MRR by function": fmean(ranks.reciprocal() for ranks in functions),
        **{f"recall@{k} by function": fmean(ranks.recall(k) for ranks in functions) for k in (1, 5, 10)},
        **_certainty(mode),
    }
    return {name: round(value, 4) for name, value in rows.items()}


def _certainty(mode: ModeFit) -> dict[str, float]:
    """Measure how well the probabilities separate questions with an answer from those without."""
    has_answer = np.array([each.answerable for each in mode.judged])
    right = np.array([float(each.right) for each in mode.judged])
    confidence, answerable, matches = map(np.array, zip(*mode.judgements, strict=True))
    called = ~matches
    return {
        "AUROC of confidence": auroc(list(confidence[has_answer]), list(confidence[~has_answer])).value,
        "AUROC of answerable": auroc(list(answerable[has_answer]), list(answerable[~has_answer])).value,
        "answered called nothing": float(called[has_answer].mean()),
        "nothing called nothing": float(called[~has_answer].mean()),
        "Brier score of confidence": float(((confidence - right) ** 2).mean()),
    }


def _as_json(calibration: Calibration) -> dict[str, Any]:
    heads = {"right": calibration.right, "answerable": calibration.answerable}
    return {**{name: _rounded(head) for name, head in heads.items()}, "threshold": calibration.threshold}


def _rounded(head: Logistic) -> dict[str, Any]:
    weights = {name: round(weight, 4) for name, weight in head.weights.items()}
    return {"bias": round(head.bias, 4), "weights": weights}
