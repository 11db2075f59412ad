"""Placement: the folder of a repository's index, and the treatment of indexes inside repositories.

A folder `.codesift` may have come from a stranger, with the repository. It is used only if the settings place
indexes inside repositories and this user's codesift signed it. An index of schema version 1, which was always
placed there, is moved to the cache folder if this machine made it. Any other is left alone, with a warning.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

from codesift.config import Settings
from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.catalog import is_stored_path
from codesift.index.database import STEPS, Database
from codesift.index.database_file import check_head, is_settled
from codesift.index.location import (
    DATABASE,
    cache_place,
    holds_index,
    make_index_folder,
    repository_place,
    write_lock,
)
from codesift.index.opening import create_index, reset
from codesift.repository.git import is_tracked
from codesift.system.files import fresh_name, take_place

Notify = Callable[[str], None]

_MAX_CHECKED_FILES = 1000
"""Maximum number of files compared to decide whether this machine made an index."""
_MAX_SECONDS = 10
"""Maximum duration of that comparison."""
_MIN_AGREEING = 2
"""Minimum number of files that must agree; one may agree by coincidence."""
_OLD_FILE = re.compile(r"index\.db(-wal|-shm)?|lock|\.gitignore|[0-9a-f]{16}\.(hnsw|json|partial)")


def usable_place(root: Path, settings: Settings, notify: Notify) -> Path:
    """Return the folder that the index of `root` belongs in; it may not exist yet.

    Raises:
        StorageError: an index cannot be moved.
    """
    inside, outside = repository_place(root), cache_place(root, settings)
    preferred = inside if settings.index_folder == "repository" else outside
    if not os.path.lexists(inside / DATABASE):
        # A file, or a link to a folder, cannot become an index folder.
        return outside if os.path.lexists(inside) and not _is_folder(inside) else preferred
    standing = trust.Standing.FOREIGN
    if holds_index(inside) and not is_tracked(root, inside.name):
        if _move(root, inside, outside, notify):
            return preferred
        standing = trust.standing(inside)
    if standing is trust.Standing.FOREIGN:
        notify(f"{inside} was not written by your codesift on this machine: it is not used (remove it)")
        return outside
    if standing is trust.Standing.CHANGED and preferred == inside:
        change = f"the index {inside} is not as your codesift left it"
        if not settings.refresh:
            notify(f"{change}: it is not used")
            return outside
        notify(f"{change}: building it again")
        with write_lock(inside, lambda: None):
            reset(inside)
        create_index(root, inside)
    return preferred


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _move(root: Path, inside: Path, outside: Path, notify: Notify) -> bool:
    """Move the vectors of an index of schema version 1, if this machine made it; files are parsed again."""
    if not _made_here(root, inside / DATABASE):
        return False
    make_index_folder(outside, root)
    with write_lock(outside, lambda: None):
        if not holds_index(outside):
            from codesift.index.repair import salvage

            fresh = fresh_name(outside / DATABASE)
            with contextlib.closing(Database(fresh)) as target:
                salvage(inside / DATABASE, target)
            take_place(fresh, outside / DATABASE)
            notify(f"moved the index {inside} to {outside}")
    _delete(inside)
    return True


def _made_here(root: Path, source: Path) -> bool:
    """Tell whether an index of schema version 1 has the change times (ctime) of files on this disk.

    Only the system sets that time, to the nanosecond: nobody who ships a repository can predict it.
    """
    try:
        check_head(source, versions=(1,))
        mode = "mode=ro&immutable=1" if is_settled(source) else "mode=ro"
        database = sqlite3.connect(f"{source.as_uri()}?{mode}", uri=True, isolation_level=None)
    except (StorageError, sqlite3.Error):
        return False
    until = time.monotonic() + _MAX_SECONDS
    with contextlib.closing(database), contextlib.suppress(sqlite3.Error, UnicodeError, OSError, ValueError):
        database.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        database.execute("PRAGMA trusted_schema = OFF")
        if database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchone():
            return False
        rows = database.execute("SELECT path, ctime_ns FROM files LIMIT ?", (_MAX_CHECKED_FILES,)).fetchall()
        agreeing = sum(_has_ctime(root, path, ctime_ns) for path, ctime_ns in rows)
        return agreeing >= min(_MIN_AGREEING, len(rows)) > 0
    return False


def _has_ctime(root: Path, path: object, ctime_ns: object) -> bool:
    if not is_stored_path(path) or not isinstance(ctime_ns, int) or not ctime_ns % 1_000_000:
        return False
    with contextlib.suppress(OSError, ValueError):
        file = root / str(path)
        return os.path.realpath(file.parent) == str(file.parent) and os.lstat(file).st_ctime_ns == ctime_ns
    return False


def _delete(inside: Path) -> None:
    """Delete the files of an index of schema version 1, if permissions allow; other files stay."""
    with contextlib.suppress(OSError):
        for path in inside.iterdir():
            if _OLD_FILE.fullmatch(path.name) and stat.S_ISREG(os.lstat(path).st_mode):
                path.unlink(missing_ok=True)
        inside.rmdir()
