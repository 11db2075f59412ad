"""Labels softened by the base's own similarities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

from training.learning.soft import SoftLabelLoss, base_vectors

if TYPE_CHECKING:
    from codesift.types import Matrix

ROWS = torch.tensor([4, 0, 2])


class _AsGiven(torch.nn.Module):
    """A model whose vectors are its input."""

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        return {"sentence_embedding": features["vectors"]}


def _vectors(seed: int) -> Matrix:
    drawn = np.random.default_rng(seed).normal(size=(6, 8)).astype(np.float32)
    vectors: Matrix = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return vectors


def _loss(weight: float, queries: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
    loss = SoftLabelLoss(_AsGiven(), _vectors(1), _vectors(2), weight)  # type: ignore[arg-type]
    found: torch.Tensor = loss([{"vectors": queries}, {"vectors": codes}], ROWS)
    return found


def test_without_weight_it_is_the_ranking_loss() -> None:
    queries, codes = (torch.from_numpy(_vectors(seed))[ROWS] for seed in (3, 4))
    plain = MultipleNegativesRankingLoss(_AsGiven())  # type: ignore[arg-type]
    expected = plain([{"vectors": queries}, {"vectors": codes}], torch.empty(0))
    assert _loss(0.0, queries, codes).item() == pytest.approx(expected.item(), rel=1e-5)


def test_with_full_weight_the_base_is_where_training_stops() -> None:
    queries, codes = (torch.from_numpy(_vectors(seed))[ROWS].requires_grad_() for seed in (1, 2))
    _loss(1.0, queries, codes).backward()  # type: ignore[no-untyped-call]
    assert queries.grad is not None
    assert float(queries.grad.abs().max()) < 1e-5
    _loss(0.5, queries, codes).backward()  # type: ignore[no-untyped-call]
    assert float(queries.grad.abs().max()) > 1e-2


def test_a_text_that_comes_twice_is_encoded_once() -> None:
    seen: list[str] = []

    class Encoder:
        def encode(self, texts: list[str], language: str = "") -> Matrix:
            seen.extend(texts)
            return np.array([[len(text), 1] for text in texts], dtype=np.float32)

    vectors = base_vectors(Encoder(), ["a", "ccc", "a"])  # type: ignore[arg-type]
    assert vectors.tolist() == [[1, 1], [3, 1], [1, 1]]
    assert seen == ["a", "ccc"]
