"""The fit of `codesift.search.network`: the same loss as that of the weights, by stochastic gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codesift.search.network import Network

if TYPE_CHECKING:
    import torch

    from training.ranking.linear import CandidateList


@dataclass(frozen=True, slots=True)
class NetworkRecipe:
    """Settings of the training."""

    hidden: int = 64
    epochs: int = 24
    batch: int = 32
    """Questions of a step."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    dropout: float = 0.2
    """Share of the hidden units that are left out in a step; of the inputs it is half as many."""
    networks: int = 3
    """Networks from different random starts, whose mean is taken."""
    seed: int = 0


def fit_network(names: Sequence[str], lists: Sequence[CandidateList], recipe: NetworkRecipe) -> Network:
    """Train networks whose values are added to the offsets of the candidates.

    Args:
        names: of the columns of `CandidateList.signals`.
        lists: one for each question, with what the weighted sum gives each candidate as its offset; those in
            which no candidate answers are left out.
        recipe: the settings.
    """
    import torch

    lists = [each for each in lists if each.relevant.any()]
    stacked = np.concatenate([each.signals for each in lists])
    mean, scale = stacked.mean(axis=0), stacked.std(axis=0) + 1e-6
    questions = [_Question.of(each, mean, scale) for each in lists]
    rng = np.random.default_rng(recipe.seed)
    inner, bias, outer = [], [], []
    for number in range(recipe.networks):
        torch.manual_seed(recipe.seed + number)
        first, second = (
            torch.nn.Linear(len(names), recipe.hidden),
            torch.nn.Linear(recipe.hidden, 1, bias=False),
        )
        torch.nn.init.zeros_(second.weight)  # It starts from the weighted sum.
        _train(first, second, questions, recipe, rng)
        inner.append(first.weight.detach().numpy())
        bias.append(first.bias.detach().numpy())
        outer.append(second.weight.detach().numpy()[0] / recipe.networks)
    return Network(
        tuple(names),
        mean.tolist(),
        scale.tolist(),
        np.concatenate(inner).tolist(),
        np.concatenate(bias).tolist(),
        np.concatenate(outer).tolist(),
    )


@dataclass(frozen=True, slots=True)
class _Question:
    inputs: torch.Tensor
    """Shape (candidates, inputs)."""
    offset: torch.Tensor
    items: torch.Tensor
    wanted: torch.Tensor
    """Shape (items,), sum 1."""
    weight: float

    @classmethod
    def of(cls, candidates: CandidateList, mean: np.ndarray, scale: np.ndarray) -> _Question:
        import torch

        relevant = candidates.relevant / candidates.relevant.sum()
        return cls(
            torch.tensor((candidates.signals - mean) / scale, dtype=torch.float32),
            torch.tensor(candidates.offset, dtype=torch.float32),
            torch.tensor(candidates.items, dtype=torch.int64),
            torch.tensor(relevant, dtype=torch.float32),
            candidates.weight,
        )


def _train(
    first: torch.nn.Linear,
    second: torch.nn.Linear,
    questions: Sequence[_Question],
    recipe: NetworkRecipe,
    rng: np.random.Generator,
) -> None:
    import torch
    from torch.nn.functional import dropout, relu

    parameters = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.AdamW(parameters, recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * -(-len(questions) // recipe.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(recipe.epochs):
        order = rng.permutation(len(questions))
        for start in range(0, len(order), recipe.batch):
            batch = [questions[row] for row in order[start : start + recipe.batch]]
            inputs = dropout(torch.cat([each.inputs for each in batch]), recipe.dropout / 2)
            hidden = dropout(relu(first(inputs)), recipe.dropout)
            values = second(hidden).squeeze(1) + torch.cat([each.offset for each in batch])
            loss = _loss(values, batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()


def _loss(values: torch.Tensor, batch: Sequence[_Question]) -> torch.Tensor:
    """Mean cross entropy over the items of each question, see `linear.fit_ranker`."""
    import torch

    longest = max(len(each.wanted) for each in batch)
    places = torch.cat([each.items + row * longest for row, each in enumerate(batch)])
    low = torch.full((len(batch) * longest,), -1e4)
    best = low.scatter_reduce(0, places, values, "amax").view(len(batch), longest)
    wanted = torch.nn.utils.rnn.pad_sequence([each.wanted for each in batch], batch_first=True)
    weights = torch.tensor([each.weight for each in batch])
    losses = -(torch.log_softmax(best, dim=1) * wanted).sum(dim=1)
    return (losses * weights).mean()
