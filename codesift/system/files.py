"""Opening of untrusted files: only regular files are opened, and no more than a limit is read."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
"""With O_NONBLOCK, opening a pipe in the file's place does not block."""
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
