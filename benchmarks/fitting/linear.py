"""The two small models: a linear ranker (listwise softmax) and a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Listing:
    """The candidates of one question."""

    signals: Floats
    """Shape (candidates, signals)."""
    offset: Floats
    """Shape (candidates,): what is added to the value of each and is not fitted."""
    items: Integers
    """Shape (candidates,): what each stands for, 0 .. m - 1: itself, or its file."""
    relevant: NDArray[np.bool_]
    """Shape (m,): which items answer the question."""
    weight: float = 1.0


def fit_ranker(listings: Sequence[Listing], penalty: float) -> Floats:
    """Weights that make a softmax over the items of each question give most to those that answer it.

    An item's value is the highest of its candidates: a file is as good as its best unit. The loss is the cross
    entropy of ListNet's top-one form (Cao et al. 2007), with the answers alike, plus an L2 penalty on
    standardised weights.

    Args:
        listings: questions; those none of whose candidates answers are left out.
        penalty: of the squared weights.

    Returns:
        Shape (signals,).
    """
    from scipy.optimize import minimize

    kept = [each for each in listings if each.relevant.any()]
    scale = np.concatenate([each.signals for each in kept]).std(axis=0) + 1e-9
    scaled = [each.signals / scale for each in kept]

    def loss(weights: Floats) -> tuple[float, Floats]:
        parts = [_loss(each, own, weights) for each, own in zip(kept, scaled, strict=True)]
        value = sum(part[0] for part in parts) / len(parts) + penalty * float(weights @ weights)
        gradient = sum(part[1] for part in parts) / len(parts) + 2 * penalty * weights
        return value, gradient

    found = minimize(loss, np.zeros(len(scale)), jac=True, method="L-BFGS-B", options={"maxiter": 300})
    return np.asarray(found.x / scale)


def _loss(listing: Listing, signals: Floats, weights: Floats) -> tuple[float, Floats]:
    """Cross entropy of one question, and its gradient of shape (signals,)."""
    values = signals @ weights + listing.offset
    order = np.argsort(values, kind="stable")
    best = np.zeros(len(listing.relevant), dtype=np.int64)
    best[listing.items[order]] = order  # The last written is the highest.
    top = values[best]
    shares = np.exp(top - top.max())
    total = shares.sum()
    target = listing.relevant / listing.relevant.sum()
    value = float(np.log(total) + top.max() - target @ top)
    gradient = (shares / total - target) @ signals[best]
    return listing.weight * value, listing.weight * gradient


def fit_logistic(traits: Floats, labels: Floats, penalty: float) -> tuple[float, Floats]:
    """Logistic regression with an L2 penalty on standardised weights.

    Args:
        traits: shape (n, traits).
        labels: shape (n,), 0 or 1.
        penalty: of the squared weights.

    Returns:
        (bias, weights of shape (traits,)).
    """
    from scipy.optimize import minimize

    mean, scale = traits.mean(axis=0), traits.std(axis=0) + 1e-9
    inputs = np.concatenate([np.ones((len(traits), 1)), (traits - mean) / scale], axis=1)

    def loss(weights: Floats) -> tuple[float, Floats]:
        values = inputs @ weights
        kept = np.r_[0.0, weights[1:]]
        value = np.logaddexp(0, values).mean() - (labels * values).mean() + penalty * float(kept @ kept)
        gradient = inputs.T @ (1 / (1 + np.exp(-values)) - labels) / len(labels) + 2 * penalty * kept
        return float(value), gradient

    found = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B").x
    weights = found[1:] / scale
    return float(found[0] - mean @ weights), np.asarray(weights)
