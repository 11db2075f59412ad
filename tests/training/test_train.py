"""Pairs, batches and the adapter's file; a run end to end is in test_learning_bases.py."""

from __future__ import annotations

import random
from typing import Any

import pytest
from mined_functions import lock_function as function

from codesift.errors import CodesiftError
from evaluation.records import Function
from training.learning.pairs import check_mix, draw_pairs, packages_in_turn
from training.learning.views import PLAIN, TYPED, draw, keywords, question_pair


def test_a_record_survives_its_file() -> None:
    row = function().to_json()
    assert Function.from_json(row) == function()
    assert row["docstring_tokens"] == ["Let", "a", "ship", "through."]


def test_the_documentation_view_hides_the_documentation() -> None:
    pair = draw("documentation", function(), PLAIN, random.Random(0))
    assert pair is not None
    assert pair.query == "Let a ship through."
    assert "ship" not in pair.text
    assert "open_gate" in pair.head


@pytest.mark.parametrize(("view", "gone"), [("comment", "water is level"), ("message", "is stuck")])
def test_a_view_cuts_what_its_text_was_taken_from(view: str, gone: str) -> None:
    pair = draw(view, function(), PLAIN, random.Random(0))
    assert pair is not None
    assert gone in pair.query
    assert gone not in pair.text
    assert "lock.gate.open()" in pair.text


def test_documentation_stays_in_some_of_the_other_views() -> None:
    rng = random.Random(0)
    pairs = [draw("comment", function(), PLAIN, rng) for _ in range(50)]
    kept = sum("must be moored" in pair.text for pair in pairs if pair)
    assert 15 < kept < 45


def test_the_name_view_hides_the_name_everywhere() -> None:
    pair = draw("name", function(), PLAIN, random.Random(0))
    assert pair is not None
    assert pair.query == "open gate"
    assert "open_gate" not in pair.text


def test_a_name_of_one_word_is_no_text() -> None:
    assert draw("name", function("open"), PLAIN, random.Random(0)) is None
    assert draw("name", function("open_gate", kind="class"), PLAIN, random.Random(0)) is None


def test_the_symbol_view_asks_for_the_name_and_hides_nothing() -> None:
    rng = random.Random(0)
    pairs = [draw("symbol", function(func_name="Harbour.open_gate"), PLAIN, rng) for _ in range(50)]
    assert {pair.query for pair in pairs if pair} == {"open_gate", "Harbour.open_gate"}
    assert all(pair and "def open_gate" in pair.body for pair in pairs)
    assert draw("symbol", function("go"), PLAIN, rng) is None


def test_a_view_that_a_function_lacks_gives_nothing() -> None:
    bare = function(comments=(), messages=(), tests=(), docstring="")
    assert all(
        draw(view, bare, PLAIN, random.Random(0)) is None
        for view in ("documentation", "comment", "message", "test")
    )


def test_a_question_is_asked_as_it_was_written() -> None:
    assert (
        question_pair(function(), "where do ships wait", PLAIN, random.Random(0)).query
        == "where do ships wait"
    )


def test_keywords_keep_their_order_and_say_something() -> None:
    text = "Return the number of ships that wait in the basin before the gate is opened"
    words = keywords(text, random.Random(1)).split()
    assert 3 <= len(words) <= 7
    assert "the" not in words
    assert [text.split().index(word) for word in words] == sorted(text.split().index(word) for word in words)


def test_packages_take_turns() -> None:
    many = [function(f"do_{n}", "large-1") for n in range(9)] + [function("do_it", "small-1")]
    assert "small-1" in [found.package for found in packages_in_turn(many, random.Random(0))][:2]


def test_the_same_seed_draws_the_same_pairs_and_each_view_its_share() -> None:
    functions = [function(f"do_{n}", f"p{n % 7}") for n in range(200)]
    questions = {found.sha: ["where is it done"] for found in functions[:50]}
    mix = check_mix("documentation=2,comment=1,question=1")
    pairs = draw_pairs(functions, questions, mix, 100, TYPED, 3)
    assert pairs == draw_pairs(functions, questions, mix, 100, TYPED, 3)
    assert {view: sum(p.view == view for p in pairs) for view in mix} == {
        "documentation": 50,
        "comment": 25,
        "question": 25,
    }


@pytest.mark.parametrize("text", ["documentation=x", "gossip=1"])
def test_a_wrong_mix_is_refused(text: str) -> None:
    with pytest.raises(CodesiftError):
        check_mix(text)


def _sampler(share: float, batch: int = 8) -> Any:
    # Not at the top: it brings torch along, and a large test process makes slower children.
    from training.learning.sampling import PackageSampler, Trait

    traits = [Trait(f"p{n % 5}", 10 * (n % 40), (f"f{n}", f"q{n // 2}")) for n in range(400)]
    return PackageSampler(traits, share, batch, 0)


def test_no_batch_holds_a_query_or_a_function_twice() -> None:
    batches = list(_sampler(0.5))
    assert len(batches) == pytest.approx(50, abs=2)
    assert all(len({row // 2 for row in batch}) == len(batch) == 8 for batch in batches)


def test_no_pair_is_used_twice_in_an_epoch() -> None:
    rows = [row for batch in _sampler(0.5) for row in batch]
    assert len(rows) == len(set(rows))


def test_batches_of_one_package() -> None:
    assert all(len({row % 5 for row in batch}) <= 2 for batch in _sampler(1.0))


def test_another_epoch_has_other_batches() -> None:
    sampler = _sampler(0.5)
    assert sampler.plan(0) == sampler.plan(0) != sampler.plan(1)
