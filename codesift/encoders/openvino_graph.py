"""BERT with mean pooling as an OpenVINO graph, built from the stored weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.encoders.openvino_import import openvino as ov
from codesift.encoders.openvino_import import opset as op
from codesift.encoders.weight_shapes import POSITIONS, TYPES, WORDS
from codesift.encoders.weights import Quantised

if TYPE_CHECKING:
    from codesift.encoders.weights import Weights

_HIDDEN = np.float32(-10000)
"""Added to the score of a padding token; its exponential is 0 in every precision used."""


def build(weights: Weights) -> ov.Model:
    """The graph: int32 ids and mask (batch, tokens) -> float32 (batch, dimensions), rows of length 1."""
    ids = op.parameter([-1, -1], np.int32, name="ids")
    mask = op.parameter([-1, -1], np.int32, name="mask")
    shown = op.convert(mask, "f32")
    bias = op.multiply(op.subtract(_f32(1), op.unsqueeze(shown, _i64(1, 2))), op.constant(_HIDDEN))
    graph = _Graph(weights)
    x = graph.embed(ids)  # (batch, tokens, dim)
    for number in range(weights.layers):
        x = graph.layer(x, bias, f"encoder.layer.{number}.")
    return ov.Model([op.result(_mean(x, shown))], [ids, mask], "bert")


class _Graph:
    """Builds nodes; every method takes and returns nodes of OpenVINO's graph."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._dim = weights.dimensions

    def embed(self, ids: ov.Node) -> ov.Node:
        vectors = self._weights.vectors
        table = vectors[POSITIONS] + vectors[TYPES][0]
        axis = op.constant(np.int32(0))
        tokens = op.gather(op.shape_of(ids, "i32"), op.constant(np.int32(1)), axis)
        numbers = op.range(axis, tokens, op.constant(np.int32(1)), "i32")
        words = op.gather(_matrix(self._weights.matrices[WORDS]), ids, axis)
        return self._norm(op.add(words, op.gather(op.constant(table), numbers, axis)), "embeddings.LayerNorm")

    def layer(self, x: ov.Node, bias: ov.Node, name: str) -> ov.Node:
        attended = self._linear(
            self._attend(x, bias, name + "attention.self."), name + "attention.output.dense"
        )
        x = self._norm(op.add(x, attended), name + "attention.output.LayerNorm")
        inner = op.gelu(self._linear(x, name + "intermediate.dense"), "erf")
        return self._norm(op.add(x, self._linear(inner, name + "output.dense")), name + "output.LayerNorm")

    def _attend(self, x: ov.Node, bias: ov.Node, name: str) -> ov.Node:
        heads = self._weights.heads
        # One product for all three: the activations are quantised once instead of three times.
        joint = self._linear(x, name + "query", name + "key", name + "value")  # (batch, tokens, 3 * dim)
        joint = op.reshape(joint, _i64(0, 0, 3, heads, self._dim // heads), True)
        joint = op.transpose(joint, _i64(2, 0, 3, 1, 4))  # (3, batch, heads, tokens, dim / heads)
        zero = op.constant(np.int32(0))
        query, key, value = (op.gather(joint, op.constant(np.int32(i)), zero) for i in range(3))
        attended = op.scaled_dot_product_attention(query, key, value, bias)
        attended = op.transpose(attended, _i64(0, 2, 1, 3))  # (batch, tokens, heads, dim / heads)
        return op.reshape(attended, _i64(0, 0, self._dim), True)

    def _linear(self, x: ov.Node, *names: str) -> ov.Node:
        matrices = [self._weights.matrices[name + ".weight"] for name in names]
        bias = np.concatenate([self._weights.vectors[name + ".bias"] for name in names])
        return op.add(op.matmul(x, _matrix(*matrices), False, True), op.constant(bias))

    def _norm(self, x: ov.Node, name: str) -> ov.Node:
        y = op.mvn(x, _i64(-1), True, self._weights.epsilon, "inside_sqrt")
        weight, bias = (self._weights.vectors[f"{name}.{part}"] for part in ("weight", "bias"))
        return op.add(op.multiply(y, op.constant(weight)), op.constant(bias))


def _matrix(*parts: Quantised) -> ov.Node:
    """Matrices on top of each other, left as integers for the plugin to compute with."""
    values = op.convert(op.constant(np.concatenate([part.values for part in parts])), "f16")
    scales = op.constant(np.concatenate([part.scales for part in parts]))
    return op.convert(op.multiply(values, scales), "f32")


def _mean(x: ov.Node, shown: ov.Node) -> ov.Node:
    column = op.unsqueeze(shown, _i64(2))  # (batch, tokens, 1)
    total = op.reduce_sum(op.multiply(x, column), _i64(1))
    return op.normalize_l2(op.divide(total, op.reduce_sum(column, _i64(1))), _i64(1), 1e-12, "add")


def _i64(*numbers: int) -> Any:
    return op.constant(np.array(numbers, np.int64))


def _f32(number: float) -> Any:
    return op.constant(np.float32(number))
