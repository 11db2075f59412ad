"""What becomes a unit, in every language, and that nothing is lost or breaks on the way."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from codesift import grammar
from codesift.languages import LANGUAGES, language_of
from codesift.parse import parse
from codesift.types import Unit

DATA = Path(__file__).parent / "data" / "parse"
SAMPLES = sorted(DATA.iterdir())
NO_CODE = re.compile(
    r"\W*$|\W*end\W*$|#(ifdef|ifndef|if|else|elif|endif)\b|namespace\b|public:|protected:|private:|private$"
    r"|mod \w+ |class << self|<\?php|#!"
)

EXPECTED = {
    "sample.py": """
        class Bucket 13-19; method Bucket.__init__ 21-24; method Bucket.left 27-29; method Bucket.take 31-40;
        method Bucket._refill 42-45; class Bucket.Empty 49-50; function limited 53-66;
        function limited.decorate 57-64; function limited.decorate.wrapper 58-62; function double 71-73;
        function square 76-76""",
    "sample.js": """
        function buildQueue 10-28; function buildQueue.next 14-23; function sleep 31-31; function retry 33-41;
        class Worker 43-45; method Worker.constructor 47-50; method Worker.stop 53-55;
        method Worker.state 57-59; method Worker.each 61-63; method formats.csv 68-70;
        method formats.json 71-73; method formats.plain 74-74; method Worker.toString 77-79;
        function close 82-84; function default 91-93""",
    "sample.jsx": "function Badge 3-7; function List 9-18",
    "sample.ts": """
        class Source 4-7; class Parsed 9-12; class Level 14-17; function join 24-26; function sealed 29-31;
        class FileSource 34-37; method FileSource.constructor 39-39; method FileSource.read 44-50;
        method FileSource.clear 52-55; function parse 60-62; function identity 64-64""",
    "sample.tsx": "class Props 3-3; function Dialog 6-12; class Counter 14-15; method Counter.render 17-19",
    "Sample.java": """
        class Sample 15-22; method Sample.Sample 25-27; method Sample.Sample 29-31; method Sample.find 36-45;
        method Sample.iterator 47-60; method Sample.iterator.hasNext 49-55; class Sample.Failure 65-66;
        method Sample.Failure.fatal 68-70; class Sample.Listener 73-74;
        method Sample.Listener.cleared 76-78; class Pair 82-82; method Pair.Pair 83-85; class Marker 88-90""",
    "sample.go": """
        class Ring 18-21; class Sink 24-26; class config 34-36; function New 40-42; method Ring.Push 46-53;
        method config.String 55-57; function describe 59-61; function init 63-67""",
    "sample.rb": """
        class Mailer 6-7; class Mailer::Error 10-10; class Mailer::Client 12-14;
        method Mailer::Client::initialize 17-19; method Mailer::Client::open 21-24;
        method Mailer::Client::default 27-29; method Mailer::Client::<=> 34-36;
        method Mailer::Client::empty? 38-38; method Mailer::Client::log 40-40;
        method Mailer::Client::ping 42-46; method Mailer::deliver 49-51; function helper 54-56;
        class Mailer::Queue 58-58; method Mailer::Queue::push 59-61; class Point 64-64;
        method Point::length 65-67""",
    "sample.php": """
        class Priced 14-17; class Countable 19-21; method Countable::count 23-26; class Cart 30-36;
        method Cart::__construct 38-40; method Cart::add 47-54; method Cart::price 56-59; class State 64-67;
        method State::label 69-72; function total 76-79; function discount 81-83; function half 85-85""",
    "sample.c": """
        class ring 13-16; class point_t 18-20; class color 24-24; class value 26-29; function ring_new 36-41;
        function ring_full 45-48; function ring_full 50-50; function ring_names 53-55;
        function ring_compare 57-60""",
    "sample.cpp": """
        function Square 12-12; class Shape 17-19; method Shape::~Shape 20-20; method Shape::name 24-24;
        method Shape::operator== 26-28; method Shape::operator bool 30-30; class Grid 36-40;
        class Grid::Cell 41-43; method Grid::Grid 50-53; method Grid::at 55-59; class Color 61-61;
        function Largest 66-69; method Shape::Area 71-74; method Shape::~Shape 76-76;
        function operator<< 78-80; function Names 82-85; method ShapeTest::HasArea 89-92;
        function main 94-94""",
    "Sample.cs": """
        class IPayable 10-14; class Currency 16-20; class Invoice 25-29; method Invoice.Invoice 32-37;
        method Invoice.~Invoice 39-42; method Invoice.Amount 49-60; method Invoice.Late 62-62;
        method Invoice.this 64-68; method Invoice.PayAsync 71-78; method Invoice.operator+ 80-84;
        class Line 89-89; class Money 91-93; method Money.Round 95-95; class Extensions 98-99;
        method Extensions.IsFree 100-100""",
    "sample.rs": """
        class Error 7-11; class Counter 14-18; class Bits 20-23; class Count 25-29;
        method Count::add_all 31-35; method Counter::new 40-43; method Error::fmt 47-52;
        method String::add 60-63; function count 66-70; function split 75-81; function splits 87-90""",
    "sample.kt": """
        class Message 9-9; class Channel 14-17; method Channel.describe 19-21; class Role 24-26;
        method Role.mayBan 28-28; class Result 31-31; class Result.Ok 32-32; class Result.Failed 33-33;
        class Room 37-44; method Room.constructor 46-48; method Room.size 50-54; method Room.topic 56-59;
        method Room.join 62-69; method Room.send 71-76; method Room.lobby 81-81; class Registry 85-86;
        method Registry.get 88-88; method Message.shortened 94-95; method Message.isLong 97-98;
        function retry 100-109; function greet 111-113""",
    "sample.swift": """
        class Sky 7-9; method Sky.symbol 11-16; class WeatherSource 20-23; class Forecast 25-28;
        method Forecast.mean 31-33; method Forecast.== 35-37; method Forecast.widen 39-42;
        class WeatherCache 48-52; method WeatherCache.init 54-56; method WeatherCache.deinit 58-60;
        method WeatherCache.subscript 62-65; method WeatherCache.forecast 68-76; class Counter 85-86;
        method Counter.increment 88-91; class String 94-94; method String.trimmed 96-98;
        function celsius 103-105; function warm 107-109""",
    "sample.scala": """
        class Item 7-7; class Counted 12-13; method Counted.isEmpty 15-15; class Event 18-18;
        class Opened 19-19; class Store 22-25; method Store.this 27-27; method Store.add 30-39;
        method Store.total 41-41; method Store.+= 43-43; method Store.each 45-53;
        function Store.each.visit 46-51; class Store 59-60; method Store.apply 62-66;
        class Store.Priced 68-68; method Store.Priced.worth 69-69; class Shelf 73-75;
        method Shelf.reach 77-77; class Ordering 82-82; method Ordering.compare 83-83;
        method Item.discounted 87-88; function parse 91-95; function double 97-97; function run 99-99""",
}


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
    assert syntax
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
    assert found == [entry.strip() for entry in EXPECTED[path.name].split(";")]


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
        ("sample.py", "double", "Doubles a number.\nSlowly."),
        ("sample.py", "sample", "Rate limits for outgoing requests."),
        ("sample.js", "buildQueue", "Build a queue of jobs.\n@param {object} options"),
        ("sample.ts", "FileSource", "Reads files."),
        ("Sample.java", "Sample", "Keeps values by key.\n\n@param <V> type of the values"),
        ("Sample.java", "Sample.find", "Finds a value."),
        ("sample.go", "sample", "Package ring keeps the last values of a stream."),
        ("sample.go", "Ring.Push", "Push adds a value,\ndropping the oldest."),
        ("sample.rb", "Mailer::Client::initialize", "@param host [String]"),
        ("sample.php", "Cart::add", "Add an item.\n\n@throws InvalidArgumentException"),
        ("sample.c", "ring_new", "Make a ring."),
        ("sample.c", "sample", ""),
        ("sample.cpp", "Grid::Grid", "Builds from one value."),
        ("sample.cpp", "main", ""),
        ("Sample.cs", "IPayable", "Something that can be paid."),
        ("sample.rs", "sample", "Small counters."),
        ("sample.rs", "split", "Splits a line."),
        ("sample.kt", "Room", "A room with members."),
        ("sample.swift", "WeatherCache", "Keeps forecasts for a while."),
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
        ("sample.py", "double", "async def double(x: int) -> int"),
        ("sample.ts", "FileSource", "export abstract class FileSource implements Source"),
        ("Sample.java", "Sample.hidden", ""),
        ("sample.go", "Ring", "type Ring[T any] struct"),
        ("sample.go", "Ring.Push", "func (r *Ring[T]) Push(value T)"),
        ("sample.rb", "Mailer::Client::open", "def self.open(host)"),
        ("sample.c", "ring_new", "struct ring * ring_new(void)"),
        ("sample.cpp", "Grid::at", "template <typename T, int N> T& Grid<T, N>::at(int i)"),
        ("Sample.cs", "Invoice.PayAsync", "public async Task PayAsync(string account)"),
        ("sample.rs", "Counter", "pub struct Counter<'a, T>"),
        ("sample.kt", "Message.isLong", "val Message.isLong: Boolean"),
        ("sample.swift", "Forecast.==", "static func == (a: Forecast, b: Forecast) -> Bool"),
        ("sample.scala", "Store", "class Store(limit: Int) extends Counted"),
    ],
)
def test_a_signature_is_one_line_without_decorators_and_body(sample: str, name: str, signature: str) -> None:
    if signature:
        assert one(sample, name).signature == signature


def test_a_docstring_leaves_its_lines_behind_in_the_code() -> None:
    code = one("sample.py", "Bucket.take").code.split("\n")
    assert code[5] == "" and code[6] == "        self._refill()"


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


def test_a_grammar_that_is_not_installed_leaves_windows_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tree_sitter_python", None)
    grammar.load.cache_clear()
    try:
        assert [unit.kind for unit in parse("def f(): pass\n", "python", "a.py")] == ["text"]
    finally:
        grammar.load.cache_clear()


def test_a_file_the_parser_does_not_finish_becomes_windows_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "PARSE_SECONDS", 0.05)
    assert {unit.kind for unit in parse(")}]" * 5000, "scala", "a.scala")} == {"text"}


def test_a_licence_is_no_documentation_and_no_unit() -> None:
    assert parse("// Copyright 2020 Somebody\n\n// Licensed under MIT.\n", "go", "a.go") == []


def test_a_file_of_documentation_alone_is_a_unit() -> None:
    (unit,) = parse('"""All about nothing."""\n', "python", "pkg/__init__.py")
    assert (unit.kind, unit.name, unit.documentation, unit.code) == (
        "module",
        "__init__",
        "All about nothing.",
        "",
    )


def test_small_functions_in_functions_stay_inside() -> None:
    text = "def outer():\n    def small():\n        return 1\n    def five():\n        a\n        b\n        c\n        d\n"
    assert [unit.qualified_name for unit in parse(text, "python", "a.py")] == ["outer", "outer.five"]


def test_macros_do_not_hide_the_classes_and_functions_of_a_header() -> None:
    text = (
        "NS_BEGIN_X\nclass API_EXPORT Door : public Wall {\n public:\n  API_INLINE bool open() const { return x; }\n};\n"
        "API_ATTRIBUTE_COLD(1)\nvoid Slam(int n) API_LOCKS(mu_) {\n  n++;\n}\nNS_END_X\n"
    )
    found = [(unit.qualified_name, unit.start_line, unit.end_line) for unit in parse(text, "cpp", "door.h")]
    assert found[:3] == [("Door", 2, 3), ("Door::open", 4, 4), ("Slam", 7, 9)] or ("Slam", 6, 9) in found


def test_items_in_a_macro_of_rust_are_units() -> None:
    text = "cfg_net! {\n    /// Opens.\n    pub fn open() -> u8 {\n        1\n    }\n\n    impl A {\n        fn b() {}\n    }\n}\n"
    found = [(unit.kind, unit.qualified_name, unit.documentation) for unit in parse(text, "rust", "a.rs")]
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


def test_a_function_of_100_000_lines_is_one_unit() -> None:
    text = "function f() {\n" + "  x = x + 1\n" * 100_000 + "}\n"
    started = time.monotonic()
    (unit,) = parse(text, "javascript", "a.js")
    assert (unit.start_line, unit.end_line) == (1, 100_002)
    assert time.monotonic() - started < 20
