"""Asking systems, and keeping what they answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from quality_fakes import FakeSystem, asked

from benchmarks.quality.answers import Answers, answers_of, ask_all, called_nothing, confidences
from benchmarks.quality.systems import Ranking, Result
from evaluation.repositories.questions import FILE, FUNCTION, NOTHING, SIMILAR, questions_digest


def test_all_parts_are_asked_and_the_times_are_kept(tmp_path: Path) -> None:
    found = answers_of(FakeSystem(), Path("one"), asked(tmp_path)["one"], tmp_path / "kept.json")
    assert {part: len(some) for part, some in found.rankings.items()} == {
        FILE: 1,
        FUNCTION: 1,
        SIMILAR: 1,
        NOTHING: 1,
    }
    assert (found.index_seconds, found.cold_seconds) == (2.0, 0.75)
    assert found.rankings[FILE][0].results[0] == Result("shop/cart.py", 1, 20)


def test_a_second_run_asks_nothing_again(tmp_path: Path) -> None:
    system, rows, kept = FakeSystem(), asked(tmp_path)["one"], tmp_path / "kept.json"
    first = answers_of(system, Path("one"), rows, kept)
    before = list(system.calls)
    assert answers_of(system, Path("one"), rows, kept) == first
    assert system.calls == before


@pytest.mark.parametrize("change", ["version", "questions"])
def test_another_version_or_other_questions_are_asked_again(tmp_path: Path, change: str) -> None:
    system, rows, kept = FakeSystem(), asked(tmp_path)["one"], tmp_path / "kept.json"
    answers_of(system, Path("one"), rows, kept)
    before = len(system.calls)
    if change == "version":
        system.version = "2"
    else:
        rows[FILE].append(rows[FILE][0] | {"query": "files"})
    answers_of(system, Path("one"), rows, kept)
    assert len(system.calls) > before


def test_corrected_answers_need_no_asking(tmp_path: Path) -> None:
    rows = asked(tmp_path)["one"]
    before = questions_digest(rows)
    rows[FILE][0]["relevant"].append("shop/more.py")
    assert questions_digest(rows) == before


def test_a_system_that_cannot_be_had_is_left_out_whole_with_its_reason(tmp_path: Path) -> None:
    rows, broken = asked(tmp_path), FakeSystem("broken")
    broken.fails_on = "two"
    done = ask_all([FakeSystem(), broken], {"one": Path("one"), "two": Path("two")}, rows, tmp_path / "kept")
    assert set(done.answers) == {"fake"}
    assert done.unavailable == {"broken": "on two: no such package"}


def test_a_system_without_similar_has_no_such_part(tmp_path: Path) -> None:
    system = FakeSystem()
    system.can_alike = False
    assert (
        SIMILAR not in answers_of(system, Path("one"), asked(tmp_path)["one"], tmp_path / "k.json").rankings
    )


def test_what_is_kept_is_read_as_it_was_written() -> None:
    ranked = Ranking((Result("a.py", 1, 2),), 0.5, 0.25, False, ("b.py", "a.py"))
    answers = Answers({FILE: (ranked, Ranking((), None, 0.5, True))}, 1.0, None, 2.0)
    assert Answers.from_json(json.loads(json.dumps(answers.to_json()))) == answers


def test_no_result_is_the_least_confidence_and_says_nothing(tmp_path: Path) -> None:
    found = answers_of(FakeSystem(), Path("one"), asked(tmp_path)["one"], tmp_path / "kept.json")
    assert confidences([found], (FILE, NOTHING)) == [1.0, float("-inf")]
    assert (called_nothing([found]), called_nothing([found], (FILE, FUNCTION))) == (1.0, 0.0)
