"""The two small models: a linear ranker (listwise softmax) and a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evaluation.arrays import RealArray

    Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class CandidateList:
    """The candidates of one question."""

    signals: RealArray
    """Shape (candidates, signals)."""
    offset: RealArray
    """Shape (candidates,): an addend to the value of each candidate that is not fitted."""
    items: Integers
    """Shape (candidates,): the item of each candidate, 0 .. m - 1: itself, or its file."""
    relevant: NDArray[np.bool_]
    """Shape (m,): which items answer the question."""
    weight: float = 1.0
    context: RealArray = field(default_factory=lambda: np.empty(0))
    """Shape (properties,): what is the same for all candidates; only networks read it."""


def fit_ranker(
    lists: Sequence[CandidateList],
    penalty: float,
    signs: Sequence[int],
    start: RealArray | None = None,
) -> RealArray:
    """Weights that make a softmax over the items of each question give most to those that answer it.

    An item's value is the highest of its candidates: a file is as good as its best unit. The loss is the
    cross entropy of ListNet's top-one form (Cao et al. 2007), with the answers alike, plus an L2 penalty on
    standardized weights.

    Args:
        lists: one for each question; those in which no candidate answers are left out.
        penalty: factor of the squared weights.
        signs: one for each weight: 1 if it is at least 0, -1 if it is at most 0.
        start: weights of a similar fit, shape (signals,); from there it takes a tenth of the steps.

    Returns:
        Shape (signals,).
    """
    from scipy.optimize import minimize

    bounds = [(0.0, None) if sign > 0 else (None, 0.0) for sign in signs]
    stacked = _Stacked([each for each in lists if each.relevant.any()])

    def loss(weights: RealArray) -> tuple[float, RealArray]:
        value, gradient = stacked.loss(weights)
        return value + penalty * float(weights @ weights), gradient + 2 * penalty * weights

    first = np.zeros(len(stacked.scale)) if start is None else start * stacked.scale
    result = minimize(loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
    return np.asarray(result.x / stacked.scale)


class _Stacked:
    """The candidates of all questions in one matrix, with the candidates of an item side by side."""

    def __init__(self, lists: Sequence[CandidateList]) -> None:
        orders = [np.argsort(each.items, kind="stable") for each in lists]
        paired = list(zip(lists, orders, strict=True))
        signals = np.concatenate([each.signals[order] for each, order in paired])
        self.scale = signals.std(axis=0) + 1e-9
        self._signals = signals / self.scale
        self._offset = np.concatenate([each.offset[order] for each, order in paired])
        self._item_starts = _starts([each.items[order] for each, order in paired])
        self._item_of = np.repeat(
            np.arange(len(self._item_starts)), np.diff(np.r_[self._item_starts, len(signals)])
        )
        sizes = np.array([len(each.relevant) for each in lists])
        self._starts = np.r_[0, np.cumsum(sizes)[:-1]]
        self._question_of = np.repeat(np.arange(len(sizes)), sizes)
        self._relevance = np.concatenate([each.relevant / each.relevant.sum() for each in lists])
        self._weight = np.array([each.weight for each in lists]) / len(lists)

    def loss(self, weights: RealArray) -> tuple[float, RealArray]:
        """Mean cross entropy, and its gradient of shape (signals,)."""
        values = self._signals @ weights + self._offset
        top = np.maximum.reduceat(values, self._item_starts)
        is_best = np.flatnonzero(values == top[self._item_of])
        best = is_best[np.unique(self._item_of[is_best], return_index=True)[1]]  # The first of equals.
        highest = np.maximum.reduceat(top, self._starts)
        odds = np.exp(top - highest[self._question_of])
        total = np.add.reduceat(odds, self._starts)
        losses = np.log(total) + highest - np.add.reduceat(self._relevance * top, self._starts)
        pull = (odds / total[self._question_of] - self._relevance) * self._weight[self._question_of]
        return float(self._weight @ losses), pull @ self._signals[best]


def _starts(items: Sequence[Integers]) -> Integers:
    """The index at which each item's candidates begin, with the questions one after the other."""
    counts = np.concatenate([np.bincount(each) for each in items])
    return np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)


def fit_logistic(features: RealArray, labels: RealArray, penalty: float) -> tuple[float, RealArray]:
    """Logistic regression with an L2 penalty on standardized weights.

    Args:
        features: shape (n, features).
        labels: shape (n,), 0 or 1.
        penalty: factor of the squared weights.

    Returns:
        (bias, weights of shape (features,)).
    """
    from scipy.optimize import minimize

    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    inputs = np.concatenate([np.ones((len(features), 1)), (features - mean) / scale], axis=1)

    def loss(weights: RealArray) -> tuple[float, RealArray]:
        values = inputs @ weights
        kept = np.r_[0.0, weights[1:]]
        value = np.logaddexp(0, values).mean() - (labels * values).mean() + penalty * float(kept @ kept)
        gradient = inputs.T @ (1 / (1 + np.exp(-values)) - labels) / len(labels) + 2 * penalty * kept
        return float(value), gradient

    solution = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    weights = solution[1:] / scale
    return float(solution[0] - mean @ weights), np.asarray(weights)
