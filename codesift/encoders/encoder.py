"""The encoder: text -> tokens -> an engine -> vectors that are checked, with the adapter of each language."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import cache, cached_property
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from codesift.encoders.drafts import StaticDrafts
from codesift.encoders.tokens import readable_errors
from codesift.encoders.unit_vectors import check_finite, mean_direction
from codesift.encoders.windows import Windows
from codesift.system.process import available_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from threadpoolctl import ThreadpoolController

    from codesift.encoders.engine import Engine, Floats, Ids, QueryEngine
    from codesift.encoders.tokens import Tokens
    from codesift.models.adapters import Adapter, Adapters
    from codesift.models.bases import Base
    from codesift.models.drafts import DraftFiles
    from codesift.types import DraftEncoder, Matrix, Window

MAX_QUERY_WINDOWS = 32
"""Windows of one query that are encoded: 8,000 tokens say enough, and 1 MB would take a minute."""
MAX_NUMPY_WINDOWS = 8
"""Windows of one query above which starting the engine for many texts pays: OpenVINO takes 0.5 s to start, a
full window in numpy 0.06 s."""


class LoadedBase(Protocol):
    """A base model in memory. An implementation decides how its files are read and which engines it has."""

    @property
    def tokens(self) -> Tokens:
        """The tokenizer."""

    @property
    def words(self) -> int:
        """Rows of the word table: every token id must be below."""

    def engine(self, adapter: Adapter | None) -> Engine:
        """The engine for many texts, with an adapter merged into its weights.

        It may be used until the next call, which may switch the same weights to another adapter.

        Raises:
            ModelError: a file is missing or damaged, or the adapter does not fit.
        """

    def query_engine(self, adapter: Adapter | None) -> QueryEngine | None:
        """An engine that is loaded sooner and may be called from several threads; None if there is none.

        Raises:
            ModelError: as `engine`.
        """


class SpaceEncoder:
    """Encodes with one base and its adapters; see `open_encoder`. Methods may be called from several threads.

    Args:
        base: named in errors.
        adapters: of its space.
        loaded: the same base.
        drafts: the table of the draft encoder of the same space; None if there is none.
        threads: how many to use for a few texts; 0 for all cores.
    """

    def __init__(
        self,
        base: Base,
        adapters: Adapters,
        loaded: LoadedBase,
        drafts: DraftFiles | None = None,
        threads: int = 0,
    ) -> None:
        self._base, self._adapters, self._loaded = base, adapters, loaded
        self._threads = threads
        self.drafts: DraftEncoder | None = (
            StaticDrafts(drafts, lambda: self._loaded.tokens.tokenizer) if drafts else None
        )
        """The draft encoder of the same space."""
        self._lock = Lock()
        """Held from the choice of an adapter until its vectors are there: engines are switched."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._base.dimensions

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut `body` into overlapping windows that each fit the encoder together with `head`."""
        with readable_errors():
            return self._windows.of(head, body, first_line)

    def encode(self, texts: Sequence[str], language: str = "") -> Matrix:
        """Encode code of one language. Returns shape (len(texts), dimensions), rows of length 1."""
        adapter = self._adapters.for_language(language)
        return check_finite(self._encode(self._ids(texts), adapter), self._base, adapter)

    def encode_few(self, texts: Sequence[str], language: str = "") -> Matrix:
        """Encode a few texts like `encode`, without waiting for an engine that is made for many."""
        adapter = self._adapters.for_language(language)
        engine = self._loaded.query_engine(adapter)
        if engine is None:
            return self.encode(texts, language)
        ids = self._ids(texts)
        threads = min(self._threads or available_threads(), len(ids))
        # Threads of numpy's own inside each of these would wait for each other: that halves the speed.
        limit = _blas().limit(limits=1, user_api="blas") if threads > 1 else nullcontext()
        with limit, np.errstate(all="ignore"), ThreadPoolExecutor(threads) as pool:
            vectors = np.concatenate([*pool.map(engine, [[row] for row in ids])])
        return check_finite(vectors, self._base, adapter)

    def prepare_query(self) -> None:
        """Load what `encode_query` needs."""
        _ = self._windows
        if self._query_engine is not None:
            self._query_engine.prepare()

    def encode_query(self, text: str) -> Matrix:
        """Encode one query, a long one as the mean of its windows. Returns shape (dimensions,), length 1."""
        adapter = self._adapters.text
        ids = self._ids([window.text for window in self.windows("", text, 1)[:MAX_QUERY_WINDOWS]])
        engine = self._query_engine
        # What overflows is found in the result, and said in one line.
        with np.errstate(all="ignore"):
            if engine is None or len(ids) > MAX_NUMPY_WINDOWS:
                vectors = self._encode(ids, adapter)
            else:
                vectors = engine(ids)
            mean = mean_direction(check_finite(vectors, self._base, adapter))
        return check_finite(mean, self._base, adapter)

    def _encode(self, texts: Sequence[Ids], adapter: Adapter | None) -> Floats:
        with self._lock:
            return self._loaded.engine(adapter)(texts)

    def _ids(self, texts: Sequence[str]) -> list[Ids]:
        """Token ids of each text, each of them a row of the word table."""
        return self._loaded.tokens.ids(texts, self._loaded.words)

    @cached_property
    def _windows(self) -> Windows:
        return Windows(self._loaded.tokens.tokenizer, self._loaded.tokens.room)

    @cached_property
    def _query_engine(self) -> QueryEngine | None:
        return self._loaded.query_engine(self._adapters.text)


@cache
def _blas() -> ThreadpoolController:
    """Return what sets the number of threads of the libraries under numpy."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
