"""semble as its own command searches: hybrid, reranked, code alone. Runs in semble's environment."""

from __future__ import annotations

from semble import SembleIndex
from semble.index.dense import load_model
from semble.types import SearchResult
from semble.utils import resolve_chunk

Rows = list[tuple[str, int, int, float]]

load_model()  # Not part of what building an index takes.


class Search:
    """An index in memory, and on disk where SEMBLE_CACHE_LOCATION says."""

    def __init__(self, repository: str) -> None:
        self._index = SembleIndex.from_path(repository)

    def ask(self, query: str, limit: int) -> Rows:
        return _rows(self._index.search(query, top_k=limit))

    def alike(self, path: str, first: int, last: int, limit: int) -> Rows:
        """What `find-related` says of the middle of a function, which lies in one chunk more surely."""
        chunk = resolve_chunk(self._index.chunks, path, (first + last) // 2)
        return _rows(self._index.find_related(chunk, top_k=limit)) if chunk else []


def _rows(found: list[SearchResult]) -> Rows:
    return [(each.chunk.file_path, each.chunk.start_line, each.chunk.end_line, each.score) for each in found]
