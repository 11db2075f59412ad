"""Functions that are the same but for a few tokens: all but the first are left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from evaluation.records import Function

JACCARD = 0.8
SHINGLE = 5
"""Tokens."""
PERMUTATIONS = 128

_TOKEN = re.compile(r"\w+|[^\w\s]")


class Seen:
    """What was seen so far. Near-duplicates are found by MinHash over shingles of tokens (Broder, 1997)."""

    def __init__(self, seed: int = 0) -> None:
        from rensa import RMinHashDeduplicator  # type: ignore[import-untyped]

        self._seed = seed
        self._exact: set[str] = set()
        # 16 bands of 8 rows: pairs at the threshold are compared with a probability of 0.95.
        self._near = RMinHashDeduplicator(JACCARD, PERMUTATIONS, True, 16, seed)

    def verdict(self, function: Function) -> str:
        """`exact` or `near` if one like it was seen before; else empty, and it counts as seen."""
        from rensa import RMinHash

        if function.sha in self._exact:
            return "exact"
        self._exact.add(function.sha)
        sketch = RMinHash(PERMUTATIONS, self._seed)
        sketch.update(list(shingles(function.code)))
        return "" if self._near.add(str(len(self._exact)), sketch) else "near"


def shingles(code: str) -> Iterator[str]:
    """Each run of `SHINGLE` tokens; all of them together where there are fewer."""
    tokens = _TOKEN.findall(code)
    for start in range(max(len(tokens) - SHINGLE, 0) + 1):
        yield " ".join(tokens[start : start + SHINGLE])


def distinct(functions: Iterable[Function], counts: dict[str, int], seed: int = 0) -> Iterator[Function]:
    """The functions that resemble none before them; `counts` gets how many were left out, by verdict."""
    seen = Seen(seed)
    for function in functions:
        verdict = seen.verdict(function)
        if verdict:
            counts[verdict] = counts.get(verdict, 0) + 1
        else:
            yield function
