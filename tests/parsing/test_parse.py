"""What becomes a unit, in every language, and that nothing is lost or breaks on the way."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from pathlib import Path

import pytest

from codesift.parsing import grammar
from codesift.parsing.languages import LANGUAGES, language_of
from codesift.parsing.passages import WINDOW_LENGTH
from codesift.parsing.units import parse
from codesift.types import Unit

DATA = Path(__file__).parents[1] / "data" / "parse"
SAMPLES = sorted(DATA.iterdir())
NO_CODE = re.compile(
    r"\W*$|\W*end\W*$|#(ifdef|ifndef|if|else|elif|endif)\b|namespace\b|public:|protected:|private:|private$"
    r"|mod \w+ |class << self|<\?php|#!"
)

EXPECTED: dict[str, list[str]] = json.loads((DATA.parent / "parse_units.json").read_text(encoding="utf-8"))


def units_of(path: Path) -> list[Unit]:
    return parse(path.read_text(encoding="utf-8"), language_of(path.name), path.name)


def one(sample: str, qualified_name: str, kind: str = "") -> Unit:
    found = [
        unit
        for unit in units_of(DATA / sample)
        if unit.qualified_name == qualified_name and kind in ("", unit.kind)
    ]
    assert found, qualified_name
    return found[0]


def uncovered(text: str, units: list[Unit], language: str) -> list[str]:
    """Lines of code in no unit's range and in no unit's code."""
    loaded = grammar.load(language)
    assert loaded
    syntax = grammar.read(loaded, text.encode())
    bare = text.encode()
    for lead in syntax.leads:
        if not lead.decorator:
            bare = (
                bare[: lead.start] + re.sub(rb"[^\n]", b" ", bare[lead.start : lead.end]) + bare[lead.end :]
            )
    covered = {line for unit in units for line in range(unit.start_line, unit.end_line + 1)}
    codes = "\n".join(unit.code for unit in units)
    lines = enumerate(bare.decode().split("\n"), 1)
    return [
        line
        for number, line in lines
        if number not in covered and not NO_CODE.match(line.strip()) and line.strip() not in codes
    ]


def test_there_is_a_sample_of_every_language() -> None:
    assert {language_of(path.name) for path in SAMPLES} == LANGUAGES.keys() - {"text"}
    assert {path.name for path in SAMPLES} == EXPECTED.keys()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_functions_methods_and_classes_are_units(path: Path) -> None:
    found = [
        f"{unit.kind} {unit.qualified_name} {unit.start_line}-{unit.end_line}"
        for unit in units_of(path)
        if unit.kind != "module"
    ]
    assert found == EXPECTED[path.name]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_units_are_sound_and_no_line_of_code_is_lost(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    language = language_of(path.name)
    units = units_of(path)
    check(text, units)
    assert units == parse(text, language, path.name)
    assert uncovered(text, units, language) == []
    separator = LANGUAGES[language].separator
    for unit in units:
        assert unit.qualified_name == unit.name or unit.qualified_name.endswith(separator + unit.name)
        assert (unit.signature == "") == (unit.kind == "module")
        assert "\n" not in unit.signature and len(unit.signature) <= 300
        assert unit.name == path.stem or unit.kind != "module"


def check(text: str, units: list[Unit]) -> None:
    """What holds of the units of any text whatever."""
    source = text.encode("utf-8", "replace")
    assert units == sorted(units, key=lambda unit: (unit.start_byte, -unit.end_byte))
    open_units: list[Unit] = []
    for unit in units:
        assert 0 <= unit.start_byte <= unit.end_byte <= len(source)
        assert unit.start_line == source.count(b"\n", 0, unit.start_byte) + 1
        assert unit.start_line <= unit.end_line <= source.count(b"\n") + 1
        while open_units and open_units[-1].end_byte <= unit.start_byte:
            open_units.pop()
        if open_units and unit.kind != "text":
            assert open_units[-1].kind in ("function", "method")
            assert unit.end_byte <= open_units[-1].end_byte
        open_units.append(unit)


@pytest.mark.parametrize(
    ("sample", "name", "documentation"),
    [
        ("sample.py", "Bucket", "A token bucket.\n\nTokens come back at a fixed rate."),
        ("sample.py", "Bucket.left", "How many whole tokens are left."),
        ("sample.py", "sample", "Rate limits for outgoing requests."),
        ("sample.js", "buildQueue", "Build a queue of jobs.\n@param {object} options"),
        ("Sample.java", "Sample.Failure", "How it failed."),
        ("sample.go", "sample", "Package ring keeps the last values of a stream."),
        ("sample.rb", "Mailer::Client::initialize", "@param host [String]"),
        ("sample.php", "Cart::add", "Add an item.\n\n@throws InvalidArgumentException"),
        ("sample.c", "sample", ""),
        ("sample.cpp", "Grid::Grid", "Builds from one value."),
        ("Sample.cs", "IPayable", "Something that can be paid."),
        ("sample.rs", "sample", "Small counters."),
        ("sample.kt", "Room", "A room with members."),
        ("sample.scala", "parse", "Reads a line."),
    ],
)
def test_documentation_is_the_docstring_or_the_comment_before(
    sample: str, name: str, documentation: str
) -> None:
    assert one(sample, name).documentation == documentation


@pytest.mark.parametrize(
    ("sample", "name", "signature"),
    [
        ("sample.py", "Bucket.take", "def take( self, count: int = 1, ) -> bool"),
        ("sample.ts", "FileSource", "export abstract class FileSource implements Source"),
        ("Sample.java", "Sample.iterator", "public java.util.Iterator<V> iterator()"),
        ("sample.go", "Ring.Push", "func (r *Ring[T]) Push(value T)"),
        ("sample.rb", "Mailer::Client::open", "def self.open(host)"),
        ("sample.c", "ring_new", "struct ring * ring_new(void)"),
        ("sample.cpp", "Grid::at", "template <typename T, int N> T& Grid<T, N>::at(int i)"),
        ("Sample.cs", "Invoice.PayAsync", "public async Task PayAsync(string account)"),
        ("sample.kt", "Message.isLong", "val Message.isLong: Boolean"),
        ("sample.swift", "Forecast.==", "static func == (a: Forecast, b: Forecast) -> Bool"),
        ("sample.scala", "Store", "class Store(limit: Int) extends Counted"),
    ],
)
def test_a_signature_is_one_line_without_decorators_and_body(sample: str, name: str, signature: str) -> None:
    assert one(sample, name).signature == signature


def test_a_docstring_leaves_its_lines_behind_in_the_code() -> None:
    code = one("sample.py", "Bucket.take").code.split("\n")
    assert code[4] == "" and code[5] == "        self._refill()"


def test_a_class_holds_the_fields_after_its_methods_but_not_the_methods() -> None:
    code = one("sample.py", "Bucket").code
    assert "capacity: float" in code and 'unit = "token"' in code
    assert "def take" not in code and "A token bucket" not in code


def test_what_an_impl_says_of_a_type_goes_to_the_type() -> None:
    assert "impl fmt::Display for Error {" in one("sample.rs", "Error").code
    assert "impl std::error::Error for Error {}" in one("sample.rs", "Error").code


def test_text_without_a_grammar_is_cut_into_overlapping_windows() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 101))
    units = parse(text, "text", "notes/todo.txt")
    assert [(unit.start_line, unit.end_line) for unit in units] == [(1, 40), (31, 70), (61, 100)]
    assert {(unit.kind, unit.name, unit.qualified_name) for unit in units} == {
        ("text", "todo.txt", "todo.txt")
    }
    assert [text.encode()[unit.start_byte : unit.end_byte].decode() for unit in units] == [
        u.code for u in units
    ]


LINES = {
    "one line": "word " * 50_000,
    "no blanks": "x" * 50_000,
    "not ascii": "größe字 " * 9_000,
    "long lines": "\n".join("value;" * 400 * (n % 5) for n in range(100)),
    "windows line ends": ("word " * 300 + "\r\n") * 60,
    "blanks": " " * 50_000 + "x",
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES.keys())
def test_windows_of_long_lines_are_cut_and_nothing_is_lost(text: str) -> None:
    units = parse(text, "text", "data.txt")
    assert max(len(unit.code) for unit in units) <= WINDOW_LENGTH
    source = text.encode()
    edge = 0
    for unit in units:
        assert source[unit.start_byte : unit.end_byte].decode() == unit.code
        assert not source[edge : unit.start_byte].strip()
        edge = max(edge, unit.end_byte)
        assert unit.start_line == source.count(b"\n", 0, unit.start_byte) + 1
        assert unit.end_line == source.count(b"\n", 0, unit.end_byte - 1) + 1
    assert not source[edge:].strip()


def test_a_grammar_that_is_not_installed_leaves_windows_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tree_sitter_python", None)
    grammar.load.cache_clear()
    try:
        assert [unit.kind for unit in parse("def f(): pass\n", "python", "a.py")] == ["text"]
    finally:
        grammar.load.cache_clear()


def test_a_license_is_no_documentation_and_no_unit() -> None:
    assert parse("// Copyright 2020 Somebody\n\n// Licensed under MIT.\n", "go", "a.go") == []


def test_a_file_of_documentation_alone_is_a_unit() -> None:
    (unit,) = parse('"""All about nothing."""\n', "python", "pkg/__init__.py")
    assert (unit.kind, unit.name, unit.documentation, unit.code) == (
        "module",
        "__init__",
        "All about nothing.",
        "",
    )


def test_a_comment_behind_code_or_above_a_blank_line_documents_nothing() -> None:
    text = "int a; // of a\nint f() { return 1; }\n// far\n\nint g() { return 1; }\n"
    assert [unit.documentation for unit in parse(text, "c", "a.c")] == ["", "", ""]


def test_small_functions_in_functions_stay_inside() -> None:
    text = "def outer():\n    def small():\n        return 1\n    def five():\n" + "        a\n" * 4
    assert [unit.qualified_name for unit in parse(text, "python", "a.py")] == ["outer", "outer.five"]


HEADER = """NS_BEGIN_X
class API_EXPORT Door : public Wall {
 public:
  API_INLINE bool open() const { return x; }
};
API_ATTRIBUTE_COLD(1)
void Slam(int n) API_LOCKS(mu_) {
  n++;
}
NS_END_X
"""


def test_macros_do_not_hide_the_classes_and_functions_of_a_header() -> None:
    found = [(unit.qualified_name, unit.start_line, unit.end_line) for unit in parse(HEADER, "cpp", "door.h")]
    assert found == [("Door", 1, 3), ("Door::open", 4, 4), ("Slam", 6, 9)]


CFG_NET = """cfg_net! {
    /// Opens.
    pub fn open() -> u8 {
        1
    }

    impl A {
        fn b() {}
    }
}
"""


def test_items_in_a_macro_of_rust_are_units() -> None:
    found = [(unit.kind, unit.qualified_name, unit.documentation) for unit in parse(CFG_NET, "rust", "a.rs")]
    assert ("function", "open", "Opens.") in found and ("method", "A::b", "") in found


HOSTILE = {
    "empty": "",
    "blank": "\n \n\t\n",
    "open brackets": "(" * 3000 + "{" * 3000,
    "deep functions": "function f() {\n" * 400 + "}\n" * 400,
    "deep python": "".join(" " * depth + f"def f{depth}():\n" for depth in range(300)),
    "deep classes": "class C {\n" * 400 + "}\n" * 400,
    "deep macros": "m!{" * 400 + "}" * 400,
    "broken": 'class { def (: fn }} struct = func ) /* """ \' ` <?php',
    "nul and surrogates": "def f():\n\0\0 \udcff\n\ud800 = 1\n",
    "carriage returns": "def f():\r\n    pass\r\n\r\nint g() {\r\n}\r\n",
    "comments only": "// a\n" * 500 + "# b\n" * 500,
    "decorators": "@a\n" * 500 + "#[a]\n" * 500,
    "long line": "x = 1; " * 20000,
    "generics": "void f" + "<A" * 500 + ">" * 500 + "() {}",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_breaks_the_parser(language: str) -> None:
    for text in HOSTILE.values():
        check(text, parse(text, language, "x"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_damaged_files_still_give_sound_units(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    chance = random.Random(7)
    for _ in range(15):
        start, end = sorted(chance.sample(range(len(text)), 2))
        for damaged in (text[:start], text[start:end], text[:start] + text[end:]):
            check(damaged, parse(damaged, language_of(path.name), path.name))


@pytest.mark.slow
def test_a_function_of_100_000_lines_is_one_unit() -> None:
    text = "function f() {\n" + "  x = x + 1\n" * 100_000 + "}\n"
    started = time.monotonic()
    (unit,) = parse(text, "javascript", "a.js")
    assert (unit.start_line, unit.end_line) == (1, 100_002)
    assert time.monotonic() - started < 20
