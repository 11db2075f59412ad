"""Nearest units: by the cosine of their windows to one or several query vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from codesift.index.opening import Index
from codesift.index.selection import Selection

if TYPE_CHECKING:
    from codesift.index.vectors import Match
    from codesift.types import Matrix

_SPARE_FACTOR = 2
"""Vectors requested per requested unit, because several windows may belong to one unit."""

Complete = Callable[[Sequence[int]], "Iterable[tuple[list[Match], Matrix]]"]
"""Encodes some of the units that have no vectors, the first ones first; see `IndexAccess.complete`."""
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
    """Compute the cosines of units to the query vectors; units without a vector are left out."""
    return compared_windows(index.primary.neighbors.of_units(unit_ids), vectors) if vectors else {}


def compared_windows(windows: Iterable[tuple[list[Match], Matrix]], vectors: Sequence[Matrix]) -> Near:
    """Compute the cosines of the best windows of units to the query vectors.

    The last digits depend neither on the search that found the units nor on their order.

    Args:
        windows: windows and their vectors of shape (windows, dimensions), in parts.
        vectors: query vectors, at least one.
    """
    import numpy as np

    near: Near = {}
    for matches, data in windows:
        # The last digits of a matrix product would depend on the row that a window is in.
        cosines = np.einsum("wd,qd->wq", data, np.stack(vectors)).max(axis=1)  # (windows,)
        for window, cosine in zip(matches, cosines.tolist(), strict=True):
            if window.unit_id not in near or cosine > near[window.unit_id][0]:
                near[window.unit_id] = cosine, (window.start_line, window.end_line)
    return near


def vector_of_unit(index: Index) -> Callable[[int], Matrix | None]:
    """Return the function unit id -> vector by which units are compared with each other, of length 1.

    It is the mean of a unit's windows if all units have vectors; otherwise all are compared by their drafts.
    """
    _, units = index.catalog.counts()
    if index.primary.vectors.ready() == units or not index.primary.drafts.any():
        return index.primary.vectors.mean_of_unit
    return index.primary.drafts.of_unit
