"""Exact search: comparing a query with all vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix as Rows

Found = list[tuple[int, float]]
"""(vector id, cosine), best first."""


def exact(blocks: Iterator[tuple[NDArray[np.int64], Rows]], query: Rows, limit: int) -> Found:
    """Nearest vectors by looking at all of them, block by block.

    Args:
        blocks: (ids (n,), vectors (n, dimensions)).
        query: shape (dimensions,), length 1.
        limit: how many.

    Raises:
        ValueError: a vector is not finite.
    """
    found: Found = []
    for ids, block in blocks:
        cosines = block @ query  # (n,)
        if not math.isfinite(float(cosines.sum())):
            raise ValueError("a vector is not finite")
        best = (-cosines).argsort(kind="stable")[:limit]
        found += zip(ids[best].tolist(), cosines[best].tolist(), strict=True)
        found = sorted(found, key=best_first)[:limit]
    return found


def best_first(pair: tuple[int, float]) -> tuple[float, int]:
    """Sort key of `Found`: by cosine, the lower id first where two are equal."""
    return -pair[1], pair[0]
