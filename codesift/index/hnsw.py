"""An hnswlib graph over the vectors of a matrix: a copy that can be deleted at any time.

The graph is only extended or rebuilt. Its labels are vector ids, which are never reused, so the label of a
deleted vector matches no window.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.config import Settings
from codesift.errors import NO_SPACE, NoSpaceError, StorageError
from codesift.index import trust
from codesift.index.exact import Found
from codesift.index.matrix import MatrixFile, MatrixState, blocks_of
from codesift.index.notes import read_note, write_note
from codesift.system.files import remove
from codesift.types import Progress

if TYPE_CHECKING:
    from codesift.types import Matrix

_PARTIAL = ".partial"
_ERRORS = (RuntimeError, OSError, ValueError, StorageError)
"""Errors raised when a graph that is read is damaged, truncated or missing."""


@dataclass(frozen=True)
class GraphState:
    """The content of the graph file."""

    last: int = 0
    """The highest vector id in the graph."""
    count: int = 0
    """Number of vectors in the graph, deleted ones included."""
    size: int = 0
    """Size of the graph file in bytes."""
    index: str = ""
    """Identity of the index whose vector ids are its labels."""
    digest: str = ""
    """Keyed digest of the graph file, because hnswlib follows damaged links, even out of its memory."""


class Hnsw:
    """The graph of one space.

    Args:
        path: the graph file; its note has the same name with the suffix `.json`.
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
        """Tell whether this process has loaded the graph."""
        return self._loaded is not None

    def search(self, query: Matrix, limit: int, last: int) -> Found | None:
        """Find the vectors of the graph nearest to a query by cosine.

        Args:
            query: the query vector, of shape (dimensions,) and length 1.
            limit: maximum number of vectors, including deleted ones.
            last: the highest vector id that the graph must contain.

        Returns:
            pairs (vector id, cosine), best first; None if there is no such graph. The next `sync` replaces a
            damaged graph.
        """
        state = self.state()
        if not state.count or state.last != last:
            return None
        try:
            return self._search(self._load_once(state), query, min(limit, state.count))
        except _ERRORS:
            self._give_up(state)
            return None

    def _search(self, graph: Any, query: Matrix, limit: int) -> Found:
        graph.set_ef(max(self._settings.ann_search_width, limit))
        labels, distances = graph.knn_query(query[None, :], k=limit, num_threads=1)
        return [(int(label), 1.0 - float(d)) for label, d in zip(labels[0], distances[0], strict=True)]

    # -- updating -----------------------------------------------------------------------------

    def sync(self, matrix: MatrixFile, target: MatrixState, progress: Progress) -> None:
        """Update the graph to the vectors of the matrix: extend it, or rebuild it.

        Args:
            matrix: the vectors.
            target: the state of the matrix.
            progress: called with the number of vectors added.

        Raises:
            StorageError: the file cannot be written, or the matrix cannot be read.
        """
        state = self.state()
        if (state.last, state.count) == (target.last, target.count):
            return
        block = matrix.rows(target)
        graph = None
        # An extended matrix has the same vectors as the graph up to the last id of the graph.
        if state.count and int(block[0].searchsorted(state.last, side="right")) == state.count:
            with contextlib.suppress(*_ERRORS):
                graph = self._load(state, room=target.count)
        if graph is None:
            graph, state = self._new(target.count), GraphState()
        done, missing = 0, target.count - state.count
        for ids, rows in blocks_of(block, state.last):
            graph.add_items(rows, ids, num_threads=self._settings.threads or -1)
            done += len(ids)
            progress("graph", done, missing)
        self._save(graph, target)

    def _new(self, room: int) -> Any:
        import hnswlib

        graph = hnswlib.Index("ip", self._dimensions)
        graph.init_index(room, M=self._settings.ann_links, ef_construction=self._settings.ann_build_width)
        return graph

    def remove(self) -> None:
        """Delete the graph file, its note, and partial files of killed processes.

        Raises:
            StorageError: a file cannot be deleted.
        """
        try:
            for path in (self._note, self.path, *self.path.parent.glob(f"{self.path.stem}-*{_PARTIAL}")):
                remove(path)
        except OSError as error:
            raise StorageError(f"cannot delete the graph {self.path}: {error.strerror}") from error

    # -- the file ------------------------------------------------------------------------------

    def state(self) -> GraphState:
        """Return the state of the graph file; an empty state if it is missing or does not fit its note."""
        try:
            state = read_note(self._note, GraphState)
            whole = os.lstat(self.path).st_size == state.size and state.index == self._index
        except (OSError, ValueError, StorageError):
            return GraphState()
        return state if whole else GraphState()

    def is_whole(self) -> bool:
        """Tell whether the graph file, if there is one, is undamaged. The whole file is read."""
        state = self.state()
        if not state.count:
            return not (os.path.lexists(self._note) or os.path.lexists(self.path))
        with contextlib.suppress(OSError):
            return self._is_as_saved(state)
        return False

    def _is_as_saved(self, state: GraphState) -> bool:
        """Tell whether the graph file is undamaged, as its signed note says: checked before it is used."""
        return trust.digest(self.path) == state.digest

    def _give_up(self, state: GraphState) -> None:
        """Delete the note of a damaged graph, so that `sync` rebuilds it, unless it has been replaced."""
        with contextlib.suppress(OSError):
            if self.state() == state:
                self._note.unlink(missing_ok=True)

    def _load_once(self, state: GraphState) -> Any:
        """Return the graph for searching; it is loaded again only if its file changes."""
        if self._loaded is None or self._loaded[0] != state:
            self._loaded = state, self._load(state)
        return self._loaded[1]

    def _load(self, state: GraphState, room: int = 0) -> Any:
        import hnswlib

        # hnswlib does not validate what it reads.
        if not self._is_as_saved(state):
            raise OSError("the graph file was changed")
        graph = hnswlib.Index("ip", self._dimensions)
        graph.load_index(os.fsencode(self.path), max_elements=room)
        return graph

    def _save(self, graph: Any, saved: MatrixState) -> None:
        fresh = self.path.with_name(f"{self.path.stem}-{secrets.token_hex(8)}{_PARTIAL}")
        size = graph.index_file_size()
        try:
            self.remove()
            # The file is created here, because hnswlib would follow a link and overwrite its target.
            os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            # The path is passed as bytes, because hnswlib rejects text that is not valid UTF-8.
            graph.save_index(os.fsencode(fresh))
            if fresh.stat().st_size != size:
                raise OSError(f"wrote {fresh.stat().st_size} of {size} bytes")
            state = GraphState(saved.last, saved.count, size, self._index, trust.digest(fresh))
            fresh.replace(self.path)
            write_note(self._note, state)
        except (OSError, RuntimeError) as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            if getattr(error, "errno", None) in NO_SPACE:
                raise NoSpaceError(f"no space left on the disk that holds {self.path}") from error
            raise StorageError(
                f"cannot save the graph {self.path}: {error}", "check the space left on the disk"
            ) from error
