"""Exact search: a query is compared with all vectors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

Found = list[tuple[int, float]]
"""(vector id, cosine), best first."""


_MAX_COSINE = 1.01
"""Maximum cosine of two vectors of length 1, with room for the rounding of float16."""


def exact(blocks: Iterator[tuple[NDArray[np.int64], Matrix]], query: Matrix, limit: int) -> Found:
    """Find the vectors nearest to a query by comparing it with all of them, block by block.

    Args:
        blocks: pairs of ids, shape (n,), and vectors, shape (n, dimensions).
        query: the query vector, of shape (dimensions,) and length 1.
        limit: maximum number of vectors.

    Raises:
        ValueError: a vector is not finite, or longer than 1.
    """
    nearest: Found = []
    for ids, block in blocks:
        cosines = block @ query  # (n,)
        # Written so that it refuses NaN as well, which compares as false with every number.
        if not float(abs(cosines).max()) <= _MAX_COSINE:
            raise ValueError("a vector is not of length 1")
        best = (-cosines).argsort(kind="stable")[:limit]
        nearest += zip(ids[best].tolist(), cosines[best].tolist(), strict=True)
        nearest = sorted(nearest, key=best_first)[:limit]
    return nearest


def best_first(pair: tuple[int, float]) -> tuple[float, int]:
    """Return the sort key of an item of `Found`: by descending cosine, then by ascending id."""
    return -pair[1], pair[0]
