"""One SQLite database file: opening, transactions, and error messages for users.

The file may be damaged, or come from a stranger. Therefore its header is checked before SQLite opens it, its
schema is compared with the expected one and not trusted to run code, and every statement has a time limit.

Each thread that uses a `Database` has its own connection, so that several threads can read at the same time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import threading
import time
import weakref
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
"""Time limit of a statement. A statement on the largest index measured (315,738 units) takes a fraction of a
second."""
STEPS = 200_000
"""SQLite instructions between two checks of the time limit: a few milliseconds."""
_MAX_SQL_VARIABLES = 900
"""Maximum number of variables in one statement; SQLite before 3.32 allows 999."""


class _Connection:
    """The connection of one thread, with a time limit for its statements."""

    def __init__(self, path: Path, mode: str) -> None:
        self.writable = mode == "mode=rw"
        self.seconds = _STATEMENT_SECONDS
        self._deadline = 0.0
        self._path = path
        with self.errors():
            uri = f"{path.absolute().as_uri()}?{mode}"
            # Another thread may close the connection once no thread uses it.
            self.db = sqlite3.connect(
                uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            self.db.set_progress_handler(self._is_late, STEPS)
            self._prepare()
        except BaseException:
            self.db.close()
            raise

    def _prepare(self) -> None:
        with self.errors():
            for setting in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
                self.db.execute(f"PRAGMA {setting}")
            if self.writable:
                self.db.execute("PRAGMA synchronous = NORMAL")
            (version,) = self.db.execute("PRAGMA user_version").fetchone()
            schema = self.db.execute("SELECT type, name, sql FROM sqlite_master LIMIT 100").fetchall()
        if version != SCHEMA_VERSION:
            raise damaged(self._path, "its head says another version")
        if not is_our_schema(schema):
            raise damaged(self._path, "its tables are not those of codesift")

    def _is_late(self) -> bool:
        return time.monotonic() > self._deadline

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Convert recognized sqlite3 errors to StorageError, and interrupt statements that take too long."""
        self._deadline = time.monotonic() + self.seconds
        try:
            yield
        except (sqlite3.Error, UnicodeError) as error:
            explanation = explained(error, self._path)
            if explanation is None:
                raise
            raise explanation from error

    def __del__(self) -> None:
        # The thread has ended. `db` is missing if the connection could not be opened.
        if hasattr(self, "db"):
            self.db.close()


class Database:
    """One open index. Recognized sqlite3 errors are raised as StorageError or a subclass of it.

    Args:
        path: the database file; it is created if it does not exist, unless `read_only`.
        read_only: nothing is stored outside `writing`; the folder need not be writable.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self._opened_read_only = read_only
        self._transactions = 0
        self._has_new_generation = False
        self._local = threading.local()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        if not read_only and not os.path.lexists(path):
            create(path)
        check_head(path)
        self._inode = _inode(path)
        self._connect(self._open_for_reading() if read_only else _Connection(path, "mode=rw"))

    def _connect(self, connection: _Connection) -> _Connection:
        self._local.connection = connection
        self._local.number = getattr(self._local, "number", 0) + 1
        self._connections.add(connection)
        return connection

    def _open_for_reading(self) -> _Connection:
        """Open a connection for reading.

        If no shared memory file can be created, as on a full disk, the database is opened as immutable.
        """
        path = self.path
        writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
        if writable or not is_settled(path):
            try:
                return _Connection(path, "mode=ro")
            except DamagedIndexError:
                raise
            except StorageError:
                if not is_settled(path):
                    raise
        return _Connection(path, "mode=ro&immutable=1")

    @property
    def _connection(self) -> _Connection:
        """The connection of this thread, opened on its first use."""
        connection: _Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            check_head(self.path)
            read_only = self._opened_read_only
            connection = self._open_for_reading() if read_only else _Connection(self.path, "mode=rw")
            self._connect(connection)
        return connection

    @property
    def read_only(self) -> bool:
        """Whether this thread's connection cannot store anything."""
        return not self._connection.writable

    def is_replaced(self) -> bool:
        """Tell whether the file that is open has been replaced by another one, as by a repair."""
        return _inode(self.path) != self._inode

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Let this thread write, and merge the log into the file afterwards; other threads can still read.

        Raises:
            StorageError: the file cannot be written.
        """
        self._has_new_generation = False
        upgraded = self.read_only
        if upgraded:
            check_head(self.path)
            self._connect(_Connection(self.path, "mode=rw"))
        try:
            yield
        finally:
            self.merge_log()
            if upgraded:
                writer, self._local.connection = self._connection, None
                writer.db.close()  # The next use opens a connection for reading.

    def merge_log(self) -> None:
        """Merge the log into the file, unless a running statement of a reader still needs it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the database in all threads; the object cannot be used afterwards."""
        for connection in list(self._connections):
            connection.db.close()

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Convert sqlite3 errors in the context to StorageError, and limit the time of statements."""
        return self._connection.errors()

    @contextlib.contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Change the time limit of each statement in the context; infinity for scans of the whole index.

        A statement that takes longer is interrupted with StorageError.
        """
        connection = self._connection
        previous, connection.seconds = connection.seconds, seconds
        try:
            yield
        finally:
            connection.seconds = previous

    def run(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute one statement."""
        connection = self._connection
        with connection.errors():
            return connection.db.execute(sql, values)

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Execute one statement and return all its rows."""
        connection = self._connection
        with connection.errors():
            return connection.db.execute(sql, values).fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Execute one statement and return the first column of its first row, or None."""
        row = self.all(sql, values)
        return row[0][0] if row else None

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute one statement for each row of values."""
        connection = self._connection
        with connection.errors():
            connection.db.executemany(sql, rows)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Store all changes in the context or none; the first one in a `writing` sets a new generation."""
        self.run("BEGIN IMMEDIATE")
        try:
            if not self._has_new_generation:
                self.set_meta("generation", secrets.token_hex(8))
            yield
            self._has_new_generation = True
            self.run("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.db.rollback()
            raise
        finally:
            self._transactions += 1

    def transactions(self) -> int:
        """Return the number of transactions since the database was opened."""
        return self._transactions

    def version(self) -> tuple[int, int, int]:
        """Return a value that changes with every `transaction`, and with every change by another connection.

        Values from different threads cannot be compared.
        """
        version = int(self.value("PRAGMA data_version"))
        return self._local.number, self._transactions, version

    def meta(self, key: str, default: str = "") -> str:
        """Return a stored fact about the index itself."""
        return str(self.value("SELECT value FROM meta WHERE key = ?", (key,)) or default)

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about the index itself."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _inode(path: Path) -> tuple[int, int]:
    try:
        status = os.lstat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Split items into slices short enough to be bound to one SQL statement."""
    for start in range(0, len(items), _MAX_SQL_VARIABLES):
        yield items[start : start + _MAX_SQL_VARIABLES]
