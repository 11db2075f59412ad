"""Where the index of a test's repository lies, and indexes that several tests share."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from codesift.config import personal_settings
from codesift.index.location import ABOUT, cache_place

SHARED = "CODESIFT_EVAL_SESSION_HOME"
"""Variable with the home of fixtures that outlive a test; it is not a setting of codesift."""

KEY = Path(".local", "share", "codesift", "key")
"""Of a user, seen from the home."""


def index_of(root: Path) -> Path:
    """The index folder of a repository, in the cache folder of the running test."""
    return cache_place(root.resolve(), personal_settings(os.environ))


def lend(root: Path) -> Path:
    """Give the running test the index that a longer-lived fixture made of `root`, if any; returns `root`."""
    if not index_of(root).exists() and _shared(root).exists():
        _copy(_shared(root), root)
    return root


def copy_with_index(root: Path, to: Path) -> Path:
    """Copy a repository of a longer-lived fixture together with its index; returns the copy."""
    shutil.copytree(root, to)
    _copy(_shared(root), to)
    return to


def _shared(root: Path) -> Path:
    shared = Path(os.environ[SHARED]) / ".cache" / "codesift" / "indexes"
    return shared / cache_place(root.resolve(), personal_settings({})).name


def _copy(source: Path, root: Path) -> None:
    place = index_of(root)
    shutil.copytree(source, place)
    # The graph is signed with the key of the home it was made in.
    own = Path(os.environ["HOME"]) / KEY
    own.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(os.environ[SHARED]) / KEY, own)
    (place / ABOUT).write_text(json.dumps({"root": str(root.resolve())}), encoding="utf-8")
