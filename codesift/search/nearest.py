"""Units by the cosine of their windows to one or several vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from codesift.index.opening import Index
from codesift.index.selection import Selection

if TYPE_CHECKING:
    from codesift.types import Matrix

_SPARE_FACTOR = 2
"""Vectors looked for by unit wanted: several windows may belong to one unit."""

Near = dict[int, tuple[float, tuple[int, int]]]
"""Unit id -> (cosine of its best window to the nearest of the given vectors, that window's lines)."""


def nearest(index: Index, vectors: Sequence[Matrix], limit: int, selection: Selection) -> list[int]:
    """Ids of the units whose best windows are nearest to the best of the given vectors, best first.

    Args:
        index: searched as it is.
        vectors: each of shape (dimensions,), length 1.
        limit: at most this many units.
        selection: units that may be returned.
    """
    best: dict[int, float] = {}
    for vector in vectors:
        found = index.primary.neighbors.search(vector, _SPARE_FACTOR * limit, selection)
        windows = index.primary.vectors.matches([vector_id for vector_id, _ in found], selection)
        for vector_id, cosine in found:
            for window in windows.get(vector_id, []):
                best[window.unit_id] = max(cosine, best.get(window.unit_id, -2.0))
    return sorted(best, key=lambda unit_id: (-best[unit_id], unit_id))[:limit]


def compared(index: Index, vectors: Sequence[Matrix], unit_ids: Iterable[int]) -> Near:
    """How near units are; those without a vector are left out.

    The last digits are the same whichever search found the units, and in whatever order.
    """
    near: Near = {}
    if vectors:
        import numpy as np

        for windows, data in index.primary.neighbors.of_units(unit_ids):
            # A matrix product's last digits would depend on the row that a window happens to stand in.
            cosines = np.einsum("wd,qd->wq", data, np.stack(vectors)).max(axis=1)  # (windows,)
            for window, cosine in zip(windows, cosines.tolist(), strict=True):
                if window.unit_id not in near or cosine > near[window.unit_id][0]:
                    near[window.unit_id] = cosine, (window.start_line, window.end_line)
    return near
