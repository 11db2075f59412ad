"""A digest of the whole database as it was left: it notices any other byte, even where nothing is stored.

Whoever writes an index gives it a new generation (see `Database.transaction`) and seals it when the database
is closed. While the generation is that of the seal, nobody wrote the file.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.database_file import is_settled
from codesift.index.location import DATABASE
from codesift.system.files import read_regular, replace_file

SEAL = "seal"
_SEAL_BYTES = 10_000
_MOST_BYTES = 64_000_000
"""A larger database is sealed when it is examined, not after every change: a digest takes 1 s for 1 GB."""


def seal(folder: Path, generation: str, limit: float = _MOST_BYTES) -> None:
    """Seal a database that nobody has open for writing; one with changes in its log is left without a seal.

    Args:
        folder: the index folder.
        generation: of the database.
        limit: a database of more bytes is not sealed.
    """
    path = folder / DATABASE
    with suppress(OSError, StorageError):
        if is_settled(path) and path.stat().st_size <= limit:
            facts = {"generation": generation, "digest": trust.digest(path)}
            replace_file(folder / SEAL, json.dumps({**facts, "signature": _signature(facts)}).encode())


def digest(folder: Path) -> str:
    """The digest of a database as it is; empty where changes are still in its log, or it cannot be read."""
    with suppress(OSError, StorageError):
        if is_settled(folder / DATABASE):
            return trust.digest(folder / DATABASE)
    return ""


def is_broken(folder: Path, generation: str, found: str) -> bool:
    """Whether a database is not as it was sealed, or the seal itself is damaged.

    Args:
        folder: the index folder.
        generation: of the database.
        found: its `digest`.
    """
    try:
        content = json.loads(read_regular(folder / SEAL, _SEAL_BYTES))
        facts = {"generation": content["generation"], "digest": content["digest"]}
        if content["signature"] != _signature(facts):
            return True
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError, KeyError, RecursionError, StorageError):
        return True
    return bool(found) and facts["generation"] == generation and facts["digest"] != found


def _signature(facts: dict[str, str]) -> str:
    return trust.signature(json.dumps(facts, sort_keys=True).encode())
