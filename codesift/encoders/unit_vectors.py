"""Unit vectors: the mean direction of several vectors, and the last check of what an encoder returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codesift.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.engine import Floats
    from codesift.models.adapters import Adapter
    from codesift.models.bases import Base
    from codesift.types import Matrix


def check_finite(vectors: Matrix, base: Base, adapter: Adapter | None) -> Matrix:
    """The same vectors, if each is finite and has a direction.

    Args:
        vectors: shape (texts, dimensions) or (dimensions,).
        base: the model they are from.
        adapter: the adapter they were encoded with.

    Raises:
        ModelError: a number is NaN or infinite, or a vector is zero.
    """
    if np.isfinite(vectors).all() and vectors.any(axis=-1).all():
        return vectors
    adapted = f" with the adapter {adapter.name} ({adapter.path})" if adapter else ""
    raise ModelError(
        f"the model {base.name}{adapted} gives numbers that are not finite, or vectors of length 0",
        "use another model" if adapter is None else "use other adapters, or none",
    )


def mean_direction(vectors: Sequence[Floats] | Floats) -> Floats:
    """The mean of vectors, each of shape (dimensions,), scaled to length 1."""
    mean: Floats = np.asarray(vectors, dtype=np.float32).mean(axis=0)
    unit: Floats = mean / np.float32(np.linalg.norm(mean))
    return unit
