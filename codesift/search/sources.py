"""The code of units, read from the files of a repository as they are now."""

from __future__ import annotations

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.repository.decoding import Unreadable, read_stored
from codesift.types import Hit


class Sources:
    """The lines of files, each file read once.

    Args:
        index: knows where the files are.
        settings: `max_file_size`.
    """

    def __init__(self, index: Index, settings: Settings) -> None:
        self._index, self._settings = index, settings
        self._lines: dict[str, list[str]] = {}

    def lines(self, path: str) -> list[str]:
        """The lines of a file by its path from the root; none if it cannot be read any more."""
        if path not in self._lines:
            self._lines[path] = lines_of(path, self._index, self._settings)
        return self._lines[path]

    def code(self, hit: Hit) -> str:
        """The lines of a unit."""
        return "\n".join(self.lines(hit.path)[hit.start_line - 1 : hit.end_line])


def lines_of(path: str, index: Index, settings: Settings) -> list[str]:
    """As `Sources.lines`, with nothing kept."""
    row = index.catalog.file(path)
    try:
        return read_stored(row.source(index.root), index.root, settings).split("\n") if row else []
    except Unreadable:
        return []
