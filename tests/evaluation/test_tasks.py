"""Comparing systems: what each task asks, and the whole command on a few functions."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_models import adapters, converted

from codesift.errors import UsageError
from codesift.models.bases import BASES, DEFAULT, NO_ADAPTERS, space_for
from evaluation.bm25 import Bm25
from evaluation.files import read_json, write_rows
from evaluation.metrics import RelevantRanks
from evaluation.rankers import Cache, NamedAdapters, VectorRanker
from evaluation.records import Function
from evaluation.summary import tasks_of
from evaluation.tasks import code2code, cosqa, csn, xlcost
from evaluation.tasks.groups import TEXT, Group, Missing, Pool, Snippet, Task, Wanted
from evaluation.tasks.packages import MOST_FUNCTIONS, MOST_QUERIES, package_pools
from training.evaluate import rank_pools

ROOT = Path(__file__).parents[2]


def function(name: str, docstring: str, package: str = "tides-1.0", code: str = "") -> Function:
    code = code or f"def {name}(values):\n    return sorted(values)[{len(name)}]"
    return Function(
        repo=package.partition("-")[0],
        package=package,
        path="tides/station.py",
        func_name=name,
        language="python",
        partition="test",
        kind="function",
        name=name,
        signature=f"def {name}(values)",
        original_string=code,
        code=code,
        documentation=docstring,
        docstring=docstring,
        sha="0" * 16,
        start_line=len(name),
    )


# -- packages -------------------------------------------------------------------------------------


def test_documentation_is_asked_and_is_not_in_the_code_that_is_ranked() -> None:
    functions = [function(f"name{n}", f"Height of tide number {n}.") for n in range(12)]
    (pool,) = package_pools(functions, seed=0)
    assert {query.body for query in pool.queries} == {each.docstring for each in functions}
    assert {query.language for query in pool.queries} == {TEXT}
    assert not any("Height of tide" in entry.head + entry.body for entry in pool.corpus)
    for query, rows in zip(pool.queries, pool.relevant, strict=True):
        assert [pool.corpus[row].head.split()[-1] for row in rows]
        number = query.body.removesuffix(".").split()[-1]
        assert all(f"name{number}(" in pool.corpus[row].body for row in rows)


def test_functions_without_documentation_are_ranked_and_not_asked() -> None:
    functions = [function(f"name{n}", "Height of the tide." if n == 3 else "") for n in range(12)]
    (pool,) = package_pools(functions, seed=0)
    assert (len(pool.queries), len(pool.corpus)) == (1, 12)


def test_heads_of_classes_are_left_alone() -> None:
    functions = [function(f"name{n}", f"Tide {n}.") for n in range(12)]
    (pool,) = package_pools([*functions, replace(functions[0], kind="class", docstring="All tides.")], seed=0)
    assert (len(pool.queries), len(pool.corpus)) == (12, 12)


def test_functions_with_the_same_documentation_all_answer_it() -> None:
    functions = [function(f"name{n}", f"Tide {n % 6}.") for n in range(12)]
    (pool,) = package_pools(functions, seed=0)
    assert sorted(len(rows) for rows in pool.relevant) == [2] * 6


def test_large_packages_are_cut_and_tiny_ones_left_out_the_same_way_each_time() -> None:
    large = [function(f"name{n}", f"Tide {n}.", "large-1") for n in range(MOST_FUNCTIONS + 50)]
    tiny = [function(f"name{n}", f"Tide {n}.", "tiny-1") for n in range(3)]
    (pool,) = package_pools([*large, *tiny], seed=0)
    assert (len(pool.queries), len(pool.corpus)) == (MOST_QUERIES, MOST_FUNCTIONS)
    assert package_pools([*tiny, *reversed(large)], seed=0) == [pool]
    assert package_pools([*large, *tiny], seed=1) != [pool]


# -- other data -----------------------------------------------------------------------------------


def test_code_is_ranked_against_all_of_the_other_language() -> None:
    solutions = [
        code2code.Solution("sum", "python", "p sum"),
        code2code.Solution("max", "python", "p max"),
        code2code.Solution("sum", "go", "g sum"),
        code2code.Solution("min", "go", "g min"),
    ]
    groups = {group.name: group.pools[0] for group in code2code.pairs(solutions)}
    assert set(groups) == {"go -> python", "python -> go"}
    pool = groups["python -> go"]
    assert [query.body for query in pool.queries] == ["p sum"]
    assert ([entry.body for entry in pool.corpus], pool.relevant) == (["g sum", "g min"], ((0,),))


def test_the_values_a_task_is_tested_with_are_no_part_of_its_function() -> None:
    c = "int f_gold(int x) {\n  return -x;\n}\n\nint f_filled(int x) {}\n\nint main(void) {\n  f(96);\n}"
    rust = '#[no_mangle]\npub fn f_gold() {}\n#[no_mangle]\npub extern "C" fn f_filled() {}\nfn main() {}'
    assert code2code.without_harness(c) == "int f_gold(int x) {\n  return -x;\n}"
    assert code2code.without_harness(rust) == "#[no_mangle]\npub fn f_gold() {}"
    assert code2code.without_harness("def f_gold(x):\n    return x") == "def f_gold(x):\n    return x"


def test_in_the_mixed_corpus_a_language_does_not_answer_itself() -> None:
    solutions = [code2code.Solution("sum", language, language) for language in ("c", "go", "java", "c")]
    mixed = next(task for task in code2code.tasks("t", solutions) if task.name == "t-mixed")
    (pool,) = next(group.pools for group in mixed.groups if group.name == "c")
    assert pool.relevant == ((1, 2), (1, 2))
    assert pool.left_out == ((0, 3), (0, 3))


def test_cosqa_is_read_as_its_authors_publish_it(tmp_path: Path) -> None:
    (tmp_path / "code_idx_map.txt").write_text(json.dumps({"def a(): pass": 7, "def b(): pass": 9}))
    rows = [{"idx": "cosqa-dev-1", "doc": "how to b", "code": "def b(): pass", "retrieval_idx": 9}]
    (tmp_path / "cosqa-retrieval-dev-500.json").write_text(json.dumps(rows))
    assert cosqa.read(tmp_path, "dev") == (["def a(): pass", "def b(): pass"], ["how to b"], [1])
    with pytest.raises(Missing, match="holds neither"):
        cosqa.read(tmp_path / "nowhere", "dev")


def test_codesearchnet_is_asked_its_documentation_and_ranked_without(tmp_path: Path) -> None:
    row = {
        "path": "src/tides.py",
        "func_name": "Station.height",
        "language": "python",
        "code": 'def height(self):\n    """Height now."""\n    return self.now',
        "docstring": "Height now.\n\nIn metres.",
        "partition": "test",
    }
    write_rows(tmp_path / "python_test_0.jsonl.gz", [row, {**row, "partition": "train"}])
    ((question, entry),) = csn.read(tmp_path, "test")["python"]
    assert question == Snippet("", "Height now.", TEXT)
    assert entry.head == "tides Station.height"
    assert "Height now" not in entry.body and "return self.now" in entry.body


def test_xlcost_tokens_become_lines_and_indentation() -> None:
    tokens = (
        'def f ( x ) : NEW_LINE INDENT if x : NEW_LINE INDENT return "a▁b" NEW_LINE DEDENT return 1 NEW_LINE'
    )
    assert xlcost.source(tokens.split()) == ('def f ( x ) :\n    if x :\n        return "a b"\n    return 1')


def test_xlcost_is_read_from_its_search_files(tmp_path: Path) -> None:
    row = {"idx": "12-C/12-Python", "docstring_tokens": ["int", "f"], "code_tokens": ["def", "f"]}
    write_rows(tmp_path / "retrieval" / "code2code_search" / "program_level" / "C" / "test.jsonl", [row])
    text = {"idx": 12, "url": "12-C", "docstring_tokens": ["Add", "two"], "code_tokens": ["int", "f"]}
    write_rows(tmp_path / "retrieval" / "nl2code_search" / "program_level" / "C" / "test.jsonl", [text])
    pairs, described = xlcost.load(Wanted(tmp_path, xlcost=tmp_path))
    assert [group.name for group in pairs.groups] == ["c -> python", "python -> c"]
    assert described.groups[0].pools[0].queries == (Snippet("", "Add two", TEXT),)


def test_xlcost_is_read_from_its_aligned_files(tmp_path: Path) -> None:
    programs, texts = (
        tmp_path / "pair_data_tok_full" / "C++-C#",
        tmp_path / "pair_data_tok_full_desc" / "C#-desc",
    )
    programs.mkdir(parents=True)
    texts.mkdir(parents=True)
    (programs / "test-C++-C#-tok.cpp").write_text("int a\nint b\n")
    (programs / "test-C++-C#-tok.cs").write_text("long a\nlong b\n")
    (programs / "train-C++-C#-tok.cs").write_text("other\n")
    (texts / "test-C#-desc-tok.cs").write_text("long a\nlong b\n")
    (texts / "test-C#-desc-tok.txt").write_text("first\nsecond\n")
    pairs, described = xlcost.load(Wanted(tmp_path, xlcost=tmp_path))
    assert [group.name for group in pairs.groups] == ["cpp -> csharp", "csharp -> cpp"]
    assert pairs.groups[0].pools[0].relevant == ((0,), (1,))
    assert [(group.name, len(group.pools[0].corpus)) for group in described.groups] == [("csharp", 2)]


# -- systems --------------------------------------------------------------------------------------

CODE = (
    Snippet("tide", "def height_of_tide(station): return station.level", "python"),
    Snippet("radio", "def parseMessage(line): return line.split(',')", "python"),
    Snippet("", "!!", "python"),
)


def test_words_find_the_parts_of_an_identifier() -> None:
    pool = Pool((Snippet("", "parse a message", TEXT), Snippet("", "nowhere", TEXT)), CODE, ((1,), (0,)))
    measured = rank_pools(Task("t", "", (Group("g", (pool,)),)), [Bm25()])
    # A query without a known word ties everything, and ties are against us.
    assert measured.groups["g"].found["bm25"] == [RelevantRanks((1,), 1), RelevantRanks((3,), 1)]


def test_a_text_is_encoded_once_and_a_crash_costs_only_what_was_not_stored(tmp_path: Path) -> None:
    encoded: list[str] = []

    def encode(texts: Sequence[str]) -> Any:
        if "broken" in texts:
            raise RuntimeError
        encoded.extend(texts)
        return np.array([[len(text), 0.5] for text in texts], np.float32)

    def run(*texts: str) -> dict[str, Any]:
        cache = Cache(tmp_path / "vectors" / "x.sqlite")
        try:
            return cache.encoded(texts, encode, lambda done, total: None)
        finally:
            cache.close()

    assert {text: row.tolist() for text, row in run("a", "bbb").items()} == {"a": [1, 0.5], "bbb": [3, 0.5]}
    many = ["a", *("x" * length for length in range(10, 700)), "broken"]
    with pytest.raises(RuntimeError):
        run(*many)
    stored = len(encoded)
    assert stored > 500
    run(*many[:-1])
    assert sorted(encoded) == sorted([*many[:-1], "bbb"])


def test_queries_in_batches_have_the_vectors_the_tool_gives_them(tmp_path: Path) -> None:
    base = BASES[DEFAULT]
    questions = ["height of the tide", "how to parse a message of a radio", "word " * 400]
    system = VectorRanker("base", space_for(base, NO_ADAPTERS), tmp_path, lambda name, done, total: None)
    system.prepare(Snippet("", text, TEXT) for text in questions)
    for text in questions:
        (batched,) = system._vectors[Snippet("", text, TEXT)]
        assert batched @ system._encoder.encode_query(text) > 0.998


@pytest.mark.parametrize("text", ["x", "x=", "=folder", "a/b=folder", "x=nowhere"])
def test_a_system_is_a_name_and_a_folder_that_is_there(text: str) -> None:
    with pytest.raises(UsageError, match="--system"):
        NamedAdapters.parse(text)


# -- the command ----------------------------------------------------------------------------------

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
