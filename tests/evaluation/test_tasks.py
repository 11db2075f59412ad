"""What each task asks, of what corpus, and how its files are read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mined_functions import tide_function as function

from evaluation.files import write_rows
from evaluation.tasks import code2code, cosqa, csn, xlcost
from evaluation.tasks.groups import TEXT, Missing, Snippet, Wanted
from evaluation.tasks.packages import MOST_FUNCTIONS, MOST_QUERIES, package_pools

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
