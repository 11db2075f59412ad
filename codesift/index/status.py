"""What is said of an index, and of all indexes of a user; and their deletion."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.index.location import Stored, size_on_disk, stored_indexes, write_lock
from codesift.index.opening import Index, discard
from codesift.index.placement import Notify
from codesift.index.plan import Plan, count_stale

WAITING = "another codesift is indexing this repository: waiting for it"


def facts(index: Index, found: Plan, settings: Settings) -> dict[str, Any]:
    """What `codesift status` says of one index.

    Args:
        index: the index.
        found: how it differs from the files.
        settings: `max_file_size`.
    """
    files, units = index.catalog.counts()
    space = index.primary.space
    return {
        "root": str(index.root),
        "index": str(index.folder),
        "model": space.base.name,
        "adapters": [language or "other" for language in space.adapters.named()],
        "space": space.id,
        "files": files,
        "units": units,
        "vectors_ready": index.primary.vectors.ready(),
        "languages": {name: count for name, _, count in index.catalog.languages()},
        "stale_files": count_stale(found, settings),
        "skipped": found.skipped(index),
        "not_parsed": index.catalog.gave_up(),
        "size_bytes": size_on_disk(index.folder),
    }


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
    with write_lock(folder, lambda: notify(WAITING)):
        return discard(folder)
