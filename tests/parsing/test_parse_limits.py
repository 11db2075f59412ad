"""No text holds parsing up: what takes too long is cut into windows, and nothing of it is lost."""

from __future__ import annotations

import random
import resource
import time
from pathlib import Path

import pytest
from hostile_sources import Hostile, hostile_sources, indented, nestings
from installed import Run

from codesift.parsing.trees import MAX_LEVELS, MAX_TOKENS, GivenUpError
from codesift.parsing.units import SMALL, parse_bounded, units_of

GUARD = 60
"""Seconds for one file on a machine that does much else; a quiet one takes four."""

ENDLESS = {
    "types": ("java", "A<" * 100_000),
    "types in types": ("csharp", "System.A<" * 20_000),
    "arrows": ("c", "async =>" * 30_000),
    "comments": ("csharp", "/*<" * 50_000),
    "strings": ("scala", 's"${' * 60_000),
}


def check(source: Hostile) -> None:
    text = source.text
    started = time.monotonic()
    units = parse_bounded(text, source.language, "x").units
    assert time.monotonic() - started < GUARD
    lines = text.count("\n") + 1
    assert all(1 <= unit.start_line <= unit.end_line <= lines for unit in units)
    assert all(0 <= unit.start_byte <= unit.end_byte <= len(text.encode()) for unit in units)


@pytest.mark.parametrize(("language", "text"), ENDLESS.values(), ids=ENDLESS.keys())
def test_a_file_that_takes_too_long_becomes_windows_that_cover_it(language: str, text: str) -> None:
    started = time.monotonic()
    units, gave_up = parse_bounded(text, language, "a.x")
    assert time.monotonic() - started < GUARD
    assert gave_up
    assert {unit.kind for unit in units} == {"text"}
    assert "".join(unit.code for unit in units) == text


def test_a_file_known_to_take_too_long_is_not_parsed_again() -> None:
    text = "def f():\n    return 1\n"
    assert not parse_bounded(text, "python", "a.py").gave_up
    units, gave_up = parse_bounded(text, "python", "a.py", windows_only=True)
    assert gave_up
    assert [(unit.kind, unit.code) for unit in units] == [("text", text)]


def test_text_without_a_grammar_is_not_given_up() -> None:
    assert not parse_bounded("word\n" * 10_000, "text", "a.txt").gave_up


def test_a_larger_file_has_the_units_it_has_in_this_process() -> None:
    text = "".join(f"# Of {n}.\ndef f{n}(é):\n    return {n}\n\n\n" for n in range(1_000))
    assert len(text) > SMALL
    assert parse_bounded(text, "python", "a.py").units == units_of(text, "python", "a.py")


def test_definitions_nested_beyond_all_measure_stay_in_those_above_them() -> None:
    text = "mod a {\n" * 50_000 + "fn deep() {}\n" + "}\n" * 50_000 + "fn shallow() {}\n"
    units, gave_up = parse_bounded(text, "rust", "a.rs")
    assert not gave_up
    names = [unit.name for unit in units if unit.kind == "function"]
    assert names == ["shallow"]
    levels = MAX_LEVELS // 4
    text = "mod a {\n" * levels + "fn deep() {}\n" + "}\n" * levels
    assert "deep" in [unit.name for unit in parse_bounded(text, "rust", "a.rs").units]


def test_only_a_long_run_of_tokens_in_an_error_is_given_up() -> None:
    with pytest.raises(GivenUpError):
        units_of('"#{' * MAX_TOKENS, "ruby", "a.rb")
    units_of('"#{' * (MAX_TOKENS // 3), "ruby", "a.rb")
    units_of("x = [" + "[]," * MAX_TOKENS + "]\n)\n", "ruby", "a.rb")


def test_a_chosen_part_of_the_hostile_sources_is_parsed() -> None:
    for source in [*random.Random(7).sample(hostile_sources(), 8), *indented()[:2]]:
        check(source)


@pytest.mark.slow
def test_many_hostile_sources_are_parsed() -> None:
    sources = hostile_sources()
    assert len(sources) > 2000
    # All of them take an hour; `python tests/hostile_sources.py` goes over all.
    for source in random.Random(5).sample(sources, 60):
        check(source)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert used < 2_000_000


def test_small_files_of_any_kind_are_parsed_in_this_process_in_time() -> None:
    for source in random.Random(11).sample(nestings(400), 60):
        text = source.text[:SMALL]
        started = time.monotonic()
        parse_bounded(text, source.language, "x")
        assert time.monotonic() - started < GUARD


def test_a_repository_with_such_files_is_indexed(codesift: Run, tmp_path: Path) -> None:
    (tmp_path / "A.java").write_text("A<" * 30_000)
    (tmp_path / "deep.py").write_text(
        "".join(f"{' ' * n}def f{n}():\n" for n in range(600)) + " " * 600 + "0\n"
    )
    (tmp_path / "fine.py").write_text("def open_gate(key):\n    return key\n")
    done = codesift("index", cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    found = codesift("query", "open gate", "--json", cwd=tmp_path, timeout=300)
    assert "open_gate" in found.stdout
