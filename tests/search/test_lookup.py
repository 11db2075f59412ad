"""What `similar` starts from: names, lines, files outside, code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import HashingEncoder, opened, refuse, run_index, unit, write

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.index.opening import Index
from codesift.search.lookup import origin_of_code, origin_of_target, pick, split_target, unit_of_code
from codesift.types import Unit

SETTINGS = Settings()
QUAY = '''import os


class Quay:
    """Berths."""

    @logged
    def release(self):
        return 1


class Crane:
    def release(self):
        return 2


def moor():
    return 3
'''
UNITS = [
    unit("quay", 1, 1, "module"),
    unit("Quay", 4, 5, "class"),
    unit("Quay.release", 7, 9, "method"),
    unit("Crane", 12, 12, "class"),
    unit("Crane.release", 13, 14, "method"),
    unit("moor", 17, 18),
    unit("ns::Grid::at", 20, 40, "method"),
    unit("ns::Grid::at.inner", 22, 30),
]
FILE = Path("quay.py")


def picked(wanted: str, units: list[Unit] = UNITS) -> str:
    return pick(units, wanted, FILE).qualified_name


def complaint(wanted: str, units: list[Unit] = UNITS) -> str:
    with pytest.raises(UsageError) as caught:
        pick(units, wanted, FILE)
    return "\n".join([str(caught.value), *caught.value.choices])


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    root = tmp_path / "repo"
    write(root, "port/quay.py", QUAY)
    run_index(root, HashingEncoder())
    monkeypatch.chdir(root)
    with opened(root) as index:
        yield index


# -- FILE:NAME is cut -----------------------------------------------------------------------------


def test_a_target_is_cut_behind_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.cpp", "")
    write(tmp_path, "odd:name.py", "")
    monkeypatch.chdir(tmp_path)
    assert split_target("a.cpp:ns::Grid::at") == (Path("a.cpp"), "ns::Grid::at")
    assert split_target("odd:name.py:12") == (Path("odd:name.py"), "12")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("a.py", "names no function"),
        ("a.py:", "names no function"),
        ("", "names no function"),
        ("missing.py:f", "there is no file missing.py"),
        (":f", "there is no file"),
    ],
)
def test_a_target_without_file_or_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    write(tmp_path, "a.py", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        split_target(target)


# -- which unit is meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("moor", "moor"),
        ("Quay", "Quay"),
        ("Quay.release", "Quay.release"),
        ("ns::Grid::at", "ns::Grid::at"),
        ("Grid::at", "ns::Grid::at"),
        ("at", "ns::Grid::at"),
        ("quay", "quay"),
        ("18", "moor"),
        ("7", "Quay.release"),
        ("25", "ns::Grid::at.inner"),
        ("35", "ns::Grid::at"),
    ],
)
def test_a_name_its_end_or_a_line_means_one_unit(wanted: str, found: str) -> None:
    assert picked(wanted) == found


def test_the_brackets_of_a_call_may_be_part_of_a_name_or_not() -> None:
    assert picked("moor()") == "moor"
    units = [unit("operator", 1, 3), unit("Grid::operator==", 4, 9, "method")]
    assert picked("operator()", units) == "operator"
    assert picked("operator==", units) == picked("Grid::operator ==", units) == "Grid::operator=="
    assert picked("operator()", [*units, unit("Grid::operator()", 10, 12)]) == "Grid::operator()"


def test_an_ambiguous_name_lists_where_each_is() -> None:
    text = complaint("release")
    assert "ambiguous" in text
    assert "quay.py:7  Quay.release" in text and "quay.py:13  Crane.release" in text and "moor" not in text


def test_an_unknown_name_lists_what_is_like_it_or_else_all() -> None:
    assert "Quay.release" in complaint("rele") and "moor" not in complaint("rele")
    everything = complaint("zeppelin")
    assert "there is no 'zeppelin' in quay.py" in everything and "quay.py:17  moor" in everything


def test_a_long_list_is_cut_and_says_so() -> None:
    many = [unit(f"f{n}", n, n) for n in range(1, 31)]
    assert "and 22 more" in complaint("zeppelin", many)


def test_a_line_above_a_function_means_it_and_one_far_from_all_lists_the_nearest() -> None:
    assert picked("10") == "Crane"
    assert "line 9999 of quay.py is in no unit" in complaint("9999")


@pytest.mark.parametrize("wanted", ["Logger.push", "Logger::push", "Logger#push", "Log\\Logger::push"])
def test_the_separator_does_not_matter(wanted: str) -> None:
    units = [unit("Logger", 3, 5), unit("Log::Logger::push", 7, 9)]
    assert pick(units, wanted, FILE).start_line == 7


def test_a_class_named_like_its_file_is_meant_not_what_is_left_of_the_module() -> None:
    left = replace(unit("Logger", 1, 2), kind="module")
    assert pick([left, unit("Logger", 4, 9)], "Logger", FILE).start_line == 4


# -- in the index and outside ---------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["Quay.release", "7", "9", "8"])
def test_a_unit_of_the_index_needs_no_encoder(index: Index, wanted: str) -> None:
    origin = origin_of_target(f"port/quay.py:{wanted}", index, SETTINGS, refuse)
    assert (origin.path, origin.lines[0]) == ("port/quay.py", 7)
    assert (origin.language, origin.label) == ("python", f"port/quay.py:{wanted}")
    assert origin.vectors[0].shape == (384,)


def test_the_file_is_named_as_seen_from_here(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(index.root / "port")
    here = origin_of_target("quay.py:moor", index, SETTINGS, refuse)
    absolute = origin_of_target(f"{index.root}/port/quay.py:moor", index, SETTINGS, refuse)
    assert (here.path, here.lines) == (absolute.path, absolute.lines) and here.path == "port/quay.py"


def test_a_path_upwards_is_the_same_file(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    write(index.root, "port/deep/empty.py", "")
    monkeypatch.chdir(index.root / "port" / "deep")
    assert origin_of_target("../quay.py:moor", index, SETTINGS, refuse).path == "port/quay.py"


def test_a_file_outside_is_encoded_and_is_no_unit_of_the_index(index: Index, tmp_path: Path) -> None:
    file = write(tmp_path, "elsewhere/dock.go", "package d\n\nfunc Moor() int {\n\treturn 3\n}\n")
    encoder = HashingEncoder()
    origin = origin_of_target(f"{file}:Moor", index, SETTINGS, lambda: encoder)
    assert (origin.path, origin.language, len(origin.vectors)) == ("", "go", 1)
    assert "func Moor() int" in encoder.encoded[0]


def test_a_file_not_indexed_yet_is_read_as_it_is(index: Index) -> None:
    write(index.root, "port/new.py", "def fresh():\n    return 1\n")
    origin = origin_of_target("port/new.py:fresh", index, SETTINGS, HashingEncoder)
    assert origin.path == "port/new.py" and len(origin.vectors) == 1


def test_a_binary_file_outside_is_refused(index: Index, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0\1" * 100)
    with pytest.raises(UsageError, match="cannot read"):
        origin_of_target(f"{tmp_path}/a.bin:1", index, SETTINGS, refuse)


# -- code -----------------------------------------------------------------------------------------


def test_the_largest_definition_of_a_snippet_is_meant() -> None:
    code = "import os\n\ndef small(): pass\n\ndef large():\n    a = 1\n    return a\n"
    assert unit_of_code(code, "python").name == "large"


@pytest.mark.parametrize(("code", "language"), [("x = read()\nprint(x)", "python"), ("tide tables", "text")])
def test_a_snippet_without_a_definition_is_one_unit(code: str, language: str) -> None:
    found = unit_of_code(code, language)
    assert found.code == code and (found.start_line, found.end_line) == (1, code.count("\n") + 1)


def test_code_starts_a_search_without_being_in_the_index() -> None:
    origin = origin_of_code(unit_of_code("def f():\n    return 1\n", "python"), "python", HashingEncoder)
    assert (origin.path, origin.language, origin.label) == ("", "python", "def f()")
    assert len(origin.vectors) == 1
