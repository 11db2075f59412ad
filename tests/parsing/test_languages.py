"""How files and names find their language."""

from __future__ import annotations

import importlib

import pytest

from codesift.errors import UsageError
from codesift.parsing.languages import LANGUAGES, Language, language_of, resolve_language


@pytest.mark.parametrize("row", LANGUAGES.values(), ids=str)
def test_a_row_is_found_by_its_name_aliases_suffixes_and_file_names(row: Language) -> None:
    assert resolve_language(row.name) == row.name
    assert {resolve_language(alias.upper()) for alias in row.aliases} <= {row.name}
    assert {language_of(f"dir.d/file{suffix}") for suffix in row.suffixes if suffix != ".h"} == {row.name}
    assert {language_of(f"a/{name}") for name in row.filenames} <= {row.name}
    assert {language_of("tool", f"#!/usr/bin/{p} -x\n".encode()) for p in row.interpreters} <= {row.name}


def test_no_suffix_alias_or_interpreter_belongs_to_two_rows() -> None:
    for column in ("suffixes", "filenames", "aliases", "interpreters"):
        entries = [entry for row in LANGUAGES.values() for entry in getattr(row, column)]
        assert len(entries) == len(set(entries)), column


@pytest.mark.parametrize("row", [row for row in LANGUAGES.values() if row.grammar], ids=lambda row: row.name)
def test_a_row_names_a_grammar_that_is_installed(row: Language) -> None:
    assert callable(getattr(importlib.import_module(row.grammar), row.function))


def test_pygments_knows_every_lexer() -> None:
    lexers = pytest.importorskip("pygments.lexers")
    for row in LANGUAGES.values():
        lexers.get_lexer_by_name(row.lexer)


@pytest.mark.parametrize(
    ("path", "head", "expected"),
    [
        ("README.md", b"# Title", "text"),
        ("Makefile", b"all:\n", "text"),
        ("LICENSE", b"", "text"),
        ("src/App.JSX", b"", "javascript"),
        ("bin/run", b"#!/usr/bin/env python3.11\n", "python"),
        ("bin/run", b"#!/usr/bin/env -S node --harmony\n", "javascript"),
        ("bin/run", b"#! /bin/sh\necho python\n", "text"),
        ("bin/run", b"#!/usr/bin/env", "text"),
        ("bin/run", b"\xff\xfe\x00", "text"),
        (".rb", b"", "ruby"),
        ("", b"", "text"),
    ],
)
def test_what_has_no_known_suffix_is_told_by_its_name_or_its_first_line(
    path: str, head: bytes, expected: str
) -> None:
    assert language_of(path, head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"#pragma once\n#include <vector>\n",
        b"namespace a::b {\n",
        b"  template <typename T>\nvoid f(T);",
        b"class Shape : public Base {\n public:\n",
        b"enum class Color : int { kRed };\n",
        b"int size(const std::string& text);\n",
        b"using Name = int;\n",
    ],
)
def test_a_header_with_marks_of_cpp_is_cpp(head: bytes) -> None:
    assert language_of("x.h", head) == "cpp"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#ifndef X_H\n#include <stdio.h>\nstruct a { int b; };\nint f(struct a *);\n",
        b"/* a class of\n   using templates from std::string\n   explicit or virtual */\nint f(void);\n",
    ],
)
def test_any_other_header_is_c(head: bytes) -> None:
    assert language_of("x.h", head) == "c"


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UsageError, match=r"unknown language 'pyton' \(did you mean python\?\)"):
        resolve_language("pyton")
    with pytest.raises(UsageError, match="known: python, javascript"):
        resolve_language("zzzz")
