"""Health of an index: periodic examinations, and repair of damage."""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from pathlib import Path

from codesift.errors import DamagedIndexError, StorageError
from codesift.index import seal, trust
from codesift.index.location import CHECKED, DATABASE, make_index_folder, read_about, repository_place
from codesift.index.opening import Index, signing
from codesift.index.placement import Notify
from codesift.system.files import replace_file

QUICK_SECONDS = 2.0
"""Maximum seconds per statement of the examination before a search; `status --check` has no limit."""
_CHECK_INTERVAL = 24 * 3600
"""Seconds after which a search examines the index again."""


def is_due(folder: Path) -> bool:
    """Tell whether the last examination of an index is more than a day ago."""
    try:
        return time.time() - os.lstat(folder / CHECKED).st_mtime > _CHECK_INTERVAL
    except OSError:
        return True


def note_check(folder: Path) -> None:
    """Record that an index was examined just now."""
    with suppress(OSError):
        replace_file(folder / CHECKED, b"")


def check(index: Index, notify: Notify, seconds: float) -> None:
    """Examine an open index; the caller holds the write lock.

    Args:
        index: the index.
        notify: called with a line about every repair made at once.
        seconds: maximum duration of one statement; the examination ends early if one takes longer.

    Raises:
        DamagedIndexError: damage was found.
    """
    root, folder = index.root, index.folder
    if folder != repository_place(root) and read_about(folder) != root:
        notify("the note of which repository the index is of was damaged: writing it again")
        make_index_folder(folder, root)
    current = seal.digest(folder)
    with signing(root, folder):
        with index.database.writing(), index.database.limited(seconds):
            if not _is_whole(index, notify):
                return
            generation = index.database.meta("generation")
        if trust.has_key() and seal.is_broken(folder, generation, current):
            notify(
                f"{folder} is not as it was sealed, but all that is stored in it is whole: sealing it again"
            )
        seal.seal(folder, generation, math.inf)


def _is_whole(index: Index, notify: Notify) -> bool:
    """Examine the graphs and the database; tell whether the examination was completed.

    Raises:
        DamagedIndexError: damage was found.
    """
    from codesift.index.examination import examine

    for neighbors in index.stored_neighbors():
        if trust.has_key() and not neighbors.is_whole():
            neighbors.remove()
            notify("the graph of the index is damaged or of another key: the next index run builds it again")
    try:
        damage = examine(index.database)
    except DamagedIndexError:
        raise
    except StorageError as error:
        if "interrupted" in str(error):
            return False
        raise
    if damage:
        raise DamagedIndexError(f"the index {index.folder / DATABASE} is damaged", "codesift status --check")
    return True


def heal_index(root: Path, folder: Path, error: DamagedIndexError, notify: Notify, thorough: bool) -> None:
    """Delete what cannot be trusted; all of it can be restored from the files.

    The caller holds the write lock, and has closed the index.

    Args:
        root: the repository.
        folder: the index folder.
        error: the damage.
        notify: called with a line about what will be indexed again.
        thorough: delete everything but the vectors, because a first repair did not help.
    """
    from codesift.index import repair

    with signing(root, folder):
        if thorough:
            repair.rebuild(folder)
        summary = "all files" if thorough else repair.heal(folder)
    # The summary is empty if another process has already healed the index.
    if summary:
        notify(f"{error.message}: indexing {summary} again")
    note_check(folder)
