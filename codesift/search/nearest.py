"""Nearest units: by the cosine of their windows to one or several query vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from codesift.index.opening import Index
from codesift.index.selection import Selection

if TYPE_CHECKING:
    from codesift.types import Matrix

_SPARE_FACTOR = 2
"""Vectors requested per requested unit, because several windows may belong to one unit."""

Near = dict[int, tuple[float, tuple[int, int]]]
"""Unit id -> (cosine of its best window to the nearest query vector, first and last line of that window)."""


def nearest(index: Index, vectors: Sequence[Matrix], limit: int, selection: Selection) -> list[int]:
    """Return the ids of the units whose best window is nearest to any query vector, best first.

    Args:
        index: the index, which is not refreshed here.
        vectors: query vectors, each of shape (dimensions,) and length 1.
        limit: maximum number of units.
        selection: units that may be returned.
    """
    best: dict[int, float] = {}
    for vector in vectors:
        neighbors = index.primary.neighbors.search(vector, _SPARE_FACTOR * limit, selection)
        windows = index.primary.vectors.matches([vector_id for vector_id, _ in neighbors], selection)
        for vector_id, cosine in neighbors:
            for window in windows.get(vector_id, []):
                best[window.unit_id] = max(cosine, best.get(window.unit_id, -2.0))
    return sorted(best, key=lambda unit_id: (-best[unit_id], unit_id))[:limit]


def compared(index: Index, vectors: Sequence[Matrix], unit_ids: Iterable[int]) -> Near:
    """Compute the cosines of units to the query vectors; units without a vector are left out.

    The last digits depend neither on the search that found the units nor on their order.
    """
    near: Near = {}
    if vectors:
        import numpy as np

        for windows, data in index.primary.neighbors.of_units(unit_ids):
            # The last digits of a matrix product would depend on the row that a window is in.
            cosines = np.einsum("wd,qd->wq", data, np.stack(vectors)).max(axis=1)  # (windows,)
            for window, cosine in zip(windows, cosines.tolist(), strict=True):
                if window.unit_id not in near or cosine > near[window.unit_id][0]:
                    near[window.unit_id] = cosine, (window.start_line, window.end_line)
    return near
