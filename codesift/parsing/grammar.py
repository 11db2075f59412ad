"""tree-sitter at work: source -> where definitions, comments and their like stand.

What counts as one is said by the query of the language. Its captures:

`@function`, `@method`, `@class`: a definition. Several patterns may match one definition (with and without
its decorators, its `export`): the widest range counts. Of two names for one range
the later pattern's is taken.
`@scope`: qualifies the functions in it, but is no definition (`impl` of Rust).
`@name` (the parts are joined), `@owner` (the type a function belongs to, where that is written beside its
name), `@body` (the signature ends here). `(#set! name "...")` names what has no name.
`@documentation`: a docstring; it stands at the start of a body.
`@comment`, `@decorator`: belong to the definition right after them.
`@blank`: says nothing when it stands alone (`#endif`, `end`).
`@inner`: brackets whose content the grammar did not read, to be parsed again.
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
from codesift.parsing.trees import matches

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, Range

    Captures = dict[str, list[Node]]

_DEFINITIONS = ("function", "method", "class", "scope")
_SPANS = ("comment", "decorator", "blank", "documentation")
_ROUNDS = 3
"""How deep macros in macros are read."""
_LONGEST_NAME = 8_000
"""Bytes of a name that are looked at: it is cut far shorter later, and may hold others in it."""

_MACRO = rb"[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]*\))?"
_BEFORE = rb"(?:(?:static|inline|extern|virtual|constexpr|explicit|friend)[ \t]+)*"
_AFTER = (
    rb"(?=(?:static|inline|constexpr|template|virtual|explicit|friend|class|struct|auto|void|bool|int)\b"
    rb"|[A-Za-z_][\w:<>,&* \t]*[ \t*&>][\w:~]+[ \t]*\()"
)
# Each begins with a character or word to search for: that is several times faster than with a line's start.
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
    """A definition as the query sees it. All positions are bytes."""

    kind: str
    start: int
    end: int
    body: int
    """Where the body starts; `end` if there is none."""
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
    """All that the query found in one file, each list sorted by position and free of duplicates."""

    definitions: list[Definition]
    leads: list[Lead]
    """None of them lies inside another."""
    fillers: list[tuple[int, int]]
    """Comments and `@blank`s: ranges that are no code worth showing on their own."""
    docstrings: dict[int, int]
    """Start -> end."""


@cache
def load(name: str) -> Grammar | None:
    """Load the grammar of a row of `LANGUAGES`; None if it has none, or none that works here."""
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
    """Parse `source` (UTF-8) and collect what the query captures. Broken syntax is no error.

    Raises:
        GivenUpError: it would take longer than any file of a real project.
    """
    spans: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    found: list[tuple[int, str, Captures]] = []
    if grammar.macros:
        written = source
        source, hidden = hide_macros(source)
        spans["decorator"].update(hidden)
        spans["blank"].update(span for span in hidden if written[span[1] - 1] != ord(")"))
    for pattern, captures in _matches(grammar, source):
        for role, nodes in captures.items():
            if role in _SPANS:
                spans[role].update([node.byte_range for node in nodes])
            elif role in _DEFINITIONS:
                found.append((pattern, role, captures))
    fillers = sorted(spans["comment"] | spans["blank"])
    definitions = _Definitions(grammar.query, source).all(found)
    return Syntax(definitions, _leads(spans), fillers, dict(spans["documentation"]))


def hide_macros(source: bytes) -> tuple[bytes, list[tuple[int, int]]]:
    """Blank out, byte for byte, macros that stand where C's grammar knows none (`class API_EXPORT Name`).

    Returns:
        the source to parse, and where the macros stand.
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
        found = matches(grammar.query, parser.parse(source))
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
    found = [Lead(*span, False) for span in spans["comment"]] + [
        Lead(*span, True) for span in spans["decorator"]
    ]
    leads: list[Lead] = []
    edge = 0
    for lead in sorted(found, key=lambda lead: (lead.start, -lead.end)):
        if lead.start >= edge:
            leads.append(lead)
            edge = lead.end
    return leads


class _Definitions:
    """Makes definitions of matches in one source."""

    def __init__(self, query: Query, source: bytes) -> None:
        self._query, self._source = query, source

    def all(self, matches: Iterable[tuple[int, str, Captures]]) -> list[Definition]:
        """The definitions in source order, one for each range.

        Args:
            matches: index of the pattern, kind of the definition, captures.
        """
        by_name: dict[int, Definition] = {}
        for pattern, kind, captures in matches:
            key, definition = self._one(pattern, kind, captures)
            known = by_name.get(key)
            by_name[key] = _united(known, definition) if known else definition
        in_order = sorted(by_name.values(), key=lambda found: (found.start, -found.end, found.pattern))
        return list({(found.start, found.end): found for found in in_order}.values())

    def _one(self, pattern: int, kind: str, captures: Captures) -> tuple[int, Definition]:
        """Where its name stands, and the definition of one match."""
        node, names = captures[kind][0], captures.get("name")
        name = self._joined(names) if names else self._query.pattern_settings(pattern).get("name") or ""
        owner = self._text(captures["owner"][0]) if "owner" in captures else ""
        start, end = node.byte_range
        body = captures["body"][0].start_byte if "body" in captures else end
        return names[0].start_byte if names else body, Definition(
            kind, start, end, body, name, owner, pattern
        )

    def _joined(self, nodes: Sequence[Node]) -> str:
        """`operator` and `bool` keep a blank between them, `operator` and `+` do not."""
        if len(nodes) == 1:
            return self._text(nodes[0])
        return re.sub(r"(?<=\W) | (?=\W)", "", " ".join(map(self._text, nodes)))

    def _text(self, node: Node) -> str:
        start, end = node.byte_range
        return self._source[start : min(end, start + _LONGEST_NAME)].decode("utf-8", "replace")


def _united(a: Definition, b: Definition) -> Definition:
    """Both patterns' view of one definition."""
    return Definition(
        a.kind,
        min(a.start, b.start),
        max(a.end, b.end),
        min(a.body, b.body),
        a.name,
        a.owner or b.owner,
        max(a.pattern, b.pattern),
    )
