"""An hnswlib graph over the vectors of a matrix: a copy that can be thrown away at any time.

The graph is only appended to or rebuilt. Its labels are vector ids, which are never used twice, so the label
of a deleted vector simply finds no window any more.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.config import Settings
from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.exact import Found
from codesift.index.matrix import Matrix, MatrixState, blocks_of
from codesift.index.notes import read_note, write_note
from codesift.system.files import remove
from codesift.types import Progress

if TYPE_CHECKING:
    from codesift.types import Matrix as Rows

_PARTIAL = ".partial"
_ERRORS = (RuntimeError, OSError, ValueError, StorageError)
"""What reading a graph that is damaged, cut short or gone raises."""


@dataclass(frozen=True)
class GraphState:
    """What the graph file holds."""

    last: int = 0
    """The highest vector id in the graph."""
    count: int = 0
    """Number of vectors in the graph, deleted ones included."""
    size: int = 0
    """Bytes of the graph file."""
    index: str = ""
    """Identity of the index whose vector ids are its labels."""
    digest: str = ""
    """Keyed digest of the graph file: hnswlib follows what it reads, out of its memory too."""


class Hnsw:
    """The graph of one space.

    Args:
        path: the graph file; its note has the same name and ends in `.json`.
        index: identity of the index.
        dimensions: length of a vector.
        settings: `ann_links`, `ann_build_width`, `ann_search_width`, `threads`.
    """

    def __init__(self, path: Path, index: str, dimensions: int, settings: Settings) -> None:
        self.path = path
        self._note = path.with_suffix(".json")
        self._index = index
        self._dimensions = dimensions
        self._settings = settings
        self._loaded: tuple[GraphState, Any] | None = None

    # -- searching ----------------------------------------------------------------------------

    def is_loaded(self) -> bool:
        """Whether this process has the graph in memory already."""
        return self._loaded is not None

    def search(self, query: Rows, limit: int, last: int) -> Found | None:
        """The vectors of the graph nearest to a query by cosine.

        Args:
            query: shape (dimensions,), length 1.
            limit: how many, deleted vectors included.
            last: the highest vector id that the graph must have.

        Returns:
            None if there is no such graph; a damaged one is left to the next `sync`.
        """
        state = self.state()
        if not state.count or state.last != last:
            return None
        try:
            return self._search(self._load_once(state), query, min(limit, state.count))
        except _ERRORS:
            self._give_up(state)
            return None

    def _search(self, graph: Any, query: Rows, limit: int) -> Found:
        graph.set_ef(max(self._settings.ann_search_width, limit))
        labels, distances = graph.knn_query(query[None, :], k=limit, num_threads=1)
        return [(int(label), 1.0 - float(d)) for label, d in zip(labels[0], distances[0], strict=True)]

    # -- keeping it in step --------------------------------------------------------------------

    def sync(self, matrix: Matrix, wanted: MatrixState, progress: Progress) -> None:
        """Make the graph hold what the matrix holds: extend it, or build it anew.

        Args:
            matrix: the vectors.
            wanted: the state of the matrix.
            progress: called with the number of vectors added.

        Raises:
            StorageError: the file cannot be written, or the matrix cannot be read.
        """
        state = self.state()
        if (state.last, state.count) == (wanted.last, wanted.count):
            return
        block = matrix.rows(wanted)
        graph = None
        # A matrix that was extended has the same vectors up to the graph's last one.
        if state.count and int(block[0].searchsorted(state.last, side="right")) == state.count:
            with contextlib.suppress(*_ERRORS):
                graph = self._load(state, room=wanted.count)
        if graph is None:
            graph, state = self._new(wanted.count), GraphState()
        done, missing = 0, wanted.count - state.count
        for ids, rows in blocks_of(block, state.last):
            graph.add_items(rows, ids, num_threads=self._settings.threads or -1)
            done += len(ids)
            progress("graph", done, missing)
        self._save(graph, wanted)

    def _new(self, room: int) -> Any:
        import hnswlib

        graph = hnswlib.Index("ip", self._dimensions)
        graph.init_index(room, M=self._settings.ann_links, ef_construction=self._settings.ann_build_width)
        return graph

    def remove(self) -> None:
        """Delete the graph file, its note, and what killed processes left of others.

        Raises:
            StorageError: one cannot be deleted.
        """
        try:
            for path in (self._note, self.path, *self.path.parent.glob(f"{self.path.stem}-*{_PARTIAL}")):
                remove(path)
        except OSError as error:
            raise StorageError(f"cannot delete the graph {self.path}: {error.strerror}") from error

    # -- the file ------------------------------------------------------------------------------

    def state(self) -> GraphState:
        """State of a graph file that is whole, or of an empty graph."""
        try:
            state = read_note(self._note, GraphState)
            whole = os.lstat(self.path).st_size == state.size and state.index == self._index
        except (OSError, ValueError, StorageError):
            return GraphState()
        return state if whole else GraphState()

    def is_whole(self) -> bool:
        """Whether the graph file, if there is one, is as it was saved. Reads all of it."""
        state = self.state()
        if not state.count:
            return not (os.path.lexists(self._note) or os.path.lexists(self.path))
        with contextlib.suppress(OSError):
            return self._is_as_saved(state)
        return False

    def _is_as_saved(self, state: GraphState) -> bool:
        """Whether the file is the one that its note, which is signed, was written for."""
        return trust.digest(self.path) == state.digest

    def _give_up(self, state: GraphState) -> None:
        """Leave a damaged graph to the next `sync`, unless another process replaced it meanwhile."""
        with contextlib.suppress(OSError):
            if self.state() == state:
                self._note.unlink(missing_ok=True)

    def _load_once(self, state: GraphState) -> Any:
        """The graph for searching, loaded once for as long as its file stays the same."""
        if self._loaded is None or self._loaded[0] != state:
            self._loaded = state, self._load(state)
        return self._loaded[1]

    def _load(self, state: GraphState, room: int = 0) -> Any:
        import hnswlib

        # hnswlib believes whatever it reads.
        if not self._is_as_saved(state):
            raise OSError("the graph file was changed")
        graph = hnswlib.Index("ip", self._dimensions)
        graph.load_index(os.fsencode(self.path), max_elements=room)
        return graph

    def _save(self, graph: Any, held: MatrixState) -> None:
        fresh = self.path.with_name(f"{self.path.stem}-{secrets.token_hex(8)}{_PARTIAL}")
        size = graph.index_file_size()
        try:
            self.remove()
            # Made here, because hnswlib would follow a link, and write to whatever stands there.
            os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            # Bytes, because hnswlib takes no text with what is not UTF-8 in a file's name.
            graph.save_index(os.fsencode(fresh))
            if fresh.stat().st_size != size:
                raise OSError(f"wrote {fresh.stat().st_size} of {size} bytes")
            state = GraphState(held.last, held.count, size, self._index, trust.digest(fresh))
            fresh.replace(self.path)
            write_note(self._note, state)
        except (OSError, RuntimeError) as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise StorageError(
                f"cannot save the graph {self.path}: {error}", "check the space left on the disk"
            ) from error
