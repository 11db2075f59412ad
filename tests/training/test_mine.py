"""Mining: what becomes a function, what it is said to do, what is a copy, and who may learn from it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from codesift.parsing.units import parse
from evaluation.records import Function
from training import mine
from training.__main__ import main
from training.learning.pairs import functions_in
from training.mining import spans, splits, testnames
from training.mining.dedupe import distinct
from training.mining.extract import UnpackedPackage, extract_functions

PYTHON = '''\
import logging


def read_rows(path, limit):
    """Read the rows of a table.

    :param path: where it is
    """
    # the first line holds
    # the names of columns
    rows = open(path).read().splitlines()[1:]
    if len(rows) > limit:
        raise ValueError("too many rows in %s: "
                         "raise the limit" % path)
    logging.warning(f"read {len(rows)} rows of the table")  # rows = rows[1:]
    return rows


def tiny(x):
    return x


class Table:
    def __init__(self, rows):
        self.rows = rows
        self.columns = len(rows[0])
        self.name = None
'''
PYTHON_TEST = """\
def test_read_rows_skips_empty_lines():
    assert read_rows("a") == other()
    assert read_rows("b")


def test_read_rows():
    read_rows("a")
"""
SOURCES = {
    "python": """\
def f(a):
    # look for the longest one
    raise E(f"no list was given to {a} at all")
""",
    "javascript": """\
function f(a) {
  // look for the longest one
  if (!a) throw new Error("no list was given to " + a + " at all");
}
""",
    "typescript": """\
class A {
  f(a: string): void {
    /* look for the longest one */
    console.warn(`no list was given to ${a} at all`);
  }
}
""",
    "java": """\
class A {
  void f(int a) {
    // look for
    // the longest one
    throw new E("no list was given to " + a + " at all");
  }
}
""",
    "go": """\
package p
func f(a int) error {
	// look for the longest one
	return fmt.Errorf("no list was given to %d at all", a)
}
""",
    "ruby": """\
def f(a)
  # look for the longest one
  raise ArgumentError, "no list was given to #{a} at all"
end
""",
    "php": """\
<?php
function f($a) {
  // look for the longest one
  throw new E('no list was given to ' . $a . ' at all');
}
""",
    "c": """\
int f(int a) {
  /* look for the longest one */
  log_error("no list was given to %d at all", a);
  return 0;
}
""",
    "cpp": """\
int A::f(int a) {
  // look for the longest one
  throw std::runtime_error("no list was given to at all");
}
""",
    "csharp": """\
class A {
  void F(int a) {
    // look for the longest one
    throw new E($"no list was given to {a} at all");
  }
}
""",
    "rust": """\
fn f(a: u8) {
    // look for the longest one
    panic!("no list was given \\
            to {} at all", a);
}
""",
}


def package(folder: Path, files: dict[str, str], name: str = "tables") -> UnpackedPackage:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return UnpackedPackage(folder, "python", name, splits.project_of(name))


def function(code: str, docstring: str = "", package: str = "", partition: str = "") -> Function:
    """A function of which only what is given matters."""
    names = ("repo", "path", "func_name", "language", "kind", "name", "signature", "original_string")
    row = {**dict.fromkeys(names, ""), "documentation": "", "start_line": 1, "sha": splits.code_digest(code)}
    return Function.from_json(
        {**row, "code": code, "docstring": docstring, "package": package, "partition": partition}
    )


def test_a_function_is_found_with_all_that_is_said_of_it(tmp_path: Path) -> None:
    found, counts = extract_functions(
        package(tmp_path, {"tables/read.py": PYTHON, "tests/test_read.py": PYTHON_TEST})
    )
    assert [each.func_name for each in found] == ["read_rows"]
    (rows,) = found
    assert rows.docstring == "Read the rows of a table."
    assert "Read the rows" in rows.original_string and "Read the rows" not in rows.code
    assert [span.text for span in rows.comments] == ["the first line holds the names of columns"]
    assert [span.text for span in rows.messages] == [
        "too many rows in: raise the limit",
        "read rows of the table",
    ]
    assert rows.tests == ("read rows skips empty lines",)
    assert counts.functions == {"kept": 1, "tiny": 1, "constructor": 1, "class without a text": 1}
    assert counts.files == {"read": 1, "test": 1}


def test_of_a_documented_class_the_head_is_mined(tmp_path: Path) -> None:
    text = (
        'class Table(list):\n    """Rows with names of columns."""\n\n    columns = ()  # of any length\n\n'
        + "".join(f"    {line}\n" for line in PYTHON.partition("\n\n\n")[2].splitlines())
        + "\n\nclass Row(list):\n    columns = ()\n"
    )
    found, counts = extract_functions(package(tmp_path, {"tables/table.py": text}))
    (table,) = (each for each in found if each.kind == "class")
    assert (table.func_name, table.docstring) == ("Table", "Rows with names of columns.")
    assert "columns = ()" in table.code and "read_rows" not in table.code
    assert table.comments == table.messages == ()
    assert counts.functions["class without a text"] == 2


def test_cutting_a_span_leaves_code_that_still_runs(tmp_path: Path) -> None:
    (rows,), _ = extract_functions(package(tmp_path, {"read.py": PYTHON}))
    for span in (*rows.comments, *rows.messages):
        compile(rows.code[: span.start] + rows.code[span.end :], "read.py", "exec")
    head, body = rows.text(documentation=False, cut=[*rows.comments, *rows.messages])
    assert "names of columns" not in body and "too many" not in body and "read_rows" in head


@pytest.mark.parametrize("language", SOURCES)
def test_comments_and_messages_are_found_in_each_language(language: str) -> None:
    source = SOURCES[language]
    unit = next(unit for unit in parse(source, language, "a.x") if unit.name in ("f", "F", "A::f"))
    comments, messages = spans.spans_of(unit, source.encode(), spans.marks(language, source))
    assert [span.text for span in comments] == ["look for the longest one"]
    assert [span.text for span in messages] == ["no list was given to at all"]
    assert unit.code[messages[0].start - 1] in "\"'`" and unit.code[messages[0].end] in "\"'`"


def test_offsets_count_characters_not_bytes() -> None:
    source = 'def f(a):\n    b = "äöü"\n    # look for the longest one\n    return b\n'
    (unit,) = (unit for unit in parse(source, "python", "a.py") if unit.kind == "function")
    ((span,), _) = spans.spans_of(unit, source.encode(), spans.marks("python", source))
    assert unit.code[span.start : span.end] == "# look for the longest one"


def test_tests_are_told_by_what_they_call_and_by_their_words() -> None:
    text = 'it("should keep the order of keys", () => { expect(sortKeys({})).toBe(1) })'
    (case,) = testnames.tests_in("javascript", text, parse(text, "javascript", "a.test.js"))
    assert case.title == "keep the order of keys"
    assert testnames.assign([case], Counter(["sortKeys", "other"])) == {
        "sortKeys": ("keep the order of keys",)
    }
    assert testnames.assign([case], Counter(["sortKeys", "sortKeys"])) == {}


def test_copies_and_near_copies_go_and_the_first_stays() -> None:
    lines = [f"    total += weights[{n}] * values[{n}]" for n in range(30)]
    first, same, near = (
        function("\n".join(body))
        for body in (lines, [f"{line} " for line in lines], [*lines[:-1], "    pass"])
    )
    other = function("def other(x):\n    return [y for y in x if y]")
    counts: dict[str, int] = {}
    assert list(distinct([first, same, near, other], counts)) == [first, other]
    assert counts == {"exact": 1, "near": 1}


@pytest.mark.parametrize(
    ("name", "project"),
    [
        *[
            (name, "foo")
            for name in ("foo", "node-foo", "ruby-foo", "php-foo", "libfoo-java", "librust-foo-dev")
        ],
        *[(name, "foo") for name in ("foo.js", "Foo", "foo-2.0", "libfoo2", "python3-foo", "foo-dev")],
        ("golang-github-somebody-foo-dev", "foo"),
        ("@babel/core", "babel"),
        ("libcommons-io-java", "commons-io"),
    ],
)
def test_a_project_is_the_same_in_all_registries(name: str, project: str) -> None:
    assert splits.project_of(name) == project


def test_partitions_depend_on_the_project_and_never_on_the_company_it_is_in() -> None:
    alone = splits.partitions({"a": 5, "b": 5}, (), 0)
    crowd = splits.partitions({"a": 5, "b": 5} | {f"p{n}": 0 for n in range(2000)}, (), 0)
    assert {name: crowd[name] for name in alone} == alone
    shares = Counter(crowd.values())
    assert abs(shares["test"] / 2000 - 0.12) < 0.03 and abs(shares["dev"] / 2000 - 0.06) < 0.02


def test_a_language_has_enough_projects_to_be_measured_on() -> None:
    names = [name for name in (f"p{n}" for n in range(400)) if splits.score(name, 0) > 0.2][:100]
    elsewhere = set(names[:20])
    split = splits.partitions(dict.fromkeys(names, 50), elsewhere, 0)
    assert Counter(split.values()) == {"train": 77, "test": 15, "dev": 8}
    assert all(split[name] == "train" for name in elsewhere)


def test_texts_that_several_functions_share_are_taken_away() -> None:
    functions = [
        function("a", docstring="Get it all.", package=name, partition=name) for name in ("train", "test")
    ]
    drops: Counter[str] = Counter()
    kept = list(mine.specific([*functions, *functions], drops))
    assert [each.docstring for each in kept] == ["Get it all.", "", "", ""]


def test_no_package_outweighs_the_others() -> None:
    functions = [function(str(n), package=name) for n in range(5) for name in "ab"]
    drops: Counter[str] = Counter()
    kept = list(mine.capped(functions, drops, 3))
    assert Counter(each.package for each in kept) == {"a": 3, "b": 3} and drops["over the cap"] == 4


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Fetched packages: one of its own, one excluded, and one with a copy of the first."""
    for name in ("tables", "fastapi", "copies"):
        folder = tmp_path / "packages" / "python" / f"{name}-1.0"
        package(folder, {f"{name}/read.py": PYTHON.replace("tiny", f"{name}_tiny")}, name)
        folder.with_name(f"{name}-1.0.json").write_text(json.dumps({"name": name, "version": "1.0"}))
    exclusions = tmp_path / "eval"
    exclusions.mkdir()
    (exclusions / "exclude_projects.txt").write_text("fastapi\n")
    (exclusions / "exclude_sha1.txt.gz").write_bytes(gzip.compress(b"0123456789abcdef\n"))
    return tmp_path


def mined(work: Path, *more: str) -> list[Function]:
    arguments = ["mine", "--work", str(work), "--jobs", "1", "--languages", "python", *more]
    assert main([*arguments, "--exclude", str(work / "eval")]) == 0
    return list(functions_in(work / "mined" / "python.jsonl.gz"))


def test_mining_leaves_out_copies_and_excluded_projects(work: Path) -> None:
    (found,) = mined(work)
    assert found.func_name == "read_rows" and found.partition in splits.PARTITIONS
    report = json.loads((work / "mined/python.report.json").read_text())
    assert report["packages"] == {"read": 2, "excluded": 1} and report["left_out"] == {"exact": 1}
    assert json.loads((work / "mined/settings.json").read_text())["options"]["seed"] == 0


def test_mining_again_changes_nothing_and_is_skipped(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mined(work)
    file = work / "mined/python.jsonl.gz"
    before = file.read_bytes()
    mined(work)
    assert "there already" in capsys.readouterr().out
    file.unlink()
    mined(work)
    assert file.read_bytes() == before


def test_an_excluded_function_is_left_out_with_and_without_its_documentation(work: Path) -> None:
    for text in ("original_string", "code"):
        (found,) = mined(work)
        digest = splits.code_digest(getattr(found, text))
        (work / "eval/exclude_sha1.txt.gz").write_bytes(gzip.compress(digest.encode()))
        assert mined(work) == []
        (work / "eval/exclude_sha1.txt.gz").write_bytes(gzip.compress(b""))


def test_it_says_that_it_mines_without_exclusions(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIFT_EVAL", raising=False)
    assert main(["mine", "--work", str(work), "--jobs", "1", "--languages", "python"]) == 0
    assert "without exclusions" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--languages", "cobol"], ["--exclude", "nowhere"], ["--languages", "go"]]
)
def test_bad_input_is_one_line(work: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mine", "--work", str(work), *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
