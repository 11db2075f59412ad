"""`codesift similar` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from fakes import write
from installed import Run

Like = Callable[..., "CompletedProcess[str]"]
HEIGHT = "berths/tides.py:interpolate_height"


@pytest.fixture
def like(codesift: Run, harbour: Path) -> Like:
    """Run `codesift similar` in the repository."""

    def run(*arguments: str, **options: object) -> CompletedProcess[str]:
        return codesift("similar", *arguments, **{"cwd": harbour, **options})

    return run


def results(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["results"])


def test_the_counterpart_in_another_language_comes_first_and_the_function_itself_never(like: Like) -> None:
    found = results(like(HEIGHT, "--json", "-k", "40"))
    assert found[0]["name"] == "interpolateHeight" and found[0]["path"] == "web/schedule.js"
    assert "interpolate_height" not in {result["name"] for result in found}


def test_json_has_the_keys_of_query_and_the_share_of_common_tokens(
    like: Like, codesift: Run, harbour: Path
) -> None:
    answer = json.loads(like(HEIGHT, "--json").stdout)
    other = json.loads(codesift("query", "water", "--lexical", "--json", cwd=harbour).stdout)
    assert answer["query"] == HEIGHT
    assert list(other) == [*list(answer)[:-1], "confidence", "answerable", "matches", "results"]
    assert list(answer["results"][0]) == [*other["results"][0], "common_tokens"]
    assert all(0 <= result["common_tokens"] <= 1 for result in answer["results"])


def test_across_looks_in_other_languages_only(like: Like) -> None:
    found = results(like(HEIGHT, "--across", "--json", "-k", "40"))
    assert found[0]["name"] == "interpolateHeight"
    assert {result["language"] for result in found} == {"javascript", "go", "text"}


@pytest.mark.parametrize(
    "target", ["berths/quay.py:Quay.release", "berths/quay.py:29", "berths/quay.py:31", "./berths/quay.py:30"]
)
def test_a_method_is_named_by_its_class_or_by_a_line(like: Like, target: str) -> None:
    names = {result["qualified_name"] for result in results(like(target, "--json", "-k", "40"))}
    assert "Quay.release" not in names and "Crane.release" in names


def test_filters_and_forms_are_those_of_query(like: Like) -> None:
    done = like(HEIGHT, "--lang", "go", "--kind", "function", "--no-tests", "--path", "radio/", "--files")
    assert (done.returncode, done.stdout) == (0, "radio/ais.go\n")
    assert len(like(HEIGHT, "--vimgrep", "-k", "2").stdout.splitlines()) == 2
    assert "  = meaning 0." in like(HEIGHT, "--explain", "-k", "1").stdout


@pytest.mark.slow
def test_a_file_outside_the_repository_can_be_compared(like: Like, tmp_path: Path) -> None:
    file = tmp_path / "xor.py"
    file.write_text(
        "def parity(text):\n    total = 0\n    for c in text:\n        total ^= ord(c)\n    return total\n"
    )
    found = results(like(f"{file}:parity", "--json", "-k", "3", "--kind", "function"))
    assert "Checksum" in [result["name"] for result in found]


@pytest.mark.slow
def test_code_from_standard_input_can_be_compared(like: Like) -> None:
    code = "function between(a, b, x) {\n  return a.y + (x - a.x) / (b.x - a.x) * (b.y - a.y);\n}\n"
    found = results(like("-", "--code", "js", "--json", "-k", "3", input=code))
    assert {"interpolate_height", "interpolateHeight"} & {result["name"] for result in found}
    across = results(like("-", "--code", "js", "--across", "--json", input=code))
    assert "javascript" not in {result["language"] for result in across}


def test_an_ambiguous_name_lists_the_candidates_and_exits_2(like: Like) -> None:
    done = like("berths/quay.py:release")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'release' is ambiguous" in done.stderr
    for place in ("berths/quay.py:29  Quay.release", "berths/quay.py:41  Crane.release"):
        assert place in done.stderr


def test_an_unknown_name_lists_what_the_file_has_and_exits_2(like: Like) -> None:
    done = like("berths/tides.py:height")
    assert (done.returncode, done.stdout) == (2, "")
    assert "berths/tides.py:27  interpolate_height" in done.stderr


@pytest.mark.parametrize("target", ["berths/quay.py:release", "berths/tides.py:zeppelin"])
def test_each_candidate_stands_on_a_line_of_its_own(like: Like, target: str) -> None:
    first, *candidates = like(target).stderr.splitlines()
    assert first.startswith("codesift: ") and len(candidates) >= 2
    assert all(line.startswith("  berths/") for line in candidates)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-"], "belong together"),
        (["berths/quay.py"], "names no function"),
        (["berths/none.py:f"], "there is no file berths/none.py"),
        (["berths/quay.py:9999"], "is in no unit"),
        ([], "Missing argument"),
    ],
)
def test_a_mistake_is_explained_with_exit_2(like: Like, arguments: list[str], message: str) -> None:
    done = like(*arguments, input="")
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert done.stderr.startswith("codesift: ")


def test_an_absolute_file_means_the_repository_it_lies_in(
    codesift: Run, harbour: Path, tmp_path: Path
) -> None:
    write(tmp_path / "other", "a.py", "def unrelated():\n    return 1\n")
    target = f"{harbour / 'berths' / 'tides.py'}:interpolate_height"
    done = codesift("similar", target, "--json", cwd=tmp_path / "other")
    assert done.returncode == 0 and json.loads(done.stdout)["index"]["root"] == str(harbour)
    assert json.loads(done.stdout)["results"]


def test_an_absolute_path_narrows_the_repository_it_lies_in(
    codesift: Run, harbour: Path, tmp_path: Path
) -> None:
    write(tmp_path / "other", "a.py", "def unrelated():\n    return 1\n")
    folder = harbour / "berths"
    done = codesift("query", "tide", "--path", str(folder), "--json", cwd=tmp_path / "other")
    found = json.loads(done.stdout)
    assert found["index"]["root"] == str(harbour) and found["results"]
    assert all(hit["path"].startswith("berths/") for hit in found["results"])


def test_absolute_paths_are_understood_in_whatever_way_they_are_written(
    codesift: Run, harbour: Path, tmp_path: Path
) -> None:
    write(tmp_path / "other", "a.py", "def unrelated():\n    return 1\n")
    (tmp_path / "link").symlink_to(harbour)

    def paths_of(*patterns: str) -> set[str]:
        options = [part for pattern in patterns for part in ("--path", pattern)]
        found = json.loads(codesift("query", "tide", *options, "--json", cwd=tmp_path / "other").stdout)
        assert found["index"]["root"] == str(harbour)
        return {hit["path"] for hit in found["results"]}

    everything = paths_of(str(harbour))
    assert any(not path.startswith("berths/") for path in everything)
    assert paths_of(f"{harbour}/") == everything
    below = {path for path in everything if path.startswith("berths/")}
    for written in ("berths", "berths/", "berths/*.py", "radio/../berths", "./berths"):
        found = paths_of(f"{harbour}/{written}")
        assert found and found <= {"berths/tides.py", "berths/quay.py"}, written
    assert paths_of(f"{tmp_path / 'link'}/berths") >= below
    assert not any(path.startswith("berths/") for path in paths_of(f"!{harbour}/berths"))
