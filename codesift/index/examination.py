"""Finding damage in an index: SQLite's own structure, and the checksums of all that is stored."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from codesift.errors import DamagedIndexError
from codesift.index.catalog import Catalog
from codesift.index.checksums import vector_checksum, window_checksum
from codesift.index.database import Database

if TYPE_CHECKING:
    from sqlite3 import Cursor

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class Damage:
    """What is not as it was stored."""

    structure: str = ""
    """What SQLite finds wrong with its own tables and indexes; then nothing else was looked at."""
    words: bool = False
    """Whether the full-text table differs from the words of the units."""
    strays: bool = False
    """Whether there are units without their file, or words or windows without their unit."""
    files: dict[int, str] = field(default_factory=dict)
    """Id -> path of the files whose row, units or words are damaged."""
    vectors: list[int] = field(default_factory=list)
    """Ids of damaged vectors."""
    units: list[tuple[int, int]] = field(default_factory=list)
    """(unit, space) of units of which a window or its vector is damaged or gone."""

    def __bool__(self) -> bool:
        return bool(self.structure or self.words or self.strays or self.files or self.vectors or self.units)


def is_whole(database: Database) -> bool:
    """Whether `examine` finds nothing. Reads all of the database."""
    return not examine(database)


def examine(database: Database) -> Damage:
    """Look for damage in everything that is stored. One second for each 10,000 units (2 cores of a Zen 4).

    Raises:
        StorageError: the database cannot be read for another reason than damage, or not in time.
    """
    try:
        if problem := _structure(database):
            return Damage(structure=problem)
        words = _words_differ(database)
        files = Catalog(database).damaged_files()
        vectors = _vectors(database)
        units = sorted(_units(database, set(vectors)))
        return Damage("", words, bool(_strays(database)), files, vectors, units)
    except DamagedIndexError as error:
        return Damage(structure=error.message)


def _structure(database: Database) -> str:
    """The first thing SQLite finds wrong; empty if there is none."""
    (found,) = database.all("PRAGMA integrity_check(1)")[0]
    if found != "ok":
        return str(found)
    # SQLite gives no ids any more above 2^63, and says that the disk is full.
    highest = database.all("SELECT seq FROM sqlite_sequence")
    whole = all(isinstance(seq, int) and 0 <= seq < 2**53 for (seq,) in highest)
    return "" if whole else "the highest ids are out of range"


def _words_differ(database: Database) -> bool:
    """Ask FTS5 to compare its index with the texts it is of. It answers with an error if they differ."""
    if database.read_only:  # The question is put as an INSERT.
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
}
"""Table -> what is true of rows that belong to nothing; in the order in which they can be deleted."""


def _strays(database: Database) -> list[str]:
    """The tables that hold strays."""
    found = "SELECT EXISTS (SELECT 1 FROM {} WHERE {})"
    return [table for table, condition in STRAYS.items() if database.value(found.format(table, condition))]


def _vectors(database: Database) -> list[int]:
    rows = database.run("SELECT id, digest, data, checksum FROM vectors")
    return [row[0] for row in _all(database, rows) if not _fits(vector_checksum, row[1:-1], row[-1])]


def _units(database: Database, damaged: set[int]) -> set[tuple[int, int]]:
    """(unit, space) of units of which a window or its vector is damaged or gone."""
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
    """Whether values have the checksum that is stored; a value of a wrong type has none."""
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
