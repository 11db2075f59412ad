"""One SQLite database file: opening, transactions, and errors a user can read."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from codesift.errors import DamagedIndexError, StorageError

SCHEMA_VERSION = 1
_BUSY_SECONDS = 30
_SQL_VARIABLES = 900  # SQLite before 3.32 takes 999 at most


_NOT_DAMAGE = ("locked", "locking", "readonly", "unable to open", "I/O error", "out of memory", "interrupted")
"""Words of SQLite's messages about failures that another try may not meet."""
_LITTLE_SPACE = 256 * 1024
"""Bytes. SQLite says "disk I/O error" where the disk filled up under its shared memory file."""


def _explain(error: sqlite3.Error, path: Path) -> StorageError:
    text = str(error)
    if "disk is full" in text or ("I/O error" in text and _is_full(path)):
        return StorageError(f"no space left on the disk that holds {path}", "free some, then run it again")
    if any(words in text for words in _NOT_DAMAGE):
        return StorageError(f"the index {path} cannot be used: {text}")
    return DamagedIndexError(f"the index {path} is damaged: {text}", "codesift clean, then codesift index")


def _is_full(path: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(path.parent).free < _LITTLE_SPACE
    except OSError:
        return False


class Database:
    """One open index. Every method raises StorageError or its leaf DamagedIndexError, never sqlite3's.

    Args:
        path: the database file; made if it does not exist, unless `read_only`.
        read_only: nothing is stored, and nothing is needed of a folder that cannot be written.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self._transactions = 0
        with self.errors():
            mode = _read_only_mode(path) if read_only else "mode=rwc"
            uri = f"{path.absolute().as_uri()}?{mode}"
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            self._open(read_only)
        except BaseException:
            self._db.close()
            raise

    def _open(self, read_only: bool) -> None:
        self.run("PRAGMA temp_store = MEMORY")
        if not read_only:
            self._use_wal()
            self.run("PRAGMA synchronous = NORMAL")
        version = self.value("PRAGMA user_version")
        if version == 0 and not read_only:
            self._create()
            version = self.value("PRAGMA user_version")
        if version != SCHEMA_VERSION:
            raise DamagedIndexError(
                f"the index {self.path} was written by another version of codesift "
                f"(schema {version}, this one reads {SCHEMA_VERSION})",
                "codesift clean, then codesift index",
            )

    def _use_wal(self) -> None:
        """Switch to write-ahead logging. Here alone SQLite does not wait for whoever is doing the same."""
        until = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.Error as error:
                if "locked" not in str(error) or time.monotonic() > until:
                    raise _explain(error, self.path) from error
            time.sleep(0.01)

    def _create(self) -> None:
        with self.transaction():
            # Another process may have been first, or the file is no index of ours.
            if self.value("SELECT count(*) FROM sqlite_master"):
                return
            for statement in _schema():
                self.run(statement)
            self.set_meta("identity", os.urandom(8).hex())
            self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def is_sound(self) -> bool:
        """Whether SQLite finds the database whole. Reads all of it."""
        try:
            return bool(self.value("PRAGMA quick_check(1)") == "ok")
        except StorageError:
            return False

    def close(self) -> None:
        """Close the database; the object cannot be used afterwards."""
        self._db.close()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn any sqlite3 error inside into one of ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(error, self.path) from error

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
        """Everything inside is stored, or nothing."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.rollback()
            raise
        finally:
            self._transactions += 1

    def version(self) -> tuple[int, int]:
        """Another one after every `transaction` here, and after whatever another connection stored."""
        return self._transactions, int(self.value("PRAGMA data_version"))

    def meta(self, key: str, default: str = "") -> str:
        """A stored fact about the index itself."""
        return str(self.value("SELECT value FROM meta WHERE key = ?", (key,)) or default)

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact about the index itself."""
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _read_only_mode(path: Path) -> str:
    """Where no shared memory file can be made beside a database, it is read as if nobody wrote it."""
    log = path.with_name(path.name + "-wal")
    settled = not log.exists() or not log.stat().st_size
    return "mode=ro&immutable=1" if settled and not os.access(path.parent, os.W_OK) else "mode=ro"


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Slices short enough to be bound to one SQL statement."""
    for start in range(0, len(items), _SQL_VARIABLES):
        yield items[start : start + _SQL_VARIABLES]


def _schema() -> list[str]:
    from importlib import resources

    text = resources.files("codesift").joinpath("schema.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement for statement in "\n".join(lines).split(";") if statement.strip()]
