"""coden-retriever as `coden -q QUERY --semantic` searches, without its token counts, which need a download.

Runs in coden-retriever's environment. Its model is in its wheel, its cache in HOME.
"""

from __future__ import annotations

from pathlib import Path

from coden_retriever.pipeline import SearchConfig, SearchPipeline

Rows = list[tuple[str, int, int, float]]


class Search:
    """The engine that its command, its daemon and its server share."""

    def __init__(self, repository: str) -> None:
        self._root = Path(repository).resolve()
        config = SearchConfig(root_path=self._root, query="-", enable_semantic=True)
        self._engine = SearchPipeline(config).create_engine()

    def ask(self, query: str, limit: int) -> Rows:
        return [
            (
                Path(found.entity.file_path).relative_to(self._root).as_posix(),
                found.entity.line_start,
                found.entity.line_end,
                found.score,
            )
            for found in self._engine.search(query=query, limit=limit)
        ]
