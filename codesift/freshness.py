"""An index that can be searched or written: found or made, repaired, locked, in step with its files."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from codesift.config import Settings
from codesift.errors import DamagedIndexError, StorageError, UsageError
from codesift.indexing import OpenEncoder, Plan, apply, plan, skips
from codesift.location import existing_index, index_folder, is_writable, write_lock
from codesift.store import Index, discard, open_index, reset, size_on_disk
from codesift.types import Progress, Report

T = TypeVar("T")
_POLL_SECONDS = 0.1

Notify = Callable[[str], None]
"""Takes one line meant for the user, such as that an index is being built."""


def index_repository(
    root: Path, settings: Settings, notify: Notify, progress: Progress, open_encoder: OpenEncoder
) -> Report:
    """Bring the index of `root` in step, waiting for another process that does the same.

    Raises:
        StorageError: the index can be neither written nor repaired.
    """
    folder = index_folder(root, settings.cache_folder())

    def run() -> Report:
        with open_index(root, folder, settings) as index:
            return apply(plan(index, settings), index, settings, progress, open_encoder)

    with write_lock(folder, lambda: notify("another codesift is indexing this repository: waiting for it")):
        try:
            return run()
        except DamagedIndexError as error:
            notify(f"{error.message}: building it again")
            reset(folder)
            return run()


def on_index(
    root: Path,
    settings: Settings,
    notify: Notify,
    progress: Progress,
    open_encoder: OpenEncoder,
    work: Callable[[Index], T],
) -> T:
    """Do `work` on the index of `root`, built on first use and refreshed if `settings.refresh`.

    A process that indexes at the same time is not waited for: what is ready is searched. An index
    that turns out damaged is built again and `work` done a second time.

    Raises:
        UsageError: there is no index and none may be built.
        DamagedIndexError: it is damaged and none may be built.
    """
    folder = existing_index(root, settings.cache_folder())
    if folder is None:
        if not settings.refresh:
            raise UsageError(f"there is no index of {root}", "codesift index")
        folder = index_folder(root, settings.cache_folder())
        notify(f"no index of {root} yet: building it")
    elif settings.refresh and not is_writable(folder):
        folder = _instead_of(folder, root, settings, notify)
    update = partial(_refresh, root, folder, settings, notify, progress, open_encoder)
    try:
        if settings.refresh:
            update()
        with open_index(root, folder, settings) as index:
            return work(index)
    except DamagedIndexError as error:
        if not settings.refresh:
            raise
        _rebuild(folder, error, notify)
        update()
        with open_index(root, folder, settings) as index:
            return work(index)


def _instead_of(folder: Path, root: Path, settings: Settings, notify: Notify) -> Path:
    """An index that can be written in place of one that cannot, unless that one needs no change."""
    with suppress(StorageError), open_index(root, folder, settings) as index:
        if not _has_work(plan(index, settings), index):
            return folder
    other = index_folder(root, settings.cache_folder())
    notify(f"the index {folder} is out of date and cannot be written: building one in {other}")
    return other


def _refresh(
    root: Path,
    folder: Path,
    settings: Settings,
    notify: Notify,
    progress: Progress,
    open_encoder: OpenEncoder,
) -> None:
    """Apply what changed; takes the lock only if something did.

    Another process that indexes is waited for only until all files are parsed once: seconds.
    """
    with open_index(root, folder, settings) as index:
        if not _has_work(plan(index, settings), index):
            return
    while True:
        with write_lock(folder, None) as mine:
            if mine:
                with open_index(root, folder, settings) as index:
                    apply(plan(index, settings), index, settings, progress, open_encoder)
                return
        if _is_parsed(root, folder, settings):
            notify("another codesift is indexing this repository: searching what is ready")
            return
        time.sleep(_POLL_SECONDS)


def _is_parsed(root: Path, folder: Path, settings: Settings) -> bool:
    with open_index(root, folder, settings) as index:
        return bool(index.database.meta("parser"))


def _rebuild(folder: Path, error: DamagedIndexError, notify: Notify) -> None:
    """Empty an index that cannot be trusted; all it held can be made again from the files."""
    notify(f"{error.message}: building it again")
    with write_lock(folder, lambda: None):
        reset(folder)


def _has_work(found: Plan, index: Index) -> bool:
    _, units = index.catalog.counts()
    return bool(found.unsure or found.removed) or index.vectors.ready() < units


def status_of(root: Path, settings: Settings) -> dict[str, Any]:
    """What `codesift status` tells of the index of `root`; nothing is changed.

    Raises:
        UsageError: there is no index.
    """
    folder = existing_index(root, settings.cache_folder())
    if folder is None:
        raise UsageError(f"there is no index of {root}", "codesift index")
    with open_index(root, folder, settings) as index:
        found = plan(index, settings)
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
            "size_bytes": size_on_disk(folder),
        }


def delete_index(root: Path, settings: Settings, notify: Notify) -> tuple[Path | None, int]:
    """Delete the index of `root`; returns where it was (None: there is none) and the bytes freed."""
    folder = existing_index(root, settings.cache_folder())
    if folder is None:
        return None, 0
    with write_lock(folder, lambda: notify("another codesift is indexing this repository: waiting for it")):
        return folder, discard(folder)
