"""The tensors of a converted base: their names, types and shapes, known before any of them is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from codesift.errors import ModelError
from codesift.models.files import shown

if TYPE_CHECKING:
    from codesift.models.folder import Converted
    from codesift.models.tensors import Tensor

SCALES = ".scales"
"""Suffix of the tensor that holds a quantised matrix's scales."""
WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
TYPES = "embeddings.token_type_embeddings.weight"

_Entry = tuple[str, tuple[tuple[str, ...], tuple[int, ...]]]
"""Name, types it may have, shape."""
_INTEGERS, _SCALES, _FLOATS = ("I8",), ("F16",), ("F16", "F32")


def check_shapes(model: Converted, head: Mapping[str, Tensor]) -> None:
    """Check that the weights' file has the tensors of its model, each of its type and shape, and no others.

    Raises:
        ModelError: it has not.
    """
    wanted = dict(_wanted(model, head))
    if other := next((name for name in head if name not in wanted), None):
        raise ModelError(f"{model.weights} has a tensor that its model has not: {shown(other)}")
    for name, (kinds, shape) in wanted.items():
        tensor = head.get(name)
        if tensor is None or tensor.kind not in kinds or tensor.shape != shape:
            found = f"{tensor.kind} {list(tensor.shape)}" if tensor else "nothing"
            expected = f"{kinds[0]} {list(shape)}"
            raise ModelError(
                f"{model.weights} does not fit its model: {name} must be {expected}, found {found}"
            )


def _wanted(model: Converted, head: Mapping[str, Tensor]) -> Iterator[_Entry]:
    dimensions = model.description.dimensions
    yield from _matrix(WORDS, _rows(head, WORDS, 1), dimensions)
    yield POSITIONS, (_FLOATS, (_rows(head, POSITIONS, model.description.window), dimensions))
    yield TYPES, (_FLOATS, (_rows(head, TYPES, 1), dimensions))
    yield from _norm("embeddings.LayerNorm", dimensions)
    for number in range(model.layers):
        name = f"encoder.layer.{number}."
        inner = _rows(head, name + "intermediate.dense.weight", 1)
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            yield from _linear(f"{name}attention.{part}", dimensions, dimensions)
        yield from _linear(name + "intermediate.dense", inner, dimensions)
        yield from _linear(name + "output.dense", dimensions, inner)
        yield from _norm(name + "attention.output.LayerNorm", dimensions)
        yield from _norm(name + "output.LayerNorm", dimensions)


def _matrix(name: str, rows: int, columns: int) -> Iterator[_Entry]:
    """A quantised matrix: integers, and a scale for each row."""
    yield name, (_INTEGERS, (rows, columns))
    yield name + SCALES, (_SCALES, (rows, 1))


def _linear(name: str, rows: int, columns: int) -> Iterator[_Entry]:
    yield from _matrix(name + ".weight", rows, columns)
    yield name + ".bias", (_FLOATS, (rows,))


def _norm(name: str, dimensions: int) -> Iterator[_Entry]:
    for part in ("weight", "bias"):
        yield f"{name}.{part}", (_FLOATS, (dimensions,))


def _rows(head: Mapping[str, Tensor], name: str, fewest: int) -> int:
    """Rows of a table, which model.json does not state: those in the file, but at least `fewest`."""
    tensor = head.get(name)
    return max(tensor.shape[0], fewest) if tensor and tensor.shape else fewest
