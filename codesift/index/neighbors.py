"""The interface of vector searches, and its implementation by a matrix, a graph and the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from codesift.config import Settings
from codesift.index import trust
from codesift.index.exact import Found, best_first, exact
from codesift.index.hnsw import Hnsw
from codesift.index.matrix import ERRORS, MatrixFile, MatrixState, blocks_of
from codesift.index.selection import EVERYTHING, Selection
from codesift.index.vectors import Match, Vectors
from codesift.types import Progress

if TYPE_CHECKING:
    from codesift.index.matrix import Block
    from codesift.types import Matrix

TAIL_LIMIT = 2000
"""Maximum number of vectors that are searched in the database before the files are extended: searching them
takes 0.03 s in an index of 50,000 (2 cores of a Zen 4)."""
_MAX_SCANS = 6
"""Maximum number of exact scans in one process before it loads the graph. Loading takes 0.1 s for 50,000
vectors; a scan of as many takes 0.015 s (2 cores of a Zen 4)."""
_MAX_SCANNED = 200_000
"""Maximum number of vectors that are scanned; with more, the graph is loaded at once."""
_MIN_FRACTION = 0.3
"""Minimum fraction of selected units for a search of the files; a smaller selection is scanned."""
_MAX_UNUSED_FRACTION = 0.2
"""Maximum fraction of vectors in the files that no unit uses; above it, the files are written anew."""


class Neighbors(Protocol):
    """Finds the vectors of one space that are nearest to another vector."""

    def search(self, query: Matrix, limit: int, selection: Selection = EVERYTHING) -> Found:
        """Find the vectors nearest to a query by cosine.

        Args:
            query: the query vector, of shape (dimensions,) and length 1.
            limit: maximum number of vectors.
            selection: units to search. The result may also contain vectors of other units.
        """

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Matrix]]:
        """Yield the windows of units and their vectors, of shape (windows, dimensions), in parts.

        Raises:
            DamagedIndexError: a row does not match its checksum.
        """

    def sync(self, progress: Progress, changed: bool = True, quick: bool = False) -> None:
        """Update the searched files to the vectors in the database.

        Args:
            progress: called with the number of vectors added.
            changed: whether units or vectors changed since the last call.
            quick: do only what takes less than a second.

        Raises:
            StorageError: a file cannot be written.
        """


class StoredNeighbors:
    """Searches the vectors of an index: by a scan of its matrix, or by the graph if that is faster.

    Vectors that were stored after the matrix was written are scanned in the database.

    Args:
        folder: the index folder.
        vectors: the vectors in the database.
        dimensions: length of a vector.
        settings: `ann_from`, `ann_links`, `ann_build_width`, `ann_search_width`, `threads`.
    """

    def __init__(self, folder: Path, vectors: Vectors, dimensions: int, settings: Settings) -> None:
        self._vectors = vectors
        self._settings = settings
        name = vectors.space[:16]
        self.matrix = MatrixFile(folder / f"{name}.vectors", vectors.index, dimensions)
        self.graph = Hnsw(folder / f"{name}.hnsw", vectors.index, dimensions, settings)
        self._searches = 0
        self._lock = Lock()

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Matrix]]:
        """Yield the windows of units and their vectors; see `Neighbors`."""
        return self._vectors.of_units(unit_ids)

    # -- searching ----------------------------------------------------------------------------

    def search(self, query: Matrix, limit: int, selection: Selection = EVERYTHING) -> Found:
        """Find the vectors nearest to a query by cosine; see `Neighbors`."""
        if selection.fraction < _MIN_FRACTION:
            return exact(self._vectors.blocks(selection=selection), query, limit)
        limit = round(limit / selection.fraction)
        state = self.matrix.state()
        nearest: Found = []
        if state.count:
            try:
                nearest = self._search_files(query, limit, state)
            except ERRORS:
                self.matrix.give_up(state)
                state = MatrixState()
        if self._vectors.highest() > state.last:
            nearest += exact(self._vectors.blocks(after=state.last), query, limit)
        return sorted(dict(nearest).items(), key=best_first)[:limit]

    def _search_files(self, query: Matrix, limit: int, state: MatrixState) -> Found:
        """Search the vectors of the matrix; the first searches of a process are scans, without the graph."""
        self._searches += 1
        if self.graph.is_loaded() or self._searches > _MAX_SCANS or state.count > _MAX_SCANNED:
            with self._lock:
                nearest = self.graph.search(query, limit, state.last)
            if nearest is not None:
                return nearest
        if self._searches > _MAX_SCANS:
            # A process that goes on searching reads all of the file once, as it would for a graph.
            self.matrix.verify(state)
        return exact(iter([self.matrix.rows(state)]), query, limit)

    # -- updating -----------------------------------------------------------------------------

    def sync(self, progress: Progress, changed: bool = True, quick: bool = False) -> None:
        """Extend the files, or write them anew if too many of their vectors are unused; see `Neighbors`."""
        if not trust.has_key():  # Unsigned files cannot be trusted, so only the database is searched.
            return
        state = self.matrix.state()
        if changed or not state.count or self._vectors.highest() > state.last + TAIL_LIMIT:
            state = self._sync_matrix(state)
        if quick:
            return
        if state.count >= self._settings.ann_from:
            self.graph.sync(self.matrix, state, progress)
        else:
            self.graph.remove()

    def _sync_matrix(self, state: MatrixState) -> MatrixState:
        used, missing = self._vectors.usage(state.last)
        if not used + missing:
            self.matrix.remove()
            return MatrixState()
        if state.count - used > _MAX_UNUSED_FRACTION * state.count:
            return self.matrix.write(self._vectors.blocks())
        if missing > TAIL_LIMIT or (missing and not state.count):
            return self._extended(state)
        return state

    def _extended(self, state: MatrixState) -> MatrixState:
        if state.count:
            try:
                current = self.matrix.rows(state)
            except ERRORS:
                state = MatrixState()
        if not state.count:
            return self.matrix.write(self._vectors.blocks())
        return self.matrix.write(_joined(current, self._vectors.blocks(after=state.last)))

    def is_whole(self) -> bool:
        """Tell whether the files are undamaged. They are read completely."""
        return self.matrix.is_whole() and self.graph.is_whole()

    def remove(self) -> None:
        """Delete the files.

        Raises:
            StorageError: a file cannot be deleted.
        """
        self.matrix.remove()
        self.graph.remove()


def _joined(first: Block, others: Iterable[Block]) -> Iterator[Block]:
    yield from blocks_of(first)
    yield from others
