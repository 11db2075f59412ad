"""The stored form of a base model: int8 matrices with one float16 scale a row, float16 for the rest."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codesift.models import Adapter

    Floats = NDArray[np.float32]

SCALES = ".scales"
"""Suffix of the tensor that holds a quantised matrix's scales."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix as integers: row `i` is `values[i] * scales[i]`."""

    values: NDArray[np.int8]
    """Shape (rows, columns), each within -127 and 127."""
    scales: NDArray[np.float16]
    """Shape (rows, 1)."""

    def dense(self) -> Floats:
        """The whole matrix, shape (rows, columns)."""
        dense: Floats = self.values.astype(np.float32)
        dense *= self.scales.astype(np.float32)
        return dense

    def take(self, rows: NDArray[np.int32]) -> Floats:
        """Some rows, shape (len(rows), columns), without touching the others."""
        taken: Floats = self.values[rows].astype(np.float32)
        taken *= self.scales[rows]
        return taken


@dataclass(frozen=True, slots=True)
class Weights:
    """All tensors of a BERT encoder under the names its publisher gave them."""

    matrices: dict[str, Quantised]
    """Linear layers, (out, in), and the word table, (vocabulary, dimensions)."""
    vectors: dict[str, Floats]
    """Biases, norms and the small tables."""
    layers: int
    heads: int
    epsilon: float
    """Added to the variance inside each layer norm."""


def quantise(matrix: Floats) -> Quantised:
    """Round each row to -127..127 times its own scale; doing it twice changes nothing.

    Args:
        matrix: shape (rows, columns).
    """
    largest = np.abs(matrix).max(axis=1, keepdims=True)
    scales = np.maximum(largest / 127, np.float32(2**-24)).astype(np.float16)
    values = np.rint(matrix / scales.astype(np.float32))
    return Quantised(np.clip(values, -127, 127).astype(np.int8), scales)


def read_model(folder: Path) -> dict[str, Any]:
    """The `model.json` of a folder written by `training.convert`.

    Raises:
        ModelError: if it is missing or is not such a file.
    """
    path = folder / "model.json"
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {path}: {error}", "install codesift again") from error
    if not isinstance(model, dict) or model.get("format") != 1:
        raise ModelError(f"{path} is not a model of format 1", "convert it again")
    return model


def load_weights(folder: Path, adapter: Adapter | None = None) -> Weights:
    """Read a converted base model, with a language's adapter added to its matrices.

    Raises:
        ModelError: if a file is missing, cut short or does not fit the model.
    """
    model = read_model(folder)
    tensors = _read_tensors(folder / model["weights"]["file"])
    matrices = {
        name: Quantised(tensor, tensors[name + SCALES])
        for name, tensor in tensors.items()
        if tensor.dtype == np.int8
    }
    if adapter is not None:
        _merge(matrices, _read_tensors(Path(adapter.path)))
    vectors = {
        name: tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if name not in matrices and not name.endswith(SCALES)
    }
    return Weights(matrices, vectors, model["layers"], model["heads"], model["norm_epsilon"])


def _merge(matrices: dict[str, Quantised], adapter: dict[str, NDArray[Any]]) -> None:
    """Replace W by W + B A for each pair `<matrix>.A` (rank, in) and `<matrix>.B` (out, rank)."""
    for name in [key.removesuffix(".A") for key in adapter if key.endswith(".A")]:
        if name not in matrices or name + ".B" not in adapter:
            raise ModelError(f"the adapter's {name} does not fit the base model")
        change = adapter[name + ".B"].astype(np.float32) @ adapter[name + ".A"].astype(np.float32)
        matrices[name] = quantise(matrices[name].dense() + change)


def _read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read the weights in {path}: {error}", "install codesift again") from error
