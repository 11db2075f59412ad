"""BM25 over the same texts the encoder sees: what vectors have to be better than."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from codesift.words import query_terms, terms
from evaluation.tasks.groups import TEXT, Pool, Snippet

if TYPE_CHECKING:
    from codesift.types import Matrix

CHUNK = 256
"""Queries whose scores are held at once."""


class Bm25:
    """Words alone, by bm25s with its defaults (Lucene's formula, k1 1.5, b 0.75)."""

    name = "bm25"

    def prepare(self, snippets: Iterable[Snippet]) -> None:
        """Nothing: an index is made for each pool."""

    def scores(self, pool: Pool) -> Iterator[Matrix]:
        """Blocks of shape (some queries, corpus), in the order of the queries."""
        import bm25s  # type: ignore[import-untyped]
        import numpy as np

        index = bm25s.BM25()
        index.index([terms(_whole(entry)) or [""] for entry in pool.corpus], show_progress=False)
        for start in range(0, len(pool.queries), CHUNK):
            asked = [
                [term for term in query_words(query) if term in index.vocab_dict]
                for query in pool.queries[start : start + CHUNK]
            ]
            nothing = np.zeros(len(pool.corpus), np.float32)
            yield np.stack([index.get_scores(words) if words else nothing for words in asked])

    def describe(self) -> dict[str, object]:
        """What is known of it in the results."""
        return {"words": "identifiers split"}


def query_words(query: Snippet) -> list[str]:
    """Distinct terms of a query: of a question without stop words, of code all."""
    if query.language == TEXT:
        return query_terms(query.body)
    return list(dict.fromkeys(terms(_whole(query))))


def _whole(snippet: Snippet) -> str:
    return f"{snippet.head}\n{snippet.body}"
