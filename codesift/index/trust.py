"""Trust: index files are signed with a key in the personal data folder of the user.

An index inside a repository may have come with it from a stranger. It is used only if a signed note beside it
confirms that this user wrote it: either the database has the digest in the note, or (while it is being
written, and after a writer was killed) the folder and the database have the device and inode numbers in the
note. The graph and the seal have their own signatures.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

from codesift.errors import StorageError
from codesift.index.location import DATABASE
from codesift.system.files import open_regular, read_regular, replace_file, take_place, write_new

NOTE = "signed.json"
_MAX_NOTE_BYTES = 100_000
_KEY_BYTES = 32


def digest(path: Path) -> str:
    """Compute the digest of a file, keyed with the key of this user, in hexadecimal digits.

    Raises:
        OSError: the file cannot be read, or is no regular file.
        StorageError: there is no key, and none can be created.
    """
    state = hashlib.blake2b(key=_key(), digest_size=16)
    with open_regular(path) as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def signature(content: bytes) -> str:
    """Sign bytes with the key of this user; return the signature in hexadecimal digits.

    Raises:
        StorageError: there is no key, and none can be created.
    """
    return hashlib.blake2b(content, key=_key(), digest_size=16).hexdigest()


def has_key() -> bool:
    """Tell whether this user has a key; one is created if possible."""
    with contextlib.suppress(StorageError):
        return bool(_key())
    return False


class Standing(Enum):
    """The origin of an index inside a repository."""

    OURS = "this user's codesift wrote it as it is"
    CHANGED = "this user's codesift wrote it, and something changed it since"
    FOREIGN = "this user's codesift did not write it"


def standing(folder: Path) -> Standing:
    """Determine whether the codesift of this user wrote the index in a folder inside a repository."""
    facts = _signed_facts(folder)
    while facts is not None:
        if _fits(facts, folder):
            return Standing.OURS
        # Another process may have started or finished writing since the note was read.
        previous, facts = facts, _signed_facts(folder)
        if facts == previous:
            return Standing.CHANGED
    return Standing.FOREIGN


def _signed_facts(folder: Path) -> dict[str, Any] | None:
    """Read the facts in the note; None if it is missing or not signed with the key of this user."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, RecursionError, StorageError):
        note = json.loads(read_regular(folder / NOTE, _MAX_NOTE_BYTES))
        facts = dict(note["facts"])
        if hmac.compare_digest(signature(_canonical(facts)), str(note["signature"])):
            return facts
    return None


def _fits(facts: dict[str, Any], folder: Path) -> bool:
    with contextlib.suppress(OSError, StorageError):
        path = folder / DATABASE
        if facts.get("open"):
            return bool(facts.get("identity") == _identity(folder, path))
        return _is_merged(folder) and bool(facts.get("digest") == digest(path))
    return False


def sign_open(folder: Path, database: Path | None = None) -> None:
    """Sign an index that is about to be written.

    Args:
        folder: the index folder.
        database: the file that is, or will become, the database of the index.

    Raises:
        StorageError: the note cannot be written.
    """
    path = database or folder / DATABASE
    _write_note(folder, lambda: {"open": True, "identity": _identity(folder, path)})


def sign_closed(folder: Path) -> None:
    """Sign an index that nobody has open for writing, unless its log is not merged.

    Raises:
        StorageError: the note cannot be written.
    """
    if _is_merged(folder):
        _write_note(folder, lambda: {"open": False, "digest": digest(folder / DATABASE)})


def _is_merged(folder: Path) -> bool:
    """Tell whether the log of the database is missing or empty."""
    try:
        return not os.lstat(folder / f"{DATABASE}-wal").st_size
    except FileNotFoundError:
        return True


def _write_note(folder: Path, facts: Callable[[], dict[str, Any]]) -> None:
    try:
        content = facts()
        note = {"facts": content, "signature": signature(_canonical(content))}
        replace_file(folder / NOTE, json.dumps(note).encode())
    except OSError as error:
        raise StorageError(f"cannot sign the index in {folder}: {error.strerror}") from error


def _canonical(facts: object) -> bytes:
    return json.dumps(facts, sort_keys=True).encode()


def _identity(folder: Path, database: Path) -> list[int]:
    """Return the device and inode numbers of a folder and its database, which copies do not share."""
    statuses = [os.lstat(folder), os.lstat(database)]
    return [number for status in statuses for number in (status.st_dev, status.st_ino)]


# -- the key --------------------------------------------------------------------------------------

_keys: dict[Path, bytes] = {}


def _key() -> bytes:
    """Return the key of this user, which is created on first use."""
    path = _key_path()
    if path not in _keys:
        _keys[path] = _read_or_make_key(path)
    return _keys[path]


def _key_path() -> Path:
    from platformdirs import user_data_path

    return user_data_path("codesift", appauthor=False) / "key"


def _read_or_make_key(path: Path) -> bytes:
    if not path.is_absolute():
        raise StorageError("you have no home folder for a key", "set HOME")
    try:
        with contextlib.suppress(FileNotFoundError):
            return _validated(read_regular(path, _KEY_BYTES), path)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f"key-{secrets.token_hex(8)}")
        write_new(fresh, secrets.token_bytes(_KEY_BYTES))
        # If another process was faster, its key stays.
        take_place(fresh, path)
        return _validated(read_regular(path, _KEY_BYTES), path)
    except OSError as error:
        raise StorageError(f"cannot read or make the key {path}: {error.strerror}") from error


def _validated(key: bytes, path: Path) -> bytes:
    """Check the length of a key."""
    if len(key) != _KEY_BYTES:
        raise StorageError(
            f"{path} does not hold a key", "remove it; indexes in repositories are built again"
        )
    return key
