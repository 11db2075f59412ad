"""The way to an index: found or made, opened once, locked for writing, healed, in step with its files."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from codesift.config import Settings
from codesift.errors import DamagedIndexError, NoSpaceError, UsageError
from codesift.index.embed import OpenEncoder
from codesift.index.health import QUICK_SECONDS, check, heal_index, is_due, note_check
from codesift.index.location import holds_index, is_writable, make_index_folder, write_lock
from codesift.index.opening import Index, create_index, discard, examined, open_index, writing
from codesift.index.placement import Notify, usable_place
from codesift.index.plan import Plan, is_parsed, plan
from codesift.index.status import WAITING, facts
from codesift.index.update import Stage, Update
from codesift.types import Progress, Report

T = TypeVar("T")
_BUSY = "another codesift is indexing this repository: searching what is ready"
_POLL_SECONDS = 0.1


class IndexAccess:
    """The index of one repository, opened when it is first needed and kept open.

    Several threads may read at once.

    Args:
        root: folder of the repository, resolved.
        settings: what holds for it.
        notify: takes one line meant for the user, such as that an index is being built.
        progress: called as (stage, done, total) while something takes long.
        open_encoder: gives the encoder of a space.
    """

    def __init__(
        self, root: Path, settings: Settings, notify: Notify, progress: Progress, open_encoder: OpenEncoder
    ) -> None:
        self._root, self._settings = root, settings
        self._notify, self._progress, self._open_encoder = notify, progress, open_encoder
        self._reported: set[str] = set()
        self._known_folder: Path | None = None
        self._index: Index | None = None
        self._opened = contextlib.ExitStack()
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the index; it is opened again when it is next needed."""
        with self._lock:
            self._index = None
            self._opened.close()

    # -- reading ------------------------------------------------------------------------------

    def read(self, work: Callable[[Index], T]) -> T:
        """Call `work(index)` on the index, built on first use and refreshed if the settings say so.

        A process that indexes at the same time is not waited for: what is ready is read. An index that turns
        out damaged is healed, and `work` done a second time.

        Raises:
            UsageError: there is no index and none may be built.
            DamagedIndexError: it is damaged and may not be healed.
        """
        if not self._settings.refresh:
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

    def status(self, checked: bool = False) -> dict[str, Any]:
        """Facts about the index; nothing is changed unless `checked`.

        Args:
            checked: examine all that is stored, and heal what is damaged.

        Raises:
            UsageError: there is no index.
        """
        folder = self._folder()
        if not holds_index(folder):
            raise UsageError(f"there is no index of {self._root}", "codesift index")
        if checked:
            self._check_and_heal(folder)
        return self._do(lambda index: facts(index, self._plan(index), self._settings))

    # -- writing ------------------------------------------------------------------------------

    def refresh(self, until: Stage) -> Report:
        """Bring the index in step with the files, waiting for another process that does the same.

        Raises:
            StorageError: the index can be neither written nor healed.
        """

        def attempt() -> Report:
            index = self._open()
            with examined(index.database):
                return self._write(index, self._plan(index), until)

        with self._locked(self._made_folder()):
            return self._healing(attempt, self._heal)

    def embed(self, unit_ids: Iterable[int] | None) -> Report:
        """Give units their vectors, waiting for another process that writes the index.

        Raises:
            StorageError: the index can be neither written nor healed.
        """
        report = Report(root=str(self._root))
        wanted = None if unit_ids is None else tuple(unit_ids)

        def attempt() -> Report:
            index = self._open()
            with examined(index.database), writing(index):
                update = self._update(index)
                update.embed(report, wanted)
                update.tidy(report)
            return report

        with self._locked(self._made_folder()):
            return self._healing(attempt, self._heal)

    def delete(self) -> tuple[Path | None, int]:
        """Delete the index; returns where it was (None: there is none) and the bytes freed.

        Raises:
            StorageError: a file could not be deleted.
        """
        folder = self._folder()
        if not holds_index(folder):
            return None, 0
        self.close()
        with self._locked(folder):
            freed = discard(folder)
        self._known_folder = None
        return folder, freed

    def _refresh_in_passing(self) -> None:
        """Refresh before a search, if there is anything to do and the index can be written."""
        index = self._open()
        with examined(index.database):
            generation = index.database.meta("generation")
            found = self._plan(index)
            if not _has_work(found, index):
                return
        if not is_writable(index.folder):
            stale = f"the index {index.folder} is out of date and cannot be written"
            self._notify(f"{stale}: searching it as it is")
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
            if is_parsed(index):
                self._notify(_BUSY)
                return
            time.sleep(_POLL_SECONDS)

    def _plan(self, index: Index) -> Plan:
        """Compare the files with the index, and report what the walk has to say, each line once."""
        found = plan(index, self._settings)
        for line in found.warnings:
            if line not in self._reported:
                self._reported.add(line)
                self._notify(line)
        return found

    def _write(self, index: Index, found: Plan, until: Stage) -> Report:
        # Without work, nothing is stored in the database; the files beside it are brought in step.
        needed = found.has_files(index) or _has_work(found, index)
        with writing(index) if needed else contextlib.nullcontext():
            return self._update(index).run(found, until)

    def _update(self, index: Index) -> Update:
        return Update(index, self._settings, self._progress, self._open_encoder)

    @contextlib.contextmanager
    def _locked(self, folder: Path) -> Iterator[None]:
        """Hold the one right to write the index, waiting for another process that has it."""
        with write_lock(folder, lambda: self._notify(WAITING)):
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
                opened = open_index(self._root, self._found_folder(), self._settings, read_only=True)
                self._index = self._opened.enter_context(opened)
            return self._index

    def _folder(self) -> Path:
        """The folder that the index belongs in, found out once; it may not exist yet."""
        if self._known_folder is None:
            self._known_folder = usable_place(self._root, self._settings, self._notify)
        return self._known_folder

    def _made_folder(self) -> Path:
        """The folder of the index, made if it is not there."""
        folder = make_index_folder(self._folder(), self._root)
        create_index(self._root, folder)
        return folder

    def _found_folder(self) -> Path:
        """The folder of an index that is there, or of an empty one, if it may be filled."""
        folder = self._folder()
        if not holds_index(folder):
            if not self._settings.refresh:
                raise UsageError(f"there is no index of {self._root}", "codesift index")
            self._notify(f"no index of {self._root} yet: building it")
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
        heal_index(self._root, self._folder(), error, self._notify, thorough)

    def _heal_locked(self, error: DamagedIndexError, thorough: bool) -> None:
        with self._locked(self._folder()):
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
                    self._do(lambda index: check(index, self._notify, QUICK_SECONDS))

    def _check_and_heal(self, folder: Path) -> None:
        with self._locked(folder):
            try:
                self._do(lambda index: check(index, self._notify, float("inf")))
            except DamagedIndexError as error:
                self._heal(error, thorough=False)
            note_check(folder)
            index = self._open()
            with examined(index.database):
                self._write(index, self._plan(index), "vectors")


def _has_work(found: Plan, index: Index) -> bool:
    _, units = index.catalog.counts()
    return bool(found.unsure or found.removed) or index.primary.vectors.ready() < units
