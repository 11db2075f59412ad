"""Contrastive training of a draft encoder: a question's vector should be nearest to the draft of its code.

The questions go through the full encoder, which stays as it is, and then through a linear map that starts as
the identity and is trained as well. The loss is InfoNCE (van den Oord 2018) over the batch, in which the
pairs of one package stand together, because search happens inside one. A second loss keeps the drafts of
other texts near the vectors of the encoder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from codesift.types import Matrix


STEPS = 1500


@dataclass(frozen=True, slots=True)
class Recipe:
    """Settings of the training."""

    steps: int = STEPS
    batch: int = 512
    together: int = 96
    """Pairs of one package that stand together in a batch."""
    scale: float = 20.0
    """Factor of cosines in the softmax."""
    keep: float = 4.0
    """Weight of the loss that keeps drafts near the encoder's vectors."""
    dropout: float = 0.2
    """Share of the word pieces of a text that are left out."""
    learning_rate: float = 2e-3
    map_learning_rate: float = 5e-4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Pairs:
    """Questions with the code that answers them."""

    queries: Matrix
    """Vectors of the questions, shape (pairs, dimensions)."""
    code: csr_matrix
    """Word pieces of the code as from `fitting.features`, shape (pairs, pieces)."""
    packages: Sequence[str]
    functions: Sequence[str]
    """Pairs of one function do not count as negatives of each other."""
    others: csr_matrix
    """Word pieces of further code, which answers none of the questions, shape (others, pieces)."""
    others_from: NDArray[np.int64]
    """Shape (pairs + 1,): pair i has rows `others_from[i]` to `others_from[i + 1]` of `others` beside it."""


def train(
    table: Matrix,
    pairs: Pairs,
    texts: csr_matrix,
    vectors: Matrix,
    recipe: Recipe,
    progress: Callable[[int, float, float], None] = lambda step, loss, kept: None,
) -> tuple[Matrix, Matrix]:
    """Train a table of word pieces further, and the map of questions.

    Args:
        table: where to start, shape (pieces, dimensions).
        pairs: what is learned.
        texts: word pieces of windows, shape (n, pieces).
        vectors: their vectors by the full encoder, shape (n, dimensions).
        recipe: the settings.
        progress: called with the step and both losses.

    Returns:
        The trained table, and what the map adds to a question, shape (dimensions, dimensions); see
        `codesift.models.drafts.DraftFiles`.
    """
    import torch
    from scipy.sparse import vstack

    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    bag = torch.nn.EmbeddingBag.from_pretrained(torch.from_numpy(table.copy()), freeze=False, mode="sum")
    shift = torch.nn.Parameter(torch.zeros(table.shape[1], table.shape[1]))
    optimizer = torch.optim.Adam(
        [
            {"params": [bag.weight], "lr": recipe.learning_rate},
            {"params": [shift], "lr": recipe.map_learning_rate},
        ]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / recipe.steps)
    queries, targets = torch.from_numpy(pairs.queries), torch.from_numpy(vectors)
    functions = np.unique(np.array(pairs.functions), return_inverse=True)[1]
    batches = _batches(pairs.packages, recipe, rng)
    for step in range(recipe.steps):
        rows = next(batches)
        same = functions[rows][:, None] == functions[rows][None, :]
        np.fill_diagonal(same, False)
        beside = np.concatenate([np.arange(*pairs.others_from[row : row + 2]) for row in rows])
        code = vstack([pairs.code[rows], pairs.others[beside]]).tocsr()
        same = np.pad(same, ((0, 0), (0, len(beside))))
        drafts = _drafts(bag, code, recipe.dropout)
        asked = queries[rows]
        asked = torch.nn.functional.normalize(asked + asked @ shift.T, dim=1)
        cosines = recipe.scale * asked @ drafts.T
        cosines = cosines.masked_fill(torch.from_numpy(same), -1e4)
        loss = torch.nn.functional.cross_entropy(cosines, torch.arange(len(rows)))
        others = rng.integers(texts.shape[0], size=recipe.batch)
        kept = 1 - (_drafts(bag, texts[others]) * targets[others]).sum(dim=1).mean()
        optimizer.zero_grad()
        total: torch.Tensor = loss + recipe.keep * kept
        total.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress(step, loss.item(), kept.item())
    return bag.weight.detach().numpy(), shift.detach().numpy()


def _drafts(bag: torch.nn.EmbeddingBag, rows: csr_matrix, dropout: float = 0.0) -> torch.Tensor:
    """Return the drafts of rows of word pieces, shape (rows, dimensions), length 1."""
    import torch

    weights = torch.nn.functional.dropout(torch.from_numpy(rows.data), dropout)
    pieces, offsets = torch.from_numpy(rows.indices.astype(np.int64)), torch.from_numpy(rows.indptr[:-1])
    sums = bag(pieces, offsets.long(), per_sample_weights=weights)
    return torch.nn.functional.normalize(sums, dim=1)


def _batches(
    packages: Sequence[str], recipe: Recipe, rng: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Yield rows without end, those of a package together."""
    members: dict[str, list[int]] = defaultdict(list)
    for row, package in enumerate(packages):
        members[package].append(row)
    groups: list[NDArray[np.int64]] = []
    while True:
        for rows in members.values():
            shuffled = rng.permutation(rows)
            groups += [
                shuffled[start : start + recipe.together] for start in range(0, len(rows), recipe.together)
            ]
        order = rng.permutation(len(groups))
        groups = [groups[at] for at in order]
        while sum(map(len, groups)) >= 2 * recipe.batch:
            chosen: list[NDArray[np.int64]] = []
            while sum(map(len, chosen)) < recipe.batch:
                chosen.append(groups.pop())
            yield np.concatenate(chosen)[: recipe.batch]
