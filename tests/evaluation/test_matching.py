"""Whether results answer questions, on values worked out by hand."""

from __future__ import annotations

import math

import pytest

from codesift.types import Hit
from evaluation.metrics import RelevantRanks
from evaluation.repositories.matching import by_file, by_function, first_rank, matches, unique


def hit(path: str, start: int, end: int) -> Hit:
    return Hit(1, path, "python", "function", "f", "f", start, end, 0.0, {}, (start, end))


def answer(path: str, start: int, end: int) -> dict[str, object]:
    return {"path": path, "start_line": start, "end_line": end}


@pytest.mark.parametrize(
    ("found", "expected", "same"),
    [
        ((10, 20), (10, 20), True),
        ((10, 20), (14, 16), True),  # the answer lies inside
        ((14, 16), (10, 20), True),  # the hit lies inside
        ((10, 19), (15, 24), True),  # 5 of 10 lines
        ((10, 19), (16, 25), False),  # 4 of 10 lines
        ((1, 5), (6, 9), False),
        ((7, 7), (7, 7), True),
    ],
)
def test_a_hit_matches_from_half_of_the_shorter_ones_lines_on(
    found: tuple[int, int], expected: tuple[int, int], same: bool
) -> None:
    assert matches(hit("a.py", *found), answer("a.py", *expected)) is same
    assert not matches(hit("b.py", *found), answer("a.py", *expected))


def test_the_first_rank_counts_from_one_and_any_answer_will_do() -> None:
    hits = [hit("x.py", 1, 9), hit("b.py", 1, 9), hit("a.py", 1, 9)]
    assert first_rank(hits, [answer("a.py", 1, 9)]) == 3
    assert first_rank(hits, [answer("a.py", 1, 9), answer("b.py", 2, 8)]) == 2
    assert first_rank(hits, [answer("c.py", 1, 9)]) == math.inf
    assert first_rank([], [answer("a.py", 1, 9)]) == math.inf


def test_files_count_where_they_appear_first() -> None:
    assert unique(["b", "a", "b", "c", "a"]) == ["b", "a", "c"]


def test_by_file_counts_files_and_either_kind_of_answer() -> None:
    hits = [hit(path, 1, 9) for path in ("x.py", "x.py", "a.py", "x.py", "b.py")]
    assert by_file(hits, {"relevant": ["b.py"], "secondary": ["a.py", "c.py"]}) == RelevantRanks((2, 3), 3)


def test_by_function_has_a_rank_for_each_answer_that_was_found() -> None:
    hits = [hit("x.py", 1, 9), hit("b.py", 1, 9), hit("a.py", 1, 9)]
    answers = [answer("a.py", 1, 9), answer("b.py", 2, 8), answer("c.py", 1, 9)]
    assert by_function(hits, answers) == RelevantRanks((2, 3), 3)
    assert by_function([], answers) == RelevantRanks((), 3)
