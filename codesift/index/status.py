"""Facts about one index and about all indexes of a user, and the deletion of indexes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.index.location import WAITING, Stored, size_on_disk, stored_indexes, write_lock
from codesift.index.opening import Index, discard
from codesift.index.placement import Notify
from codesift.index.plan import Plan, count_stale


def facts(index: Index, plan: Plan, settings: Settings, is_embedding: bool) -> dict[str, Any]:
    """Collect the facts that `codesift status` shows about one index.

    Args:
        index: the index.
        plan: the difference between the index and the files.
        settings: `max_file_size`.
        is_embedding: whether another process computes the missing vectors.
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
        "drafts": index.primary.drafts.any(),
        "embedding": is_embedding,
        "languages": {name: count for name, _, count in index.catalog.languages()},
        "stale_files": count_stale(plan, settings),
        "skipped": plan.skipped(index),
        "not_parsed": index.catalog.gave_up(),
        "size_bytes": size_on_disk(index.folder),
    }


def all_indexes(settings: Settings) -> list[dict[str, Any]]:
    """Return a row of facts for each index in the cache folder of the user."""
    return [
        {
            "root": str(stored.root) if stored.root else None,
            "missing": stored.is_missing(),
            "size_bytes": stored.size,
            "used": time.strftime("%Y-%m-%d %H:%M", time.localtime(stored.used)),
            "index": str(stored.folder),
        }
        for stored in stored_indexes(settings)
    ]


def delete_indexes(settings: Settings, notify: Notify, missing_only: bool) -> list[tuple[Stored, int]]:
    """Delete all indexes in the cache folder, or those of missing repositories.

    Returns:
        pairs (index, bytes freed).

    Raises:
        StorageError: a file could not be deleted.
    """
    doomed = [stored for stored in stored_indexes(settings) if stored.is_missing() or not missing_only]
    return [(stored, _discard(stored.folder, notify)) for stored in doomed]


def _discard(folder: Path, notify: Notify) -> int:
    with write_lock(folder, lambda: notify(WAITING)):
        return discard(folder)
