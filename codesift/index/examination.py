"""Examination of an index: SQLite's own structures, and the checksums of all rows."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codesift.errors import DamagedIndexError
from codesift.index.catalog import Catalog
from codesift.index.checksums import drafts_checksum, vector_checksum, window_checksum
from codesift.index.database import Database

if TYPE_CHECKING:
    from sqlite3 import Cursor

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Damage:
    """The damaged parts of an index."""

    structure: str = ""
    """SQLite's message about its own tables and indexes; if it is not empty, nothing else was examined."""
    words: bool = False
    """Whether the full-text table differs from the words of the units."""
    strays: bool = False
    """Whether there are units without a file, or words or windows without a unit."""
    files: dict[int, str] = field(default_factory=dict)
    """Id -> path of the files whose row, units or words are damaged."""
    vectors: list[int] = field(default_factory=list)
    """Ids of damaged vectors."""
    units: list[tuple[int, int]] = field(default_factory=list)
    """(unit id, space id) of units with a damaged or missing window or vector."""
    drafts: list[tuple[int, int]] = field(default_factory=list)
    """(space id, file id) of damaged drafts."""

    def __bool__(self) -> bool:
        rows = self.files or self.vectors or self.units or self.drafts
        return bool(self.structure or self.words or self.strays or rows)


def is_whole(database: Database) -> bool:
    """Tell whether `examine` finds no damage. The whole database is read."""
    return not examine(database)


def examine(database: Database) -> Damage:
    """Examine everything that is stored, which takes one second per 10,000 units (2 cores of a Zen 4).

    Raises:
        StorageError: the database cannot be read for a reason other than damage, or within the time limit.
    """
    try:
        if problem := _structure(database):
            return Damage(structure=problem)
        words = _words_differ(database)
        files = Catalog(database).damaged_files()
        vectors = _vectors(database)
        units = sorted(_units(database, set(vectors)))
        drafts = _drafts(database)
        return Damage("", words, bool(_strays(database)), files, vectors, units, drafts)
    except DamagedIndexError as error:
        return Damage(structure=error.message)


def _structure(database: Database) -> str:
    """Return the first problem that SQLite finds; empty if there is none."""
    (result,) = database.all("PRAGMA integrity_check(1)")[0]
    if result != "ok":
        return str(result)
    # SQLite assigns no ids above 2^63, and reports a full disk instead.
    highest = database.all("SELECT seq FROM sqlite_sequence")
    whole = all(isinstance(seq, int) and 0 <= seq < 2**53 for (seq,) in highest)
    return "" if whole else "the highest ids are out of range"


def _words_differ(database: Database) -> bool:
    """Let FTS5 compare its index with the indexed texts; it raises an error if they differ."""
    if database.read_only:  # FTS5 takes the command as an INSERT.
        return False
    try:
        database.run("INSERT INTO words (words) VALUES ('integrity-check')")
    except DamagedIndexError:
        return True
    return False


STRAYS = {
    "units": "file_id NOT IN (SELECT id FROM files)",
    "words": "rowid NOT IN (SELECT id FROM units)",
    "windows": "unit_id NOT IN (SELECT id FROM units)",
    "drafts": "file_id NOT IN (SELECT id FROM files)",
}
"""Table -> SQL condition for rows without an owner, in the order in which such rows can be deleted."""


def _strays(database: Database) -> list[str]:
    """Return the tables that contain strays."""
    exists = "SELECT EXISTS (SELECT 1 FROM {} WHERE {})"
    return [table for table, condition in STRAYS.items() if database.value(exists.format(table, condition))]


def _vectors(database: Database) -> list[int]:
    """Return the ids of vectors that do not match their checksum."""
    rows = database.run("SELECT id, digest, data, checksum FROM vectors")
    return [row[0] for row in _all(database, rows) if not _fits(vector_checksum, row[1:-1], row[-1])]


def _drafts(database: Database) -> list[tuple[int, int]]:
    """Return (space id, file id) of drafts that match neither their checksum nor the units of their file."""
    units = {
        file_id: (first, count)
        for file_id, first, count in database.all("SELECT file_id, min(id), count(*) FROM units GROUP BY 1")
    }
    damaged = []
    rows = database.run("SELECT space_id, file_id, first_unit, data, checksum FROM drafts")
    for *key, data, checksum in _all(database, rows):
        first, count = units.get(key[1], (key[2], 0))
        whole = _fits(drafts_checksum, (key, data), checksum) and key[2] == first
        if not whole or (count and len(data) % count):
            damaged.append((key[0], key[1]))
    return damaged


def _units(database: Database, damaged: set[int]) -> set[tuple[int, int]]:
    """Return (unit id, space id) of units with a damaged or missing window or vector."""
    rows = database.run(
        "SELECT windows.space_id, unit_id, ordinal, vector_id, start_line, end_line, windows.checksum, "
        "vectors.id FROM windows LEFT JOIN vectors ON vectors.id = vector_id"
    )
    units = {
        (row[1], row[0])
        for row in _all(database, rows)
        if row[7] is None or row[7] in damaged or not _fits(window_checksum, (row[:6],), row[6])
    }
    gaps = "SELECT unit_id, space_id FROM windows GROUP BY 1, 2 HAVING count(*) <> max(ordinal) + 1"
    return units.union(map(tuple, database.all(gaps)))


def _fits(checksum: Callable[..., int], values: Iterable[Any], stored: object) -> bool:
    """Tell whether values match their stored checksum; values of a wrong type do not."""
    with contextlib.suppress(TypeError, struct.error):
        return checksum(*values) == stored
    return False


def _all(database: Database, cursor: Cursor) -> Iterator[Sequence[Any]]:
    while True:
        with database.errors():
            rows = cursor.fetchmany(_ROWS_AT_ONCE)
        if not rows:
            return
        yield from rows
