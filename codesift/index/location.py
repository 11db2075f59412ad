"""Locations of repositories and of their indexes, and the write lock of an index."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from codesift.config import Settings
from codesift.errors import StorageError, UsageError
from codesift.system.files import read_regular, replace_file, write_new

INDEX_FOLDER = ".codesift"
EMBEDDING = "embedding"
"""Name of the lock that is held while all missing vectors are computed."""
STOP = "stop"
"""Name of the file whose presence asks the process that holds that lock to end."""
WAITING = "another codesift is indexing this repository: waiting for it"
DATABASE = "index.db"
ABOUT = "about"
"""Name of the file that names the repository of an index in the cache folder."""
CHECKED = "checked"
"""Name of the file whose modification time is that of the last examination for damage."""
_MAX_ABOUT_BYTES = 100_000
_LOCK_POLL_SECONDS = 0.2
_MAX_NAME_LENGTH = 60


def find_root(start: Path, settings: Settings) -> Path:
    """Find the repository around a folder: the nearest one upwards with an index or a `.git`, else `start`.

    A repository inside another one, or inside a folder that was once indexed by mistake, is a separate one.

    Raises:
        UsageError: the folder does not exist, or it is a file.
    """
    start = checked_folder(start)
    return repository_around(start, settings) or start


def repository_around(start: Path, settings: Settings) -> Path | None:
    """Find the nearest folder upwards with an index or a `.git`; None if there is none."""
    for folder in (start, *start.parents):
        places = [cache_place(folder, settings)]
        places += [repository_place(folder)] * (settings.index_folder == "repository")
        if any(map(holds_index, places)) or os.path.exists(folder / ".git"):  # noqa: PTH110
            return folder
    return None


def checked_folder(path: Path) -> Path:
    """Resolve the path of a folder.

    Raises:
        UsageError: the folder does not exist, or the path is that of a file.
    """
    try:
        resolved = path.resolve(strict=True)
        is_folder = resolved.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot open the folder {path}: {reason}") from error
    if not is_folder:
        raise UsageError(f"{path} is not a folder", "name the repository's folder")
    return resolved


# -- the folder of an index -----------------------------------------------------------------------


def repository_place(root: Path) -> Path:
    """Return the folder of an index inside its repository."""
    return root / INDEX_FOLDER


def cache_place(root: Path, settings: Settings) -> Path:
    """Return the folder of the index of `root` in the cache folder; its name contains a hash of the path."""
    return _indexes(settings) / f"{_readable(root.name)}-{_key(root)}"


def _indexes(settings: Settings) -> Path:
    return settings.cache_folder() / "indexes"


def _readable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:_MAX_NAME_LENGTH]


def _key(root: Path) -> str:
    return hashlib.sha256(os.fsencode(root)).hexdigest()[:12]


def holds_index(place: Path) -> bool:
    """Tell whether a place is a folder, not a link, that belongs to this user and contains a database."""
    return _is_own_folder(place) and os.path.lexists(place / DATABASE)


def _is_own_folder(place: Path) -> bool:
    try:
        status = os.lstat(place)
    except (OSError, ValueError):
        return False
    return stat.S_ISDIR(status.st_mode) and (_MAY_READ_ALL or status.st_uid == os.getuid())


_MAY_READ_ALL = not hasattr(os, "getuid") or os.getuid() == 0
"""Whether folders of other users are used: by the superuser, and on Windows, which has no user ids."""


def is_writable(place: Path) -> bool:
    """Tell whether files can be created in an index folder, and its database can be written."""
    return os.access(place, os.W_OK | os.X_OK) and os.access(place / DATABASE, os.W_OK)


def make_index_folder(place: Path, root: Path) -> Path:
    """Create the folder for the index of `root`, if it does not exist.

    Args:
        place: a result of `cache_place` or `repository_place`.
        root: the repository.

    Raises:
        StorageError: the folder cannot be created or written.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # `exist_ok` would follow a link, which may have come with the repository.
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
        if not _is_own_folder(place):
            raise StorageError(f"{place} is no folder of yours, so no index can lie there", f"remove {place}")
        if not os.path.lexists(place / DATABASE):
            write_new(place / CHECKED, b"")
        if place == repository_place(root):
            write_new(place / ".gitignore", b"*\n")
        elif read_about(place) != root:
            replace_file(place / ABOUT, json.dumps({"root": str(root)}).encode())
    except OSError as error:
        inside = place == repository_place(root)
        hint = "set CODESIFT_INDEX_FOLDER=cache" if inside else "set CODESIFT_CACHE_DIR to a writable folder"
        raise StorageError(f"cannot write the index folder {place}: {error.strerror}", hint) from error
    return place


# -- all indexes of a user ------------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """One index in the user's cache folder."""

    folder: Path
    root: Path | None
    """Its repository; None if the file `about` is missing or damaged."""
    used: float
    """Time of the last write to its database, in seconds since 1970."""
    size: int
    """Size of all its files in bytes."""

    def is_missing(self) -> bool:
        """Tell whether its repository no longer exists."""
        return self.root is not None and not os.path.lexists(self.root)


def stored_indexes(settings: Settings) -> list[Stored]:
    """Return every index in the cache folder of the user, most recently written first."""
    try:
        folders = [
            Path(entry) for entry in os.scandir(_indexes(settings)) if entry.is_dir(follow_symlinks=False)
        ]
    except OSError:
        return []
    indexes = [_stored(folder) for folder in folders if holds_index(folder)]
    return sorted(indexes, key=lambda index: (-index.used, index.folder))


def _stored(folder: Path) -> Stored:
    try:
        used = os.lstat(folder / DATABASE).st_mtime
    except OSError:
        used = 0.0
    return Stored(folder, read_about(folder), used, size_on_disk(folder))


def read_about(folder: Path) -> Path | None:
    """Read the root of an index in the cache folder; None if the folder is not named after this root."""
    try:
        root = Path(json.loads(read_regular(folder / ABOUT, _MAX_ABOUT_BYTES))["root"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return root if folder.name.endswith(f"-{_key(root)}") else None


def size_on_disk(folder: Path) -> int:
    """Return the size of all files in an index folder in bytes."""
    try:
        return sum(os.lstat(path).st_size for path in os.scandir(folder))
    except OSError:
        return 0


# -- the write lock -------------------------------------------------------------------------------


@contextlib.contextmanager
def write_lock(folder: Path, waiting: Callable[[], None] | None, name: str = "lock") -> Iterator[bool]:
    """Hold a lock of an index; yields False if another process holds it.

    Args:
        folder: the index folder.
        waiting: called once before waiting for the other process; None means not to wait.
        name: name of the lock file: the write lock, or `EMBEDDING`.
    """
    from filelock import FileLock, Timeout

    path = folder / name
    # A lock that is no regular file is not from codesift; opening a pipe could block forever.
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise StorageError(f"{path} is not a regular file", "remove it")
    lock = FileLock(path)

    def acquire() -> bool:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise StorageError(f"cannot lock the index folder {folder}: {error.strerror}") from error
        return True

    if not acquire():
        if waiting is None:
            yield False
            return
        waiting()
        while not acquire():
            time.sleep(_LOCK_POLL_SECONDS)
    try:
        yield True
    finally:
        lock.release()
