"""Identifiers and prose become search terms, the same way on both sides of a search."""

from __future__ import annotations

import subprocess
import sys

import pytest

from codesift.words import (
    STOP_WORDS,
    is_slip,
    is_symbol,
    looks_like_code,
    mentioned,
    query_terms,
    related,
    split_identifier,
    symbol_parts,
    terms,
)


@pytest.mark.parametrize(
    ("identifier", "parts"),
    [
        ("parse_json", ["parse", "json"]),
        ("parseJson", ["parse", "json"]),
        ("ParseJSON", ["parse", "json"]),
        ("PARSE_JSON", ["parse", "json"]),
        ("__init__", ["init"]),
        ("parseHTTPHeader_v2", ["parse", "http", "header", "v", "2"]),
        ("utf8Decode", ["utf", "8", "decode"]),
        ("x", ["x"]),
        ("解析", ["解析"]),
        ("___", []),
    ],
)
def test_an_identifier_is_split_at_its_humps_underscores_and_digits(
    identifier: str, parts: list[str]
) -> None:
    assert split_identifier(identifier) == parts


def test_all_spellings_of_a_name_share_their_terms() -> None:
    spellings = ("retryAfterDelay", "RetryAfterDelay", "retry_after_delay", "RETRY_AFTER_DELAY")
    assert {tuple(terms(spelling)) for spelling in spellings} == {
        ("retry", "after", "delay", "retryafterdelay")
    }


def test_terms_keep_the_order_of_the_text_and_join_only_what_has_several_parts() -> None:
    assert terms("def openFile(path):  # reads") == ["def", "open", "file", "openfile", "path", "reads"]


@pytest.mark.parametrize("text", ["", "  \n", "?!… +-*/", "___", "🙂"])
def test_text_without_words_has_no_terms(text: str) -> None:
    assert terms(text) == query_terms(text) == []


def test_a_query_loses_its_stop_words_and_repetitions() -> None:
    assert query_terms("Where is the function that parses the parses?") == ["parses"]


def test_a_query_of_stop_words_alone_keeps_them() -> None:
    assert query_terms("where is it") == ["where", "is", "it"]
    assert set(query_terms("where is it")) <= STOP_WORDS


@pytest.mark.parametrize(
    "text",
    [
        *("close", " close ", "parse_json", "RouterGroup", "Foo::bar", "a.b.c", "close()", "save!", "A#run"),
        *("\\App\\Cart", "::std::move", "operator==", "Grid::operator()", "operator ->", "Grid::~Grid"),
    ],
)
def test_a_bare_symbol_is_recognized(text: str) -> None:
    assert is_symbol(text)


@pytest.mark.parametrize(
    "text", ["", "close file", "a.b c", "1st", "f(x)", "where?is", "a..b", "a +", "::", "operator ===="]
)
def test_anything_else_is_no_symbol(text: str) -> None:
    assert not is_symbol(text)


@pytest.mark.parametrize(
    ("symbol", "parts"),
    [
        ("Foo::bar()", ["Foo", "bar"]),
        ("a.b.c", ["a", "b", "c"]),
        ("p->next", ["p", "next"]),
        ("Array#map", ["Array", "map"]),
        ("close", ["close"]),
        ("\\App\\Cart", ["App", "Cart"]),
        ("Grid::operator()", ["Grid", "operator()"]),
        ("operator ->", ["operator->"]),
        ("Grid::operator bool", ["Grid", "operator", "bool"]),
    ],
)
def test_a_symbol_is_cut_into_the_names_on_its_way(symbol: str, parts: list[str]) -> None:
    assert symbol_parts(symbol) == parts


@pytest.mark.parametrize(
    "text",
    [
        "def area(r):\n    return 3.14 * pow(r, 2)\n",
        "for (int i = 0; i < n; i++) {\n  total += values[i];\n}\n",
        "func Max(a, b int) int {\n\tif a > b {\n\t\treturn a\n\t}\n\treturn b\n}\n",
        "const wait = (ms) => new Promise((done) => {\n  setTimeout(done, ms);\n});",
    ],
)
def test_pasted_code_is_recognized(text: str) -> None:
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "where are requests retried",
        "import data from a file",
        "TypeError: 'NoneType' object is not callable",
        "close()",
        "what does x = y mean?",
        "Is there a class for retries?\nI need it to wait between two requests.\n",
    ],
)
def test_questions_symbols_and_error_messages_are_not_code(text: str) -> None:
    assert not looks_like_code(text)


@pytest.mark.parametrize(
    ("word", "other", "is_related"),
    [
        ("router", "routed", True),
        ("parse", "parser", True),
        ("tide", "tide", True),
        ("log", "logs", True),
        ("car", "cartography", False),
        ("in", "input", False),
        ("tide", "quay", False),
    ],
)
def test_forms_of_a_word_begin_alike(word: str, other: str, is_related: bool) -> None:
    assert related(word, other) is related(other, word) is is_related


@pytest.mark.parametrize("other", ["releas", "releasse", "releaze", "relaese", "elease"])
def test_one_typing_error_is_a_slip(other: str) -> None:
    assert is_slip("release", other) and is_slip(other, "release")


@pytest.mark.parametrize("other", ["release", "rel", "relaxes", "lease", "esaeler"])
def test_the_same_word_and_a_far_one_are_no_slips(other: str) -> None:
    assert not is_slip("release", other)


def test_only_what_code_is_written_with_is_mentioned() -> None:
    text = "why does MutexLock differ from absl::Mutex and parse_json, and what is HTTPHeader in A Word"
    assert mentioned(text) == [["MutexLock"], ["absl", "Mutex"], ["parse_json"], ["HTTPHeader"]]


LONG = """
from codesift.words import is_symbol, looks_like_code, mentioned, symbol_parts
for text in ("A" * 300_000, "x" + "\\n" * 300_000 + "x", "operator->" * 30_000, "a." * 150_000):
    print(len(mentioned(text)), looks_like_code(text), is_symbol(text), len(symbol_parts(text)))
"""


def test_a_very_long_text_takes_no_time_that_grows_with_its_square() -> None:
    """That would be minutes to hours; as it is, all of it takes less than a second."""
    done = subprocess.run(
        [sys.executable, "-c", LONG], capture_output=True, text=True, timeout=60, check=True
    )
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:3] for row in rows] == [
        ["0", "False", "True"],
        ["0", "False", "False"],
        ["1", "False", "True"],
        ["1", "False", "False"],
    ]
    assert [row[3] for row in rows] == ["1", "2", "30000", "150000"]
