"""A base of the model hub, loaded by transformers: from the extra `codesift[torch]`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import transformers

from codesift.encoders.tokens import Tokens
from codesift.encoders.torch_common import device_errors, find_device
from codesift.encoders.transformers_engine import TransformersEngine, model_errors
from codesift.errors import ModelError
from codesift.models.bases import locate
from codesift.models.folder import check_loadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codesift.models.adapters import Adapter
    from codesift.models.bases import Base


class TransformersBase:
    """A `LoadedBase` of which one copy of the weights is switched between adapters.

    Args:
        base: in the hub's cache, or a folder of transformers or sentence-transformers.
        threads: how many to use on the CPU; 0 leaves them to torch.
        device: as `find_device` takes it.

    Raises:
        ModelError: its files cannot be had or read, or torch has no such device.
    """

    def __init__(self, base: Base, threads: int, device: str) -> None:
        if threads:
            torch.set_num_threads(threads)
        place = find_device(device)
        folder = locate(base)
        check_loadable(folder, base.dimensions)
        with model_errors(base, "load"), _silence():
            model, tokenizer = _load(folder)
        self.tokens = Tokens(tokenizer, base)
        self._model = _grow(model, self.tokens).float().eval()
        with device_errors(place):
            self._model.to(place)
        self._engine = TransformersEngine(self._model, base)

    @property
    def words(self) -> int:
        """Rows of the word table."""
        return int(self._model.get_input_embeddings().num_embeddings)

    def engine(self, adapter: Adapter | None) -> TransformersEngine:
        """The only engine, switched to an adapter."""
        self._engine.switch(adapter)
        return self._engine

    def query_engine(self, adapter: Adapter | None) -> None:
        """None: nothing is loaded sooner than the model."""


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
