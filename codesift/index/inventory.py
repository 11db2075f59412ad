"""All indexes in the user's cache folder: listed, and deleted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.index.location import Stored, stored_indexes, write_lock
from codesift.index.opening import discard
from codesift.index.placement import Notify


def all_indexes(settings: Settings) -> list[dict[str, Any]]:
    """A row for each index in the user's cache folder."""
    return [
        {
            "root": str(each.root) if each.root else None,
            "missing": each.is_missing(),
            "size_bytes": each.size,
            "used": time.strftime("%Y-%m-%d %H:%M", time.localtime(each.used)),
            "index": str(each.folder),
        }
        for each in stored_indexes(settings)
    ]


def delete_indexes(settings: Settings, notify: Notify, missing_only: bool) -> list[tuple[Stored, int]]:
    """Delete all indexes in the cache folder, or those of missing repositories.

    Returns:
        (index, bytes freed) for each.

    Raises:
        StorageError: a file could not be deleted.
    """
    chosen = [each for each in stored_indexes(settings) if each.is_missing() or not missing_only]
    return [(each, _discard(each.folder, notify)) for each in chosen]


def _discard(folder: Path, notify: Notify) -> int:
    with write_lock(folder, lambda: notify("another codesift is indexing this repository: waiting for it")):
        return discard(folder)
