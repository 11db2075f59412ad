"""Files that somebody else may have put in place: opened only if regular, replaced and never overwritten."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import time
from pathlib import Path
from typing import BinaryIO

_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
"""With O_NONBLOCK, opening a pipe in the file's place does not block."""
_FRESH = re.compile(r"-[0-9a-f]{16}(?:\.partial|-journal|-wal|-shm)?$")
_STRAY_SECONDS = 3600
"""A younger file may still be written by a process that needs no lock for it."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class UnfitFileError(OSError):
    """The file exists but is no regular file, or is larger than a limit.

    Args:
        reason: the fault, for the middle of a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.strerror = reason


def open_regular(path: str | os.PathLike[str], follow_links: bool = False) -> BinaryIO:
    """Open a regular file for reading.

    Args:
        follow_links: whether the last part of the path may be a symbolic link.

    Raises:
        UnfitFileError: it is a folder, a pipe, a device or a socket.
        OSError: it does not exist, is a link, or may not be read.
        ValueError: the path holds a NUL character.
    """
    descriptor = os.open(path, _FLAGS | (0 if follow_links else _NO_LINK))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnfitFileError("not a regular file")
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], limit: int, follow_links: bool = False) -> bytes:
    """Read a regular file as a whole.

    Args:
        limit: maximum size in bytes.
        follow_links: as in `open_regular`.

    Raises:
        UnfitFileError: it is no regular file, or is larger than `limit`.
        OSError: as `open_regular`.
        ValueError: as `open_regular`.
    """
    with open_regular(path, follow_links) as file:
        # A file may grow while it is read, so its size from `fstat` would not be enough.
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnfitFileError(f"larger than {limit:,} bytes")
    return content


# -- writing --------------------------------------------------------------------------------------


def write_new(path: Path, content: bytes) -> None:
    """Write a file that does not exist; one that does, whatever it is, is left as it is.

    Raises:
        OSError: the folder cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)


def remove(path: Path) -> None:
    """Delete whatever stands at a path; a link is not followed.

    Raises:
        OSError: it cannot be deleted.
    """
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def fresh_name(path: Path) -> Path:
    """A name beside `path` that no file has yet."""
    return path.with_name(f"{path.name}-{secrets.token_hex(8)}")


def remove_strays(folder: Path) -> None:
    """Delete files under fresh names that a killed process left in an index folder; the lock must be held."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _FRESH.search(path.name) and time.time() - os.lstat(path).st_mtime > _STRAY_SECONDS:
                remove(path)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file under a fresh name and put it in place of what stands there, which is never opened.

    Raises:
        OSError: the folder cannot be written.
    """
    fresh = fresh_name(path)
    try:
        write_new(fresh, content)
        if path.is_dir():
            remove(path)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def take_place(fresh: Path, path: Path) -> None:
    """Give a new file its name, unless there is a file of that name already; the new one is gone then.

    Raises:
        OSError: the folder cannot be written.
    """
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    except OSError:
        # A file system without hard links: of two processes at once the later one wins.
        if not os.path.lexists(path):
            fresh.replace(path)
    fresh.unlink(missing_ok=True)
