"""Exact search: comparing a query with all vectors of a file or of a database."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.system.files import open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

Found = list[tuple[int, float]]
"""(vector id, cosine), best first."""

_EXTRACTED = 4
"""Numbers of each vector in an extract: the page they lie on is read by a scan in any case."""
_HEADER = struct.Struct("<6Q2i3QdQ")
"""Of hnswlib 0.8's file: offset, room, count, size of an element, where its label and vector begin, ..."""


def scan(path: Path, count: int, query: Matrix, limit: int) -> Found:
    """Nearest vectors by comparing all that a graph's file holds, without loading its links.

    Returns:
        As `exact`; nothing if the file is not laid out as this hnswlib writes it.

    Raises:
        OSError, ValueError: the file cannot be read, or is damaged.
    """
    held = mapped(path, count, len(query))
    return exact(iter([held]), query, limit) if held else []


def mapped(path: Path, count: int, dimensions: int) -> tuple[NDArray[np.int64], Matrix] | None:
    """What a graph's file holds, mapped into memory: (labels (n,), vectors (n, dimensions)).

    Returns:
        None if the file is not laid out as this hnswlib writes it.

    Raises:
        OSError, ValueError: the file cannot be read, or is damaged.
    """
    import numpy as np

    found = layout(path, count, dimensions)
    if found is None:
        return None
    size, label_at, vector_at = found
    elements = np.memmap(path, np.uint8, "r", _HEADER.size, (count, size))
    vectors = elements[:, vector_at:label_at].view(np.float32)
    return elements[:, label_at:].view(np.uint64)[:, 0].astype(np.int64), vectors


def extract(held: tuple[NDArray[np.int64], Matrix]) -> bytes:
    """The label and the first numbers of each vector: whoever mixes vectors up cannot keep them."""
    import numpy as np

    labels, vectors = held
    return labels.tobytes() + np.ascontiguousarray(vectors[:, :_EXTRACTED]).tobytes()


def layout(path: Path, count: int, dimensions: int) -> tuple[int, int, int] | None:
    """Where a graph's file holds its vectors, if its header says that it holds just these.

    Args:
        count: of vectors.
        dimensions: of each.

    Returns:
        (bytes of an element, where in it its label begins, where its vector begins); None for another header.

    Raises:
        OSError, ValueError: the file cannot be read, or is cut short.
    """
    with open_regular(path) as file:
        head = file.read(_HEADER.size)
        whole = os.fstat(file.fileno()).st_size
    if len(head) < _HEADER.size:
        raise ValueError("the file is cut short")
    _, _, held, size, label_at, vector_at, *_ = _HEADER.unpack(head)
    fits = (held, size, label_at) == (count, label_at + 8, vector_at + 4 * dimensions)
    return (size, label_at, vector_at) if fits and whole >= _HEADER.size + count * size else None


def exact(
    blocks: Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]], query: Matrix, limit: int
) -> Found:
    """Nearest vectors by looking at all of them, block by block.

    Args:
        blocks: (ids (n,), vectors (n, dimensions)).
        query: shape (dimensions,), length 1.
        limit: how many.
    """
    found: Found = []
    for ids, block in blocks:
        cosines = block @ query  # (n,)
        if not math.isfinite(float(cosines.sum())):
            raise ValueError("a vector is not finite")
        best = (-cosines).argsort(kind="stable")[:limit]
        found += zip(ids[best].tolist(), cosines[best].tolist(), strict=True)
        found = sorted(found, key=best_first)[:limit]
    return found


def best_first(pair: tuple[int, float]) -> tuple[float, int]:
    """Sort key of `Found`: by cosine, the lower id first where two are equal."""
    return -pair[1], pair[0]
