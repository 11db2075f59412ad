"""Drafts: approximate vectors of units from their words alone, thousands of times as fast as the encoder.

A draft is a weighted sum of one vector for each word piece, fitted so that it points where the encoder's own
vector does (`python -m training draft`). It lies in the same space: a query's vector is compared with both.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from codesift.encoders.tokens import readable_errors, without_surrogates
from codesift.encoders.weights import read_table
from codesift.models.drafts import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from codesift.encoders.engine import Floats
    from codesift.encoders.weights import Quantised
    from codesift.models.drafts import DraftFiles
    from codesift.types import DraftRows, Matrix

_MAX_WORD_LENGTH = 100
"""Maximum length of a word that is split into pieces; a longer one is data."""
_MAX_WORDS = 500_000
"""Maximum number of words whose pieces are remembered; all are forgotten when it is exceeded."""


class StaticDrafts:
    """The draft encoder of one space.

    Args:
        files: where its matrices are.
        tokenizer: returns the tokenizer of the base model.
    """

    def __init__(self, files: DraftFiles, tokenizer: Callable[[], Tokenizer]) -> None:
        self.id = files.id
        self.dimensions = files.pieces.dimensions
        self._files, self._get_tokenizer = files, tokenizer
        self._lock = Lock()
        self._forget()

    def _forget(self) -> None:
        self._numbers: dict[str, int] = {}
        self._pieces: NDArray[np.int32] = np.empty(0, np.int32)
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)

    @cached_property
    def _table(self) -> Quantised:
        return read_table(self._files.pieces)

    @cached_property
    def _questions(self) -> Floats:
        return read_table(self._files.questions).dense()

    def aligned(self, vectors: Sequence[Matrix]) -> list[Matrix]:
        """Move the vectors of questions to where the drafts of their answers are.

        Drafts differ from vectors in a way that a linear map can undo in part, learned from pairs of
        questions and code.

        Args:
            vectors: each of shape (dimensions,) and length 1, as the encoder computed them.

        Returns:
            Vectors of the same shape and length, to be compared with drafts alone.
        """
        moved = [vector + self._questions @ vector for vector in vectors]
        return [vector / np.maximum(np.linalg.norm(vector), np.float32(1e-9)) for vector in moved]

    def encode(self, units: Sequence[Sequence[str]]) -> DraftRows:
        """Encode units by their words, see `words.terms`.

        Returns:
            Shape (len(units), dimensions); a row without a known word is 0.
        """
        with self._lock:
            if len(self._numbers) > _MAX_WORDS:
                self._forget()
            words = list(chain.from_iterable(units))
            self._learn(dict.fromkeys(words))
            numbers = np.fromiter(map(self._numbers.__getitem__, words), np.int64, len(words))
            lengths = np.fromiter(map(len, units), np.int64, len(units))
            return quantised(self._sums(*self._counted(numbers, lengths), len(units)))

    def _learn(self, words: dict[str, None]) -> None:
        """Split words that were not met before into pieces."""
        new = [word for word in words if word not in self._numbers]
        if not new:
            return
        with readable_errors():
            encodings = self._get_tokenizer().encode_batch_fast(
                [without_surrogates(word[:_MAX_WORD_LENGTH]) for word in new], add_special_tokens=False
            )
        self._numbers |= zip(new, range(len(self._numbers), len(self._numbers) + len(new)), strict=True)
        pieces = [encoding.ids for encoding in encodings]
        lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
        self._starts = np.concatenate([self._starts, self._starts[-1] + np.cumsum(lengths)])
        fresh = np.fromiter((piece for ids in pieces for piece in ids), np.int32, int(lengths.sum()))
        self._pieces = np.concatenate([self._pieces, fresh])

    def _counted(
        self, words: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Count the pieces of each unit.

        Returns:
            units, pieces and weights, each of shape (n,), sorted by unit; each pair of unit and piece once.
        """
        units = np.repeat(np.arange(len(lengths)), lengths)  # (words,)
        starts = self._starts[words]
        counts = self._starts[words + 1] - starts
        first = np.cumsum(counts) - counts
        inside = np.arange(int(counts.sum())) - np.repeat(first, counts)
        pieces = self._pieces[np.repeat(starts, counts) + inside]  # (pieces,)
        rows = len(self._table.values)
        keys = np.repeat(units, counts) * rows + np.minimum(pieces, rows - 1)
        distinct, occurrences = np.unique(keys, return_counts=True)
        return distinct // rows, distinct % rows, np.sqrt(occurrences).astype(np.float32)

    def _sums(
        self, units: NDArray[np.int64], pieces: NDArray[np.int64], weights: Floats, count: int
    ) -> Floats:
        """Add the weighted vectors of the pieces of each unit. Returns shape (count, dimensions)."""
        table = self._table
        weights = weights * table.scales[pieces, 0].astype(np.float32)
        sums: Floats = np.zeros((count, self.dimensions), np.float32)
        edges = np.searchsorted(units, np.arange(count + 1)).tolist()
        for unit in range(count):
            part = slice(edges[unit], edges[unit + 1])
            # A row of 30 to 100 pieces is small enough for the cache of a core.
            sums[unit] = weights[part] @ table.values[pieces[part]].astype(np.float32)
        return sums


def quantised(vectors: Floats) -> DraftRows:
    """Scale rows to length 1 and round them. Shape (n, dimensions) stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.rint(vectors * (SCALE / np.maximum(lengths, np.float32(1e-9))))
    rows: DraftRows = np.clip(scaled, -127, 127).astype(np.int8)
    return rows
