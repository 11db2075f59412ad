"""What the tests of a package say of its functions: `test_parse_empty_list` -> "parse empty list"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from codesift.parsing import grammar
from codesift.types import Unit
from codesift.words import split_identifier
from training.mining.cleaning import judged, plain

if TYPE_CHECKING:
    from tree_sitter import Query

MOST = 3
"""Tests of one function that are kept."""
_FEWEST, _LONGEST = 3, 20

_TITLES = """
    (call_expression
      function: (identifier) @callee arguments: (arguments . (string) @title)
      (#match? @callee "^(it|test|specify)$")) @test"""
_QUERIES = {
    "javascript": _TITLES,
    "typescript": _TITLES,
    "tsx": _TITLES,
    "ruby": """
        (call
          method: (identifier) @callee arguments: (argument_list . (string) @title) block: (_)
          (#match? @callee "^(it|test|specify|should)$")) @test""",
}
_CALL = re.compile(r"([^\W\d]\w*[?!]?)\s*(?:::<[^<>()]*>)?\(")
_RUBY_CALL = re.compile(r"(?:\.|::)([a-z_]\w*[?!]?)|([a-z_]\w*[?!]?)\(")
_NAMED = re.compile(r"^(?:test|Test|should_|it_|spec_|Should)|Tests?$|_test$")
_SAYS_NOTHING = frozenset(
    """
    test tests it should case cases ok works work basic simple example unit spec function method and with the
    a of in for on correctly properly can is be does normal default all
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)


class TitledTest(NamedTuple):
    """One test of a package."""

    title: str
    """In words."""
    calls: frozenset[str]
    """Names of what it calls."""


def tests_in(language: str, text: str, units: Iterable[Unit]) -> Iterator[TitledTest]:
    """The tests in one file: its functions that are named so, and what is handed to `it` and `test`."""
    for unit in units:
        if unit.kind in ("function", "method") and (_NAMED.search(unit.name) or "#[test]" in unit.code[:200]):
            title = " ".join(split_identifier(_NAMED.sub("", unit.name)))
            yield TitledTest(title, _calls(language, unit.code))
    if language in _QUERIES:
        yield from _titled(language, text)


def _titled(language: str, text: str) -> Iterator[TitledTest]:
    from tree_sitter import Parser, QueryCursor

    loaded = grammar.load(language)
    assert loaded is not None
    tree = Parser(loaded.language).parse(text.encode("utf-8", "replace"))
    for _, captures in QueryCursor(_query(language)).matches(tree.root_node):
        title, test = (
            (captures[role][0].text or b"").decode("utf-8", "replace") for role in ("title", "test")
        )
        yield TitledTest(re.sub(r"^should (?:be able to )?", "", title[1:-1]), _calls(language, test))


@cache
def _query(language: str) -> Query:
    from tree_sitter import Query

    loaded = grammar.load(language)
    assert loaded is not None
    return Query(loaded.language, _QUERIES[language])


def _calls(language: str, code: str) -> frozenset[str]:
    pattern = _RUBY_CALL if language == "ruby" else _CALL
    return frozenset(next(filter(None, match.groups())) for match in pattern.finditer(code))


def assign(found: Iterable[TitledTest], names: Counter[str]) -> Mapping[str, tuple[str, ...]]:
    """Name of a function -> what its tests say.

    A test is about the one function of the package it calls, if their names share a word, or else about the
    one whose name's words are all in the test's.

    Args:
        found: the tests of one package.
        names: how often each name is defined in it; tests of a name with several meanings are left out.
    """
    titles: dict[str, list[str]] = {}
    for case in found:
        name = _subject(case, names)
        text = judged(plain(case.title), _FEWEST, _LONGEST).text if name else ""
        if text and _adds(text, name) and text not in titles.setdefault(name, []):
            titles[name].append(text)
    return {name: tuple(texts[:MOST]) for name, texts in titles.items() if texts}


def _subject(case: TitledTest, names: Counter[str]) -> str:
    called = sorted(name for name in case.calls if names[name] == 1)
    words = set(split_identifier(case.title))
    if len(called) == 1:
        return called[0] if words & set(split_identifier(called[0])) else ""
    named = [name for name in called if (parts := set(split_identifier(name))) and parts <= words]
    named.sort(key=lambda name: -len(split_identifier(name)))
    return named[0] if named else ""


def _adds(text: str, name: str) -> bool:
    """Whether a test's title says more than the name of what is tested."""
    more = set(split_identifier(text)) - set(split_identifier(name)) - _SAYS_NOTHING
    return len({word for word in more if word.isalpha() and len(word) > 1}) >= 1
