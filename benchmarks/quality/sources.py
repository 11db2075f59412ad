"""Files as they are: copies of source trees that hold nothing else, and what stands for their state."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path


def copy_sources(source: Path, target: Path) -> None:
    """Copy a folder unless it was copied before, whole or not at all.

    Hidden files and folders are left out: they are indexes of one tool that another must not search.
    """
    if target.is_dir():
        return
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, ignore=shutil.ignore_patterns(".*"))
    partial.rename(target)


def digest_of(*files: Path) -> str:
    """Stands for what some files say now."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]
