"""`codesift similar --all`, near-duplicates in `similar` and folded results of `query`, as they are typed."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from fakes import write
from indexes import lend
from installed import Run
from repositories import PROGRAM, failed

LOAD = """def load_{0}(path):
    with open(path) as file:
        rows = csv.reader(file)
        header = next(rows)
        {0} = [dict(zip(header, row)) for row in rows if row]
    if not {0}:
        raise ValueError("nothing in " + path)
    return {0}
"""
SAVE = """def save(rows, path):
    with open(path, "w") as file:
        writer = csv.DictWriter(file, sorted(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
    return len(rows)
"""
RED = "red\x1b[31m\u202e.py"
Like = Callable[..., "CompletedProcess[str]"]


@pytest.fixture(scope="module")
def indexed_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two functions that are nearly the same, and three copies of another one."""
    root = tmp_path_factory.mktemp("shop")
    write(root, "orders.py", LOAD.format("orders"))
    write(root, RED, LOAD.format("invoices"))
    for name in ("a", "b", "c"):
        write(root, f"{name}.py", f"import csv\n\n\n{SAVE}")
    subprocess.run([PROGRAM, "index", "--quiet", root], check=True, timeout=120)
    return root


@pytest.fixture
def shop(indexed_shop: Path) -> Path:
    return lend(indexed_shop)


@pytest.fixture
def run(codesift: Run, shop: Path) -> Like:
    """Run a verb on the index as it is."""

    def run(verb: str, *arguments: str, **options: object) -> CompletedProcess[str]:
        return codesift(verb, *arguments, "--no-refresh", **{"cwd": shop, **options})

    return run


def on_terminal(folder: Path, *arguments: str) -> str:
    """What the command draws on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen([PROGRAM, *arguments], cwd=folder, stdout=theirs, env=environment) as process:
        os.close(theirs)
        drawn = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            try:
                while block := terminal.read(4096):
                    drawn += block
            except OSError:  # all is read, and the other side is closed
                pass
    assert process.returncode == 0
    return drawn.decode()


# -- similar --all --------------------------------------------------------------------------------


def test_clusters_are_listed_with_what_they_would_save(run: Like) -> None:
    done = run("similar", "--all", "--min", "0.6")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.split("\n\n")
    assert first.splitlines()[0] == "3 alike, 14 lines to save"
    assert first.splitlines()[1] == "a.py:4: save  (function, 7 lines)"
    assert re.match(
        r"b\.py:4: save  \(function, 7 lines, 100% same tokens, cosine (1\.00|0\.99)\)", first.splitlines()[2]
    )
    assert second.splitlines()[0] == "2 alike, 8 lines to save"
    assert re.search(r"orders\.py:1: load_orders  .*, 7\d% same tokens, cosine 0\.\d\d\)|red", second)


def test_json_of_all_has_exactly_the_documented_keys(run: Like, shop: Path) -> None:
    answer = json.loads(run("similar", "--all", "--min", "0.6", "--json", "-k", "1").stdout)
    assert list(answer) == ["version", "min", "index", "clusters_found", "clusters"]
    assert (answer["version"], answer["min"], answer["clusters_found"]) == (1, 0.6, 2)
    assert answer["index"] == {"root": str(shop), "units": 8, "vectors_ready": 8}
    (cluster,) = answer["clusters"]
    assert list(cluster) == ["saved_lines", "units"] and len(cluster["units"]) == 3
    keys = ["path", "start_line", "end_line", "name", "qualified_name", "kind", "language"]
    assert all(list(unit) == [*keys, "cosine", "common_tokens"] for unit in cluster["units"])


def test_a_limit_is_told_to_people(run: Like) -> None:
    done = run("similar", "--all", "--min", "0.6", "-k", "1")
    assert done.stderr == "codesift: 1 of 2 clusters; -k N shows more\n"
    assert run("similar", "--all", "--min", "0.6", "-k", "1", "--quiet").stderr == ""


@pytest.mark.slow
def test_names_of_files_are_harmless_in_every_mode(run: Like, shop: Path) -> None:
    for mode in ("--plain", "--vimgrep", "--json"):
        done = run("similar", "--all", "--min", "0.6", mode)
        assert done.returncode == 0 and not {"\x1b", "\u202e"} & set(done.stdout)
    drawn = on_terminal(shop, "similar", "--all", "--min", "0.6", "--no-refresh")
    assert "red\\x1b[31m\\u202e.py:1" in drawn and "\u202e" not in drawn and "\x1b[31m" not in drawn
    assert "\x1b[36m" in drawn and "3 alike, 14 lines to save" in drawn
    assert RED in run("similar", "--all", "--min", "0.6", "--files").stdout.split("\n")


def test_vimgrep_has_a_line_for_each_unit_with_the_number_of_its_cluster(run: Like) -> None:
    lines = run("similar", "--all", "--min", "0.6", "--vimgrep").stdout.splitlines()
    assert lines[0] == "a.py:4:1:[1] save  (function, 7 lines)"
    assert [re.findall(r":1:(\[\d\] )", line) for line in lines] == [["[1] "]] * 3 + [["[2] "]] * 2


def test_no_clusters_exit_1_and_filters_count(run: Like) -> None:
    done = run("similar", "--all", "--min", "0.6", "--path", "orders.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "no near-duplicates with a cosine of 0.6 or more\n"
    empty = run("similar", "--all", "--json", "--lang", "go")
    assert empty.returncode == 1 and json.loads(empty.stdout)["clusters"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--all", "a.py:save"], "--all cannot be given together with a target"),
        (["--all", "--across", "--full"], "--all cannot be given together with --across, --full"),
        (["--all", "-C", "0", "--explain"], "together with --explain, --context"),
        (["--all", "--min", "0"], "--min must be above 0 and at most 1, found 0"),
        (["--all", "--min", "1.01"], "found 1.01"),
        (["a.py:save", "--min", "-1"], "found -1"),
        (["--all", "--min", "nan"], "found nan"),
        (["--all", "--min", "much"], "much"),
        (["--min", "0.9"], "Missing argument TARGET"),
        (["--all", "--json", "--vimgrep"], "only one of"),
        (["--all", "--kind", "verb"], "unknown kind"),
    ],
)
def test_a_mistake_is_explained_with_exit_2(run: Like, arguments: list[str], message: str) -> None:
    failed(run("similar", *arguments), message)


# -- similar --------------------------------------------------------------------------------------


def test_near_duplicates_of_the_origin_are_marked(run: Like) -> None:
    lines = run("similar", "a.py:save", "--kind", "function").stdout.splitlines()
    heads = [line for line in lines if re.search(r": \w+  \(function, score", line)]
    assert heads[0].endswith(", 100% same tokens)") and heads[1].endswith(", 100% same tokens)")
    assert "same tokens" not in heads[2]
    found = json.loads(run("similar", "a.py:save", "--kind", "function", "--json").stdout)["results"]
    assert [result["common_tokens"] == 1 for result in found] == [True, True, False, False]


def test_code_from_standard_input_is_compared_by_tokens_too(run: Like) -> None:
    code = f'"""Not part of it."""\n\n{SAVE}'
    done = run("similar", "-", "--code", "python", "--json", "-k", "3", "--kind", "function", input=code)
    assert [result["common_tokens"] for result in json.loads(done.stdout)["results"]] == [1, 1, 1]


def test_a_least_cosine_cuts_the_list(run: Like) -> None:
    found = json.loads(run("similar", "a.py:save", "--min", "0.9", "--json").stdout)["results"]
    assert {result["path"] for result in found} == {"b.py", "c.py"}


# -- query ----------------------------------------------------------------------------------------


def test_copies_are_named_below_the_best_of_them(run: Like, shop: Path) -> None:
    asked = ("query", "save rows with a writer", "--kind", "function")
    done = run(*asked)
    more = re.search(
        r"(?m)^  2 more like this\n    ([abc])\.py:4  save\n    ([abc])\.py:4  save\n", done.stdout
    )
    assert more and done.stdout.count("(function, score") == 3
    assert {done.stdout[0], more[1], more[2]} == {"a", "b", "c"}
    drawn = on_terminal(shop, *asked, "--no-refresh")
    assert "2 more like this" in drawn and f"{more[1]}.py:4" in drawn
    result = json.loads(run(*asked, "--json", "-k", "1").stdout)["results"][0]
    place = {"start_line": 4, "end_line": 10, "qualified_name": "save"}
    assert result["more"] == [{"path": f"{more[at]}.py", **place} for at in (1, 2)]


def test_a_limit_counts_folded_results_as_one(run: Like) -> None:
    found = json.loads(run("query", "save rows", "--kind", "function", "-k", "2", "--json").stdout)["results"]
    assert found[0]["name"] == "save" and len(found) == 2 and found[1]["name"] != "save"


def test_every_place_is_listed_for_editors_and_pipes(run: Like) -> None:
    asked = ("query", "save rows", "--kind", "function", "-k", "1")
    lines = run(*asked, "--vimgrep").stdout.splitlines()
    assert {line.split(":")[0] for line in lines} == {"a.py", "b.py", "c.py"}
    assert lines[1].endswith(".py:4:1:save  (like the one above)")
    assert sorted(run(*asked, "--files").stdout.splitlines()) == ["a.py", "b.py", "c.py"]


def test_folding_can_be_turned_off_and_needs_vectors(run: Like) -> None:
    for flag in ("--no-fold", "--lexical"):
        found = json.loads(run("query", "save rows", "--kind", "function", flag, "--json").stdout)["results"]
        assert [result["name"] for result in found][:3] == ["save"] * 3
        assert not any(result["more"] for result in found)
