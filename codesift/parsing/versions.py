"""The version of the parser: if it changes, every file is parsed again."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache

from codesift.parsing.languages import UNITS

_PREFIX = "tree_sitter"
_SUFFIXES = (".dist-info", ".egg-info")


@cache
def parser_version() -> str:
    """Return the version of our own rules, and a digest of the versions of tree-sitter and its grammars."""
    versions = "\n".join(sorted(_installed()))
    return f"{UNITS} {hashlib.sha256(versions.encode()).hexdigest()[:12]}"


def _installed() -> set[str]:
    """Return the names of the folders in which installers record a package and its version.

    `importlib.metadata` would read a file for each of 16 packages, which takes 15 ms at every start.
    """
    names: set[str] = set()
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208 - names alone are wanted
        except OSError:
            continue
        names.update(name for name in entries if name.startswith(_PREFIX) and name.endswith(_SUFFIXES))
    return names
