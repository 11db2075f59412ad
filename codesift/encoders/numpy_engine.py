"""Texts one after another through BERT in plain numpy: for one query, nothing starts sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from codesift.encoders.unit_vectors import mean_direction
from codesift.encoders.weight_shapes import POSITIONS, TYPES, WORDS
from codesift.encoders.weights import check_fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codesift.encoders.engine import Floats, Ids
    from codesift.encoders.weights import Change, Weights


class NumpyEngine:
    """An `Engine` without anything to import or compile. It may be called from several threads.

    Args:
        weights: of the base.
        changes: of an adapter, by name of the matrix.
        dense: matrices of the weights that were unpacked, shared by the engines of several adapters.

    Raises:
        ModelError: if the changes do not fit the base.
    """

    def __init__(
        self, weights: Weights, changes: Mapping[str, Change], dense: dict[str, Floats] | None = None
    ) -> None:
        check_fit({name: matrix.values.shape for name, matrix in weights.matrices.items()}, changes)
        self._weights = weights
        self._changes = changes
        self._dense: dict[str, Floats] = {} if dense is None else dense

    def __call__(self, texts: Sequence[Ids], /) -> Floats:
        """Encode token ids, each of shape (tokens,). Returns shape (len(texts), dimensions)."""
        vectors = np.empty((len(texts), self._weights.dimensions), dtype=np.float32)
        for row, ids in enumerate(texts):
            vectors[row] = self._encode(ids)
        return vectors

    def _encode(self, ids: Ids) -> Floats:
        """One text. Returns shape (dimensions,), length 1."""
        x = self._embed(ids)  # (tokens, dim)
        for number in range(self._weights.layers):
            x = self._layer(x, f"encoder.layer.{number}.")
        return mean_direction(x)

    def _embed(self, ids: Ids) -> Floats:
        vectors = self._weights.vectors
        x = self._weights.matrices[WORDS].take(ids)
        x += vectors[POSITIONS][: len(ids)]
        x += vectors[TYPES][0]
        return self._norm(x, "embeddings.LayerNorm")

    def _layer(self, x: Floats, name: str) -> Floats:
        attended = self._linear(self._attend(x, name + "attention.self."), name + "attention.output.dense")
        x = self._norm(x + attended, name + "attention.output.LayerNorm")
        inner = gelu(self._linear(x, name + "intermediate.dense"))  # (tokens, 4 * dim)
        return self._norm(x + self._linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def _attend(self, x: Floats, name: str) -> Floats:
        tokens, dim = x.shape
        heads = self._weights.heads
        query, key, value = (
            self._linear(x, name + part).reshape(tokens, heads, -1).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )  # (heads, tokens, dim / heads)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(dim // heads))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Floats = (scores @ value).transpose(1, 0, 2).reshape(tokens, dim)
        return attended

    def _linear(self, x: Floats, name: str) -> Floats:
        if name not in self._dense:
            self._dense[name] = self._weights.matrices[name + ".weight"].dense()
        y: Floats = x @ self._dense[name].T
        if change := self._changes.get(name + ".weight"):
            # Beside W instead of added to it: for the few tokens of a query that is less work.
            y += (x @ change.a.T) @ change.b.T
        y += self._weights.vectors[name + ".bias"]
        return y

    def _norm(self, x: Floats, name: str) -> Floats:
        y: Floats = x - x.mean(axis=-1, keepdims=True)
        y /= np.sqrt((y * y).mean(axis=-1, keepdims=True) + np.float32(self._weights.epsilon))
        y *= self._weights.vectors[name + ".weight"]
        y += self._weights.vectors[name + ".bias"]
        return y


def gelu(x: Floats) -> Floats:
    """x * Phi(x), with the error function as in Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    z = np.abs(x) * np.float32(2**-0.5)
    t: Floats = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    polynomial: Floats = np.full_like(x, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial *= t
        polynomial += np.float32(coefficient)
    half: Floats = np.float32(0.5) * polynomial * t * np.exp(-z * z)  # 1 - Phi(|x|)
    return x * np.where(x > 0, 1 - half, half)
