"""The head of a safetensors file: names, types, shapes and offsets of its tensors, without numpy.

The format: 8 bytes with the length of the head in little-endian order, the head as a JSON object, then the
numbers (https://huggingface.co/docs/safetensors). It is parsed here because a head must be compared with the
model before any number is read, and because importing the library takes longer than reading a head.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from codesift.models.files import parse_json, shown

HEAD_LIMIT = 1 << 22
"""Maximum length of a head in bytes. The head of the default model has 18 kB."""
_MAX_DIMENSIONS = 8
_MAX_OFFSET = 1 << 40
"""Maximum of a size or an offset, far above the size of any file that is read."""
SIZES = {
    "BOOL": 1, "I8": 1, "U8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
    "I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip
"""Type -> bytes of a number."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """Type, shape and offsets of one tensor."""

    kind: str
    """A key of `SIZES`."""
    shape: tuple[int, ...]
    start: int
    """Offset of the first byte from the start of the file."""
    end: int


def read_head(file: BinaryIO, size: int) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file by name.

    Args:
        file: a file positioned at its start.
        size: size of the whole file in bytes.

    Raises:
        ValueError: it is no safetensors file, or is incomplete.
    """
    length = int.from_bytes(file.read(8), "little")
    if length > min(size - 8, HEAD_LIMIT):
        raise ValueError("the head of the safetensors file is damaged")
    head = parse_json(file.read(length))
    if not isinstance(head, dict):
        raise ValueError("the head of the safetensors file is not an object")
    tensors = {name: _tensor(name, row, 8 + length) for name, row in head.items() if name != "__metadata__"}
    _check_cover(tensors, 8 + length, size)
    return tensors


def _tensor(name: str, row: Any, begin: int) -> Tensor:
    values: dict[str, Any] = row if isinstance(row, dict) else {}
    kind: Any = values.get("dtype")
    shape: Any = values.get("shape")
    offsets: Any = values.get("data_offsets")
    if (
        not (isinstance(kind, str) and kind in SIZES)
        or not (_are_whole(shape) and len(shape) <= _MAX_DIMENSIONS)
        or not (_are_whole(offsets) and len(offsets) == 2 and offsets[0] <= offsets[1])
        or offsets[1] - offsets[0] != math.prod(shape) * SIZES[kind]
    ):
        raise ValueError(f"the tensor {shown(name)} is described wrongly")
    return Tensor(kind, tuple(shape), begin + offsets[0], begin + offsets[1])


def _are_whole(values: Any) -> bool:
    return isinstance(values, list) and all(
        type(value) is int and 0 <= value < _MAX_OFFSET for value in values
    )


def _check_cover(tensors: Mapping[str, Tensor], begin: int, size: int) -> None:
    """Check that the tensors cover the rest of the file without gap or overlap."""
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.end)):
        if tensor.start != begin:
            raise ValueError("the tensors of the safetensors file overlap or leave a gap")
        begin = tensor.end
    if begin != size:
        raise ValueError(f"the safetensors file has {size:,} bytes, its head describes {begin:,}")
