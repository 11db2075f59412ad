"""Figures of a ranking, on values worked out by hand and against a brute force."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.metrics import METRICS, RelevantRanks, Sample, relevant_ranks


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
        (["a"], set(), 0.0),
    ],
)
def test_ndcg_at_10_of_rankings_worked_out_by_hand(
    found: list[str], relevant: set[str], expected: float
) -> None:
    assert RelevantRanks.among(found, relevant).ndcg() == pytest.approx(expected, abs=1e-7)


def test_ndcg_at_10_is_1_though_more_than_ten_are_relevant() -> None:
    relevant = {str(number) for number in range(15)}
    assert RelevantRanks.among(sorted(relevant)[:10], relevant).ndcg() == pytest.approx(1.0)


def test_the_first_relevant_entry_decides_reciprocal_rank_and_recall() -> None:
    found = RelevantRanks((6, 7), 3)
    assert found.reciprocal() == pytest.approx(1 / 6)
    assert [found.recall(k) for k in (1, 5, 6, 100)] == [0.0, 0.0, 1.0, 1.0]
    assert (RelevantRanks((), 3).reciprocal(), RelevantRanks((), 3).recall(100)) == (0.0, 0.0)


def test_ranks_are_counted_over_the_whole_corpus_and_ties_are_against_us() -> None:
    scores = np.array([[0.9, 0.8, 0.7, 0.1], [0.5, 0.5, 0.5, 0.5], [0.1, 0.2, 0.2, 0.9]], np.float32)
    assert relevant_ranks(scores, [(1,), (0,), (1, 3)]) == [
        RelevantRanks((2,), 1),
        RelevantRanks((4,), 1),
        RelevantRanks((1, 3), 2),
    ]


def test_rows_that_are_left_out_take_no_rank() -> None:
    scores = np.array([[1.0, 0.9, 0.8, 0.7]], np.float32)
    assert relevant_ranks(scores, [(3,)], [(0, 1)]) == [RelevantRanks((2,), 1)]
    assert scores[0].tolist() == pytest.approx([1.0, 0.9, 0.8, 0.7])


def test_ranks_agree_with_sorting_each_row() -> None:
    random = np.random.default_rng(3)
    scores = random.integers(0, 20, size=(60, 50)).astype(np.float32)  # many ties
    relevant = [tuple(random.choice(50, size=count, replace=False)) for count in random.integers(1, 6, 60)]
    for row, rows, found in zip(scores, relevant, relevant_ranks(scores, relevant), strict=True):
        worst_first = sorted(range(50), key=lambda entry: (-row[entry], entry in rows))
        ranks = tuple(rank for rank, entry in enumerate(worst_first, 1) if entry in rows)
        assert found == RelevantRanks(ranks, len(rows))


def figures_of(sample: Sample) -> dict[str, float]:
    return dict(zip(METRICS, sample.figures, strict=True))


def test_figures_are_means_over_queries() -> None:
    sample = Sample.measure(
        [RelevantRanks((1,), 1), RelevantRanks((2,), 1), RelevantRanks((20,), 1), RelevantRanks((), 1)],
        "g",
        0,
    )
    figures = figures_of(sample)
    assert figures["MRR"] == pytest.approx((1 + 1 / 2 + 1 / 20) / 4)
    assert figures["NDCG@10"] == pytest.approx((1 + 0.6309298) / 4)
    assert [figures[f"recall@{k}"] for k in (1, 5, 10, 100)] == [0.25, 0.5, 0.5, 0.75]


def test_the_interval_is_that_of_a_mean_of_coin_flips() -> None:
    found = [RelevantRanks((1,) if number % 2 else (), 1) for number in range(400)]
    interval = Sample.measure(found, "g", 0).estimates()["recall@1"]
    # The standard error is sqrt(0.25 / 400) = 0.025, and 1.96 of them are on either side.
    assert interval.value == 0.5
    assert interval.low == pytest.approx(0.451, abs=0.01)
    assert interval.high == pytest.approx(0.549, abs=0.01)


def test_the_same_seed_gives_the_same_interval() -> None:
    found = [RelevantRanks((rank,), 1) for rank in range(1, 40)]
    assert Sample.measure(found, "g", 1).estimates() == Sample.measure(found, "g", 1).estimates()
    assert Sample.measure(found, "g", 1).estimates() != Sample.measure(found, "g", 2).estimates()


def test_a_paired_difference_is_surer_than_either_figure() -> None:
    ranks = np.random.default_rng(0).integers(1, 30, 200)
    ours = Sample.measure([RelevantRanks((int(rank),), 1) for rank in ranks], "g", 0)
    theirs = Sample.measure([RelevantRanks((int(rank) + 1,), 1) for rank in ranks], "g", 0)
    gain = ours.minus(theirs).estimates()["MRR"]
    assert 0 < gain.low <= gain.value <= gain.high
    wide = ours.estimates()["MRR"]
    assert gain.high - gain.low < wide.high - wide.low
    assert ours.minus(ours).estimates()["MRR"] == (0.0, 0.0, 0.0)


def test_in_the_macro_average_a_small_group_counts_like_a_large_one() -> None:
    large = Sample.measure([RelevantRanks((1,), 1)] * 90, "large", 0)
    small = Sample.measure([RelevantRanks((2,), 1)] * 10, "small", 0)
    assert figures_of(Sample.macro([large, small]))["MRR"] == pytest.approx(0.75)
