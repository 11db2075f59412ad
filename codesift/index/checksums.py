"""Checksums of the rows of an index, because SQLite does not detect a flipped bit in a value."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

_DRAFTS = struct.Struct("<3q")
_WINDOW = struct.Struct("<6q")


def vector_checksum(digest: bytes, data: bytes) -> int:
    """Return the checksum of a row of `vectors`."""
    return zlib.crc32(data, zlib.crc32(digest))


def window_checksum(row: Sequence[int]) -> int:
    """Return the checksum of a row of `windows`: (space, unit, ordinal, vector, first line, last line)."""
    return zlib.crc32(_WINDOW.pack(*row))


def drafts_checksum(row: Sequence[int], data: bytes) -> int:
    """Return the checksum of a row of `drafts`: (space, file, first unit), and its data."""
    return zlib.crc32(data, zlib.crc32(_DRAFTS.pack(*row)))


def file_checksum(file: Sequence[Any], units: Iterable[Sequence[Any]]) -> int:
    """Return the checksum of a row of `files` together with its units.

    Args:
        file: path, language, digest, skipped, gave_up. Size and times are not included: if
            they are wrong, the file is read again.
        units: the row of each unit with its words, in the order of the unit ids.
    """
    checksum = zlib.crc32(repr(tuple(file)).encode("utf-8", "surrogatepass"))
    for unit in units:
        checksum = zlib.crc32(repr(tuple(unit)).encode("utf-8", "surrogatepass"), checksum)
    return checksum
