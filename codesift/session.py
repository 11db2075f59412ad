"""A repository held open: its index and encoders, refreshed in stages and searched many times."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codesift.config import Settings, load_settings, personal_settings
from codesift.errors import UsageError
from codesift.index.access import IndexAccess
from codesift.index.location import find_root, given_root
from codesift.index.opening import Index
from codesift.index.placement import Notify
from codesift.index.update import Stage
from codesift.search.filters import Filter
from codesift.system.background import Background
from codesift.types import Answer, Duplicates, Encoder, Progress, Report

if TYPE_CHECKING:
    from codesift.models.spaces import Space
    from codesift.search.query import Question

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
    root = given_root(folder) if exact else find_root(folder, personal_settings(os.environ))
    return Repository(
        root, load_settings(root, os.environ, settings or {}, label="setting "), notify, progress
    )


class Repository:
    """A repository whose index is opened once, refreshed in stages, and searched many times.

    Several threads may search at once. Use it as a context manager, or call `close`.

    Args:
        root: folder of the repository, resolved.
        settings: what holds for it.
        notify: takes one line meant for the user, such as that an index is being built.
        progress: called as (stage, done, total) while something takes long.
        open_encoder: opens the encoder of a space; the one that the settings choose if None.
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
            only: which units may be returned; all if None.
            lexical: search by words.
            semantic: search by meaning.
            code: language of `text` if it is code; None decides by its looks.
            fold: name results that are nearly the same code as a better one there only.

        Raises:
            UsageError: the text is empty, or a filter or language is unknown.
            StorageError: the index can be neither used nor built.
        """
        from codesift.parsing.languages import resolve_language
        from codesift.search.lookup import snippet_of
        from codesift.search.query import Question

        if not text.strip():
            raise UsageError("the query is empty", 'codesift query "parse json"')
        question = Question(
            text=text.strip(),
            limit=self.settings.results if limit is None else limit,
            lexical=lexical,
            semantic=semantic,
            code=snippet_of(text, code),
            language="" if code is None else resolve_language(code),
            filter=only or Filter(),
            fold=fold,
        )
        return self.answer(question)

    def answer(self, question: Question) -> Answer:
        """Find the code that answers a question; `query` for those who have made a `Question`."""
        from codesift.search.query import query

        # Loading the model fills the time that git and the disk take to say what changed.
        encoder = Background(self.query_encoder) if question.semantic else self.query_encoder
        return self.on_index(lambda index: query(question, index, self.settings, encoder))

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
        """Find the code most like a unit, itself left out.

        Args:
            target: `FILE:NAME` or `FILE:LINE`, the file as seen from the working folder; or code.
            limit: maximum number of results; the setting `results` if None.
            only: which units may be returned; all if None.
            min_cosine: leave out what has a lower cosine.
            across: return units in other languages only.
            code: language of `target` if it is code.

        Raises:
            UsageError: the target names no unit, or several.
            StorageError: the index can be neither used nor built.
        """
        from codesift.parsing.languages import resolve_language
        from codesift.search.lookup import origin_of_code, origin_of_target, snippet_of
        from codesift.search.similar import similar

        snippet = None if code is None else snippet_of(target, code)
        # Importing numpy fills the time that git and the disk take to say what changed.
        Background(lambda: importlib.import_module("numpy"))

        def work(index: Index) -> Answer:
            def encoder() -> Encoder:
                return self.encoder(index.primary.space)

            if snippet is not None:
                origin = origin_of_code(snippet, resolve_language(code or ""), encoder)
            else:
                origin = origin_of_target(target, index, self.settings, encoder)
            chosen = only or Filter()
            if across:
                chosen = replace(chosen, other_than=origin.language)
            wanted = self.settings.results if limit is None else limit
            return similar(origin, index, self.settings, wanted, chosen, min_cosine)

        return self.on_index(work)

    def duplicates(
        self, *, limit: int | None = None, only: Filter | None = None, min_cosine: float | None = None
    ) -> Duplicates:
        """Find clusters of nearly the same code.

        Args:
            limit: maximum number of clusters; the setting `results` if None.
            only: which units are compared; functions and methods if it names no kinds.
            min_cosine: cosine from which two units are compared by their tokens; 0.9 if None.

        Raises:
            UsageError: too many pairs of units are that near.
            StorageError: the index can be neither used nor built.
        """
        from codesift.search.duplicates import DEFAULT_MIN_COSINE, duplicates

        cosine = DEFAULT_MIN_COSINE if min_cosine is None else min_cosine
        wanted = self.settings.results if limit is None else limit
        return self.on_index(lambda index: duplicates(index, self.settings, cosine, only or Filter(), wanted))

    def on_index(self, work: Callable[[Index], T]) -> T:
        """Call `work(index)` on the open index, as the searches do.

        Raises:
            UsageError: there is no index and none may be built.
            StorageError: the index can be neither used nor built.
        """
        return self._access.read(work)

    # -- encoders -----------------------------------------------------------------------------

    def encoder(self, space: Space) -> Encoder:
        """The encoder of a space, opened once."""
        with self._lock:
            if space.id not in self._encoders:
                self._encoders[space.id] = self._open_encoder(space)
            return self._encoders[space.id]

    def query_encoder(self) -> Encoder:
        """The encoder of the space that the settings choose, ready for a query."""
        from codesift.models.spaces import chosen_space

        encoder = self.encoder(chosen_space(self.settings, self.root))
        encoder.prepare_query()
        return encoder

    def _encoder_of_settings(self, space: Space) -> Encoder:
        from codesift.encoders import open_encoder

        return open_encoder(space, self.settings.threads, self.settings.device)

    # -- the index ----------------------------------------------------------------------------

    def refresh(self, until: Stage = "vectors") -> Report:
        """Bring the index in step with the files, waiting for another process that does the same.

        Args:
            until: the last stage. After `words` the index can be searched by words, after `vectors` by
                meaning as well. What is interrupted goes on from there at the next call.

        Raises:
            StorageError: the index can be neither written nor healed.
        """
        return self._access.refresh(until)

    def embed(self, unit_ids: Iterable[int] | None = None) -> Report:
        """Give units their vectors, waiting for another process that writes the index.

        Args:
            unit_ids: units to look at; None means all that wait.

        Raises:
            StorageError: the index can be neither written nor healed.
        """
        return self._access.embed(unit_ids)

    def status(self, checked: bool = False) -> dict[str, Any]:
        """Facts about the index; nothing is changed unless `checked`.

        Args:
            checked: examine all that is stored, and heal what is damaged.

        Raises:
            UsageError: there is no index.
        """
        return self._access.status(checked)

    def delete(self) -> tuple[Path | None, int]:
        """Delete the index; returns where it was (None: there is none) and the bytes freed.

        Raises:
            StorageError: a file could not be deleted.
        """
        return self._access.delete()


def _ignore_line(line: str) -> None:
    pass


def _ignore_progress(stage: str, done: int, total: int) -> None:
    pass
