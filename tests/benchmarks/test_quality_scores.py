"""Figures of systems: values of questions, their means, confidence, and the test of two systems."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quality_fakes import FakeSystem, asked, place

from benchmarks.quality.answers import Answers, ask_all
from benchmarks.quality.paired import p_value
from benchmarks.quality.scores import MetricValues, macro, mean, scores_of
from benchmarks.quality.systems import Ranking, Result
from evaluation.metrics import auroc
from evaluation.repositories.questions import FILE, FUNCTION, SIMILAR


def answers(part: str, *names: str, files: tuple[str, ...] | None = None) -> dict[str, Answers]:
    """One question of a part, answered with these places."""
    results = tuple(Result(p["path"], p["start_line"], p["end_line"]) for p in map(place, names))
    return {"one": Answers({part: (Ranking(results, 1.0, 0.0, False, files),)}, 0.0, None, None)}


def question(part: str, **row: Any) -> dict[str, dict[str, list[Any]]]:
    return {"one": {part: [{"repo": "one", "language": "python", **row}]}}


def value(found: dict[str, MetricValues], metric: str) -> float:
    return round(float(found[metric].values[0]), 4)


def test_relevant_and_secondary_files_count_alike() -> None:
    rows = question(FILE, query="q", relevant=["shop/files.py"], secondary=["shop/cart.py"])
    found = scores_of(answers(FILE, "other", "cart", "files"), rows)
    best = 1 + 1 / math.log2(3)
    assert value(found, "NDCG@10 by file") == round((1 / math.log2(3) + 0.5) / best, 4)


def test_a_systems_own_order_of_files_is_taken_where_it_has_one() -> None:
    rows = question(FILE, query="q", relevant=["shop/files.py"], secondary=[])
    own = answers(FILE, "other", "cart", files=("shop/files.py", "shop/other.py"))
    assert value(scores_of(own, rows), "NDCG@10 by file") == 1.0


def test_functions_have_a_reciprocal_rank_and_recalls() -> None:
    rows = question(FUNCTION, query="q", answers=[place("files")])
    found = scores_of(answers(FUNCTION, "other", "files"), rows)
    assert [value(found, f"{name} by function") for name in ("MRR", "recall@1", "recall@5")] == [0.5, 0, 1]


def test_similar_counts_the_share_found_and_leaves_out_the_source() -> None:
    rows = question(SIMILAR, source=place("cart"), answers=[place("files"), place("other")])
    found = scores_of(answers(SIMILAR, "cart", "files"), rows)
    assert value(found, "MRR of similar") == 1.0
    assert [value(found, f"recall@{k} of similar") for k in (1, 5)] == [1.0, 0.5]


def test_a_part_that_a_system_did_not_answer_has_no_figure(tmp_path: Path) -> None:
    system, rows = FakeSystem(), asked(tmp_path)
    system.can_alike = False
    done = ask_all([system], {"one": Path("one"), "two": Path("two")}, rows, tmp_path / "kept")
    found = scores_of(done.answers["fake"], rows)
    assert "NDCG@10 by file" in found
    assert not any("similar" in metric for metric in found)


def test_groups_count_the_same_however_large() -> None:
    scores = MetricValues(np.array([1.0, 1.0, 1.0, 0.0]), {"language": ["go", "go", "go", "c"]})
    groups = scores.of_groups("language")
    assert {name: list(values) for name, values in groups.items()} == {"c": [0.0], "go": [1.0, 1.0, 1.0]}
    assert (mean(scores.values, "m").value, macro(groups).value) == (0.75, 0.5)


def test_an_interval_holds_the_mean_and_is_narrow_where_all_agree() -> None:
    mixed = mean(np.array([0.0, 1.0] * 20), "m")
    assert 0.3 < mixed.low < 0.5 < mixed.high < 0.7
    assert mean(np.full(20, 0.5), "m") == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("answered", "unanswerable", "area"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        ([0.5, 0.5], [0.5, 0.5], 0.5),
        ([0.9, 0.3], [0.5], 0.5),
        ([0.9, 0.5], [0.5], 0.75),
        ([0.1], [float("-inf")], 1.0),
        ([float("-inf")], [float("-inf")], 0.5),
    ],
)
def test_auroc_is_the_chance_that_the_answered_one_is_surer(
    answered: list[float], unanswerable: list[float], area: float
) -> None:
    assert auroc(answered, unanswerable).value == area


# -- the paired test ------------------------------------------------------------------------------


def test_the_same_system_twice_is_no_difference() -> None:
    values = np.linspace(0, 1, 50)
    assert p_value(values, values.copy(), seed=1) == 1.0


def test_plainly_different_systems_give_a_small_p() -> None:
    values = np.linspace(0, 0.5, 50)
    assert p_value(values + 0.3, values, seed=1) < 0.001
    assert p_value(values, values + 0.3, seed=1) < 0.001


def test_differences_that_cancel_out_give_a_large_p() -> None:
    ours = np.array([1.0, 0.0] * 25)
    assert p_value(ours, 1 - ours, seed=1) > 0.9


def test_few_questions_are_never_sure() -> None:
    # Of 2**4 ways to swap, 2 are as extreme: p is about 1 / 8.
    assert p_value(np.ones(4), np.zeros(4), seed=1) == pytest.approx(0.125, abs=0.02)


def test_the_same_seed_gives_the_same_p() -> None:
    generator = np.random.default_rng(0)
    ours, theirs = generator.random(30), generator.random(30)
    assert p_value(ours, theirs, seed=3) == p_value(ours, theirs, seed=3)
