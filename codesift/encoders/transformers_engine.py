"""The encoder for bases of the model hub: transformers on torch, from the extra `codesift[torch]`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.encoders.batches import batches
from codesift.encoders.tokens import Tokens, readable_errors
from codesift.encoders.unit_vectors import check_finite, mean_direction
from codesift.encoders.weights import check_fit, read_adapter
from codesift.encoders.windows import Windows
from codesift.errors import ModelError
from codesift.models.adapters import TEXT
from codesift.models.bases import locate
from codesift.models.folder import check_loadable

try:
    import torch
    import transformers
except ImportError as error:
    raise ModelError("this model needs torch and transformers", "pip install 'codesift[torch]'") from error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codesift.encoders.batches import Batch
    from codesift.models.bases import Adapter, Adapters, Base
    from codesift.types import Vectors, Window

BUDGET = 4096
"""Tokens of one batch: 8 texts of 512. Larger batches are no faster on a CPU and take more memory."""


class TorchEncoder:
    """A transformers encoder with mean or cls pooling; see `open_encoder`."""

    def __init__(self, base: Base, adapters: Adapters, threads: int) -> None:
        if threads:
            torch.set_num_threads(threads)
        folder = locate(base)
        check_loadable(folder, base.dimensions)
        with _readable_errors(base), _silence():
            model, tokenizer = _load(folder)
        self._base, self._adapters = base, adapters
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._padding = int(model.config.pad_token_id or 0)
        self._tokens = Tokens(tokenizer, base)
        self._windows = Windows(self._tokens.tokenizer, self._tokens.room)
        self._model = _grow(model, self._tokens).float().eval().to(self._device)
        self._merged = Merged(self._model)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._base.dimensions

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut `body` into overlapping windows that each fit the encoder together with `head`."""
        with readable_errors():
            return self._windows.of(head, body, first_line)

    def encode(self, texts: Sequence[str], language: str = "") -> Vectors:
        """Encode code of one language. Returns shape (len(texts), dimensions), rows of length 1."""
        adapter = self._adapters.for_language(language)
        self._merged.switch(adapter)
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        ids = self._tokens.ids(texts, self._model.get_input_embeddings().num_embeddings)
        with _readable_errors(self._base, "encode with"):
            for batch in batches(ids, BUDGET, step=8, padding=self._padding):
                vectors[batch.rows] = self._forward(batch)
        return check_finite(vectors, self._base, adapter)

    def prepare_query(self) -> None:
        """Nothing is left to load."""

    def encode_query(self, text: str) -> Vectors:
        """Encode one query, a long one as the mean of its windows. Returns shape (dimensions,), length 1."""
        parts = [window.text for window in self.windows("", text, 1)]
        # A mean without a direction is found in the result, and said in one line.
        with np.errstate(all="ignore"):
            vector = mean_direction(self.encode(parts, TEXT))
        return check_finite(vector, self._base, self._adapters.text)

    @torch.inference_mode()
    def _forward(self, batch: Batch) -> Vectors:
        ids, mask = (torch.from_numpy(part).long().to(self._device) for part in (batch.ids, batch.mask))
        hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state  # (batch, tokens, dim)
        pooled = hidden[:, 0] if self._base.pooling == "cls" else _mean(hidden, mask)
        vectors: Vectors = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return vectors


class Merged:
    """A model that carries one adapter at a time, merged into its weights.

    Args:
        model: in float32, on the device it stays on.
    """

    def __init__(self, model: Any) -> None:
        self._parameters: dict[str, torch.nn.Parameter] = dict(model.named_parameters())
        self._originals: dict[str, torch.Tensor] = {}
        self._key = ""

    @torch.no_grad()
    def switch(self, adapter: Adapter | None) -> None:
        """Make the weights W + B A, from the original W: nothing is left of the adapter before.

        Raises:
            ModelError: if the adapter cannot be read or does not fit; the weights are left as they are.
        """
        key = adapter.sha256 if adapter else ""
        if key == self._key:
            return
        changes = read_adapter(adapter) if adapter else {}
        check_fit({name: tuple(matrix.shape) for name, matrix in self._parameters.items()}, changes)
        for name, original in self._originals.items():
            self._parameters[name].copy_(original)
        for name, change in changes.items():
            parameter = self._parameters[name]
            self._originals.setdefault(name, parameter.clone())
            a, b = (torch.from_numpy(part).to(parameter.device) for part in (change.a, change.b))
            parameter.add_(b @ a)
        self._key = key


def _load(folder: Path) -> tuple[Any, Any]:
    """The model and its tokenizer, from the folder alone: no file, code or token is looked for elsewhere.

    Raises:
        ModelError: the files lack a part of the model, which would be filled with random numbers.
    """
    alone: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, "token": False}
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **alone)
    model, notes = transformers.AutoModel.from_pretrained(
        folder, attn_implementation="sdpa", output_loading_info=True, **alone
    )
    # The pooler is not used, and not every publisher keeps it.
    if missing := [name for name in notes["missing_keys"] if not name.startswith("pooler.")]:
        raise ModelError(f"the weights lack {sorted(missing)[0]}")
    if any(not torch.isfinite(parameter).all() for parameter in model.parameters()):
        raise ModelError("the weights have numbers that are not finite")
    return model, tokenizer.backend_tokenizer


def _grow(model: Any, tokens: Tokens) -> Any:
    """Make room for special tokens that the tokenizer's file lacked, where the table has none for them."""
    size = tokens.tokenizer.get_vocab_size()
    if size > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(size, mean_resizing=False)
    return model


def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    column = mask.unsqueeze(-1).to(hidden.dtype)  # (batch, tokens, 1)
    return (hidden * column).sum(1) / column.sum(1)


@contextmanager
def _readable_errors(base: Base, deed: str = "load") -> Iterator[None]:
    try:
        yield
    # transformers raises many kinds of error for files and sizes it cannot use; all mean the same here.
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"cannot {deed} {base.name}: {reason}", "its files may be damaged") from error


@contextmanager
def _silence() -> Iterator[None]:
    """No progress bars and no remarks about the pooler's weights, which are not used."""
    remarks: Any = transformers.utils.logging
    level, bars = remarks.get_verbosity(), remarks.is_progress_bar_enabled()
    remarks.set_verbosity(logging.ERROR)
    remarks.disable_progress_bar()
    try:
        yield
    finally:
        remarks.set_verbosity(level)
        if bars:
            remarks.enable_progress_bar()
