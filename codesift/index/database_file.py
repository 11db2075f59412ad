"""A database's file: what it must be before SQLite opens it, its schema, and what SQLite's errors mean."""

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

SCHEMA_VERSION = 2
APPLICATION_ID = 0x63647366
"""Tells our databases from those of other programs (`PRAGMA application_id`): "cdsf"."""
_HEAD_BYTES = 100
_MAGIC = b"SQLite format 3\0"
_SHADOWS = tuple(f"words_{part}" for part in ("data", "idx", "content", "docsize", "config"))
"""Tables that FTS5 keeps for the table `words`."""
_TEMPORARY = ("locked", "locking", "readonly", "unable to open", "I/O error", "out of memory", "interrupted")
"""Words of SQLite's messages about failures that another try may not meet."""
_DAMAGE = (
    "malformed",
    "not a database",
    "corrupt",
    "file format",
    "vtable constructor failed",
    "decode to UTF-8",
)
"""Words of SQLite's messages about a file whose content is not what SQLite, or its full text, wrote."""
_LINK_SECONDS = 0.5
"""Seconds waited for another process to remove the second name of a database that it has just made."""
_LITTLE_SPACE = 256 * 1024
"""Bytes. SQLite says "disk I/O error" where the disk filled up under its shared memory file."""


def explained(error: Exception, path: Path) -> StorageError | None:
    """The error of ours that an error of sqlite3 stands for; None where its message is not understood.

    Only what is recognized as damage is called so, because a damaged index is deleted and built again.
    """
    text = str(error)
    # A message that quotes a damaged name is no UTF-8, and `sqlite3` fails on it.
    if isinstance(error, UnicodeError):
        return damaged(path, "text in it is not UTF-8")
    if "disk is full" in text or ("I/O error" in text and _is_full(path)):
        return NoSpaceError(
            f"no space left on the disk that holds {path}",
            "free some; if there is some: codesift status --check",
        )
    # A file that may be written is called so where its head asks for another version of SQLite.
    if "readonly" in text and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return damaged(path, text)
    if any(words in text for words in _TEMPORARY):
        hint = "make its files writable, or run codesift clean" if "readonly" in text else ""
        return StorageError(f"the index {path} cannot be used: {text}", hint)
    return damaged(path, text) if any(words in text for words in _DAMAGE) else None


def damaged(path: Path, reason: str) -> DamagedIndexError:
    """The error for an index that cannot be trusted."""
    return DamagedIndexError(f"the index {path} is damaged: {reason}", "codesift status --check")


def _is_full(path: Path) -> bool:
    import shutil

    try:
        return shutil.disk_usage(path.parent).free < _LITTLE_SPACE
    except OSError:
        return False


def check_head(path: Path, versions: Sequence[int] = (SCHEMA_VERSION,), shared: bool = False) -> int:
    """See that a file is a database of ours, before SQLite opens it.

    Args:
        versions: of the schema, those that can be read. Version 1 had no application id.
        shared: whether the database may have another name elsewhere, because it is only read. What SQLite
            keeps beside it may not: readers write that too.

    Returns:
        the version of its schema.

    Raises:
        DamagedIndexError: it is a link or no regular file, or was written by another program or version.
        StorageError: it cannot be read.
    """
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}-journal"):
        _check_kind(path.with_name(name), shared and name == path.name)
    head = _read_head(path)
    version, application = (int.from_bytes(head[at : at + 4], "big") for at in (60, 68))
    # The two bytes after the size of a page say which SQLite may read and write it: 2 is write-ahead logging.
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
    """Whether a database is smaller than its head says; SQLite takes what is missing for zeros."""
    page = int.from_bytes(head[16:18], "big")
    pages = int.from_bytes(head[28:32], "big")
    # The number of pages is right only where both counts of changes are the same.
    return head[24:28] == head[92:96] and path.stat().st_size < (65536 if page == 1 else page) * pages


def _check_kind(path: Path, shared: bool) -> None:
    """See that SQLite would open a file of this folder: it follows links, and waits for pipes."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            raise damaged(path, "not a regular file")
        until = time.monotonic() + _LINK_SECONDS
        # A new database has its fresh name beside its own for a moment, see `take_place`.
        while status.st_nlink > 1 and not shared:
            if time.monotonic() > until:
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
    """Whether everything stored is in the database itself, not in its log."""
    log = path.with_name(path.name + "-wal")
    return not log.exists() or not log.stat().st_size


def create(path: Path) -> None:
    """Make an empty index under a fresh name and put it in place, if no other process was first.

    Its head says what it is from the first moment on, not only once SQLite merges its log.
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
        for left in (fresh, fresh.with_name(f"{fresh.name}-journal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)


def is_our_schema(found: Iterable[tuple[str, str, str | None]]) -> bool:
    """Whether (type, name, sql) of everything in a database are those of `schema()` and of its full text."""
    expected = {statement.strip() for statement in schema()}
    for kind, name, sql in found:
        if sql is None and kind == "index" and name.startswith("sqlite_autoindex_"):
            continue
        if kind == "table" and (name in _SHADOWS or name == "sqlite_sequence"):
            # SQLite writes these itself, in words of its own; a table made by a query would run it.
            if sql is None or not sql.startswith("CREATE TABLE ") or " AS " in sql.upper():
                return False
            continue
        if sql not in expected:
            return False
        expected.discard(sql)
    return not expected


def schema() -> list[str]:
    """The statements that make an empty index."""
    text = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]
