"""Semantic code search on your own machine.

    import codesift

    with codesift.open("path/to/repository") as repository:
        for hit in repository.query("parse json").hits:
            print(hit.path, hit.start_line, hit.qualified_name, hit.score)

Importing this package loads neither numpy nor an inference engine; the first search by meaning does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesift.version import __version__ as __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from codesift.errors import CodesiftError
    from codesift.search.filters import Filter
    from codesift.session import Repository

__all__ = ["CodesiftError", "Filter", "Repository", "__version__", "open"]

_LAZY = {
    "CodesiftError": "codesift.errors",
    "Filter": "codesift.search.filters",
    "Repository": "codesift.session",
}
"""Public name -> the module that defines it, imported when the name is first used."""


def open(
    path: str | os.PathLike[str] = ".",
    *,
    exact: bool = False,
    settings: Mapping[str, object] | None = None,
    notify: Callable[[str], None] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Repository:
    """Open the repository that a folder belongs to.

    Nothing is read or indexed before the first search or `Repository.refresh`. A search updates the index
    first, unless the setting `refresh` is false.

    Args:
        path: a folder. Its repository is the nearest folder upwards with an index or a `.git`; without any,
            the folder itself.
        exact: use the folder itself instead of searching upwards from it.
        settings: settings by name, such as `{"results": 20, "refresh": False}`. They override the
            environment and settings files.
        notify: called with one line for the user, such as that an index is being built.
        progress: called as (stage, done, total); stages are `parse`, `embed` and `graph`.

    Returns:
        The repository, a context manager. Several threads may search it at once.

    Raises:
        CodesiftError: the folder does not exist, or a setting is invalid.
    """
    from codesift.session import open_repository

    return open_repository(path, exact=exact, settings=settings, notify=notify, progress=progress)


def __getattr__(name: str) -> object:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'codesift' has no attribute {name!r}")
