"""The stored form of a base model: int8 matrices with one float16 scale a row, float16 for the rest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from codesift.encoders.weight_shapes import SCALES as SCALES
from codesift.encoders.weight_shapes import WORDS, check_shapes
from codesift.errors import ModelError
from codesift.models.files import (
    ADAPTER_LIMIT,
    WEIGHTS_LIMIT,
    open_bounded,
    read_bounded,
    read_object,
    reason_of,
)
from codesift.models.folder import MODEL, Converted, read_converted
from codesift.models.tensors import SIZES, Tensor, read_head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codesift.encoders.engine import Floats
    from codesift.models.adapters import Adapter
    from codesift.models.drafts import TableFile

MAX_MAGNITUDE = 1e5
"""Maximum magnitude of an entry of the base, and of an adapter's change; those of published encoders stay
below 100. The scale of a merged row, at most 2 * 1e5 / 127, still fits float16."""
_TYPES = {"I8": "<i1", "F16": "<f2", "F32": "<f4"}
"""Types of numbers in converted bases and adapters, as numpy names them."""


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
    """The change of one matrix by an adapter, as the product B A."""

    a: Floats
    """Shape (rank, in)."""
    b: Floats
    """Shape (out, rank)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of the matrix, (out, in); empty if A and B do not fit each other."""
        return (len(self.b), self.a.shape[1]) if len(self.a) == self.b.shape[1] else ()

    def bound(self) -> float:
        """A number that no entry of B A exceeds in magnitude; NaN or infinite where a part is not finite."""
        rows = np.abs(self.b).sum(axis=1, dtype=np.float64)
        return float(rows.max()) * float(np.abs(self.a).max())

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

    @property
    def words(self) -> int:
        """Rows of the word table."""
        return len(self.matrices[WORDS].values)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self.matrices[WORDS].values.shape[1])


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
    """The `model.json` of a folder written by `training.convert`, its values checked.

    Raises:
        ModelError: if it is missing or is not such a file.
    """
    read_converted(folder)
    return dict(read_object(folder / MODEL).raw)


def load_weights(folder: Path, adapter: Adapter | None = None) -> Weights:
    """Read a converted base model, with an adapter added to its matrices.

    Raises:
        ModelError: if a file is missing, cut short or does not fit the model.
    """
    model = read_converted(folder)
    tensors = _read_tensors(model)
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
    largest = {name: np.abs(vector).max() for name, vector in vectors.items()}
    largest |= {name: np.float32(127) * np.abs(matrix.scales).max() for name, matrix in matrices.items()}
    # Written so that it refuses NaN as well, which compares as false with every number.
    if wrong := [name for name, number in largest.items() if not number <= MAX_MAGNITUDE]:
        raise ModelError(f"{wrong[0]} in {model.weights} has numbers that are not finite, or too large")
    weights = Weights(matrices, vectors, model.layers, model.heads, model.epsilon)
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
    """Check that each change is of a matrix that the model has, and of its shape.

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
        ModelError: if it cannot be read, is not the file its manifest means, or changes a matrix by numbers
            that are not finite or too large.
    """
    path = Path(adapter.path)
    content = read_bounded(path, ADAPTER_LIMIT)
    if hashlib.sha256(content).hexdigest() != adapter.sha256:
        raise ModelError(f"the adapter {path} is damaged", "install codesift again, or export it again")
    tensors = _parse(content, path)
    names = {name.removesuffix(".A") for name in tensors if name.endswith(".A")}
    pairs = {name + part for name in names for part in (".A", ".B")}
    if not names or pairs != set(tensors) or any(tensor.ndim != 2 for tensor in tensors.values()):
        raise ModelError(f"{path} is not an adapter: expected a pair .A, .B for each matrix")
    changes = {name: Change(tensors[name + ".A"], tensors[name + ".B"]) for name in sorted(names)}
    for name, change in changes.items():
        if not change.bound() <= MAX_MAGNITUDE:
            raise ModelError(
                f"the adapter {path} changes {name} by numbers that are not finite, or too large"
            )
    return changes


def read_table(file: TableFile) -> Quantised:
    """A matrix of a draft encoder.

    Raises:
        ModelError: if the file cannot be read, or is not the one its description means.
    """
    hint = "install codesift again"
    content = read_bounded(file.path, ADAPTER_LIMIT, hint)
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise ModelError(f"the drafts {file.path} are damaged", hint)
    stream = BytesIO(content)
    try:
        arrays = {name: _numbers(stream, tensor) for name, tensor in read_head(stream, len(content)).items()}
        values, scales = arrays[file.name], arrays[file.name + SCALES]
        if values.dtype != np.int8 or values.shape[1:] != (file.dimensions,):
            raise ValueError("its rows have another type or length")
        if scales.shape != (len(values), 1) or not np.isfinite(scales).all():
            raise ValueError("its scales do not fit its rows")
    except (ValueError, KeyError) as error:
        raise ModelError(f"cannot use the drafts {file.path}: {error}", hint) from error
    return Quantised(values, scales)


def _parse(content: bytes, path: Path) -> dict[str, Floats]:
    file = BytesIO(content)
    try:
        head = read_head(file, len(content))
        return {name: _numbers(file, tensor).astype(np.float32) for name, tensor in head.items()}
    except ValueError as error:
        raise ModelError(f"{path} is not an adapter: {error}") from error


def _read_tensors(model: Converted) -> dict[str, NDArray[Any]]:
    """The tensors a model needs; none is read before all are known to have the right shapes."""
    hint = "install codesift again"
    with open_bounded(model.weights, WEIGHTS_LIMIT, hint) as file:
        try:
            head = read_head(file, os.fstat(file.fileno()).st_size)
            check_shapes(model, head)
            return {name: _numbers(file, head[name]) for name in head}
        except (OSError, ValueError) as error:
            reason = reason_of(error)
            raise ModelError(f"cannot read the weights in {model.weights}: {reason}", hint) from error


def _numbers(file: BinaryIO, tensor: Tensor) -> NDArray[Any]:
    if tensor.kind not in _TYPES:
        raise ValueError(f"numbers of the type {tensor.kind} cannot be used")
    if 0 in tensor.shape:
        raise ValueError("a tensor is empty")
    count = (tensor.end - tensor.start) // SIZES[tensor.kind]
    file.seek(tensor.start)
    # Into memory of numpy's own, because places in a file need not be aligned.
    array = np.empty(count, dtype=_TYPES[tensor.kind])
    if file.readinto(memoryview(cast(Any, array)).cast("B")) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError("the safetensors file ends too early")
    return array.reshape(tensor.shape)
