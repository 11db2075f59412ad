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


_BLOCK = 1 << 15
"""Numbers that are worked on at once where there are intermediate results: 128 KiB each."""


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

    def prepare(self) -> None:
        """Unpack the matrices of all layers, instead of each at its first use."""
        for name in self._weights.matrices:
            if name.startswith("encoder."):
                self._matrix(name.removesuffix(".weight"))

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
        query = query / np.float32(np.sqrt(dim // heads))
        attended = np.empty((tokens, heads, dim // heads), np.float32)
        at_once = max(1, _BLOCK // (tokens * tokens))
        for start in range(0, heads, at_once):
            part = slice(start, start + at_once)
            scores = query[part] @ key[part].transpose(0, 2, 1)  # (heads at once, tokens, tokens)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            sums = scores.sum(axis=-1, keepdims=True)
            attended[:, part] = (scores @ value[part] / sums).transpose(1, 0, 2)
        return attended.reshape(tokens, dim)

    def _linear(self, x: Floats, name: str) -> Floats:
        y: Floats = x @ self._matrix(name).T
        if change := self._changes.get(name + ".weight"):
            # Beside W instead of added to it: for the few tokens of a query that is less work.
            y += (x @ change.a.T) @ change.b.T
        y += self._weights.vectors[name + ".bias"]
        return y

    def _matrix(self, name: str) -> Floats:
        if name not in self._dense:
            self._dense[name] = self._weights.matrices[name + ".weight"].dense()
        return self._dense[name]

    def _norm(self, x: Floats, name: str) -> Floats:
        y: Floats = x - x.mean(axis=-1, keepdims=True)
        y /= np.sqrt((y * y).mean(axis=-1, keepdims=True) + np.float32(self._weights.epsilon))
        y *= self._weights.vectors[name + ".weight"]
        y += self._weights.vectors[name + ".bias"]
        return y


def gelu(x: Floats) -> Floats:
    """x * Phi(x), with the error function as in Abramowitz and Stegun 7.1.26 (error below 1.5e-7).

    It is computed in blocks, so that the intermediate values stay in the cache of a core.
    """
    result = np.empty_like(x)
    flat, results = x.reshape(-1), result.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        part = flat[start : start + _BLOCK]
        z = np.abs(part)
        z *= np.float32(2**-0.5)
        t = z * np.float32(0.3275911)
        t += np.float32(1)
        np.reciprocal(t, out=t)
        polynomial = t * np.float32(1.061405429)
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            polynomial += np.float32(coefficient)
            polynomial *= t
        z *= z
        np.negative(z, out=z)
        np.exp(z, out=z)
        polynomial *= z
        polynomial *= np.float32(0.5)  # 1 - Phi(|x|)
        # x * Phi(x) is max(x, 0) - |x| * (1 - Phi(|x|)).
        polynomial *= np.abs(part)
        np.maximum(part, 0, out=z)
        np.subtract(z, polynomial, out=results[start : start + _BLOCK])
    return result
