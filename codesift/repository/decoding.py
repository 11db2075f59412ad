"""Decoding: opens the files of a repository, none of which can block or mislead, and decodes their text."""

from __future__ import annotations

import os
import re
from pathlib import Path

from codesift.config import Settings
from codesift.repository import rules
from codesift.system.files import UnfitFileError, open_regular
from codesift.types import SourceFile

_LONE_RETURN = re.compile("\r(?!\n)")


class Unreadable(Exception):
    """A file has no text to index.

    Args:
        reason: a key of `rules.REASONS`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_text(source: SourceFile, settings: Settings) -> str:
    """Read a file as text: UTF-8, UTF-16 or UTF-32 by their byte order mark, else Windows-1252.

    Line ends stay as they are, except that a carriage return on its own (old Macintosh) becomes a line feed,
    so that the number of line feeds is the number of lines in every file.

    Raises:
        Unreadable: the file vanished, cannot be opened, is no regular file, or is left out for its content.
    """
    data = read_bytes(source.absolute, settings.max_file_size + 1)
    if len(data) > settings.max_file_size:
        raise Unreadable("too large")
    if rules.is_binary(data[: rules.HEAD_BYTES]):
        raise Unreadable("binary")
    text = _decode(data)
    if "\r" in text:
        text = _LONE_RETURN.sub("\n", text)
    if reason := rules.skip_by_text(text, rules.is_prose(source.path)):
        raise Unreadable(reason)
    return text


def read_stored(source: SourceFile, root: Path, settings: Settings) -> str:
    """Read a file whose path comes from an index, as `read_text` does, but only below the root and past no
    link.

    Raises:
        Unreadable: as `read_text`.
    """
    folder = root.joinpath(source.path).parent
    # The root itself was resolved before.
    if os.path.realpath(folder) != str(folder):
        raise Unreadable("link")
    return read_text(source, settings)


def read_bytes(path: str, limit: int) -> bytes:
    """Read the first `limit` bytes of a regular file.

    Raises:
        Unreadable: as `read_text`, except for reasons of content.
    """
    try:
        with open_regular(path) as file:
            return file.read(limit)
    except (FileNotFoundError, NotADirectoryError):
        raise Unreadable("vanished") from None
    except UnfitFileError:
        raise Unreadable("special") from None
    except (OSError, ValueError):
        raise Unreadable("unreadable") from None


def _decode(data: bytes) -> str:
    # The little-endian mark of UTF-32 begins with that of UTF-16, so the longer ones are tried first.
    if data.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        return data.decode("utf-32", "replace")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
