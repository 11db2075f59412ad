"""A base in the form `training.convert` writes, read when it is first needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING

from codesift.encoders.numpy_engine import NumpyEngine
from codesift.encoders.tokens import Tokens
from codesift.encoders.weights import Weights, load_weights, merge, read_adapter
from codesift.errors import ModelError
from codesift.models.files import TEXT_LIMIT, read_bounded
from codesift.models.folder import read_converted

if TYPE_CHECKING:
    from codesift.encoders.engine import Engine, Floats
    from codesift.models.adapters import Adapter
    from codesift.models.bases import Base

BuildEngine = Callable[[Weights], "Engine"]
"""Makes an engine for many texts."""


class ConvertedBase:
    """A `LoadedBase` whose queries go through numpy, and many texts through an engine that is handed in.

    Args:
        base: a converted one.
        build: called for each adapter in turn.
    """

    def __init__(self, base: Base, build: BuildEngine) -> None:
        self._base, self._build = base, build
        self._kept: tuple[str, Engine] | None = None
        self._loading = RLock()
        self._numpy: dict[str, NumpyEngine] = {}
        self._dense: dict[str, Floats] = {}

    @property
    def weights(self) -> Weights:
        """The base's own, without an adapter."""
        with self._loading:
            return self._loaded_weights

    @property
    def tokens(self) -> Tokens:
        """The tokenizer."""
        with self._loading:
            return self._loaded_tokens

    @property
    def words(self) -> int:
        """Rows of the word table."""
        return self.weights.words

    def engine(self, adapter: Adapter | None) -> Engine:
        """The engine of an adapter. One is kept: eleven would take eleven times the memory."""
        key = adapter.sha256 if adapter else ""
        if self._kept is None or self._kept[0] != key:
            self._kept = None
            weights = merge(self.weights, read_adapter(adapter)) if adapter else self.weights
            self._kept = key, self._build(weights)
        return self._kept[1]

    def query_engine(self, adapter: Adapter | None) -> NumpyEngine:
        """Numpy, with the adapter beside the weights. The engines of all adapters share the weights."""
        key = adapter.sha256 if adapter else ""
        with self._loading:
            if key not in self._numpy:
                changes = read_adapter(adapter) if adapter else {}
                self._numpy[key] = NumpyEngine(self._loaded_weights, changes, self._dense)
            return self._numpy[key]

    @cached_property
    def _loaded_weights(self) -> Weights:
        return load_weights(Path(self._base.folder))

    @cached_property
    def _loaded_tokens(self) -> Tokens:
        from tokenizers import Tokenizer

        path = read_converted(Path(self._base.folder)).tokenizer
        hint = "install codesift again"
        content = read_bounded(path, TEXT_LIMIT, hint)
        try:
            tokenizer = Tokenizer.from_buffer(content)
        # `tokenizers` raises a bare Exception for content it cannot use.
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"cannot read {path}: {reason}", hint) from error
        return Tokens(tokenizer, self._base)
