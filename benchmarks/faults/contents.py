"""What an index holds, compared with what an undisturbed run stores."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesift.index.location import DATABASE

_LEAST_COSINE = 0.9999
"""How like two vectors of one text are: the make-up of a batch changes the last bits."""
_STORED = {
    "files": "SELECT path, language, size, digest, skipped FROM files ORDER BY 1",
    "units": "SELECT path, kind, name, qualified_name, start_line, end_line "
    "FROM units JOIN files ON files.id = file_id ORDER BY path, start_line, end_line, qualified_name",
    "words": "SELECT name, path, documentation, body FROM words ORDER BY 1, 2, 3, 4",
    "windows": "SELECT path, qualified_name, ordinal, windows.start_line, windows.end_line, vectors.digest "
    "FROM windows JOIN units ON units.id = unit_id JOIN files ON files.id = file_id "
    "JOIN vectors ON vectors.id = vector_id ORDER BY 1, 4, 2, 3",
    "drafts": "SELECT path, data FROM drafts JOIN files ON files.id = file_id ORDER BY path",
    "rows of no unit": "SELECT id FROM units WHERE file_id NOT IN (SELECT id FROM files) "
    "UNION ALL SELECT unit_id FROM windows WHERE unit_id NOT IN (SELECT id FROM units) "
    "UNION ALL SELECT rowid FROM words WHERE rowid NOT IN (SELECT id FROM units)",
    "schema": "PRAGMA user_version",
}


@dataclass(frozen=True)
class Contents:
    """Everything but ids and times, in an order that does not depend on how it came about."""

    tables: dict[str, list[Any]]
    vectors: dict[bytes, NDArray[np.float32]]
    """Digest -> vector of shape (dimensions,), of those in use."""


def contents(place: Path) -> Contents:
    """What the index in a folder holds. A copy is read, because SQLite leaves files beside what it reads.

    Raises:
        sqlite3.Error, OSError: it cannot be read.
    """
    with tempfile.TemporaryDirectory() as folder, closing(_copy(place, Path(folder))) as database:
        tables = {name: database.execute(sql).fetchall() for name, sql in _STORED.items()}
        used = "SELECT digest, data FROM vectors WHERE id IN (SELECT vector_id FROM windows)"
        rows = database.execute(used).fetchall()
    return Contents(
        tables, {digest: np.frombuffer(data, np.float16).astype(np.float32) for digest, data in rows}
    )


def _copy(place: Path, folder: Path) -> sqlite3.Connection:
    for name in (DATABASE, f"{DATABASE}-wal"):
        if (place / name).exists():
            shutil.copy(place / name, folder)
    return sqlite3.connect(f"{(folder / DATABASE).as_uri()}?mode=rw", uri=True)


def difference(place: Path | None, expected: Contents) -> str:
    """What differs between the index in a folder and an undisturbed one; empty if nothing does."""
    if place is None:
        return "no index"
    try:
        found = contents(place)
    except (sqlite3.Error, OSError, UnicodeError, ValueError) as error:
        return f"unreadable: {error}"
    for name, rows in expected.tables.items():
        if found.tables[name] != rows:
            return name
    if found.vectors.keys() != expected.vectors.keys():
        return "digests of vectors"
    cosines = (_cosine(vector, expected.vectors[digest]) for digest, vector in found.vectors.items())
    return "" if all(cosine > _LEAST_COSINE for cosine in cosines) else "vectors"


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    if one.shape != other.shape:
        return 0.0
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
