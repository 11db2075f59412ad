"""Nearest neighbours: an hnswlib graph for most vectors, exact search for what is not in it yet.

A process that searches only a few times does not load the graph: it compares all vectors in its file.

The graph is a copy of what the vectors table holds and can be thrown away at any time. It is only
appended to or rebuilt; labels are vector ids, which are never used twice, so a label of a deleted
vector simply finds no window any more.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.location import remove, replace_file
from codesift.index.scan import Found, best_first, exact, extract, layout, mapped, scan
from codesift.index.vectors import Vectors
from codesift.system.files import read_regular
from codesift.types import Progress

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.types import Matrix

TAIL_LIMIT = 2000
"""Vectors outside the graph that are searched exactly before the graph is extended: 0.03 s for so many beside
an index of 50,000 (2 cores of a Zen 4)."""
_DEAD_SHARE = 0.2
_SCANS = 6
"""Searches of one process before the graph is loaded, which takes 0.1 s at 50,000 vectors; a pass over the
same vectors, mapped into memory, takes 0.015 s (2 cores of a Zen 4)."""
_SCAN_LIMIT = 200_000
"""Vectors above which the graph is loaded at once."""


@dataclass(frozen=True)
class GraphState:
    """What the graph file holds, stored beside it."""

    last: int = 0
    """The highest vector id in the graph."""
    count: int = 0
    """Number of vectors in the graph, deleted ones included."""
    size: int = 0
    """Bytes of the graph file."""
    index: str = ""
    """Identity of the index whose vector ids are its labels."""
    extract: str = ""
    """Of the labels and the beginnings of the vectors in the file, with this user's key: see `scanning`."""
    signature: str = ""
    """Of all other fields, with this user's key."""
    digest: str = ""
    """Of the graph file, with this user's key: hnswlib follows what it reads, out of its memory too."""


class Graph:
    """The hnsw graph of one space.

    Args:
        folder: the index folder.
        vectors: the vectors it is a copy of.
        dimensions: length of a vector.
        settings: `ann_links`, `ann_build_width`, `ann_search_width`, `threads`.
    """

    def __init__(self, folder: Path, vectors: Vectors, dimensions: int, settings: Settings) -> None:
        self._vectors = vectors
        self._dimensions = dimensions
        self._settings = settings
        self.path = folder / f"{vectors.space[:16]}.hnsw"
        self._note = self.path.with_suffix(".json")
        self._opened: tuple[GraphState, Any] | None = None
        self._scans = 0
        self._scanned: GraphState | None = None
        """The graph whose extract was found to be right."""

    # -- searching ----------------------------------------------------------------------------

    def search(self, query: Matrix, limit: int) -> Found:
        """The vectors nearest to a query by cosine, those outside the graph included.

        Args:
            query: shape (dimensions,), length 1.
            limit: how many, deleted vectors counted in.
        """
        state = self._state()
        found: Found = []
        if state.count:
            try:
                found = self._search_known(query, limit, state)
            except _GRAPH_ERRORS:
                self._give_up(state)
                state = GraphState()
        if self._vectors.highest() > state.last:
            # A graph replaced between `_state` and `_load` may hold part of the tail: each id counts once.
            found += exact(self._vectors.blocks(after=state.last), query, limit)
        return sorted(dict(found).items(), key=best_first)[:limit]

    def _search_known(self, query: Matrix, limit: int, state: GraphState) -> Found:
        """Search what the graph holds: a process that asks little compares all, one that goes on loads it."""
        self._scans += 1
        few = self._opened is None and self._scans <= _SCANS and state.count <= _SCAN_LIMIT
        found = scan(self.path, state.count, query, limit) if few and self._is_unmixed(state) else []
        return found or self._search_graph(self._open(state), query, limit, state)

    def _is_unmixed(self, state: GraphState) -> bool:
        """Whether a graph's file holds its own vectors under their own labels; looked at once."""
        if self._scanned != state:
            held = mapped(self.path, state.count, self._dimensions)
            if held is None:
                return False
            if trust.signature(extract(held)) != state.extract:
                raise OSError("the graph file was changed")
            self._scanned = state
        return True

    def _search_graph(self, graph: Any, query: Matrix, limit: int, state: GraphState) -> Found:
        limit = min(limit, state.count)
        graph.set_ef(max(self._settings.ann_search_width, limit))
        labels, distances = graph.knn_query(query[None, :], k=limit, num_threads=1)
        return [(int(label), 1.0 - float(d)) for label, d in zip(labels[0], distances[0], strict=True)]

    # -- keeping it in step --------------------------------------------------------------------

    def sync(self, progress: Progress, changed: bool = True) -> None:
        """Extend or rebuild the graph where too much is missing from it or dead in it.

        Args:
            progress: told of vectors added.
            changed: whether units or vectors changed since the last call; if not, counting them is spared
                unless that call did not come to its end.
        """
        if not trust.has_key():  # Nothing could tell the graph from a doctored one: all is compared instead.
            return
        state = self._state()
        if not changed and state.count and self._vectors.highest() <= state.last + TAIL_LIMIT:
            return
        alive, missing = self._vectors.usage(state.last)
        dead = state.count - alive
        if dead > _DEAD_SHARE * max(state.count, 1):
            self._build(None, GraphState(), alive + missing, progress)
        elif missing > TAIL_LIMIT or (missing and not state.count):
            self._extend(state, missing, progress)

    def _extend(self, state: GraphState, missing: int, progress: Progress) -> None:
        graph = None
        if state.count:
            with contextlib.suppress(*_GRAPH_ERRORS):
                graph = self._load(state, room=state.count + missing)
        if graph is None:
            alive, missing = self._vectors.usage(0)
            state, missing = GraphState(), alive + missing
        self._build(graph, state, missing, progress)

    def _build(self, graph: Any, state: GraphState, missing: int, progress: Progress) -> None:
        if not missing:
            self.remove()
            return
        if graph is None:
            graph = self._new(missing)
        done, last = 0, state.last
        for ids, block in self._vectors.blocks(after=state.last):
            if state.count + done + len(ids) > graph.get_max_elements():
                graph.resize_index(state.count + done + len(ids))
            graph.add_items(block, ids, num_threads=self._settings.threads or -1)
            done, last = done + len(ids), int(ids[-1])
            progress("graph", done, max(missing, done))
        self._save(graph, last, state.count + done)

    def remove(self) -> None:
        """Delete the graph's files.

        Raises:
            StorageError: one cannot be deleted.
        """
        try:
            for path in (self._note, self.path, *self.path.parent.glob(f"{self.path.stem}-*{_PARTIAL}")):
                remove(path)
        except OSError as error:
            raise StorageError(f"cannot delete the graph {self.path}: {error.strerror}") from error

    def _new(self, room: int) -> Any:
        import hnswlib

        graph = hnswlib.Index("ip", self._dimensions)
        graph.init_index(room, M=self._settings.ann_links, ef_construction=self._settings.ann_build_width)
        return graph

    # -- the file ------------------------------------------------------------------------------

    def _state(self) -> GraphState:
        """State of a graph file that is whole, or of an empty graph."""
        try:
            state = _checked_state(json.loads(read_regular(self._note, _NOTE_BYTES)))
            if state != _signed(state):
                return GraphState()
            whole = os.lstat(self.path).st_size == state.size and state.index == self._vectors.index
            return state if whole else GraphState()
        except (OSError, ValueError, TypeError, RecursionError, StorageError):
            return GraphState()

    def is_whole(self) -> bool:
        """Whether the graph file, if there is one, is as it was saved. Reads all of it."""
        state = self._state()
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
            if self._state() == state:
                self._note.unlink(missing_ok=True)

    def _open(self, state: GraphState) -> Any:
        """The graph for searching, loaded once for as long as its file stays the same."""
        if self._opened is None or self._opened[0] != state:
            self._opened = state, self._load(state)
        return self._opened[1]

    def _load(self, state: GraphState, room: int = 0) -> Any:
        import hnswlib

        # hnswlib believes whatever it reads.
        if not (self._is_as_saved(state) and layout(self.path, state.count, self._dimensions)):
            raise OSError("the graph file was changed")
        graph = hnswlib.Index("ip", self._dimensions)
        graph.load_index(os.fsencode(self.path), max_elements=room)
        return graph

    def _save(self, graph: Any, last: int, count: int) -> None:
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
            held = mapped(fresh, count, self._dimensions)
            facts = GraphState(
                *(last, count, size, self._vectors.index),
                extract=trust.signature(extract(held)) if held else "",
                digest=trust.digest(fresh),
            )
            note = _signed(facts)
            fresh.replace(self.path)
            replace_file(self._note, json.dumps(note.__dict__).encode())
        except (OSError, RuntimeError) as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise StorageError(
                f"cannot save the graph {self.path}: {error}", "check the space left on the disk"
            ) from error


def _signed(state: GraphState) -> GraphState:
    """The state with its signature, whatever signature it had."""
    content = json.dumps({**state.__dict__, "signature": ""}, sort_keys=True)
    return replace(state, signature=trust.signature(content.encode()))


def _checked_state(found: Any) -> GraphState:
    """The note beside a graph file.

    Raises:
        ValueError, TypeError: it is none.
    """
    state = GraphState(**found)
    numbers = (state.last, state.count, state.size)
    if any(type(number) is not int or not 0 <= number < 2**53 for number in numbers):
        raise ValueError("a number of the note is out of range")
    texts = (state.index, state.extract, state.digest, state.signature)
    if any(type(text) is not str for text in texts):
        raise ValueError("a text of the note is none")
    return state


_NOTE_BYTES = 10_000
_PARTIAL = ".partial"
_GRAPH_ERRORS = (RuntimeError, OSError, ValueError, StorageError)
