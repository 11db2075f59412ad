"""Repair of a damaged index: damaged rows are deleted, and the next update stores them again.

The caller holds the write lock. Undamaged vectors are kept: only texts whose vectors were damaged are encoded
again.
"""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from codesift.errors import DamagedIndexError, StorageError
from codesift.index import trust
from codesift.index.catalog import Catalog
from codesift.index.checksums import vector_checksum
from codesift.index.database import STEPS, Database
from codesift.index.database_file import SCHEMA_VERSION, check_head
from codesift.index.examination import STRAYS, Damage, examine
from codesift.index.location import DATABASE
from codesift.index.opening import reset
from codesift.index.vectors import Vectors
from codesift.system.files import fresh_name

_MAX_VECTOR_BYTES = 65_536
"""Maximum size of a vector; the vectors of every supported model are smaller."""
_ROWS_AT_ONCE = 1024
_SALVAGE_SECONDS = 300


def heal(folder: Path) -> str:
    """Delete the damaged rows of an index or, if its structure is damaged, everything but its vectors.

    Args:
        folder: the index folder.

    Returns:
        what will be indexed again, as a phrase for the user; empty if nothing is damaged.

    Raises:
        StorageError: the index cannot be written.
    """
    try:
        with contextlib.closing(Database(folder / DATABASE)) as database, database.limited(math.inf):
            damage = examine(database)
            if not damage.structure:
                _delete(damage, database)
                return _summary(damage)
    except DamagedIndexError:
        pass
    rebuild(folder)
    return "all files"


def _summary(damage: Damage) -> str:
    """Summarize what will be indexed again; empty if nothing is damaged."""
    if len(damage.files) == 1:
        return next(iter(damage.files.values()))
    return f"{len(damage.files)} files" if damage.files else "what was damaged" if damage else ""


def _delete(damage: Damage, database: Database) -> None:
    with database.transaction():
        database.many("DELETE FROM windows WHERE unit_id = ? AND space_id = ?", damage.units)
        database.many("DELETE FROM vectors WHERE id = ?", ((vector_id,) for vector_id in damage.vectors))
        database.many("DELETE FROM drafts WHERE space_id = ? AND file_id = ?", damage.drafts)
        for file_id in damage.files:
            Catalog(database).remove_file(file_id)
        for table, condition in STRAYS.items():
            database.run(f"DELETE FROM {table} WHERE {condition}")
        if damage.words or damage.files or damage.strays:
            database.run("INSERT INTO words (words) VALUES ('rebuild')")


def rebuild(folder: Path) -> None:
    """Replace an index that cannot be trusted by a new one, which holds only its undamaged vectors.

    Raises:
        StorageError: the index cannot be written.
    """
    path = folder / DATABASE
    fresh = fresh_name(path)
    with contextlib.closing(Database(fresh)) as target:
        salvage(path, target)
    if os.path.lexists(folder / trust.NOTE):
        trust.sign_open(folder, fresh)
    reset(folder, fresh.name)
    try:
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"cannot write the index {path}: {error.strerror}") from error


def salvage(source: Path, target: Database) -> int:
    """Copy the undamaged vectors of a database that may be damaged, or of an earlier schema version.

    Args:
        source: the database to read, which is never written; nothing is copied if it is no index.
        target: an open index; missing spaces are registered in it.

    Returns:
        the number of vectors copied.

    Raises:
        StorageError: the target cannot be written.
    """
    copied = 0
    for name, rows in groupby(_whole_vectors(source), key=itemgetter(0)):
        while block := [(digest, data) for _, digest, data in islice(rows, _ROWS_AT_ONCE)]:
            with target.transaction():
                vectors = Vectors(target, name)
                vectors.register()
                vectors.put(block)
            copied += len(block)
    return copied


def _whole_vectors(source: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield (name of the space, digest, float16 bytes) of every readable, undamaged vector."""
    try:
        version = check_head(source, versions=(1, 2, SCHEMA_VERSION), shared=True)
        uri = f"{source.absolute().as_uri()}?mode=ro"
        database = sqlite3.connect(uri, uri=True, isolation_level=None)
    except (StorageError, sqlite3.Error):
        return
    until = time.monotonic() + _SALVAGE_SECONDS
    with contextlib.closing(database):
        database.set_progress_handler(lambda: time.monotonic() > until, STEPS)
        with contextlib.suppress(sqlite3.Error, UnicodeError):
            database.execute("PRAGMA trusted_schema = OFF")
            spaces = dict(database.execute("SELECT id, name FROM spaces").fetchall())
            for space_id, digest, data, checksum in _rows(database, version):
                if _is_vector(digest, data, checksum) and isinstance(spaces.get(space_id), str):
                    yield spaces[space_id], digest, data


def _rows(database: sqlite3.Connection, version: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of `vectors` that can be read from either end of the table: all but the id."""
    if not _is_table(database, "vectors") or not _is_table(database, "spaces"):
        return
    checksum = "NULL" if version == 1 else "checksum"
    last = -1
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.Error, UnicodeError):
            select = (
                f"SELECT id, space_id, digest, data, {checksum} FROM vectors WHERE id > ? ORDER BY id {order}"
            )
            for row_id, *row in database.execute(select, (last,)):
                yield tuple(row)
                last = row_id if order == "ASC" else last
            if order == "ASC":
                return


def _is_table(database: sqlite3.Connection, name: str) -> bool:
    """Tell whether a name is that of a table, and not of a view, which would run a query."""
    rows = database.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (name,)).fetchall()
    return [kind for kind, sql in rows if str(sql).startswith(f"CREATE TABLE {name} (")] == ["table"]


def _is_vector(digest: object, data: object, checksum: int | None) -> bool:
    """Tell whether a row is an undamaged vector; without a checksum, whether its numbers are finite."""
    import numpy as np

    if not isinstance(digest, bytes) or not isinstance(data, bytes) or len(digest) != 16:
        return False
    if len(data) % 2 or not 0 < len(data) <= _MAX_VECTOR_BYTES:
        return False
    if checksum is not None:
        return vector_checksum(digest, data) == checksum
    return bool(np.isfinite(np.frombuffer(data, np.float16)).all())
