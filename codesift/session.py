"""The session on a repository: its index and its encoders stay open for many refreshes and searches."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codesift.config import Settings, load_settings, personal_settings
from codesift.errors import UsageError
from codesift.index.access import IndexAccess
from codesift.index.location import checked_folder, find_root
from codesift.index.opening import Index
from codesift.index.placement import Notify
from codesift.index.update import Stage
from codesift.system.background import Background
from codesift.types import Answer, Duplicates, Encoder, Progress, Report

if TYPE_CHECKING:
    from codesift.index.vectors import Match
    from codesift.models.spaces import Space
    from codesift.search.filters import Filter
    from codesift.search.nearest import Complete
    from codesift.search.query import Question
    from codesift.types import Matrix

T = TypeVar("T")
OpenEncoder = Callable[["Space"], Encoder]


def open_repository(
    path: str | os.PathLike[str] = ".",
    *,
    exact: bool = False,
    settings: Mapping[str, object] | None = None,
    notify: Notify | None = None,
    progress: Progress | None = None,
) -> Repository:
    """Open the repository that a folder belongs to; see `codesift.open`."""
    folder = Path(path)
    root = checked_folder(folder) if exact else find_root(folder, personal_settings(os.environ))
    return Repository(
        root, load_settings(root, os.environ, settings or {}, label="setting "), notify, progress
    )


class Repository:
    """A repository whose index is opened once, refreshed in stages, and searched many times.

    Several threads may search at once. Use it as a context manager, or call `close`.

    Args:
        root: folder of the repository, resolved.
        settings: the settings of the repository.
        notify: called with one line for the user, such as that an index is being built.
        progress: called as (stage, done, total) during long operations.
        open_encoder: opens the encoder of a space; the factory that the settings choose if None.
    """

    def __init__(
        self,
        root: Path,
        settings: Settings,
        notify: Notify | None = None,
        progress: Progress | None = None,
        open_encoder: OpenEncoder | None = None,
    ) -> None:
        self.root = root
        self.settings = settings
        self._open_encoder = open_encoder or self._encoder_of_settings
        self._encoders: dict[str, Encoder] = {}
        self._lock = threading.RLock()
        self._access = IndexAccess(
            root, settings, notify or _ignore_line, progress or _ignore_progress, self.encoder
        )

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the index; a later search opens it again."""
        self._access.close()

    # -- searching ----------------------------------------------------------------------------

    def query(
        self,
        text: str,
        *,
        limit: int | None = None,
        only: Filter | None = None,
        lexical: bool = True,
        semantic: bool = True,
        code: str | None = None,
        fold: bool = True,
    ) -> Answer:
        """Find the code that answers a question.

        Args:
            text: a question, words, a symbol or code.
            limit: maximum number of results; the setting `results` if None.
            only: filter for the units that may be returned; all if None.
            lexical: search by words.
            semantic: search by meaning.
            code: language of `text` if it is code; None detects whether it is code.
            fold: list near duplicates of a better result with that result, instead of ranking them.

        Raises:
            UsageError: the text is empty, or a filter or language is unknown.
            StorageError: the index can be neither used nor built.
        """
        from codesift.parsing.languages import resolve_language
        from codesift.search.filters import Filter
        from codesift.search.lookup import snippet_of
        from codesift.search.query import Question

        if not text.strip():
            raise UsageError("the query is empty", 'codesift query "parse json"')
        question = Question(
            text=text.strip(),
            limit=self._limit(limit),
            lexical=lexical,
            semantic=semantic,
            code=snippet_of(text, code),
            language="" if code is None else resolve_language(code),
            filter=only or Filter(),
            fold=fold,
        )
        return self.answer(question)

    def answer(self, question: Question) -> Answer:
        """Find the code that answers a `Question`; `query` makes one from its parameters."""
        from codesift.search.query import query

        # The model is loaded while git and the disk are waited for to find changed files.
        encoder = Background(self.query_encoder) if question.semantic else self.query_encoder

        def work(index: Index) -> Answer:
            return query(question, index, self.settings, encoder, self._completion(index, encoder))

        return self.on_index(work)

    def _completion(self, index: Index, open_encoder: Callable[[], Encoder]) -> Complete | None:
        """Return what encodes units during a search; None if the settings allow no time for it."""
        if not self.settings.budget:
            return None

        def complete(unit_ids: Sequence[int]) -> Iterable[tuple[list[Match], Matrix]]:
            return self._access.complete(index, unit_ids, open_encoder(), self.settings.budget)

        return complete

    def similar(
        self,
        target: str,
        *,
        limit: int | None = None,
        only: Filter | None = None,
        min_cosine: float = -1.0,
        across: bool = False,
        code: str | None = None,
    ) -> Answer:
        """Find the code most like a unit; the unit itself is left out.

        Args:
            target: `FILE:NAME` or `FILE:LINE`, the file as seen from the working folder; or code.
            limit: maximum number of results; the setting `results` if None.
            only: filter for the units that may be returned; all if None.
            min_cosine: minimum cosine of a result to the target.
            across: return units in other languages only.
            code: language of `target` if it is code.

        Raises:
            UsageError: the target matches no unit, or several.
            StorageError: the index can be neither used nor built.
        """
        from codesift.parsing.languages import resolve_language
        from codesift.search.filters import Filter
        from codesift.search.lookup import origin_of_code, origin_of_target, snippet_of
        from codesift.search.similar import similar

        snippet = None if code is None else snippet_of(target, code)
        # numpy is imported while git and the disk are waited for to find changed files.
        Background(lambda: importlib.import_module("numpy"))

        def work(index: Index) -> Answer:
            def encoder() -> Encoder:
                return self.encoder(index.primary.space)

            if snippet is not None:
                origin = origin_of_code(snippet, resolve_language(code or ""), encoder)
            else:
                origin = origin_of_target(target, index, self.settings, encoder)
            allowed = only or Filter()
            if across:
                allowed = replace(allowed, other_than=origin.language)
            max_results = self._limit(limit)
            completion = self._completion(index, encoder)
            return similar(origin, index, self.settings, max_results, allowed, min_cosine, completion)

        return self.on_index(work)

    def duplicates(
        self, *, limit: int | None = None, only: Filter | None = None, min_cosine: float | None = None
    ) -> Duplicates:
        """Find clusters of nearly the same code.

        Args:
            limit: maximum number of clusters; the setting `results` if None.
            only: filter for the units that are compared; functions and methods if it names no kinds.
            min_cosine: minimum cosine of two units whose tokens are compared; 0.9 if None.

        Raises:
            UsageError: too many pairs of units reach the minimum cosine.
            StorageError: the index can be neither used nor built.
        """
        from codesift.search.duplicates import DEFAULT_MIN_COSINE, duplicates
        from codesift.search.filters import Filter

        cosine = DEFAULT_MIN_COSINE if min_cosine is None else min_cosine
        max_clusters = self._limit(limit)

        def work(index: Index) -> Duplicates:
            completion = self._completion(index, lambda: self.encoder(index.primary.space))
            return duplicates(index, self.settings, cosine, only or Filter(), max_clusters, completion)

        return self.on_index(work)

    def _limit(self, limit: int | None) -> int:
        if limit is not None and limit < 1:
            raise UsageError(f"the limit must be 1 or more, found {limit}")
        return self.settings.results if limit is None else limit

    def on_index(self, work: Callable[[Index], T]) -> T:
        """Call `work(index)` on the open index; every search runs through this.

        Raises:
            UsageError: there is no index and none may be built.
            StorageError: the index can be neither used nor built.
        """
        return self._access.read(work)

    # -- encoders -----------------------------------------------------------------------------

    def encoder(self, space: Space) -> Encoder:
        """Return the encoder of a space, which is opened once."""
        with self._lock:
            if space.id not in self._encoders:
                self._encoders[space.id] = self._open_encoder(space)
            return self._encoders[space.id]

    def query_encoder(self) -> Encoder:
        """Return the encoder of the space that the settings choose, prepared for a query."""
        from codesift.models.spaces import chosen_space

        encoder = self.encoder(chosen_space(self.settings, self.root))
        encoder.prepare_query()
        return encoder

    def _encoder_of_settings(self, space: Space) -> Encoder:
        from codesift.encoders import open_encoder

        return open_encoder(space, self.settings.threads, self.settings.device)

    # -- the index ----------------------------------------------------------------------------

    def refresh(self, until: Stage = "vectors") -> Report:
        """Update the index to the files as they are now; another process that indexes is waited for.

        Args:
            until: the last stage. After `words` the index can be searched by words, after `vectors` by
                meaning as well. The next call continues a refresh that was interrupted.

        Raises:
            StorageError: the index can be neither written nor repaired.
        """
        return self._access.refresh(until)

    def embed(self, unit_ids: Iterable[int] | None = None) -> Report:
        """Compute the missing vectors of units; another process that writes the index is waited for.

        Args:
            unit_ids: ids of units; None means all units without vectors.

        Raises:
            UsageError: there is no index.
            StorageError: the index can be neither written nor repaired.
        """
        return self._access.embed(unit_ids)

    def is_embedding(self) -> bool:
        """Tell whether another process computes the missing vectors."""
        return self._access.is_embedding()

    def stop(self) -> bool:
        """Ask the process that computes the missing vectors to end, and wait for that.

        Returns:
            Whether there was one.
        """
        return self._access.stop()

    def status(self, checked: bool = False) -> dict[str, Any]:
        """Return facts about the index, which changes only if `checked`.

        Args:
            checked: examine everything that is stored, and repair damage.

        Raises:
            UsageError: there is no index.
        """
        return self._access.status(checked)

    def delete(self) -> tuple[Path | None, int]:
        """Delete the index; return its folder (None if there is no index) and the bytes freed.

        Raises:
            StorageError: a file could not be deleted.
        """
        return self._access.delete()


def _ignore_line(line: str) -> None:
    pass


def _ignore_progress(stage: str, done: int, total: int) -> None:
    pass
