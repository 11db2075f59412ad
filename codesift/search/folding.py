"""Folding: near-duplicates of a better result are listed under it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from codesift.search.overlap import Bag, bag_of, jaccard
from codesift.types import Hit, UnitLocation

if TYPE_CHECKING:
    from codesift.types import Vector

MIN_COSINE = 0.95
"""Minimum cosine of the vectors of two units of one name. The vectors cover the names of file and class, so
the same code for a very different type stays a result of its own."""
MIN_JACCARD = 0.9
"""Minimum Jaccard index of their tokens. By tokens alone, functions that differ in `readable` and `writable`,
`with` and `without`, or `<=` and `>=` are as alike as copies (tokio, jackson-databind, abseil-cpp); that is
why the names must be the same."""
MIN_TOKENS = 30
"""Minimum number of tokens. Shorter code is alike by chance, and takes little space on the screen."""

CodeOf = Callable[[Hit], str]
VectorOf = Callable[[int], "Vector | None"]


def fold(hits: Sequence[Hit], limit: int, vector_of: VectorOf, code_of: CodeOf) -> list[Hit]:
    """Return the best hits, each with the locations of its near-duplicates in `more`.

    No more hits are compared than are needed to fill the list.

    Args:
        hits: best first.
        limit: maximum number of hits returned, not counting those folded into others.
        vector_of: unit id -> its mean vector of shape (dimensions,), length 1; None while it has none.
        code_of: returns the lines of a hit.
    """
    kept: list[_Kept] = []
    for hit in hits:
        one = _Kept(hit, vector_of(hit.unit_id), code_of)
        better = next((each for each in kept if each.is_nearly(one)), None)
        if better is not None:
            better.more.append(hit.location())
        elif len(kept) == limit:
            break
        else:
            kept.append(one)
    return [replace(each.hit, more=tuple(each.more)) for each in kept]


class _Kept:
    """A hit that is returned, with the locations of the hits folded into it."""

    def __init__(self, hit: Hit, vector: Vector | None, code_of: CodeOf) -> None:
        self.hit = hit
        self.more: list[UnitLocation] = []
        self._vector, self._code_of = vector, code_of
        self._bag: Bag | None = None

    def bag(self) -> Bag:
        """Count its tokens, at the first call; most hits are never compared by tokens."""
        if self._bag is None:
            self._bag = bag_of(self._code_of(self.hit), self.hit.language)
        return self._bag

    def is_nearly(self, other: _Kept) -> bool:
        """Return whether the other hit is a near-duplicate."""
        if self.hit.name != other.hit.name or self.hit.language != other.hit.language:
            return False
        if self._vector is None or other._vector is None:
            return False
        if float(self._vector @ other._vector) < MIN_COSINE or self.bag().total() < MIN_TOKENS:
            return False
        return jaccard(self.bag(), other.bag()) >= MIN_JACCARD
