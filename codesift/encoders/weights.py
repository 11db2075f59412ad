"""The stored form of a base model: int8 matrices with one float16 scale a row, float16 for the rest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
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
class Change:
    """What an adapter adds to one matrix: B A."""

    a: Floats
    """Shape (rank, in)."""
    b: Floats
    """Shape (out, rank)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the matrix, (out, in); empty where the two parts do not fit each other."""
        return (len(self.b), self.a.shape[1]) if len(self.a) == self.b.shape[1] else ()

    def dense(self) -> Floats:
        """The whole change, shape (out, in)."""
        return self.b @ self.a


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
    """Read a converted base model, with an adapter added to its matrices.

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
    vectors = {
        name: tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if name not in matrices and not name.endswith(SCALES)
    }
    weights = Weights(matrices, vectors, model["layers"], model["heads"], model["norm_epsilon"])
    return merge(weights, read_adapter(adapter)) if adapter else weights


def merge(weights: Weights, changes: Mapping[str, Change]) -> Weights:
    """Weights with W + B A in place of each changed matrix W; all other matrices are shared.

    Raises:
        ModelError: if the changes do not fit.
    """
    check_fit({name: matrix.values.shape for name, matrix in weights.matrices.items()}, changes)
    merged = {name: quantise(weights.matrices[name].dense() + changes[name].dense()) for name in changes}
    return replace(weights, matrices={**weights.matrices, **merged})


def check_fit(shapes: Mapping[str, tuple[int, ...]], changes: Mapping[str, Change]) -> None:
    """See that each change is of a matrix the model has, and of its shape.

    Args:
        shapes: (out, in) of the model's matrices by name.
        changes: as from `read_adapter`.

    Raises:
        ModelError: one is not.
    """
    for name, change in changes.items():
        # The word table is looked up in, not multiplied with.
        if shapes.get(name) != change.shape or "embeddings" in name:
            raise ModelError(f"the adapter's {name} does not fit the base model")


def read_adapter(adapter: Adapter) -> dict[str, Change]:
    """The changes of an adapter's file by the name of their matrix.

    The file is safetensors with a pair `<matrix>.A` (rank, in), `<matrix>.B` (out, rank) for each changed
    matrix; the factor alpha / rank of LoRA (Hu et al. 2021, section 4.1) is part of B.

    Raises:
        ModelError: if it cannot be read, or is not the file its manifest means.
    """
    try:
        content = Path(adapter.path).read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the adapter {adapter.path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != adapter.sha256:
        raise ModelError(
            f"the adapter {adapter.path} is damaged", "install codesift again, or export it again"
        )
    tensors = {name: tensor.astype(np.float32) for name, tensor in _parse(content, adapter.path).items()}
    names = {name.removesuffix(".A") for name in tensors if name.endswith(".A")}
    pairs = {name + part for name in names for part in (".A", ".B")}
    if pairs != set(tensors) or any(tensor.ndim != 2 for tensor in tensors.values()):
        raise ModelError(f"{adapter.path} is not an adapter: expected a pair .A, .B for each matrix")
    return {name: Change(tensors[name + ".A"], tensors[name + ".B"]) for name in sorted(names)}


def _parse(content: bytes, path: str) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(content)
    except (SafetensorError, KeyError) as error:
        raise ModelError(f"{path} is not an adapter: {error}") from error


def _read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot read the weights in {path}: {error}", "install codesift again") from error
