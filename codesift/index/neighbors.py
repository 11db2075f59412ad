"""The port that searches of vectors go through, and the choice of what stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from codesift.config import Settings
from codesift.index import trust
from codesift.index.exact import Found, best_first, exact
from codesift.index.hnsw import Hnsw
from codesift.index.matrix import ERRORS, Matrix, MatrixState, blocks_of
from codesift.index.selection import EVERYTHING, Selection
from codesift.index.vectors import Match, Vectors
from codesift.types import Progress

if TYPE_CHECKING:
    from codesift.index.matrix import Block
    from codesift.types import Matrix as Rows

TAIL_LIMIT = 2000
"""Vectors outside the files that are searched in the database before the files are extended: 0.03 s for so
many beside an index of 50,000 (2 cores of a Zen 4)."""
_SCANS = 6
"""Searches of one process that compare all vectors before it loads the graph, which takes 0.1 s for 50,000
vectors; comparing as many takes 0.015 s (2 cores of a Zen 4)."""
_SCAN_LIMIT = 200_000
"""Vectors above which the graph is loaded at once."""
_MIN_FRACTION = 0.3
"""Fraction of units that must be selected for the files to be searched; fewer are all compared."""
_MAX_DEAD = 0.2
"""Fraction of the vectors in the files that no unit may use any more before the files are written anew."""


class Neighbors(Protocol):
    """Finds the vectors of one space that are nearest to another vector."""

    def search(self, query: Rows, limit: int, selection: Selection = EVERYTHING) -> Found:
        """The vectors nearest to a query by cosine.

        Args:
            query: shape (dimensions,), length 1.
            limit: how many.
            selection: units whose vectors are wanted. Some of the others may be among the result.
        """

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Rows]]:
        """The windows of units and their vectors, of shape (windows, dimensions), in parts.

        Raises:
            DamagedIndexError: a row is not as it was stored.
        """

    def sync(self, progress: Progress, changed: bool = True) -> None:
        """Bring what is searched in step with the database.

        Args:
            progress: called with the number of vectors added.
            changed: whether units or vectors changed since the last call.

        Raises:
            StorageError: a file cannot be written.
        """


class StoredNeighbors:
    """Searches the vectors of an index: by a scan of its matrix, or by the graph where that is faster.

    Vectors that were stored after the matrix was written are compared one by one.

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
        self.matrix = Matrix(folder / f"{name}.vectors", vectors.index, dimensions)
        self.graph = Hnsw(folder / f"{name}.hnsw", vectors.index, dimensions, settings)
        self._searches = 0
        self._lock = Lock()

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Rows]]:
        """The windows of units and their vectors; see `Neighbors`."""
        return self._vectors.of_units(unit_ids)

    # -- searching ----------------------------------------------------------------------------

    def search(self, query: Rows, limit: int, selection: Selection = EVERYTHING) -> Found:
        """The vectors nearest to a query by cosine; see `Neighbors`."""
        if selection.fraction < _MIN_FRACTION:
            return exact(self._vectors.blocks(selection=selection), query, limit)
        limit = round(limit / selection.fraction)
        state = self.matrix.state()
        found: Found = []
        if state.count:
            try:
                found = self._search_files(query, limit, state)
            except ERRORS:
                self.matrix.give_up(state)
                state = MatrixState()
        if self._vectors.highest() > state.last:
            found += exact(self._vectors.blocks(after=state.last), query, limit)
        return sorted(dict(found).items(), key=best_first)[:limit]

    def _search_files(self, query: Rows, limit: int, state: MatrixState) -> Found:
        """Search the vectors of the matrix. A process that searches seldom need not load the graph."""
        self._searches += 1
        if self.graph.is_loaded() or self._searches > _SCANS or state.count > _SCAN_LIMIT:
            with self._lock:
                found = self.graph.search(query, limit, state.last)
            if found is not None:
                return found
        return exact(iter([self.matrix.rows(state)]), query, limit)

    # -- keeping it in step --------------------------------------------------------------------

    def sync(self, progress: Progress, changed: bool = True) -> None:
        """Extend the files, or write them anew where too much in them is dead; see `Neighbors`."""
        if not trust.has_key():  # Nothing could tell the files from doctored ones: the database is searched.
            return
        state = self.matrix.state()
        if changed or not state.count or self._vectors.highest() > state.last + TAIL_LIMIT:
            state = self._sync_matrix(state)
        if state.count >= self._settings.ann_from:
            self.graph.sync(self.matrix, state, progress)
        else:
            self.graph.remove()

    def _sync_matrix(self, state: MatrixState) -> MatrixState:
        used, missing = self._vectors.usage(state.last)
        if not used + missing:
            self.matrix.remove()
            return MatrixState()
        if state.count - used > _MAX_DEAD * state.count:
            return self.matrix.write(self._vectors.blocks())
        if missing > TAIL_LIMIT or (missing and not state.count):
            return self._extended(state)
        return state

    def _extended(self, state: MatrixState) -> MatrixState:
        if state.count:
            try:
                present = self.matrix.rows(state)
            except ERRORS:
                state = MatrixState()
        if not state.count:
            return self.matrix.write(self._vectors.blocks())
        return self.matrix.write(_joined(present, self._vectors.blocks(after=state.last)))

    def is_whole(self) -> bool:
        """Whether the files are as they were written. Reads all of them."""
        return self.matrix.is_whole() and self.graph.is_whole()

    def remove(self) -> None:
        """Delete the files.

        Raises:
            StorageError: one cannot be deleted.
        """
        self.matrix.remove()
        self.graph.remove()


def _joined(first: Block, others: Iterable[Block]) -> Iterator[Block]:
    yield from blocks_of(first)
    yield from others
