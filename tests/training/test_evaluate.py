"""Systems side by side: the whole command on a few functions."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mined_functions import tide_function as function
from tiny_models import adapters, converted

from evaluation.files import read_json, write_rows
from evaluation.summary import tasks_of

ROOT = Path(__file__).parents[2]

TASKS = {
    "python": "def total(them):\n    result = 0\n    for n in them:\n        result += n\n    return result",
    "go": "func total(n []int) int {\n\tresult := 0\n\tfor _, each := range n {\n\t\tresult += each\n\t}\n}",
    "c": "int total(int *n, int many) { int result = 0; while (many--) result += *n++; return result; }",
}
OTHERS = {
    "python": "def greet(name):\n    print('hello', name)",
    "go": 'func greet(name string) {\n\tfmt.Println("hello", name)\n}',
    "c": 'void greet(char *name) { printf("hello %s", name); }',
}
STATION = '''\
"""Tide stations."""


def height_at(station, moment):
    """Height of the water above chart datum."""
    return station.mean + station.range * wave(moment)


def parse_message(line):
    return [float(field) for field in line.split(",")]


def close_lock(gate):
    gate.shut()
    return gate
'''
NOUNS = ("buoy", "anchor", "lighthouse", "current", "harbour", "ferry", "chart", "sail", "engine", "rope")


def write_data(folder: Path) -> None:
    """Evaluation data of every kind, a few rows each."""
    (folder / "repos").mkdir(parents=True)
    with tarfile.open(folder / "repos" / "corpora.tar.xz", "w:xz") as archive:
        source = folder.parent / "station.py"
        source.write_text(STATION)
        archive.add(source, "corpora/stations/station.py")
    repo = {"repo": "stations", "language": "python"}
    answer = {"path": "station.py", "name": "parse_message", "start_line": 9, "end_line": 10}
    files = {"relevant": ["station.py"], "secondary": []}
    write_rows(folder / "repos" / "queries.jsonl", [{**repo, "query": "water level", **files}])
    write_rows(folder / "repos" / "text2fn.jsonl", [{**repo, "query": "read numbers", "answers": [answer]}])
    corpus = [{"id": 0, "code": OTHERS["python"]}, {"id": 1, "code": TASKS["python"]}]
    write_rows(folder / "cosqa" / "corpus.jsonl.gz", corpus)
    write_rows(folder / "cosqa" / "dev.jsonl.gz", [{"id": "q", "query": "sum of a list", "relevant": 1}])
    rows = [{"task": "total", "language": name, "code": code} for name, code in TASKS.items()]
    rows += [{"task": "greet", "language": name, "code": code} for name, code in OTHERS.items()]
    write_rows(folder / "code2code" / "gfg.jsonl.gz", rows)


def write_mined(work: Path) -> None:
    functions = [
        function(
            f"{verb}_{noun}", f"{verb.title()} the {noun}.", "tides-1", f"def {verb}_{noun}({noun}): ..."
        )
        for verb in ("paint", "move")
        for noun in NOUNS
    ]
    write_rows(work / "mined" / "python.jsonl.gz", [each.to_json() for each in functions])


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        folders = ["--work", tmp_path / "work", "--results", tmp_path / "results"]
        command = [sys.executable, "-m", "training", "evaluate", *map(str, folders), *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)

    return run


@pytest.mark.slow
def test_all_tasks_side_by_side(tmp_path: Path, evaluate: Callable[..., Any]) -> None:
    write_data(tmp_path / "data")
    write_mined(tmp_path / "work")
    base, folder = converted(tmp_path / "tiny"), tmp_path / "adapted"
    adapters(folder, base, ["python"])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")}
    options = ["--eval", str(tmp_path / "data"), "--model", str(base), "--system", f"adapted={folder}"]
    done = evaluate(*options, "--name", "few")
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "data").rglob("*")} == before
    assert "packages: javascript has not been mined" in done.stderr

    text = (tmp_path / "results" / "few.json").read_text()
    assert str(tmp_path) not in text
    results = json.loads(text)
    tasks = tasks_of(results)
    assert {"packages", "cosqa", "code2code", "code2code-mixed", "repos-file-vectors"} <= set(tasks)
    assert {"repos-function-vectors", "repos-file-hybrid", "repos-function-hybrid"} <= set(tasks)
    packages = tasks["packages"]["groups"]["python"]
    assert (packages["queries"], packages["corpus"], packages["pools"]) == (20, 20, 1)
    assert set(packages["systems"]) == {"bm25", "base", "adapted"}
    # The noun and the verb of each question are in the name of its function.
    assert packages["systems"]["bm25"]["recall@1"].value == 1.0
    assert set(packages["gains"]) == {"bm25", "adapted"}
    assert set(tasks["code2code"]["groups"]) == {f"{a} -> {b}" for a in TASKS for b in TASKS if a != b}
    assert set(tasks["repos-function-vectors"]["groups"]["python"]["systems"]) == {"bm25", "base", "adapted"}
    assert tasks["repos-file-vectors"]["all"]["systems"]["base"]["MRR"].value == 1.0
    assert results["systems"]["adapted"]["adapters"] == {"python": 4}
    assert results["command"].endswith("--name few")
    ranks = json.loads((tmp_path / "work" / "ranks" / "few.json").read_text())
    assert len(ranks["packages"]["python"]["adapted"]["rank"]) == 20


def test_a_task_without_data_is_skipped_with_a_line(tmp_path: Path, evaluate: Callable[..., Any]) -> None:
    write_mined(tmp_path / "work")
    done = evaluate("--tasks", "packages,cosqa,csn", "--languages", "python")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("skipped")] == [
        "skipped cosqa: no evaluation data (give --eval FOLDER or set CODESIFT_EVAL)",
        "skipped csn: no CodeSearchNet files (give --csn FOLDER)",
    ]
    tasks = tasks_of(read_json(tmp_path / "results" / "evaluation.json"))
    assert list(tasks) == ["packages"]
    figures = tasks["packages"]["groups"]["python"]["systems"]["base"]
    assert figures["MRR"].low <= figures["MRR"].value <= figures["MRR"].high
    assert figures["MRR"].value > 0.9 and figures["recall@5"].value == 1.0
    assert "packages" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--tasks", "cosqa,nothing"], "error: unknown task nothing"),
        (["--languages", "cobol"], "error: unknown language cobol"),
        (["--tasks", "csn"], "error: nothing was measured"),
        (["--system", "x=nowhere"], "error: --system x: there is no nowhere"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], line: str, evaluate: Callable[..., Any]) -> None:
    done = evaluate(*arguments)
    assert done.returncode == 1
    assert line in done.stderr and "Traceback" not in done.stderr


def test_damaged_data_is_one_line(tmp_path: Path, evaluate: Callable[..., Any]) -> None:
    path = tmp_path / "work" / "mined" / "python.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(gzip.compress(b'{"repo": "x"}\n'))
    done = evaluate("--tasks", "packages", "--languages", "python")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
