"""Results of nearly the same code become one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from codesift.search.folding import fold
from codesift.types import Hit, UnitLocation

BODY = "\n".join(f"    value{number} = compute(value{number - 1}, {number})" for number in range(1, 9))
OTHER = "\n".join(f"    if item.{name}(): yield {name}" for name in "abcdefgh")
VECTOR = np.array([1.0, 0.0], np.float32)
FAR = np.array([0.9, np.sqrt(1 - 0.81)], np.float32)


def hit(unit_id: int, code: str = BODY, name: str = "load", language: str = "python") -> Hit:
    lines = 1, code.count("\n") + 1
    return Hit(
        unit_id, f"{unit_id}.py", language, "method", name, f"T.{name}", *lines, 1.0, {}, lines, 0, code
    )


def folded(
    *hits: Hit, limit: int = 10, vectors: Mapping[int, NDArray[np.float32] | None] | None = None
) -> list[tuple[int, list[str]]]:
    """(unit id, paths of what is folded into it) of each hit that stays."""
    given = vectors or {}
    kept = fold(hits, limit, lambda unit_id: given.get(unit_id, VECTOR), lambda hit: hit.code)
    return [(each.unit_id, [place.path for place in each.more]) for each in kept]


def test_a_copy_is_named_at_the_better_result() -> None:
    near = BODY.replace("compute(value7", "derive(value7")
    assert folded(hit(1), hit(2, OTHER), hit(3, near), hit(4)) == [(1, ["3.py", "4.py"]), (2, [])]
    kept = fold([hit(1), hit(2)], 5, lambda unit_id: VECTOR, lambda hit: hit.code)
    assert kept[0].more == (UnitLocation("2.py", 1, 8, "T.load"),)


def test_what_differs_in_name_meaning_tokens_or_language_stays() -> None:
    assert len(folded(hit(1), hit(2, name="store"))) == 2
    assert len(folded(hit(1), hit(2), vectors={2: FAR})) == 2
    assert len(folded(hit(1), hit(2, OTHER))) == 2
    assert len(folded(hit(1), hit(2, language="ruby"))) == 2


def test_what_has_no_vector_yet_stays() -> None:
    assert len(folded(hit(1), hit(2), vectors={2: None})) == 2
    assert len(folded(hit(1), hit(2), vectors={1: None})) == 2


def test_short_code_stays() -> None:
    assert (
        len(
            folded(hit(1, "def load(self):\n    return self.x"), hit(2, "def load(self):\n    return self.x"))
        )
        == 2
    )


def test_folded_results_do_not_count_and_no_more_is_looked_at_than_needed() -> None:
    looked_at = []

    def vector_of(unit_id: int) -> NDArray[np.float32]:
        looked_at.append(unit_id)
        return VECTOR

    hits = [hit(1), hit(2), hit(3, name="b"), hit(4), hit(5, name="c"), hit(6)]
    kept = fold(hits, 2, vector_of, lambda hit: hit.code)
    assert [(each.unit_id, len(each.more)) for each in kept] == [(1, 2), (3, 0)]
    assert looked_at == [1, 2, 3, 4, 5]
