"""The database file: checks before SQLite opens it, its schema, and the meaning of SQLite's errors."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from codesift.errors import DamagedIndexError, NoSpaceError, StorageError
from codesift.system.files import open_regular, take_place

SCHEMA_VERSION = 3
APPLICATION_ID = 0x63647366
"""Distinguishes databases of codesift from those of other programs (`PRAGMA application_id`): "cdsf"."""
_HEAD_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_SHADOW_TABLES = tuple(f"words_{part}" for part in ("data", "idx", "content", "docsize", "config"))
"""Tables that FTS5 maintains for the table `words`."""
_TEMPORARY = ("locked", "locking", "readonly", "unable to open", "I/O error", "out of memory", "interrupted")
"""Parts of SQLite's messages about failures that may be temporary."""
_DAMAGE = (
    "malformed",
    "not a database",
    "corrupt",
    "file format",
    "vtable constructor failed",
    "decode to UTF-8",
)
"""Parts of SQLite's messages about content that neither SQLite nor FTS5 wrote."""
_MAX_LINK_SECONDS = 0.5
"""Maximum wait for another process to remove the temporary name of a database that it has just created."""
_MIN_FREE_BYTES = 256 * 1024
"""Free bytes below which "disk I/O error" means a full disk: SQLite reports it for its shared memory file."""


def explained(error: Exception, path: Path) -> StorageError | None:
    """Convert an sqlite3 error to a StorageError; None if its message is not recognized.

    Only recognized damage becomes DamagedIndexError, because a damaged index is deleted and built again.
    """
    text = str(error)
    # `sqlite3` fails to decode a message that quotes a damaged name.
    if isinstance(error, UnicodeDecodeError):
        return damaged(path, "text in it is not UTF-8")
    if "disk is full" in text or ("I/O error" in text and _is_full(path)):
        return NoSpaceError(
            f"no space left on the disk that holds {path}",
            "free some; if there is some: codesift status --check",
        )
    # A writable file is reported as read-only if its header requires another version of SQLite.
    if "readonly" in text and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return damaged(path, text)
    if any(words in text for words in _TEMPORARY):
        hint = "make its files writable, or run codesift clean" if "readonly" in text else ""
        return StorageError(f"the index {path} cannot be used: {text}", hint)
    return damaged(path, text) if any(words in text for words in _DAMAGE) else None


def damaged(path: Path, reason: str) -> DamagedIndexError:
    """Make the error for an index that cannot be trusted."""
    return DamagedIndexError(f"the index {path} is damaged: {reason}", "codesift status --check")


def _is_full(path: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES
    except OSError:
        return False


def check_head(path: Path, versions: Sequence[int] = (SCHEMA_VERSION,), shared: bool = False) -> int:
    """Check that a file is a database of codesift, before SQLite opens it.

    Args:
        path: the database file.
        versions: the schema versions that can be read. Version 1 had no application id.
        shared: whether the database may have other hard links, because it is only read. The files that
            SQLite keeps beside it may not: readers write them, too.

    Returns:
        the version of its schema.

    Raises:
        DamagedIndexError: the file is a link or no regular file, or of another program or version.
        StorageError: the file cannot be read.
    """
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        _check_kind(path.with_name(name), shared and name == path.name)
    head = _read_head(path)
    version, application = (int.from_bytes(head[at : at + 4], "big") for at in (60, 68))
    # The two bytes after the page size are the write and read versions of the file format; 2 is WAL.
    if not head.startswith(_MAGIC) or len(head) < _HEAD_BYTES or not {*head[18:20]} <= {1, 2}:
        raise damaged(path, "it is no SQLite database")
    if version not in versions or application != (0 if version == 1 else APPLICATION_ID):
        raise DamagedIndexError(
            f"the index {path} was written by another version of codesift or by another program "
            f"(schema {version}, this one reads {SCHEMA_VERSION})",
            "codesift clean, then codesift index",
        )
    if is_settled(path) and _is_cut_short(head, path):
        raise damaged(path, "its end is missing")
    return version


def _is_cut_short(head: bytes, path: Path) -> bool:
    """Tell whether a database is smaller than its header says; SQLite reads missing pages as zeros."""
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # The number of pages is valid only if both change counters are equal.
    return head[24:28] == head[92:96] and path.stat().st_size < (65536 if page == 1 else page) * pages


def _check_kind(path: Path, shared: bool) -> None:
    """Check that a path is that of a regular file, because SQLite follows links and waits for pipes."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path, "not a regular file")
        deadline = time.monotonic() + _MAX_LINK_SECONDS
        # A new database has a second, temporary name for a moment; see `take_place`.
        while status.st_nlink > 1 and not shared:
            if time.monotonic() > deadline:
                raise damaged(path, "the file has another name elsewhere")
            time.sleep(0.01)
            status = os.lstat(path)


def _read_head(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(_HEAD_BYTES)
    except OSError as error:
        raise StorageError(f"the index {path} cannot be used: {error.strerror}") from error


def is_settled(path: Path) -> bool:
    """Tell whether all changes are in the database itself, and none in its log."""
    try:
        return not path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:  # There is no log; another process may just have removed it.
        return True


def create(path: Path) -> None:
    """Create an empty index under a temporary name and move it in place, unless another process was faster.

    Its header is complete before it has its name, not only after SQLite merges its log.
    """
    fresh = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    try:
        os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as database:
            database.execute("BEGIN")
            for statement in schema():
                database.execute(statement)
            database.execute("INSERT INTO meta VALUES ('identity', ?)", (secrets.token_hex(8),))
            database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            database.execute("COMMIT")
            database.execute("PRAGMA journal_mode = WAL")
        take_place(fresh, path)
    except sqlite3.Error as error:
        explanation = explained(error, path)
        if explanation is None:
            raise
        raise explanation from error
    except OSError as error:
        raise StorageError(f"cannot write the index {path}: {error.strerror}") from error
    finally:
        for leftover in (fresh, fresh.with_name(f"{fresh.name}-journal")):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)


def is_our_schema(entries: Iterable[tuple[str, str, str | None]]) -> bool:
    """Tell whether the entries (type, name, sql) of a database are those of `schema()` and of FTS5."""
    expected = {statement.strip() for statement in schema()}
    for kind, name, sql in entries:
        if sql is None and kind == "index" and name.startswith("sqlite_autoindex_"):
            continue
        if kind == "table" and (name in _SHADOW_TABLES or name == "sqlite_sequence"):
            # SQLite creates these with its own SQL; CREATE TABLE ... AS would run a query.
            if sql is None or not sql.startswith("CREATE TABLE ") or " AS " in sql.upper():
                return False
            continue
        if sql not in expected:
            return False
        expected.discard(sql)
    return not expected


def schema() -> list[str]:
    """Return the statements that create an empty index."""
    text = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]
