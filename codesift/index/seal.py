"""Seals: a digest of the whole database file, which reveals any changed byte, even in unused pages.

Every writer gives the index a new generation (see `Database.transaction`) and seals the database after
closing it. As long as the generation is that of the seal, no codesift has written the file.
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
_MAX_SEALED_BYTES = 64_000_000
"""Maximum size of a database that is sealed after every change; a larger one is sealed when it is examined. A
digest takes 1 s for 1 GB."""


def seal(folder: Path, generation: str, max_bytes: float = _MAX_SEALED_BYTES) -> None:
    """Seal a database that nobody has open for writing, unless its log still holds changes.

    Args:
        folder: the index folder.
        generation: generation of the database.
        max_bytes: maximum size of a database that is sealed.
    """
    path = folder / DATABASE
    with suppress(OSError, StorageError):
        if is_settled(path) and path.stat().st_size <= max_bytes:
            facts = {"generation": generation, "digest": trust.digest(path)}
            replace_file(folder / SEAL, json.dumps({**facts, "signature": _signature(facts)}).encode())


def digest(folder: Path) -> str:
    """Compute the digest of a database; empty if its log holds changes, or if it cannot be read."""
    with suppress(OSError, StorageError):
        if is_settled(folder / DATABASE):
            return trust.digest(folder / DATABASE)
    return ""


def is_broken(folder: Path, generation: str, current: str) -> bool:
    """Tell whether a database differs from its seal, or the seal itself is damaged.

    Args:
        folder: the index folder.
        generation: generation of the database.
        current: its `digest` now.
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
    return bool(current) and facts["generation"] == generation and facts["digest"] != current


def _signature(facts: dict[str, str]) -> str:
    return trust.signature(json.dumps(facts, sort_keys=True).encode())
