"""A base model as modules of sentence-transformers, fed with the ids the tool feeds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Module, Router

from codesift.encoders.tokens import Tokens
from codesift.models.bases import Base

QUERY, CODE = "query", "document"
"""Routes of a model with two sides."""


class TextEncoder(Module):
    """Text -> vector of length 1: codesift's tokens, the transformer, the base's pooling.

    Args:
        model: a transformers encoder, with or without an adapter.
        tokens: from `training.learning.bases.load_base`.
        base: whose pooling is used.
        longest: tokens after which a text is cut.
        frozen: whether no gradient is needed.
    """

    def __init__(self, model: Any, tokens: Tokens, base: Base, longest: int, frozen: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model = model.requires_grad_(False) if frozen else model
        self.tokenizer = tokens.tokenizer
        self.frozen = frozen
        self._tokens, self._pooling, self._longest = tokens, base.pooling, longest
        self._padding = int(model.config.pad_token_id or 0)

    def preprocess(
        self, inputs: Sequence[str], prompt: str | None = None, **kwargs: Any
    ) -> dict[str, torch.Tensor]:
        """Ids and mask, each of shape (batch, tokens)."""
        rows = [self._cut(ids) for ids in self._tokens.ids([(prompt or "") + text for text in inputs])]
        width = max(map(len, rows))
        ids = np.full((len(rows), width), self._padding, dtype=np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}

    def _cut(self, ids: Any) -> Any:
        # The last id is a special token that every text must end with.
        return ids if len(ids) <= self._longest else np.append(ids[: self._longest - 1], ids[-1])

    def forward(self, features: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Adds `sentence_embedding`, shape (batch, dimensions)."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            hidden = self.model(
                input_ids=features["input_ids"], attention_mask=features["attention_mask"]
            ).last_hidden_state  # (batch, tokens, dim)
            pooled = hidden[:, 0] if self._pooling == "cls" else _mean(hidden, features["attention_mask"])
            features["sentence_embedding"] = torch.nn.functional.normalize(pooled.float(), dim=-1)
        return features

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Nothing: `training.learning.lora.write` keeps what was trained."""


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    column = mask.unsqueeze(-1).to(hidden.dtype)  # (batch, tokens, 1)
    return (hidden * column).sum(1) / column.sum(1)


def one_sided(query: TextEncoder, code: TextEncoder) -> SentenceTransformer:
    """Queries through one encoder, code through another."""
    return SentenceTransformer(modules=[Router.for_query_document([query], [code])])


def two_sided(both: TextEncoder) -> SentenceTransformer:
    """Queries and code through the same encoder."""
    return SentenceTransformer(modules=[both])
