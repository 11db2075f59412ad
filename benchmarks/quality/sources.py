"""Copies of source trees that hold nothing but the sources."""

from __future__ import annotations

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
