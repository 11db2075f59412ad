"""Sources: the code of units, read from the files of a repository as they are now."""

from __future__ import annotations

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.repository.decoding import Unreadable, read_stored
from codesift.types import Hit


class Sources:
    """Reads the lines of files, and each file only once.

    Args:
        index: the index whose files are read.
        settings: `max_file_size`.
    """

    def __init__(self, index: Index, settings: Settings) -> None:
        self._index, self._settings = index, settings
        self._lines: dict[str, list[str]] = {}

    def lines(self, path: str) -> list[str]:
        """Return the lines of a file by its path from the root; no lines if it can no longer be read."""
        if path not in self._lines:
            self._lines[path] = lines_of(path, self._index, self._settings)
        return self._lines[path]

    def code(self, hit: Hit) -> str:
        """Return the code of a unit."""
        return "\n".join(self.lines(hit.path)[hit.start_line - 1 : hit.end_line])


def lines_of(path: str, index: Index, settings: Settings) -> list[str]:
    """Read the lines of a file like `Sources.lines`, without a cache."""
    row = index.catalog.file(path)
    try:
        return read_stored(row.source(index.root), index.root, settings).split("\n") if row else []
    except Unreadable:
        return []
