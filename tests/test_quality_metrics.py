"""The figures of the quality benchmark, on values worked out by hand."""

from __future__ import annotations

import math

import pytest

from benchmarks.quality import first_rank, matches, ndcg_at_10, unique
from codesift.types import Hit


def hit(path: str, start: int, end: int) -> Hit:
    return Hit(1, path, "python", "function", "f", "f", start, end, 0.0, {}, (start, end))


def answer(path: str, start: int, end: int) -> dict[str, object]:
    return {"path": path, "start_line": start, "end_line": end}


@pytest.mark.parametrize(
    ("found", "relevant", "expected"),
    [
        (["a", "b", "c"], {"a"}, 1.0),
        (["b", "a", "c"], {"a"}, 0.6309298),  # 1 / log2(3)
        (["b", "c", "a"], {"a"}, 0.5),  # 1 / log2(4)
        (["a", "x", "b"], {"a", "b"}, 0.9197208),  # (1 + 1/2) / (1 + 1/log2(3))
        (["x", "y"], {"a"}, 0.0),
        ([], {"a"}, 0.0),
        ([*"0123456789", "a"], {"a"}, 0.0),
        ([*"012345678", "a"], {"a"}, 0.2890648),  # 1 / log2(11)
    ],
)
def test_ndcg_at_10_of_rankings_worked_out_by_hand(
    found: list[str], relevant: set[str], expected: float
) -> None:
    assert ndcg_at_10(found, relevant) == pytest.approx(expected, abs=1e-7)


def test_ndcg_at_10_is_1_though_more_than_ten_are_relevant() -> None:
    relevant = {str(number) for number in range(15)}
    assert ndcg_at_10(sorted(relevant)[:10], relevant) == pytest.approx(1.0)


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
