"""Results that are nearly the same code as a better one, folded into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from codesift.search.overlap import Bag, bag_of, share
from codesift.types import Hit, Place

if TYPE_CHECKING:
    from codesift.types import Vectors as Matrix

LEAST_COSINE = 0.95
"""Of the vectors of two units of one name. They know of the file and the class: what is the same code for
a very different type stays a result."""
LEAST_SHARE = 0.9
"""Of their tokens in common, see `overlap`. By these alone `readable` and `writable`, `with` and `without`,
`<=` and `>=` are as alike as copies (tokio, jackson-databind, abseil-cpp): hence one name."""
LEAST_TOKENS = 30
"""Shorter code is alike by chance, and takes little room."""

CodeOf = Callable[[Hit], str]
VectorOf = Callable[[int], "Matrix | None"]


def fold(hits: Sequence[Hit], limit: int, vector_of: VectorOf, code_of: CodeOf) -> list[Hit]:
    """The best hits, each with the places of those that are nearly the same code.

    Only what is needed to fill the list is looked at.

    Args:
        hits: best first.
        limit: at most this many are returned, folded ones not counted.
        vector_of: unit id -> its mean vector of shape (dimensions,), length 1; None while it has none.
        code_of: the lines of a hit.
    """
    kept: list[_Kept] = []
    for hit in hits:
        one = _Kept(hit, vector_of(hit.unit_id), code_of)
        better = next((each for each in kept if each.is_nearly(one)), None)
        if better is not None:
            better.more.append(hit.place())
        elif len(kept) == limit:
            break
        else:
            kept.append(one)
    return [replace(each.hit, more=tuple(each.more)) for each in kept]


class _Kept:
    """A hit that stays, and what is folded into it."""

    def __init__(self, hit: Hit, vector: Matrix | None, code_of: CodeOf) -> None:
        self.hit = hit
        self.more: list[Place] = []
        self._vector, self._code_of = vector, code_of
        self._bag: Bag | None = None

    def bag(self) -> Bag:
        """Its tokens; most hits are never asked for them."""
        if self._bag is None:
            self._bag = bag_of(self._code_of(self.hit), self.hit.language)
        return self._bag

    def is_nearly(self, other: _Kept) -> bool:
        """Whether the other one is nearly the same code."""
        if self.hit.name != other.hit.name or self.hit.language != other.hit.language:
            return False
        if self._vector is None or other._vector is None:
            return False
        if float(self._vector @ other._vector) < LEAST_COSINE or self.bag().total() < LEAST_TOKENS:
            return False
        return share(self.bag(), other.bag()) >= LEAST_SHARE
