"""BM25 over windows of 40 lines, each half over the one before, identifiers split. Needs bm25s."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import bm25s  # type: ignore[import-untyped]

Rows = list[tuple[str, int, int, float]]
LINES = 40
STEP = LINES // 2
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


class Search:
    """bm25s with its defaults (Lucene's variant, k1 1.5, b 0.75) over all files of a folder."""

    def __init__(self, repository: str) -> None:
        self._root = Path(repository)
        self._windows = list(_windows(self._root))
        self._index = bm25s.BM25()
        self._index.index([tokens(text) for _, _, _, text in self._windows], show_progress=False)

    def ask(self, query: str, limit: int) -> Rows:
        words = sorted(set(tokens(query)) & self._index.vocab_dict.keys())
        if not words:
            return []
        count = min(limit, len(self._windows))
        documents, scores = self._index.retrieve([words], k=count, show_progress=False)
        rows = zip(documents[0], scores[0], strict=True)
        return [(*self._windows[int(place)][:3], float(score)) for place, score in rows if score > 0]

    def alike(self, path: str, first: int, last: int, limit: int) -> Rows:
        """The function's own text as the query."""
        lines = _lines(self._root / path)
        return self.ask("\n".join(lines[first - 1 : last]), limit)


def tokens(text: str) -> list[str]:
    """`parseHTTPHeader` -> parse, http, header."""
    found = []
    for identifier in _IDENTIFIER.findall(text):
        found += [part.lower() for part in _PART.findall(identifier)]
    return found


def _windows(root: Path) -> Iterator[tuple[str, int, int, str]]:
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        lines = _lines(path)
        for start in range(0, max(len(lines) - STEP, 1), STEP):
            part = lines[start : start + LINES]
            yield path.relative_to(root).as_posix(), start + 1, start + len(part), "\n".join(part)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").split("\n")
