"""Texts of many lengths -> batches with little padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from codesift.encoders.engine import Ids


@dataclass(frozen=True, slots=True)
class Batch:
    """Some texts of nearly the same length."""

    rows: NDArray[np.int64]
    """Shape (batch,): which texts these are."""
    ids: Ids
    """Shape (batch, tokens)."""
    mask: Ids
    """Shape (batch, tokens): 1 for a token, 0 for padding."""


def batches(texts: Sequence[Ids], budget: int, step: int, padding: int = 0) -> Iterator[Batch]:
    """Cut `texts` into batches, longest first.

    Args:
        texts: the ids of each text, shape (tokens,).
        budget: tokens a batch may have, padding included; a single text may have more.
        step: lengths are padded to a multiple of this, so that there are few shapes.
        padding: the id padding is filled with.
    """
    lengths = np.array([len(ids) for ids in texts], dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = -(-max(int(lengths[order[start]]), 1) // step) * step
        rows = order[start : start + max(1, budget // width)]
        yield _pad(texts, rows, width, padding)
        start += len(rows)


def _pad(texts: Sequence[Ids], rows: NDArray[np.int64], width: int, padding: int) -> Batch:
    ids = np.full((len(rows), width), padding, dtype=np.int32)
    mask = np.zeros_like(ids)
    for place, row in enumerate(rows):
        ids[place, : len(texts[row])] = texts[row]
        mask[place, : len(texts[row])] = 1
    return Batch(rows, ids, mask)
