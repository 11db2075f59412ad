"""`codesift query` as it is typed, on a repository in three languages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from installed import Run

Ask = Callable[..., "CompletedProcess[str]"]
RESULT = {
    "path": str,
    "start_line": int,
    "end_line": int,
    "name": str,
    "qualified_name": str,
    "kind": str,
    "language": str,
    "score": float,
    "signals": dict,
    "snippet": str,
    "more": list,
}
"""Version 1 of what other programs read."""


@pytest.fixture
def ask(codesift: Run, harbour: Path) -> Ask:
    """Run `codesift query` in the repository, which is in step already."""

    def run(*arguments: str, **options: object) -> CompletedProcess[str]:
        return codesift("query", *arguments, **{"cwd": harbour, **options})

    return run


@pytest.fixture
def find(ask: Ask) -> Callable[..., list[dict[str, Any]]]:
    """The results of a search by words, read from its JSON."""

    def run(*arguments: str) -> list[dict[str, Any]]:
        done = ask("--lexical", "--no-refresh", "--json", *arguments)
        assert done.returncode in (0, 1), done.stderr
        return list(json.loads(done.stdout)["results"])

    return run


Find = Callable[..., "list[dict[str, Any]]"]

# -- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("how much does it cost to stay at the dock", "berths/quay.py: mooring_fee"),
        ("how tall is the sea right now", "berths/tides.py: interpolate_height"),
        ("repeat a failed call, slower every time", "radio/ais.go: RetryWithBackoff"),
    ],
)
def test_a_question_is_answered_in_other_words_than_those_of_the_code(
    ask: Ask, question: str, place: str
) -> None:
    done = ask(question, "-k", "3")
    assert done.returncode == 0
    # In so small a repository a question in other words may look like one without an answer.
    assert done.stderr in ("", f"nothing matches {question} well; these are the closest\n")
    heads = re.findall(r"(?m)^(.+):\d+(: \S+)  \(\w+, score (?:\d\.\d+|<0\.01)\)$", done.stdout)
    assert len(heads) == 3 and place in ["".join(head) for head in heads]


def test_json_has_exactly_the_documented_keys(ask: Ask, harbour: Path) -> None:
    answer = json.loads(ask("checksum of a sentence", "--json", "-k", "4").stdout)
    assert list(answer) == ["version", "query", "index", "confidence", "answerable", "matches", "results"]
    assert (answer["version"], answer["query"]) == (1, "checksum of a sentence")
    assert answer["index"] == {"root": str(harbour), "units": 33, "vectors_ready": 33}
    assert len(answer["results"]) == 4
    for result in answer["results"]:
        assert {key: type(value) for key, value in result.items()} == RESULT
        assert 0 <= result["score"] <= answer["confidence"] == answer["results"][0]["score"] <= 1


def test_readme_shows_every_key_of_the_json(ask: Ask) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^\{\"version\": 1, \"query\".*?^```", readme, re.MULTILINE | re.DOTALL)
    example = json.loads(shown.removesuffix("```"))
    answer = json.loads(ask("water", "--lexical", "--json").stdout)
    assert list(example) == list(answer) and list(example["index"]) == list(answer["index"])
    assert set(example["results"][0]) == set(answer["results"][0])


def test_json_of_the_best_result_is_its_place_and_code(ask: Ask, harbour: Path) -> None:
    best = json.loads(ask("Checksum", "--json").stdout)["results"][0]
    assert (best["path"], best["kind"], best["language"]) == ("radio/ais.go", "function", "go")
    lines = (harbour / "radio" / "ais.go").read_text(encoding="utf-8").split("\n")
    assert best["snippet"] == "\n".join(lines[best["start_line"] - 1 : best["end_line"]])
    assert best["snippet"].startswith("func Checksum")


def test_nothing_found_is_exit_1_with_a_word_on_stderr_and_empty_json(ask: Ask) -> None:
    done = ask("zeppelin", "--lexical")
    assert (done.returncode, done.stdout) == (1, "") and "nothing found for zeppelin" in done.stderr
    done = ask("zeppelin", "--lexical", "--json")
    assert done.returncode == 1 and json.loads(done.stdout)["results"] == [] and done.stderr == ""


@pytest.mark.parametrize(
    ("mode", "signal", "other"), [("--lexical", "words", "meaning"), ("--semantic", "meaning", "words")]
)
def test_one_of_the_two_searches_can_be_used_alone(ask: Ask, mode: str, signal: str, other: str) -> None:
    results = json.loads(ask("height of the water", mode, "--json").stdout)["results"]
    assert signal in results[0]["signals"] and all(other not in result["signals"] for result in results)


# -- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "paths"),
    [
        (["--lang", "golang"], {"radio/ais.go", "radio/ais_test.go"}),
        (["--lang", "js", "--lang", "text"], {"web/schedule.js", "docs/anchoring.md"}),
        (["--lang", "GO", "--no-tests"], {"radio/ais.go"}),
        (["--path", "*.go", "--path", "!*_test.go"], {"radio/ais.go"}),
        (["--path", "!radio/", "--path", "!web", "--path", "!docs"], {"berths/quay.py", "berths/tides.py"}),
        (["--path", "/docs/", "--path", "tides.*"], {"docs/anchoring.md", "berths/tides.py"}),
        (["--path", "nowhere/"], set()),
    ],
)
def test_languages_paths_and_tests_are_filtered(find: Find, flags: list[str], paths: set[str]) -> None:
    found = find("water ship sentence test days checksum", "-k", "50", *flags)
    assert {result["path"] for result in found} == paths


def test_kinds_are_filtered(find: Find) -> None:
    found = find("berths wall crane arrivals release", "--kind", "method", "--kind", "class", "-k", "50")
    assert {result["kind"] for result in found} == {"method", "class"}
    assert {"Quay", "Quay.release", "Crane.release"} <= {result["qualified_name"] for result in found}


def test_k_limits_the_results(find: Find) -> None:
    assert [len(find("water ship", flag, "2")) for flag in ("-k", "--results")] == [2, 2]


# -- how it is shown ------------------------------------------------------------------------------


def test_files_prints_each_path_once(ask: Ask) -> None:
    done = ask("water ship", "--lexical", "--files", "-k", "50")
    lines = done.stdout.splitlines()
    assert len(lines) == len(set(lines)) > 2
    assert {"berths/quay.py", "berths/tides.py", "docs/anchoring.md"} <= set(lines)


def test_vimgrep_points_at_the_line_and_column(ask: Ask, harbour: Path) -> None:
    done = ask("highest tide that is still to come", "--lexical", "--vimgrep", "-k", "1")
    path, line, column, text = done.stdout.rstrip("\n").split(":", 3)
    source = (harbour / path).read_text(encoding="utf-8").split("\n")[int(line) - 1]
    assert source == text == '    """The highest tide that is still to come today."""'
    assert int(column) == 5


def test_a_pipe_gets_what_plain_prints(ask: Ask) -> None:
    piped, plain = (ask("water", "--lexical", *flags).stdout for flags in ([], ["--plain"]))
    assert piped == plain and "\x1b" not in piped


def test_context_and_full_decide_how_much_code_is_shown(ask: Ask) -> None:
    def code(*flags: str) -> list[str]:
        shown = ask("groupByDay", "--lexical", "-k", "1", *flags).stdout.splitlines()
        return [line.partition("|")[2] for line in shown if "|" in line]

    assert len(code("-C", "1")) in (2, 3)
    full = code("--full")
    assert len(full) == 8 and full[0].startswith(" export const groupByDay") and full[-1] == " };"


def test_explain_shows_each_signals_share(ask: Ask) -> None:
    shown = ask("Checksum", "--explain", "-k", "1").stdout.splitlines()[1]
    assert shown.startswith("  = ")
    shares = {part.split()[0]: float(part.split()[1]) for part in shown[4:].split(" + ")}
    assert set(shares) >= {"words", "meaning", "symbol"}
    assert shares["symbol"] == max(shares.values())


NOTHING = "negotiate the exchange rate of two currencies with a bank"


def test_a_question_without_an_answer_is_told_so_and_shown_the_closest(ask: Ask) -> None:
    done = ask(NOTHING, "-k", "2")
    assert (done.returncode, len(re.findall("(?m)score", done.stdout))) == (0, 2)
    assert done.stderr == f"nothing matches {NOTHING} well; these are the closest\n"
    assert json.loads(ask(NOTHING, "--json").stdout)["matches"] is False


@pytest.mark.parametrize(("question", "code"), [(NOTHING, 1), ("checksum of a sentence", 0)])
@pytest.mark.parametrize("mode", ["--json", "--plain", "--vimgrep"])
def test_strict_tells_by_its_exit_code(ask: Ask, question: str, code: int, mode: str) -> None:
    done = ask(question, "--strict", mode)
    assert done.returncode == code and done.stdout


def test_paths_are_those_to_open_from_here_and_json_counts_from_the_root(ask: Ask, harbour: Path) -> None:
    flags = ["Checksum", "--lexical", "-k", "1"]
    assert ask(*flags, "--files", cwd=harbour / "radio").stdout == "ais.go\n"
    assert ask(*flags, "--files", cwd=harbour / "web").stdout == "../radio/ais.go\n"
    assert (
        json.loads(ask(*flags, "--json", cwd=harbour / "web").stdout)["results"][0]["path"] == "radio/ais.go"
    )


def test_root_names_another_repository(ask: Ask, harbour: Path, tmp_path: Path) -> None:
    done = ask("Checksum", "--lexical", "--json", "-k", "1", "--root", str(harbour), cwd=tmp_path)
    assert json.loads(done.stdout)["index"]["root"] == str(harbour)


# -- what is asked --------------------------------------------------------------------------------

SNIPPET = """for (let i = 0; i < text.length; i++) {
  sum = sum ^ text.charCodeAt(i);
}
return sum;
"""


def test_the_question_can_come_from_standard_input(ask: Ask) -> None:
    done = ask("-", "--json", "-k", "1", input="  checksum of a sentence\n")
    answer = json.loads(done.stdout)
    assert answer["query"] == "checksum of a sentence"
    assert answer["results"][0]["qualified_name"] == "Checksum"


@pytest.mark.parametrize("flags", [["--code", "js"], []])
def test_code_finds_code_like_it(ask: Ask, flags: list[str]) -> None:
    done = ask("-", *flags, "--json", "-k", "3", "--no-tests", input=SNIPPET)
    assert "Checksum" in [result["name"] for result in json.loads(done.stdout)["results"]]


def test_a_text_that_starts_like_an_option_can_be_asked(ask: Ask) -> None:
    assert ask("--lexical", "--", "--checksum").returncode == 0


# -- mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["water", "--lang", "pyton"], "did you mean python"),
        (["water", "--kind", "procedure"], "one of function, method, class, module, text"),
        (["water", "--json", "--files"], "only one of --files, --json"),
        (["water", "--lexical", "--semantic"], "only one of --lexical, --semantic"),
        (["   "], "the query is empty"),
        (["water", "--colour"], "--colour"),
        (["water", "-k", "0"], "--results must be a whole number from 1"),
        (["water", "--model", "all-MiniLM-L6"], "did you mean all-MiniLM-L6-v2?"),
        (["water", "--root", "no/such/folder"], "cannot open the folder"),
        ([], "Missing argument"),
    ],
)
def test_a_mistake_is_explained_in_one_line_with_exit_2(ask: Ask, arguments: list[str], message: str) -> None:
    done = ask(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.startswith("codesift: ")
    assert done.stderr.count("\n") == 1
