"""A repository held open: its index and encoders, refreshed in stages and searched many times."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from codesift.config import Settings, load_settings, personal_settings
from codesift.errors import DamagedIndexError, NoSpaceError, UsageError
from codesift.index.health import QUICK_SECONDS, check, heal_index, is_due, note_check
from codesift.index.location import (
    find_root,
    given_root,
    holds_index,
    is_writable,
    make_index_folder,
    size_on_disk,
    write_lock,
)
from codesift.index.opening import Index, create_index, discard, examined, open_index, writing
from codesift.index.placement import Notify, usable_place
from codesift.index.plan import Plan, count_stale, plan
from codesift.index.update import Stage, Update
from codesift.search.filters import Filter
from codesift.system.background import Background
from codesift.types import Answer, Duplicates, Encoder, Progress, Report

if TYPE_CHECKING:
    from codesift.models.spaces import Space
    from codesift.search.query import Question

T = TypeVar("T")
OpenEncoder = Callable[["Space"], Encoder]
_POLL_SECONDS = 0.1
_WAITING = "another codesift is indexing this repository: waiting for it"
_BUSY = "another codesift is indexing this repository: searching what is ready"


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
    return Repository(root, load_settings(root, os.environ, settings or {}), notify, progress)


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
        self._notify = notify or _ignore_line
        self._progress = progress or _ignore_progress
        self._open_encoder = open_encoder or self._encoder_of_settings
        self._encoders: dict[str, Encoder] = {}
        self._warned: set[str] = set()
        self._folder: Path | None = None
        self._index: Index | None = None
        self._opened = contextlib.ExitStack()
        self._lock = threading.RLock()

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
        with self._lock:
            self._index = None
            self._opened.close()

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
        """Call `work(index)` on the index, built on first use and refreshed if the settings say so.

        A process that indexes at the same time is not waited for: what is ready is searched. An index that
        turns out damaged is healed, and `work` done a second time.

        Raises:
            UsageError: there is no index and none may be built.
            DamagedIndexError: it is damaged and may not be healed.
        """
        if not self.settings.refresh:
            return self._do(work)

        def attempt() -> T:
            self._check_in_passing()
            self._refresh_in_passing()
            return self._do(work)

        return self._healing(attempt, self._heal_locked)

    def _do(self, work: Callable[[Index], T]) -> T:
        index = self._open()
        with examined(index.database):
            return work(index)

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

        return open_encoder(space, self.settings.threads)

    # -- refreshing ---------------------------------------------------------------------------

    def refresh(self, until: Stage = "vectors") -> Report:
        """Bring the index in step with the files, waiting for another process that does the same.

        Args:
            until: the last stage. After `words` the index can be searched by words, after `vectors` by
                meaning as well. What is interrupted goes on from there at the next call.

        Raises:
            StorageError: the index can be neither written nor healed.
        """
        folder = self._made_folder()

        def attempt() -> Report:
            index = self._open()
            with examined(index.database):
                return self._write(index, self._plan(index), until)

        with self._locked(folder):
            return self._healing(attempt, self._heal)

    def embed(self, unit_ids: Iterable[int] | None = None) -> Report:
        """Give units their vectors, waiting for another process that writes the index.

        Args:
            unit_ids: units to look at; None means all that wait.

        Raises:
            StorageError: the index can be neither written nor healed.
        """
        folder, report = self._made_folder(), Report(root=str(self.root))
        wanted = None if unit_ids is None else tuple(unit_ids)
        with self._locked(folder):
            index = self._open()
            with examined(index.database), writing(index):
                update = self._update(index)
                update.embed(report, wanted)
                update.tidy(report)
        return report

    def _refresh_in_passing(self) -> None:
        """Refresh before a search, if there is anything to do and the index can be written."""
        index = self._open()
        with examined(index.database):
            generation = index.database.meta("generation")
            found = self._plan(index)
            if not _has_work(found, index):
                return
        if not is_writable(index.folder):
            self._notify(
                f"the index {index.folder} is out of date and cannot be written: searching it as it is"
            )
            return
        try:
            self._write_when_free(found, generation)
        except NoSpaceError as error:
            self._notify(f"{error}: searching what is ready")

    def _write_when_free(self, found: Plan, generation: str) -> None:
        """Carry out a plan as soon as no other process indexes.

        Another process is waited for only until all files are parsed once: seconds.

        Args:
            found: the plan.
            generation: of the index that the plan was made for; another one makes it out of date.
        """
        while True:
            index = self._open()
            with write_lock(index.folder, None) as mine:
                if mine:
                    index = self._open()
                    with examined(index.database):
                        if index.database.meta("generation") != generation:
                            found = self._plan(index)
                        self._write(index, found, "vectors")
                    return
            if index.database.meta("parser"):
                self._notify(_BUSY)
                return
            time.sleep(_POLL_SECONDS)

    def _plan(self, index: Index) -> Plan:
        """Compare the files with the index, and tell the user what the walk has to say, once."""
        found = plan(index, self.settings)
        for line in found.warnings:
            if line not in self._warned:
                self._warned.add(line)
                self._notify(line)
        return found

    def _write(self, index: Index, found: Plan, until: Stage) -> Report:
        # Without work, nothing is stored in the database; the files beside it are brought in step.
        needed = found.has_files(index) or _has_work(found, index)
        with writing(index) if needed else contextlib.nullcontext():
            return self._update(index).run(found, until)

    def _update(self, index: Index) -> Update:
        return Update(index, self.settings, self._progress, self.encoder)

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Hold the one right to write the index, waiting for another process that has it."""
        with write_lock(folder, lambda: self._notify(_WAITING)):
            yield

    # -- opening ------------------------------------------------------------------------------

    def _open(self) -> Index:
        """The index, opened once, and again where another file has taken its place.

        Raises:
            UsageError: there is no index and none may be built.
        """
        with self._lock:
            if self._index is not None and self._index.database.is_replaced():
                self.close()
            if self._index is None:
                folder = self._found_folder()
                opened = open_index(self.root, folder, self.settings, read_only=True)
                self._index = self._opened.enter_context(opened)
            return self._index

    def _place(self) -> Path:
        """The folder that the index belongs in, found out once; it may not exist yet."""
        if self._folder is None:
            self._folder = usable_place(self.root, self.settings, self._notify)
        return self._folder

    def _made_folder(self) -> Path:
        """The folder of the index, made if it is not there."""
        folder = make_index_folder(self._place(), self.root)
        create_index(self.root, folder)
        return folder

    def _found_folder(self) -> Path:
        """The folder of an index that is there, or of an empty one, if it may be filled."""
        folder = self._place()
        if not holds_index(folder):
            if not self.settings.refresh:
                raise UsageError(f"there is no index of {self.root}", "codesift index")
            self._notify(f"no index of {self.root} yet: building it")
            self._made_folder()
        return folder

    # -- damage -------------------------------------------------------------------------------

    def _healing(self, attempt: Callable[[], T], heal: Callable[[DamagedIndexError, bool], None]) -> T:
        """Attempt something, heal the index if it turns out damaged, and in the end build it again."""
        for thorough in (False, True):
            try:
                return attempt()
            except DamagedIndexError as error:
                heal(error, thorough)
        return attempt()

    def _heal(self, error: DamagedIndexError, thorough: bool) -> None:
        """Heal the index; whoever calls this holds the write lock."""
        self.close()
        heal_index(self.root, self._place(), error, self._notify, thorough)

    def _heal_locked(self, error: DamagedIndexError, thorough: bool) -> None:
        with self._locked(self._place()):
            self._heal(error, thorough)

    def _check_in_passing(self) -> None:
        """Examine an index that was not examined for a day, if nobody writes it.

        Raises:
            DamagedIndexError: damage was found.
        """
        folder = self._found_folder()
        if not is_writable(folder) or not is_due(folder):
            return
        with write_lock(folder, None) as mine:
            if mine:
                note_check(folder)
                with contextlib.suppress(NoSpaceError):
                    self._check(QUICK_SECONDS)

    def _check(self, seconds: float) -> None:
        index = self._open()
        with examined(index.database):
            check(index, self._notify, seconds)

    # -- upkeep -------------------------------------------------------------------------------

    def status(self, checked: bool = False) -> dict[str, Any]:
        """Facts about the index; nothing is changed unless `checked`.

        Args:
            checked: examine all that is stored, and heal what is damaged.

        Raises:
            UsageError: there is no index.
        """
        folder = self._place()
        if not holds_index(folder):
            raise UsageError(f"there is no index of {self.root}", "codesift index")
        if checked:
            self._check_and_heal(folder)
        index = self._open()
        with examined(index.database):
            return self._facts(index, self._plan(index))

    def _check_and_heal(self, folder: Path) -> None:
        with self._locked(folder):
            try:
                self._check(float("inf"))
            except DamagedIndexError as error:
                self._heal(error, thorough=False)
            note_check(folder)
            index = self._open()
            self._write(index, self._plan(index), "vectors")

    def _facts(self, index: Index, found: Plan) -> dict[str, Any]:
        files, units = index.catalog.counts()
        space = index.primary.space
        return {
            "root": str(self.root),
            "index": str(index.folder),
            "model": space.base.name,
            "adapters": [language or "other" for language in space.adapters.named()],
            "space": space.id,
            "files": files,
            "units": units,
            "vectors_ready": index.primary.vectors.ready(),
            "languages": {name: count for name, _, count in index.catalog.languages()},
            "stale_files": count_stale(found, self.settings),
            "skipped": found.skipped(index),
            "not_parsed": index.catalog.gave_up(),
            "size_bytes": size_on_disk(index.folder),
        }

    def delete(self) -> tuple[Path | None, int]:
        """Delete the index; returns where it was (None: there is none) and the bytes freed.

        Raises:
            StorageError: a file could not be deleted.
        """
        folder = self._place()
        if not holds_index(folder):
            return None, 0
        self.close()
        with self._locked(folder):
            freed = discard(folder)
        self._folder = None
        return folder, freed


def _has_work(found: Plan, index: Index) -> bool:
    _, units = index.catalog.counts()
    return bool(found.unsure or found.removed) or index.primary.vectors.ready() < units


def _ignore_line(line: str) -> None:
    pass


def _ignore_progress(stage: str, done: int, total: int) -> None:
    pass
