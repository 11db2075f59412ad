"""Where a repository begins, where its index lies, and who may write it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from codesift.errors import StorageError, UsageError

INDEX_FOLDER = ".codesift"
DATABASE = "index.db"
_LOCK_WAIT_SECONDS = 0.2


def find_root(start: Path, cache_dir: Path) -> Path:
    """The repository a command run in `start` means.

    The nearest folder upwards that has an index or a `.git`, else `start`: a repository inside another one,
    or inside a folder that was once indexed by mistake, is a repository of its own.
    """
    start = _folder(start)
    for folder in (start, *start.parents):
        indexed = any(_holds_index(place) for place in _places(folder, cache_dir))
        if indexed or os.path.exists(folder / ".git"):  # noqa: PTH110
            return folder
    return start


def given_root(path: Path) -> Path:
    """The folder a user named, checked.

    Raises:
        UsageError: there is no such folder, or it is a file.
    """
    return _folder(path)


def _folder(path: Path) -> Path:
    try:
        resolved = path.resolve(strict=True)
        is_folder = resolved.is_dir()
    except (OSError, RuntimeError) as error:
        raise UsageError(f"cannot open the folder {path}: {getattr(error, 'strerror', error)}") from error
    if not is_folder:
        raise UsageError(f"{path} is not a folder", "name the repository's folder")
    return resolved


def _places(root: Path, cache_dir: Path) -> tuple[Path, Path]:
    key = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return root / INDEX_FOLDER, cache_dir / "indexes" / f"{root.name}-{key}"


def existing_index(root: Path, cache_dir: Path) -> Path | None:
    """The folder that holds the index of `root`, or None where there is no index yet."""
    places = [place for place in _places(root, cache_dir) if _holds_index(place)]
    # One that cannot be written falls behind as soon as there is another.
    return next((place for place in places if is_writable(place)), places[0] if places else None)


def _holds_index(place: Path) -> bool:
    # `os.path` takes a folder that may not be looked into for one without an index.
    return not place.is_symlink() and os.path.exists(place / DATABASE)  # noqa: PTH110


def is_writable(place: Path) -> bool:
    """Whether files can be made in an index folder, and the index in it can be changed."""
    return os.access(place, os.W_OK | os.X_OK) and os.access(place / DATABASE, os.W_OK)


def index_folder(root: Path, cache_dir: Path) -> Path:
    """A writable folder for the index of `root`: inside it, or the user's cache if it is read-only.

    Raises:
        StorageError: neither place can be written.
    """
    inside, outside = _places(root, cache_dir)
    for place in (inside, outside):
        with contextlib.suppress(PermissionError):
            if _make_writable(place):
                return place
    raise StorageError(
        f"neither {inside} nor {outside} can be written", "set CODESIFT_CACHE_DIR to a writable folder"
    )


def _make_writable(place: Path) -> bool:
    # A repository may bring a link along, to have us write somewhere else.
    if place.is_symlink():
        return False
    try:
        place.mkdir(parents=True, exist_ok=True)
        if _holds_index(place) and not is_writable(place):
            return False
        probe = place / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
        ignore = place / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except PermissionError:
        return False
    except OSError as error:
        if error.errno in _READ_ONLY:
            return False
        raise StorageError(f"cannot write the index folder {place}: {error.strerror}") from error
    return True


_READ_ONLY = {30}  # EROFS; errno.EROFS is missing on Windows


@contextlib.contextmanager
def write_lock(folder: Path, waiting: Callable[[], None] | None) -> Iterator[bool]:
    """Hold the one right to write the index; yields False if another process has it.

    Args:
        folder: the index folder.
        waiting: called once before waiting for the other process; None means do not wait.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "lock")

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
            time.sleep(_LOCK_WAIT_SECONDS)
    try:
        yield True
    finally:
        lock.release()
