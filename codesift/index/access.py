"""Access to an index: it is located or created, opened once, locked for writing, updated and healed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from codesift.config import Settings
from codesift.errors import DamagedIndexError, NoSpaceError, StorageError, UsageError
from codesift.index.health import QUICK_SECONDS, check, heal_index, is_due, note_check
from codesift.index.location import (
    EMBEDDING,
    STOP,
    WAITING,
    holds_index,
    is_writable,
    make_index_folder,
    write_lock,
)
from codesift.index.opening import Index, create_index, discard, examined, open_index, writing
from codesift.index.placement import Notify, usable_place
from codesift.index.plan import Plan, is_parsed, plan
from codesift.index.shared import SharedIndex
from codesift.index.update import Stage, Update
from codesift.system.files import remove as remove_file
from codesift.system.files import write_new
from codesift.types import Encoder, Progress, Report

if TYPE_CHECKING:
    from codesift.index.embed import OpenEncoder
    from codesift.index.vectors import Match
    from codesift.types import Matrix

T = TypeVar("T")
_BUSY = "another codesift is indexing this repository: searching what is ready"
_POLL_SECONDS = 0.05
_BUSY_SECONDS = 1.0
"""Seconds that a search waits for a process that may only be storing some vectors."""
_MIN_ANNOUNCED = 500
"""Minimum number of units without vectors for the line that the others can be searched already."""


class IndexAccess:
    """The index of one repository, opened on first use and kept open.

    Several threads may read at the same time.

    Args:
        root: folder of the repository, resolved.
        settings: the settings of the repository.
        notify: called with one line for the user, such as that an index is being built.
        progress: called as (stage, done, total) during long operations.
        open_encoder: returns the encoder of a space.
    """

    def __init__(
        self, root: Path, settings: Settings, notify: Notify, progress: Progress, open_encoder: OpenEncoder
    ) -> None:
        self._root, self._settings = root, settings
        self._notify, self._progress, self._open_encoder = notify, progress, open_encoder
        self._reported: set[str] = set()
        self._cached_folder: Path | None = None
        self._opened: SharedIndex | None = None
        self._lock = threading.RLock()
        self._writer = 0
        """Identifier of the thread that holds the write lock; 0 if none of this object does."""

    def close(self) -> None:
        """Close the index, once no thread uses it any more; the next use opens it again."""
        with self._lock:
            opened, self._opened = self._opened, None
            if opened is not None:
                opened.retire()
            # Whether the folder can be trusted is determined anew, which may take the write lock.
            if not self._holds_lock():
                self._cached_folder = None

    # -- reading ------------------------------------------------------------------------------

    def read(self, work: Callable[[Index], T]) -> T:
        """Call `work(index)` on the index, built on first use and refreshed if the settings say so.

        Another process that indexes at the same time is not waited for: the finished part is read. An index
        that turns out to be damaged is healed, and `work` is called again.

        Raises:
            UsageError: there is no index, and the settings forbid building one.
            DamagedIndexError: the index is damaged, and the settings forbid healing it.
        """
        if not self._settings.refresh:
            return self._do(work)

        def attempt() -> T:
            self._check_before_search()
            self._refresh_before_search()
            return self._do(work)

        return self._healing(attempt, self._heal_locked)

    def _do(self, work: Callable[[Index], T]) -> T:
        with self._use() as index:
            return work(index)

    def status(self, checked: bool = False) -> dict[str, Any]:
        """Return facts about the index, which changes only if `checked`.

        Args:
            checked: examine everything that is stored, and heal damage.

        Raises:
            UsageError: there is no index.
        """
        folder = self._folder()
        if not holds_index(folder):
            raise UsageError(f"there is no index of {self._root}", "codesift index")
        if checked:
            self._check_and_heal(folder)
        from codesift.index.status import facts

        embedding = self.is_embedding()
        return self._do(lambda index: facts(index, self._plan(index), self._settings, embedding))

    # -- writing ------------------------------------------------------------------------------

    def refresh(self, until: Stage) -> Report:
        """Update the index to the files as they are now; another process that indexes is waited for.

        Raises:
            StorageError: the index can be neither written nor healed.
        """

        def attempt() -> Report:
            started = time.monotonic()
            with self._locked(self._create_folder()), self._use() as index:
                changes = self._plan(index)
                report = self._write(index, changes)
            report.searchable_seconds = time.monotonic() - started
            if until == "vectors":
                with self._use() as index:
                    _, units = index.catalog.counts()
                    if units - index.primary.vectors.ready() >= _MIN_ANNOUNCED:
                        self._searchable(report, units)
                self._embed(report, None)
            with self._use() as index:
                report.files, report.units = index.catalog.counts()
                report.vectors_ready = index.primary.vectors.ready()
                report.skipped = changes.skipped(index)
            report.seconds = time.monotonic() - started
            return report

        return self._healing(attempt, self._heal_locked)

    def embed(self, unit_ids: Iterable[int] | None) -> Report:
        """Compute the missing vectors of units; another process that embeds is waited for.

        Args:
            unit_ids: ids of units; None means all units without vectors.

        Raises:
            UsageError: there is no index.
            StorageError: the index can be neither written nor healed.
        """
        selected = None if unit_ids is None else tuple(map(int, unit_ids))
        if not holds_index(self._folder()):
            raise UsageError(f"there is no index of {self._root}", "codesift index")

        def attempt() -> Report:
            started = time.monotonic()
            report = Report(root=str(self._root))
            self._embed(report, selected)
            with self._use() as index:
                report.files, report.units = index.catalog.counts()
                report.vectors_ready = index.primary.vectors.ready()
            report.seconds = time.monotonic() - started
            return report

        return self._healing(attempt, self._heal_locked)

    def _embed(self, report: Report, unit_ids: Iterable[int] | None) -> None:
        """Compute missing vectors. The write lock is held only while they are stored.

        Other processes can search and refresh the index meanwhile, but only one embeds.
        """
        with write_lock(self._folder(), lambda: self._notify(WAITING), EMBEDDING), self._use() as index:

            @contextlib.contextmanager
            def for_a_moment() -> Iterator[None]:
                with self._locked(index.folder), writing(index):
                    yield

            stop = index.folder / STOP
            remove_file(stop)

            def is_stopped() -> bool:
                report.stopped = report.stopped or stop.exists()
                return report.stopped

            update = self._update(index)
            update.embed(report, unit_ids, for_a_moment, is_stopped)
            with for_a_moment() if report.has_changes() else self._locked(index.folder):
                update.tidy(report)

    def is_embedding(self) -> bool:
        """Tell whether another process computes the missing vectors."""
        folder = self._folder()
        if not holds_index(folder) or not is_writable(folder):
            return False
        with write_lock(folder, None, EMBEDDING) as free:
            return not free

    def stop(self) -> bool:
        """Ask the process that computes the missing vectors to end, and wait for that.

        Returns:
            Whether there was one.
        """
        if not self.is_embedding():
            return False
        stop = self._folder() / STOP
        try:
            remove_file(stop)
            write_new(stop, b"")
        except OSError as error:
            raise StorageError(f"cannot write {stop}: {error.strerror}") from error
        try:
            with write_lock(self._folder(), lambda: None, EMBEDDING):
                return True
        finally:
            remove_file(stop)

    def _searchable(self, report: Report, units: int) -> None:
        """Report that the index can be searched before all vectors are computed."""
        seconds = report.searchable_seconds
        self._notify(f"{units:,} units are searchable after {seconds:.1f} s; now their vectors are computed")

    def complete(
        self, index: Index, unit_ids: Sequence[int], encoder: Encoder, seconds: float
    ) -> Iterable[tuple[list[Match], Matrix]]:
        """Encode units without vectors for a search, as many as the time allows, and store their vectors.

        They are not stored if the index cannot be written, or another process writes it at this moment.

        Args:
            index: the open index.
            unit_ids: ids of units, the most important ones first.
            encoder: the encoder of the primary space.
            seconds: maximum duration.

        Returns:
            pairs (windows of units, their vectors of shape (windows, dimensions)).
        """
        from codesift.index.embed import encode_few, encoded_matches, store

        windows, fresh = encode_few(index, self._settings, encoder, unit_ids, seconds)
        if windows and self._settings.refresh and is_writable(index.folder) and not self._holds_lock():
            try:
                with self._lock_if_free(index.folder) as acquired:
                    if acquired:
                        with writing(index):
                            store(index, index.primary.vectors, windows, fresh)
                            index.primary.neighbors.sync(self._progress, quick=True)
            except DamagedIndexError:
                raise
            except StorageError:  # The answer does not depend on it.
                pass
        return encoded_matches(windows, fresh)

    def delete(self) -> tuple[Path | None, int]:
        """Delete the index; return its folder (None if there is no index) and the bytes freed.

        Raises:
            StorageError: a file could not be deleted.
        """
        folder = self._folder()
        if not holds_index(folder):
            return None, 0
        with self._locked(folder):
            self.close()
            freed = discard(folder)
        self._cached_folder = None
        return folder, freed

    def _refresh_before_search(self) -> None:
        """Refresh the index if it is out of date and can be written."""
        if self._holds_lock():  # The search was started by a callback of an update.
            return
        with self._use() as index:
            folder, generation = index.folder, index.database.meta("generation")
            pending = self._plan(index)
            if not _has_work(pending, index):
                return
        if not is_writable(folder):
            self._notify(f"the index {folder} is out of date and cannot be written: searching it as it is")
            return
        try:
            self._write_when_free(folder, pending, generation)
        except NoSpaceError as error:
            self._notify(f"{error}: searching what is ready")

    def _write_when_free(self, folder: Path, pending: Plan, generation: str) -> None:
        """Carry out a plan as soon as no other process indexes.

        Another process is waited for until all files have been parsed once, which takes seconds, and then for
        the time that it takes to store some vectors.

        Args:
            folder: the index folder.
            pending: the plan.
            generation: generation of the index that the plan was made for; another one makes it out of date.
        """
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            with self._lock_if_free(folder) as acquired:
                if acquired:
                    with self._use() as index:
                        if index.database.meta("generation") != generation:
                            pending = self._plan(index)
                        self._write(index, pending)
                    return
            if time.monotonic() > until and self._do(is_parsed):
                self._notify(_BUSY)
                return
            time.sleep(_POLL_SECONDS)

    def _plan(self, index: Index) -> Plan:
        """Compare the files with the index, and report the warnings of the walk, each only once."""
        changes = plan(index, self._settings)
        for line in changes.warnings:
            if line not in self._reported:
                self._reported.add(line)
                self._notify(line)
        return changes

    def _write(self, index: Index, changes: Plan) -> Report:
        """Carry out a plan: store files, words and drafts. An index without changes is not written."""
        report = Report(root=str(index.root))
        if _has_work(changes, index):
            with writing(index):
                update = self._update(index)
                update.words(changes, report)
                update.tidy(report, quick=True)
        return report

    def _update(self, index: Index) -> Update:
        return Update(index, self._settings, self._progress, self._open_encoder)

    # -- the write lock -----------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Hold the write lock of the index; another process or thread that holds it is waited for."""
        with write_lock(folder, lambda: self._notify(WAITING)), self._as_writer():
            yield

    @contextlib.contextmanager
    def _lock_if_free(self, folder: Path) -> Iterator[bool]:
        """Hold the write lock of the index; yields False if another process or thread holds it."""
        with write_lock(folder, None) as acquired:
            if acquired:
                with self._as_writer():
                    yield True
            else:
                yield False

    @contextlib.contextmanager
    def _as_writer(self) -> Iterator[None]:
        self._writer = threading.get_ident()
        try:
            yield
        finally:
            self._writer = 0

    def _holds_lock(self) -> bool:
        """Tell whether this thread holds the write lock; it must not wait for it again."""
        return self._writer == threading.get_ident()

    # -- opening ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _use(self) -> Iterator[Index]:
        """Use the index: opened once, and again if its database file has been replaced.

        It stays open until the last thread has finished with it, whoever closes it meanwhile.

        Raises:
            UsageError: there is no index, and the settings forbid building one.
        """
        with self._lock:
            if self._opened is not None and self._opened.index.database.is_replaced():
                self.close()
            if self._opened is None:
                self._opened = SharedIndex(
                    open_index(self._root, self._existing_folder(), self._settings, read_only=True)
                )
            opened = self._opened
            opened.users += 1
        try:
            with examined(opened.index.database):
                yield opened.index
        finally:
            with self._lock:
                opened.users -= 1
                opened.close_if_unused()

    def _folder(self) -> Path:
        """Return the folder that the index belongs in, determined once for as long as the index is open.

        It may not exist yet.
        """
        with self._lock:
            if self._cached_folder is None:
                self._cached_folder = usable_place(self._root, self._settings, self._notify)
            return self._cached_folder

    def _create_folder(self) -> Path:
        """Create the folder of the index and an empty index in it, if missing; return the folder."""
        folder = make_index_folder(self._folder(), self._root)
        create_index(self._root, folder, locked=self._holds_lock())
        return folder

    def _existing_folder(self) -> Path:
        """Return the folder of the index; an empty index is created if there is none.

        Raises:
            UsageError: there is no index, and the settings forbid building one.
        """
        folder = self._folder()
        if not holds_index(folder):
            if not self._settings.refresh and not self._holds_lock():
                raise UsageError(f"there is no index of {self._root}", "codesift index")
            self._notify(f"no index of {self._root} yet: building it")
            self._create_folder()
        return folder

    # -- damage -------------------------------------------------------------------------------

    def _healing(self, attempt: Callable[[], T], heal: Callable[[DamagedIndexError, bool], None]) -> T:
        """Call `attempt`; on damage, heal the index and retry, the second time with a thorough repair."""
        for thorough in (False, True):
            try:
                return attempt()
            except DamagedIndexError as error:
                heal(error, thorough)
        return attempt()

    def _heal(self, error: DamagedIndexError, thorough: bool) -> None:
        """Heal the index; the caller holds the write lock."""
        folder = self._folder()
        self.close()
        heal_index(self._root, folder, error, self._notify, thorough)

    def _heal_locked(self, error: DamagedIndexError, thorough: bool) -> None:
        with self._locked(self._folder()):
            self._heal(error, thorough)

    def _check_before_search(self) -> None:
        """Examine the index if it was not examined for a day, and if no process writes it.

        Raises:
            DamagedIndexError: damage was found.
        """
        folder = self._existing_folder()
        if self._holds_lock() or not is_writable(folder) or not is_due(folder):
            return
        with self._lock_if_free(folder) as acquired:
            if acquired:
                note_check(folder)
                with contextlib.suppress(NoSpaceError):
                    self._do(lambda index: check(index, self._notify, QUICK_SECONDS))

    def _check_and_heal(self, folder: Path) -> None:
        with self._locked(folder):
            try:
                self._do(lambda index: check(index, self._notify, float("inf")))
            except DamagedIndexError as error:
                self._heal(error, thorough=False)
            note_check(folder)
            with self._use() as index:
                self._write(index, self._plan(index))


def _has_work(pending: Plan, index: Index) -> bool:
    """Tell whether files changed, or units have no drafts yet."""
    return pending.has_files(index) or index.primary.drafts.are_missing()
