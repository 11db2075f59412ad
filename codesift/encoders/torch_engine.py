"""Many texts through torch, for a converted base on a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from codesift.encoders.torch_common import device_errors, find_device, in_batches, mean_of_tokens
from codesift.encoders.weight_shapes import POSITIONS, TYPES, WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.engine import Floats, Ids
    from codesift.encoders.weights import Weights


class TorchEngine:
    """An `Engine` that computes BERT with mean pooling in float32.

    Args:
        weights: of the base, with an adapter merged in.
        device: as `find_device` takes it.
        threads: how many to use on the CPU; 0 leaves them to torch.

    Raises:
        ModelError: torch has no such device, or it has no room for the weights.
    """

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._device = find_device(device)
        self._dimensions, self._layers = weights.dimensions, weights.layers
        self._heads, self._epsilon = weights.heads, weights.epsilon
        tensors = {name: matrix.dense() for name, matrix in weights.matrices.items()} | weights.vectors
        with device_errors(self._device):
            self._tensors = {name: torch.from_numpy(part).to(self._device) for name, part in tensors.items()}

    def __call__(self, texts: Sequence[Ids], /) -> Floats:
        """Encode token ids, each of shape (tokens,). Returns shape (len(texts), dimensions) in that order.

        Raises:
            ModelError: the device failed, such as by lack of memory.
        """
        with device_errors(self._device):
            return in_batches(texts, self._dimensions, self._device, self._forward)

    def _forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Ids and mask, each of shape (batch, tokens). Returns shape (batch, dim)."""
        x = self._embed(ids)  # (batch, tokens, dim)
        visible = mask.bool()[:, None, None, :]  # (batch, 1, 1, tokens)
        for number in range(self._layers):
            x = self._layer(x, visible, f"encoder.layer.{number}.")
        return mean_of_tokens(x, mask)

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        table = self._tensors[POSITIONS]
        # Padding may reach beyond the table; what stands there is masked.
        numbers = torch.arange(ids.shape[1], device=self._device).clamp(max=len(table) - 1)
        x = functional.embedding(ids, self._tensors[WORDS]) + table[numbers] + self._tensors[TYPES][0]
        return self._norm(x, "embeddings.LayerNorm")

    def _layer(self, x: torch.Tensor, visible: torch.Tensor, name: str) -> torch.Tensor:
        attended = self._attend(x, visible, name + "attention.self.")
        x = self._norm(
            x + self._linear(attended, name + "attention.output.dense"), name + "attention.output.LayerNorm"
        )
        inner = functional.gelu(self._linear(x, name + "intermediate.dense"))  # (batch, tokens, 4 * dim)
        return self._norm(x + self._linear(inner, name + "output.dense"), name + "output.LayerNorm")

    def _attend(self, x: torch.Tensor, visible: torch.Tensor, name: str) -> torch.Tensor:
        batch, tokens, dim = x.shape
        query, key, value = (
            self._linear(x, name + part).view(batch, tokens, self._heads, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )  # (batch, heads, tokens, dim / heads)
        attended = functional.scaled_dot_product_attention(query, key, value, visible)
        return attended.transpose(1, 2).reshape(batch, tokens, dim)

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return functional.linear(x, self._tensors[name + ".weight"], self._tensors[name + ".bias"])

    def _norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        weight, bias = (self._tensors[f"{name}.{part}"] for part in ("weight", "bias"))
        return functional.layer_norm(x, (self._dimensions,), weight, bias, self._epsilon)
