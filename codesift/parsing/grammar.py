"""Parsing with tree-sitter: source -> the ranges of its definitions, comments and docstrings.

The query of the language decides what these are. Its captures:

- `@function`, `@method`, `@class`: a definition. Several patterns may match one definition (with and without
  its decorators or its `export`): the widest range counts. If two patterns name one range, the name of the
  later pattern is taken.
- `@scope`: qualifies the functions in it, but is no definition (`impl` of Rust).
- `@name` (the parts are joined), `@owner` (the type that a function belongs to, where it is written beside
the
  name), `@body` (the signature ends here). `(#set! name "...")` names a definition without a name.
- `@documentation`: a docstring at the start of a body.
- `@comment`, `@decorator`: belong to the definition right after them.
- `@blank`: is not worth showing on its own (`#endif`, `end`).
- `@inner`: brackets whose content the grammar did not parse; it is parsed again.
"""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codesift.parsing.languages import LANGUAGES
from codesift.parsing.trees import find_matches

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, Range

    Captures = dict[str, list[Node]]

_DEFINITIONS = ("function", "method", "class", "scope")
_SPANS = ("comment", "decorator", "blank", "documentation")
_ROUNDS = 3
"""Maximum depth to which macros inside macros are parsed."""
_MAX_NAME_BYTES = 8_000
"""Maximum number of bytes of a name that are decoded. Names are cut far shorter later, and a name may contain
other ones."""

_MACRO = rb"[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]*\))?"
_BEFORE = rb"(?:(?:static|inline|extern|virtual|constexpr|explicit|friend)[ \t]+)*"
_AFTER = (
    rb"(?=(?:static|inline|constexpr|template|virtual|explicit|friend|class|struct|auto|void|bool|int)\b"
    rb"|[A-Za-z_][\w:<>,&* \t]*[ \t*&>][\w:~]+[ \t]*\()"
)
# Each pattern begins with a literal to search for, which is several times faster than the start of a line.
_HIDDEN_MACROS = (
    rb"(?:class|struct|union|enum|namespace)[ \t]+(" + _MACRO + rb")(?=[ \t]+[A-Za-z_])",
    rb"\n[ \t]*(" + _MACRO + rb")[ \t]*(?=\r?\n(?![ \t]*\{))",
    rb"\n[ \t]*" + _BEFORE + rb"(" + _MACRO + rb")[ \t]+" + _AFTER,
    rb"\n[ \t]*" + _BEFORE + rb"([A-Z][A-Z0-9]*_(?:ATTRIBUTE|CONSTEXPR|INLINE|EXPLICIT|NODISCARD)[A-Z0-9_]*)"
    rb"[ \t]+(?=\w)",
    rb"\)\s+(?:(?:const|noexcept|override)\s+)*(" + _MACRO + rb")(?=\s*[{;:])",
)


class Grammar(NamedTuple):
    """A language's grammar and its query, ready to use."""

    language: Language
    query: Query
    macros: bool


class Definition(NamedTuple):
    """A definition that the query captured. All positions are bytes."""

    kind: str
    start: int
    end: int
    body: int
    """Start of the body; `end` if there is none."""
    name: str
    owner: str
    pattern: int
    """Index of the pattern in its query."""


class Lead(NamedTuple):
    """A comment or a decorator."""

    start: int
    end: int
    decorator: bool


class Syntax(NamedTuple):
    """The captures in one file. Each list is sorted by position and free of duplicates."""

    definitions: list[Definition]
    leads: list[Lead]
    """Comments and decorators; none of them lies inside another."""
    fillers: list[tuple[int, int]]
    """Ranges of comments and `@blank`s, which are not worth showing on their own."""
    docstrings: dict[int, int]
    """Start of a docstring -> its end."""


@cache
def load(name: str) -> Grammar | None:
    """Load the grammar of a row of `LANGUAGES`; None if the row has none, or it does not work here."""
    from tree_sitter import Language, Query

    row = LANGUAGES[name]
    try:
        module = importlib.import_module(row.grammar)
        language = Language(getattr(module, row.function)())
    except (ImportError, AttributeError, ValueError):
        return None
    path = Path(__file__).parent / "queries" / f"{row.query or row.name}.scm"
    return Grammar(language, Query(language, path.read_text(encoding="utf-8")), row.macros)


def read(grammar: Grammar, source: bytes) -> Syntax:
    """Parse `source` (UTF-8) and collect the captures of the query. Broken syntax is no error.

    Raises:
        GivenUpError: parsing would take longer than any file of a real project.
    """
    spans: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    definition_matches: list[tuple[int, str, Captures]] = []
    if grammar.macros:
        original = source
        source, hidden = hide_macros(source)
        spans["decorator"].update(hidden)
        spans["blank"].update(span for span in hidden if original[span[1] - 1] != ord(")"))
    for pattern, captures in _matches(grammar, source):
        for capture, nodes in captures.items():
            if capture in _SPANS:
                spans[capture].update([node.byte_range for node in nodes])
            elif capture in _DEFINITIONS:
                definition_matches.append((pattern, capture, captures))
    fillers = sorted(spans["comment"] | spans["blank"])
    definitions = _Definitions(grammar.query, source).all(definition_matches)
    return Syntax(definitions, _leads(spans), fillers, dict(spans["documentation"]))


def hide_macros(source: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Replace macros where the grammar of C allows none (`class API_EXPORT Name`) by blanks, byte for byte.

    Returns:
        The source to parse, and the ranges of the macros.
    """
    hidden: list[tuple[int, int]] = []

    def blanked(match: re.Match[bytes]) -> bytes:
        hidden.append((match.start(1) - 1, match.end(1) - 1))
        start, end = (edge - match.start() for edge in match.span(1))
        return match[0][:start] + b" " * (end - start) + match[0][end:]

    source = b"\n" + source
    for pattern in _hidden_macros():
        source = pattern.sub(blanked, source)
    return source[1:], hidden


@cache
def _hidden_macros() -> tuple[re.Pattern[bytes], ...]:
    return tuple(re.compile(pattern, re.MULTILINE) for pattern in _HIDDEN_MACROS)


def _matches(grammar: Grammar, source: bytes) -> Iterator[tuple[int, Captures]]:
    from tree_sitter import Parser

    parser = Parser(grammar.language)
    for _ in range(_ROUNDS):
        found = find_matches(grammar.query, parser.parse(source))
        yield from found
        inner = [_inside(node) for _, captures in found for node in captures.get("inner", ())]
        if not inner:
            return
        parser.included_ranges = inner


def _inside(node: Node) -> Range:
    from tree_sitter import Point, Range

    (row, column), (end_row, end_column) = node.start_point, node.end_point
    start, end = node.byte_range
    return Range(
        Point(row, column + 1), Point(end_row, max(end_column - 1, 0)), start + 1, max(end - 1, start + 1)
    )


def _leads(spans: Mapping[str, Iterable[tuple[int, int]]]) -> list[Lead]:
    candidates = [Lead(*span, False) for span in spans["comment"]] + [
        Lead(*span, True) for span in spans["decorator"]
    ]
    leads: list[Lead] = []
    edge = 0
    for lead in sorted(candidates, key=lambda lead: (lead.start, -lead.end)):
        if lead.start >= edge:
            leads.append(lead)
            edge = lead.end
    return leads


class _Definitions:
    """Converts the matches in one source to definitions."""

    def __init__(self, query: Query, source: bytes) -> None:
        self._query, self._source = query, source

    def all(self, matches: Iterable[tuple[int, str, Captures]]) -> list[Definition]:
        """Return the definitions in source order, one for each range.

        Args:
            matches: index of the pattern, kind of the definition, captures.
        """
        by_name: dict[int, Definition] = {}
        for pattern, kind, captures in matches:
            key, definition = self._one(pattern, kind, captures)
            earlier = by_name.get(key)
            by_name[key] = _united(earlier, definition) if earlier else definition
        in_order = sorted(by_name.values(), key=lambda each: (each.start, -each.end, each.pattern))
        return list({(each.start, each.end): each for each in in_order}.values())

    def _one(self, pattern: int, kind: str, captures: Captures) -> tuple[int, Definition]:
        """Return the position of the name, and the definition of one match."""
        node, names = captures[kind][0], captures.get("name")
        name = self._joined(names) if names else self._query.pattern_settings(pattern).get("name") or ""
        owner = self._text(captures["owner"][0]) if "owner" in captures else ""
        start, end = node.byte_range
        body = captures["body"][0].start_byte if "body" in captures else end
        return names[0].start_byte if names else body, Definition(
            kind, start, end, body, name, owner, pattern
        )

    def _joined(self, nodes: Sequence[Node]) -> str:
        """Join the parts of a name: with a blank for `operator bool`, without one for `operator+`."""
        if len(nodes) == 1:
            return self._text(nodes[0])
        return re.sub(r"(?<=\W) | (?=\W)", "", " ".join(map(self._text, nodes)))

    def _text(self, node: Node) -> str:
        start, end = node.byte_range
        return self._source[start : min(end, start + _MAX_NAME_BYTES)].decode("utf-8", "replace")


def _united(a: Definition, b: Definition) -> Definition:
    """Unite the captures of two patterns for one definition."""
    return Definition(
        a.kind,
        min(a.start, b.start),
        max(a.end, b.end),
        min(a.body, b.body),
        a.name,
        a.owner or b.owner,
        max(a.pattern, b.pattern),
    )
