"""The encoder for converted bases: OpenVINO for many texts, numpy for one query, loaded when first used."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.errors import ModelError
from codesift.models.adapters import NO_ADAPTERS, TEXT, Adapters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.batches import Ids
    from codesift.encoders.numpy_engine import NumpyEngine
    from codesift.encoders.openvino_engine import OpenVinoEngine
    from codesift.encoders.tokens import Tokens
    from codesift.encoders.weights import Weights
    from codesift.encoders.windows import Windows
    from codesift.models.bases import Base
    from codesift.types import Vectors, Window

MAX_QUERY_WINDOWS = 32
"""Windows of one query that are encoded: 8,000 tokens say enough, and 1 MB would take a minute."""
MAX_NUMPY_WINDOWS = 8
"""Windows of one query above which starting the engine pays: 0.5 s, against 0.06 s a full window in numpy."""


class ConvertedEncoder:
    """A base in the form `training.convert` writes; see `open_encoder`."""

    def __init__(self, base: Base, adapters: Adapters = NO_ADAPTERS, threads: int = 0) -> None:
        self._base = base
        self._adapters = adapters
        self._threads = threads
        self._kept: tuple[str, OpenVinoEngine] | None = None

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._base.dimensions

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut `body` into overlapping windows that each fit the encoder together with `head`."""
        from codesift.encoders.tokens import readable_errors

        with readable_errors():
            return self._windows.of(head, body, first_line)

    def encode(self, texts: Sequence[str], language: str = "") -> Vectors:
        """Encode code of one language. Returns shape (len(texts), dimensions), rows of length 1."""
        from codesift.encoders.unit_vectors import check_finite

        vectors = self._engine(language)(self._ids(texts))
        return check_finite(vectors, self._base, self._adapters.for_language(language))

    def prepare_query(self) -> None:
        """Load what `encode_query` needs."""
        _ = self._windows, self._query

    def encode_query(self, text: str) -> Vectors:
        """Encode one query, a long one as the mean of its windows. Returns shape (dimensions,), length 1."""
        import numpy as np

        from codesift.encoders.unit_vectors import check_finite, mean_direction

        parts = [window.text for window in self.windows("", text, 1)[:MAX_QUERY_WINDOWS]]
        # What overflows is found in the result, and said in one line.
        with np.errstate(all="ignore"):
            if len(parts) > MAX_NUMPY_WINDOWS:
                vector = mean_direction(self.encode(parts, TEXT))
            else:
                vector = mean_direction([self._query(ids) for ids in self._ids(parts)])
        return check_finite(vector, self._base, self._adapters.text)

    def _ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, each of them a row of the word table."""
        return self._tokens.ids(texts, self._weights.words)

    @cached_property
    def _weights(self) -> Weights:
        from codesift.encoders.weights import load_weights

        return load_weights(Path(self._base.folder))

    @cached_property
    def _tokens(self) -> Tokens:
        from tokenizers import Tokenizer

        from codesift.encoders.tokens import Tokens
        from codesift.models.files import TEXT_LIMIT, read_bounded
        from codesift.models.folder import read_converted

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

    @cached_property
    def _windows(self) -> Windows:
        from codesift.encoders.windows import Windows

        return Windows(self._tokens.tokenizer, self._tokens.room)

    def _engine(self, language: str) -> OpenVinoEngine:
        """The engine of a language's adapter. One is kept: eleven would take eleven times the memory."""
        from codesift.encoders.openvino_engine import OpenVinoEngine
        from codesift.encoders.weights import merge, read_adapter

        adapter = self._adapters.for_language(language)
        key = adapter.sha256 if adapter else ""
        if self._kept is None or self._kept[0] != key:
            self._kept = None
            weights = merge(self._weights, read_adapter(adapter)) if adapter else self._weights
            self._kept = key, OpenVinoEngine(weights, self._threads)
        return self._kept[1]

    @cached_property
    def _query(self) -> NumpyEngine:
        from codesift.encoders.numpy_engine import NumpyEngine
        from codesift.encoders.weights import read_adapter

        text = self._adapters.text
        return NumpyEngine(self._weights, read_adapter(text) if text else {})
