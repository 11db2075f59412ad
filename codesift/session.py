"""An index that can be searched or written: found or made, healed, locked, in step with its files."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from codesift.config import Settings
from codesift.errors import DamagedIndexError, NoSpaceError, StorageError, UsageError
from codesift.index import seal, trust
from codesift.index.location import (
    CHECKED,
    DATABASE,
    holds_index,
    is_writable,
    make_index_folder,
    read_about,
    replace_file,
    repository_place,
    write_lock,
)
from codesift.index.opening import Index, create_index, open_index, signing, write_index
from codesift.index.placement import Notify, usable_place
from codesift.index.update import OpenEncoder, Plan, apply, plan
from codesift.types import Progress, Report

T = TypeVar("T")
_POLL_SECONDS = 0.1
_CHECK_EVERY = 24 * 3600
"""Seconds after which an index is examined in passing."""
_CHECK_SECONDS = 2.0
"""Seconds a statement of such an examination may take; `status --check` examines larger indexes."""
WAITING = "another codesift is indexing this repository: waiting for it"


@dataclass(frozen=True)
class Desk:
    """What every verb works on an index with."""

    root: Path
    settings: Settings
    notify: Notify
    """Takes one line meant for the user, such as that an index is being built."""
    progress: Progress
    open_encoder: OpenEncoder
    told: list[str] = field(default_factory=list)
    """Warnings that were given already."""


def index_repository(desk: Desk) -> Report:
    """Bring the index of a repository in step, waiting for another process that does the same.

    Raises:
        StorageError: the index can be neither written nor healed.
    """
    folder = _made_place(desk)
    with write_lock(folder, lambda: desk.notify(WAITING)):
        return _healing(folder, desk, lambda: apply_changes(folder, desk), heal_index)


def on_index(desk: Desk, work: Callable[[Index], T]) -> T:
    """Do `work` on the index of a repository, built on first use and refreshed if the settings say so.

    A process that indexes at the same time is not waited for: what is ready is searched. An index that turns
    out damaged is healed and `work` done a second time.

    Raises:
        UsageError: there is no index and none may be built.
        DamagedIndexError: it is damaged and may not be healed.
    """
    folder = _found_place(desk)
    if not desk.settings.refresh:
        return _refreshed(folder, desk, work)

    def attempt() -> T:
        _check_in_passing(folder, desk)
        return _refreshed(folder, desk, work)

    def heal(folder: Path, error: DamagedIndexError, desk: Desk, thorough: bool) -> None:
        with write_lock(folder, lambda: desk.notify(WAITING)):
            heal_index(folder, error, desk, thorough)

    return _healing(folder, desk, attempt, heal)


def _healing(
    folder: Path,
    desk: Desk,
    attempt: Callable[[], T],
    heal: Callable[[Path, DamagedIndexError, Desk, bool], None],
) -> T:
    """Attempt something, heal the index if it turns out damaged, and in the end build it again."""
    for thorough in (False, True):
        try:
            return attempt()
        except DamagedIndexError as error:
            heal(folder, error, desk, thorough)
    return attempt()


def _made_place(desk: Desk) -> Path:
    """The folder of the index, made if it is not there."""
    folder = make_index_folder(usable_place(desk.root, desk.settings, desk.notify), desk.root)
    create_index(desk.root, folder)
    return folder


def _found_place(desk: Desk) -> Path:
    """The folder of an index that is there, or an empty one, if it may be filled."""
    folder = usable_place(desk.root, desk.settings, desk.notify)
    if not holds_index(folder):
        if not desk.settings.refresh:
            raise UsageError(f"there is no index of {desk.root}", "codesift index")
        make_index_folder(folder, desk.root)
        desk.notify(f"no index of {desk.root} yet: building it")
        create_index(desk.root, folder)
    return folder


def _refreshed(folder: Path, desk: Desk, work: Callable[[Index], T]) -> T:
    with open_index(desk.root, folder, desk.settings, read_only=True) as index:
        if not desk.settings.refresh or not _has_work(plan_of(index, desk), index):
            return work(index)
    try:
        _refresh(folder, desk)
    except NoSpaceError as error:
        desk.notify(f"{error}: searching what is ready")
    with open_index(desk.root, folder, desk.settings, read_only=True) as index:
        return work(index)


def _refresh(folder: Path, desk: Desk) -> None:
    """Apply what changed.

    Another process that indexes is waited for only until all files are parsed once: seconds.
    """
    if not is_writable(folder):
        desk.notify(f"the index {folder} is out of date and cannot be written: searching it as it is")
        return
    while True:
        with write_lock(folder, None) as mine:
            if mine:
                apply_changes(folder, desk)
                return
        if _is_parsed(folder, desk):
            desk.notify("another codesift is indexing this repository: searching what is ready")
            return
        time.sleep(_POLL_SECONDS)


def apply_changes(folder: Path, desk: Desk) -> Report:
    """Plan and apply; whoever calls this holds the write lock."""
    with write_index(desk.root, folder, desk.settings) as index:
        return apply(plan_of(index, desk), index, desk.settings, desk.progress, desk.open_encoder)


def plan_of(index: Index, desk: Desk) -> Plan:
    """As `plan`, and tell the user what the walk has to say, once a command."""
    found = plan(index, desk.settings)
    for line in found.warnings:
        if line not in desk.told:
            desk.told.append(line)
            desk.notify(line)
    return found


def _is_parsed(folder: Path, desk: Desk) -> bool:
    with open_index(desk.root, folder, desk.settings, read_only=True) as index:
        return bool(index.database.meta("parser"))


def _has_work(found: Plan, index: Index) -> bool:
    _, units = index.catalog.counts()
    return bool(found.unsure or found.removed) or index.vectors.ready() < units


# -- damage ---------------------------------------------------------------------------------------


def heal_index(folder: Path, error: DamagedIndexError, desk: Desk, thorough: bool = False) -> None:
    """Delete what cannot be trusted; all of it can be made again from the files.

    Args:
        thorough: delete all but the vectors, because it was damaged still after it had been healed.
    """
    from codesift.index.repair import heal, rebuild

    with signing(desk.root, folder):
        if thorough:
            rebuild(folder)
        healed = "all files" if thorough else heal(folder)
    # Nothing is left to be healed where another process was first.
    if healed:
        desk.notify(f"{error.message}: indexing {healed} again")
    note_check(folder)


def _check_in_passing(folder: Path, desk: Desk) -> None:
    """Examine an index that was not examined for a day, if nobody writes it.

    Raises:
        DamagedIndexError: damage was found.
    """
    if not desk.settings.refresh or not is_writable(folder) or not _is_due(folder):
        return
    with write_lock(folder, None) as mine:
        if mine:
            note_check(folder)
            with suppress(NoSpaceError), signing(desk.root, folder):
                check(folder, desk, _CHECK_SECONDS)


def check(folder: Path, desk: Desk, seconds: float) -> None:
    """Examine an index; whoever calls this holds the write lock.

    Args:
        seconds: that one statement may take; where one takes longer, the examination ends early.

    Raises:
        DamagedIndexError: damage was found.
    """
    from codesift.index.examination import examine

    if folder != repository_place(desk.root) and read_about(folder) != desk.root:
        desk.notify("the note of which repository the index is of was damaged: writing it again")
        make_index_folder(folder, desk.root)
    found = seal.digest(folder)
    with open_index(desk.root, folder, desk.settings) as index, index.database.limited(seconds):
        if trust.has_key() and not index.graph.is_whole():
            index.graph.remove()
            desk.notify(
                "the graph of the index is damaged or of another key: the next index run builds it again"
            )
        try:
            damage = examine(index.database)
        except DamagedIndexError:
            raise
        except StorageError as error:
            if "interrupted" in str(error):
                return
            raise
        if damage:
            raise DamagedIndexError(f"the index {folder / DATABASE} is damaged", "codesift status --check")
        generation = index.database.meta("generation")
    if trust.has_key() and seal.is_broken(folder, generation, found):
        desk.notify(
            f"{folder} is not as it was sealed, but all that is stored in it is whole: sealing it again"
        )
    seal.seal(folder, generation, math.inf)


def _is_due(folder: Path) -> bool:
    try:
        return time.time() - os.lstat(folder / CHECKED).st_mtime > _CHECK_EVERY
    except OSError:
        return True


def note_check(folder: Path) -> None:
    """Note that an index was examined just now."""
    with suppress(OSError):
        replace_file(folder / CHECKED, b"")
