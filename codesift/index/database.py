"""One SQLite database file: opening, transactions, and errors a user can read.

The file may have been damaged, or put there by somebody else. So its head is read before SQLite opens it, its
schema is compared with ours, nothing in the schema is trusted to run code, and no statement runs for ever.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codesift.errors import DamagedIndexError, StorageError
from codesift.index.database_file import (
    SCHEMA_VERSION,
    check_head,
    create,
    damaged,
    explained,
    is_our_schema,
    is_settled,
)

_BUSY_SECONDS = 30
_STATEMENT_SECONDS = 120.0
"""A statement on the largest index measured (315,738 units) takes a fraction of a second."""
STEPS = 200_000
"""Instructions of SQLite's between two looks at the clock: some milliseconds."""
_SQL_VARIABLES = 900  # SQLite before 3.32 takes 999 at most


class Database:
    """One open index. Every method raises StorageError or one of its leaves, never sqlite3's.

    Args:
        path: the database file; made if it does not exist, unless `read_only`.
        read_only: nothing is stored, and nothing is needed of a folder that cannot be written.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._transactions = 0
        self._seconds = _STATEMENT_SECONDS
        self._until = 0.0
        if not read_only and not os.path.lexists(path):
            create(path)
        check_head(path)
        if not read_only:
            self._connect("mode=rw")
        else:
            self._connect_for_reading()

    def _connect_for_reading(self) -> None:
        """Where no shared memory file can be made, as on a full disk, read as if nobody wrote it."""
        path = self.path
        writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
        if writable or not is_settled(path):
            try:
                return self._connect("mode=ro")
            except DamagedIndexError:
                raise
            except StorageError:
                if not is_settled(path):
                    raise
        return self._connect("mode=ro&immutable=1")

    def _connect(self, mode: str) -> None:
        with self.errors():
            uri = f"{self.path.absolute().as_uri()}?{mode}"
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            self._db.set_progress_handler(self._is_late, STEPS)
            self._open(mode)
        except BaseException:
            self._db.close()
            raise

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _open(self, mode: str) -> None:
        for setting in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
            self.run(f"PRAGMA {setting}")
        if mode == "mode=rw":
            self.run("PRAGMA synchronous = NORMAL")
        if self.value("PRAGMA user_version") != SCHEMA_VERSION:
            raise damaged(self.path, "its head says another version")
        found = self.all("SELECT type, name, sql FROM sqlite_master LIMIT 100")
        if not is_our_schema(found):
            raise damaged(self.path, "its tables are not those of codesift")

    def close(self) -> None:
        """Close the database; the object cannot be used afterwards."""
        self._db.close()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn any sqlite3 error inside into one of ours, and end what takes too long."""
        self._until = time.monotonic() + self._seconds
        try:
            yield
        except (sqlite3.Error, UnicodeError, OverflowError) as error:
            raise explained(error, self.path) from error

    @contextlib.contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Give each statement inside another time than usual: infinity for what goes over the whole index.

        A statement that takes longer ends with StorageError.
        """
        usual, self._seconds = self._seconds, seconds
        try:
            yield
        finally:
            self._seconds = usual

    def run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        with self.errors():
            return self._db.execute(sql, values)

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of one statement."""
        with self.errors():
            return self._db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """First column of the first row, or None."""
        row = self.all(sql, values)
        return row[0][0] if row else None

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row of values."""
        with self.errors():
            self._db.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is stored, or nothing. The first one gives the index a new generation."""
        self.run("BEGIN IMMEDIATE")
        try:
            if not self._transactions:
                self.set_meta("generation", secrets.token_hex(8))
            yield
            self.run("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise
        finally:
            self._transactions += 1

    def was_written(self) -> bool:
        """Whether there was a transaction."""
        return self._transactions > 0

    def version(self) -> tuple[int, int]:
        """Another one after every `transaction` here, and after whatever another connection stored."""
        return self._transactions, int(self.value("PRAGMA data_version"))

    def meta(self, key: str, default: str = "") -> str:
        """A stored fact about the index itself."""
        return str(self.value("SELECT value FROM meta WHERE key = ?", (key,)) or default)

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about the index itself."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Slices short enough to be bound to one SQL statement."""
    for start in range(0, len(items), _SQL_VARIABLES):
        yield items[start : start + _SQL_VARIABLES]
