"""The Jaccard index of the tokens of two pieces of code."""

from __future__ import annotations

import pytest

from codesift.search.overlap import bag_of, jaccard

SUM = """def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
"""


def common(one: str, other: str, language: str = "python") -> float:
    return jaccard(bag_of(one, language), bag_of(other, language))


def test_the_same_code_shares_everything_whatever_its_layout() -> None:
    assert common(SUM, SUM) == 1
    assert common(SUM, SUM.replace("    ", "\t").replace("\n", "\n\n")) == 1


def test_a_renamed_variable_costs_its_occurrences() -> None:
    renamed = SUM.replace("result", "amount")
    tokens = bag_of(SUM, "python").total()
    assert common(SUM, renamed) == pytest.approx((tokens - 3) / (tokens + 3))


def test_how_often_a_token_stands_there_counts() -> None:
    assert common("f(x)", "f(x) f(x) f(x)") == pytest.approx(1 / 3)


def test_nothing_shares_nothing() -> None:
    assert common("", "") == common("", "a b") == 0


@pytest.mark.parametrize(
    ("language", "bare", "commented"),
    [
        ("python", "def f():\n    return 1", 'def f():\n    """One."""\n    # why\n    return 1  # one'),
        ("ruby", 'puts "#{a} b"', 'puts "#{a} b" # says it'),
        ("go", 'open("http://a")', '/* opens\nit */ open("http://a") // a comment'),
        ("text", "a # b", "a # b"),
        ("unheard-of", "a # b", "a # b"),
    ],
)
def test_comments_and_docstrings_do_not_count(language: str, bare: str, commented: str) -> None:
    assert bag_of(commented, language) == bag_of(bare, language)
    assert bag_of("# a", "text").total() == 2
