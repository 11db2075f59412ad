"""A contrastive loss that keeps what the base knows: its own similarities are part of the labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

if TYPE_CHECKING:
    from codesift.types import Encoder, Matrix


SCALE = 20.0
"""Cosines are multiplied by it before softmax, as in MultipleNegativesRankingLoss."""


class SoftLabelLoss(torch.nn.Module):
    """Cross entropy over the codes of a batch, as in MultipleNegativesRankingLoss, with softened labels.

    A query's label is its own code with weight `1 - weight`, and with `weight` the softmax of the base's
    cosines to all codes of the batch (self-distillation; Hinton et al. 2015): a code that the base finds
    close is a weaker negative, and where the pairs say nothing the base's geometry stays.

    Args:
        model: what is trained.
        queries: the base's vectors of all queries, shape (pairs, dimensions), float32, of length 1.
        codes: of all codes, the same shape.
        weight: of the base's similarities, 0 to 1.
    """

    def __init__(self, model: SentenceTransformer, queries: Matrix, codes: Matrix, weight: float) -> None:
        super().__init__()
        self.model, self.weight = model, weight
        self._queries, self._codes = torch.from_numpy(queries), torch.from_numpy(codes)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: torch.Tensor) -> torch.Tensor:
        """The loss; `labels` are the pairs' rows in `queries` and `codes`."""
        query, code = (self.model(features)["sentence_embedding"].float() for features in sentence_features)
        rows = labels.view(-1).cpu()
        known = torch.softmax(SCALE * self._queries[rows] @ self._codes[rows].T, dim=1)  # (batch, batch)
        wanted = (1 - self.weight) * torch.eye(len(rows)) + self.weight * known
        return torch.nn.functional.cross_entropy(SCALE * query @ code.T, wanted.to(query.device))


def base_vectors(encoder: Encoder, texts: list[str]) -> Matrix:
    """The vectors of texts, shape (texts, dimensions), each distinct text encoded once."""
    distinct = list(dict.fromkeys(texts))
    place = {text: row for row, text in enumerate(distinct)}
    return np.ascontiguousarray(encoder.encode(distinct)[[place[text] for text in texts]], dtype=np.float32)
