"""Which folder holds the index of a repository, and what becomes of one that lies in the repository itself.

A folder `.codesift` may have come from a stranger, with the repository. It is used where the user wants
indexes to travel, and the user's own codesift signed it. One of the version that kept its index there is
moved to the cache folder once, if this machine made it. Any other is left alone, with a line that says so.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from codesift import trust
from codesift.config import Settings
from codesift.database import STEPS, Database
from codesift.databasefile import check_head
from codesift.errors import StorageError
from codesift.git import is_tracked
from codesift.location import (
    DATABASE,
    cache_place,
    holds_index,
    make_index_folder,
    repository_place,
)
from codesift.store import remove

Notify = Callable[[str], None]

_MOST_ROWS = 1000
"""Files looked at to find out whether this machine made an index."""
_SECONDS = 10
_OLD_FILES = ("index.db", "index.db-wal", "index.db-shm", "lock", ".gitignore")
_OLD_ENDINGS = (".hnsw", ".json", ".partial")


def usable_place(root: Path, settings: Settings, notify: Notify) -> Path:
    """The folder that the index of `root` belongs in; it may not exist yet.

    Raises:
        StorageError: an index to be moved cannot be.
    """
    inside, outside = repository_place(root), cache_place(root, settings)
    wanted = inside if settings.index_folder == "repository" else outside
    if not os.path.lexists(inside / DATABASE):
        # What is no folder, or a link to one, cannot become ours.
        return outside if os.path.lexists(inside) and not _is_folder(inside) else wanted
    ours = holds_index(inside) and not is_tracked(root, inside.name) and trust.is_ours(inside)
    if ours:
        return wanted
    if not holds_index(outside) and _take_over(root, inside, outside):
        notify(f"moved the index {inside} to {outside}")
    else:
        notify(f"the index {inside} was not written by your codesift on this machine: it is not used")
    return outside


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _take_over(root: Path, inside: Path, outside: Path) -> bool:
    """Move the vectors of an index of the version before, if this machine made it; files are parsed again."""
    if not holds_index(inside) or is_tracked(root, inside.name) or not _made_here(root, inside / DATABASE):
        return False
    from codesift.healing import salvage

    make_index_folder(outside, root)
    with contextlib.closing(Database(outside / DATABASE)) as target:
        salvage(inside / DATABASE, target)
    _delete(inside)
    return True


def _made_here(root: Path, source: Path) -> bool:
    """Whether an index of the version before knows a file by the time of its last change on this disk.

    The system alone sets that time (ctime), to the nanosecond: nobody who ships a repository can know it.
    """
    try:
        check_head(source, versions=(1,))
        database = sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True, isolation_level=None)
    except (StorageError, sqlite3.Error):
        return False
    until = time.monotonic() + _SECONDS
    with contextlib.closing(database), contextlib.suppress(sqlite3.Error, UnicodeError, OSError, ValueError):
        database.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        database.execute("PRAGMA trusted_schema = OFF")
        if database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchone():
            return False
        rows = database.execute("SELECT path, ctime_ns FROM files LIMIT ?", (_MOST_ROWS,)).fetchall()
        return any(_has_ctime(root, path, ctime_ns) for path, ctime_ns in rows)
    return False


def _has_ctime(root: Path, path: object, ctime_ns: object) -> bool:
    if not isinstance(path, str) or not isinstance(ctime_ns, int) or not ctime_ns % 1_000_000:
        return False
    with contextlib.suppress(OSError, ValueError):
        return os.lstat(root / path).st_ctime_ns == ctime_ns
    return False


def _delete(inside: Path) -> None:
    """Delete an index of the version before; what else lies in its folder stays."""
    try:
        for path in inside.iterdir():
            if path.name in _OLD_FILES or path.suffix in _OLD_ENDINGS:
                remove(path)
        with contextlib.suppress(OSError):
            inside.rmdir()
    except FileNotFoundError:
        return  # Another process has done the same.
    except OSError as error:
        raise StorageError(f"cannot delete {inside}: {error.strerror}") from error
