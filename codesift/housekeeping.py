"""What is told of indexes, and their deletion."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from codesift.config import Settings
from codesift.errors import DamagedIndexError, UsageError
from codesift.index.location import Stored, holds_index, size_on_disk, stored_indexes, write_lock
from codesift.index.opening import discard, open_index, signing
from codesift.index.placement import Notify, usable_place
from codesift.index.update import skips
from codesift.session import WAITING, Desk, apply_changes, check, heal_index, note_check, plan_of


def status_of(desk: Desk, checked: bool = False) -> dict[str, Any]:
    """What `codesift status` tells of the index of a repository; nothing is changed unless `checked`.

    Args:
        checked: examine all that is stored, and heal what is damaged.

    Raises:
        UsageError: there is no index.
    """
    root, settings = desk.root, desk.settings
    folder = usable_place(root, settings, desk.notify)
    if not holds_index(folder):
        raise UsageError(f"there is no index of {root}", "codesift index")
    if checked:
        _check_and_heal(folder, desk)
    with open_index(root, folder, settings, read_only=True) as index:
        found = plan_of(index, desk)
        files, units = index.catalog.counts()
        return {
            "root": str(root),
            "index": str(folder),
            "model": index.space.base.name,
            "adapters": [language or "other" for language in index.space.adapters.named()],
            "space": index.space.id,
            "files": files,
            "units": units,
            "vectors_ready": index.vectors.ready(),
            "languages": {name: count for name, _, count in index.catalog.languages()},
            "stale_files": len(found.unsure) + len(found.removed),
            "skipped": skips(found, index),
            "not_parsed": index.catalog.gave_up(),
            "size_bytes": size_on_disk(folder),
        }


def _check_and_heal(folder: Path, desk: Desk) -> None:
    with write_lock(folder, lambda: desk.notify(WAITING)):
        try:
            with signing(desk.root, folder):
                check(folder, desk, float("inf"))
        except DamagedIndexError as error:
            heal_index(folder, error, desk)
        note_check(folder)
        apply_changes(folder, desk)


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


def delete_index(desk: Desk) -> tuple[Path | None, int]:
    """Delete the index of a repository; returns where it was (None: there is none) and the bytes freed."""
    folder = usable_place(desk.root, desk.settings, desk.notify)
    if not holds_index(folder):
        return None, 0
    return folder, _discard(folder, desk.notify)


def delete_indexes(settings: Settings, notify: Notify, missing_only: bool) -> list[tuple[Stored, int]]:
    """Delete all indexes in the cache folder, or those of missing repositories: (index, bytes freed)."""
    chosen = [each for each in stored_indexes(settings) if each.is_missing() or not missing_only]
    return [(each, _discard(each.folder, notify)) for each in chosen]


def _discard(folder: Path, notify: Notify) -> int:
    with write_lock(folder, lambda: notify(WAITING)):
        return discard(folder)
