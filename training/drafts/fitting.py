"""The fit of a draft encoder: ridge regression from the word pieces of texts to their vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.words import terms

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from tokenizers import Tokenizer

    from codesift.types import Matrix

PENALTY = 0.3
"""Penalty of the regression. Of 0.1, 0.3 and 1, it gave the highest cosine on projects that were left out."""
STEPS = 40
"""Steps of conjugate gradients; further ones do not change the third digit of the cosine."""


def piece_counts(texts: Sequence[str], tokenizer: Tokenizer) -> Iterator[Counter[int]]:
    """Yield how often each word piece occurs in the words of a text, as `StaticDrafts` counts them."""
    pieces: dict[str, list[int]] = {}
    for text in texts:
        words = terms(text)
        new = [word for word in dict.fromkeys(words) if word not in pieces]
        encodings = tokenizer.encode_batch_fast(new, add_special_tokens=False)
        pieces.update((word, encoding.ids) for word, encoding in zip(new, encodings, strict=True))
        yield Counter(piece for word in words for piece in pieces[word])


def features(texts: Sequence[str], tokenizer: Tokenizer) -> csr_matrix:
    """Return the square roots of the counts of word pieces, scaled to length 1, shape (texts, pieces)."""
    from scipy.sparse import csr_matrix, diags

    ends: list[int] = [0]
    columns: list[int] = []
    values: list[int] = []
    for counts in piece_counts(texts, tokenizer):
        columns += counts.keys()
        values += counts.values()
        ends.append(len(columns))
    roots = np.sqrt(np.array(values, np.float32))
    shape = len(texts), tokenizer.get_vocab_size()
    matrix = csr_matrix((roots, np.array(columns, np.int32), np.array(ends)), shape=shape)
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return (diags(1 / np.maximum(lengths, 1e-9)) @ matrix).tocsr().astype(np.float32)


def ridge(
    inputs: csr_matrix,
    outputs: Matrix,
    penalty: float = PENALTY,
    steps: int = STEPS,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Matrix:
    """Solve (X'X + penalty) W = X'Y by conjugate gradients, for all columns of Y at once.

    Args:
        inputs: X, shape (n, pieces).
        outputs: Y, shape (n, dimensions).

    Returns:
        W, shape (pieces, dimensions).
    """
    transposed = inputs.T.tocsr()

    def product(directions: Matrix) -> Matrix:
        result: Matrix = transposed @ (inputs @ directions) + np.float32(penalty) * directions
        return result

    solution: Matrix = np.zeros((inputs.shape[1], outputs.shape[1]), np.float32)
    residual = transposed @ outputs
    direction = residual.copy()
    square = (residual * residual).sum(axis=0)  # (dimensions,)
    for step in range(steps):
        along = product(direction)
        length = square / np.maximum((direction * along).sum(axis=0), 1e-20)
        solution += length * direction
        residual -= length * along
        before, square = square, (residual * residual).sum(axis=0)
        direction = residual + square / np.maximum(before, 1e-20) * direction
        progress(step + 1, steps)
    return solution


def cosines(predicted: Matrix, vectors: Matrix) -> NDArray[np.float32]:
    """Return the cosine of each row with the row of unit length beside it, shape (n,)."""
    lengths = np.maximum(np.linalg.norm(predicted, axis=1), 1e-9)
    result: NDArray[Any] = (predicted * vectors).sum(axis=1) / lengths
    return result
