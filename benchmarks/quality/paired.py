"""Whether one system is better than another, or the questions just fell that way."""

from __future__ import annotations

import numpy as np

from evaluation.arrays import RealArray

ROUNDS = 10_000
_NOISE = 1e-12
"""Sums in another order differ by less than this, and are the same."""


def p_value(ours: RealArray, theirs: RealArray, seed: int, rounds: int = ROUNDS) -> float:
    """Two-sided p of a paired randomisation test on the mean difference over questions.

    If both systems were the same, which one a value of a question came from would be chance. So the two are
    swapped at random, question by question, and p is the share of such rounds whose difference is at least
    as large as the real one (Smucker, Allan and Carterette 2007, "A comparison of statistical significance
    tests for information retrieval evaluation"). The real one counts as a round, so p is never 0.

    Args:
        ours: shape (questions,).
        theirs: of the same questions, in the same order.
        seed: of the swaps.
        rounds: how many.
    """
    differences = ours - theirs
    generator = np.random.default_rng(seed)
    signs = generator.choice(np.array([-1.0, 1.0]), size=(rounds, len(differences)))
    extreme = np.abs(signs @ differences) >= abs(differences.sum()) - _NOISE
    return float((1 + extreme.sum()) / (1 + rounds))
