"""Opening files that somebody else may have put in place: regular files only, never more than a limit."""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

_FLAGS = os.O_RDONLY | sum(getattr(os, flag, 0) for flag in ("O_NONBLOCK", "O_BINARY", "O_CLOEXEC"))
"""A pipe put in the file's place is not waited for."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


class UnfitFileError(OSError):
    """The file exists but is no regular file, or is larger than anything we would have written.

    Args:
        reason: what is wrong, for the middle of a sentence.
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
        OSError: it is not there, is a link, or may not be read.
        ValueError: the path holds a NUL character.
    """
    descriptor = os.open(path, _FLAGS | (0 if follow_links else _NO_LINK))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnfitFileError("not a regular file")
    return os.fdopen(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], limit: int, follow_links: bool = False) -> bytes:
    """All of a regular file.

    Args:
        limit: most bytes it may have.
        follow_links: as in `open_regular`.

    Raises:
        as `open_regular`; UnfitFileError also where the file is larger than `limit`.
    """
    with open_regular(path, follow_links) as file:
        # A file may grow while it is read, so its size from `fstat` would not be enough.
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnfitFileError(f"larger than {limit:,} bytes")
    return content
