"""Examining an index from time to time, and healing it where it is damaged."""

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
"""Seconds a statement of an examination in passing may take; `status --check` examines larger indexes."""
_CHECK_EVERY = 24 * 3600
"""Seconds after which an index is examined in passing."""


def is_due(folder: Path) -> bool:
    """Whether an index was not examined for a day."""
    try:
        return time.time() - os.lstat(folder / CHECKED).st_mtime > _CHECK_EVERY
    except OSError:
        return True


def note_check(folder: Path) -> None:
    """Note that an index was examined just now."""
    with suppress(OSError):
        replace_file(folder / CHECKED, b"")


def check(index: Index, notify: Notify, seconds: float) -> None:
    """Examine an open index; whoever calls this holds the write lock.

    Args:
        index: the index.
        notify: told of what is mended at once.
        seconds: that one statement may take; where one takes longer, the examination ends early.

    Raises:
        DamagedIndexError: damage was found.
    """
    root, folder = index.root, index.folder
    if folder != repository_place(root) and read_about(folder) != root:
        notify("the note of which repository the index is of was damaged: writing it again")
        make_index_folder(folder, root)
    found = seal.digest(folder)
    with signing(root, folder):
        with index.database.writing(), index.database.limited(seconds):
            if not _is_whole(index, notify):
                return
            generation = index.database.meta("generation")
        if trust.has_key() and seal.is_broken(folder, generation, found):
            notify(
                f"{folder} is not as it was sealed, but all that is stored in it is whole: sealing it again"
            )
        seal.seal(folder, generation, math.inf)


def _is_whole(index: Index, notify: Notify) -> bool:
    """Whether an examination came to its end without finding damage."""
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
    """Delete what cannot be trusted; all of it can be made again from the files.

    Whoever calls this holds the write lock, and has closed the index.

    Args:
        root: the repository.
        folder: the index folder.
        error: says what is damaged.
        notify: told what is indexed again.
        thorough: delete all but the vectors, because it was damaged still after it had been healed.
    """
    from codesift.index import repair

    with signing(root, folder):
        if thorough:
            repair.rebuild(folder)
        healed = "all files" if thorough else repair.heal(folder)
    # Nothing is left to be healed where another process was first.
    if healed:
        notify(f"{error.message}: indexing {healed} again")
    note_check(folder)
