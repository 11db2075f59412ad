"""tree-sitter at work: source -> where definitions, comments and their like stand.

What counts as one is said by the query of the language. Its captures:

`@function`, `@method`, `@class`: a definition. Several patterns may match one definition (with and without
its decorators, its `export`): the widest range counts. Of two names for one range the later pattern's is taken.
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
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from codesift.languages import LANGUAGES

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Query, Range, Tree

    Captures = dict[str, list[Node]]

_DEFINITIONS = ("function", "method", "class", "scope")
_ROUNDS = 3
"""How deep macros in macros are read."""

_MACRO = rb"[A-Z][A-Z0-9]*_[A-Z0-9_]+(?:\([^()\n]*\))?"
_HIDDEN_MACROS = (
    rb"\b(?:class|struct|union|enum|namespace)[ \t]+(" + _MACRO + rb")(?=[ \t]+[A-Za-z_])",
    rb"^[ \t]*([A-Z][A-Z0-9]*_[A-Z0-9_]+)[ \t]*$",
    rb"^[ \t]*(?:(?:static|inline|extern|virtual|constexpr|explicit|friend)[ \t]+)*(" + _MACRO + rb")"
    rb"[ \t]+(?=(?:static|inline|constexpr|template|virtual|explicit|friend|class|struct|auto|void|bool|int)\b"
    rb"|[A-Za-z_][\w:<>,&* \t]*[ \t*&>][\w:~]+[ \t]*\()",
    rb"(?:\)|\bconst|\bnoexcept|\boverride)\s+(" + _MACRO + rb")(?=\s*[{;:])",
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
    """Parse `source` (UTF-8) and collect what the query captures. Broken syntax is no error."""
    matches = list(_matches(grammar, hide_macros(source) if grammar.macros else source))
    leads = _leads(matches)
    blanks = [(node.start_byte, node.end_byte) for _, found in matches for node in found.get("blank", ())]
    comments = [(lead.start, lead.end) for lead in leads if not lead.decorator]
    docstrings = {n.start_byte: n.end_byte for _, found in matches for n in found.get("documentation", ())}
    return Syntax(_definitions(grammar.query, matches), leads, sorted({*comments, *blanks}), docstrings)


def hide_macros(source: bytes) -> bytes:
    """Blank out, byte for byte, macros that stand where C's grammar knows none (`class API_EXPORT Name`)."""
    for pattern in _hidden_macros():
        source = pattern.sub(_blanked, source)
    return source


@cache
def _hidden_macros() -> tuple[re.Pattern[bytes], ...]:
    return tuple(re.compile(pattern, re.MULTILINE) for pattern in _HIDDEN_MACROS)


def _blanked(match: re.Match[bytes]) -> bytes:
    start, end = (edge - match.start() for edge in match.span(1))
    return match[0][:start] + b" " * (end - start) + match[0][end:]


def _matches(grammar: Grammar, source: bytes) -> Iterator[tuple[int, Captures]]:
    from tree_sitter import Parser, QueryCursor

    parser = Parser(grammar.language)
    for _ in range(_ROUNDS):
        tree: Tree = parser.parse(source)
        found = QueryCursor(grammar.query).matches(tree.root_node)
        yield from found
        inner = [_inside(node) for _, captures in found for node in captures.get("inner", ())]
        if not inner:
            return
        parser.included_ranges = inner


def _inside(node: Node) -> Range:
    from tree_sitter import Point, Range

    (row, column), (end_row, end_column) = node.start_point, node.end_point
    start, end = node.byte_range
    return Range(Point(row, column + 1), Point(end_row, max(end_column - 1, 0)), start + 1, max(end - 1, start + 1))


def _leads(matches: Iterable[tuple[int, Captures]]) -> list[Lead]:
    found = {
        Lead(node.start_byte, node.end_byte, role == "decorator")
        for _, captures in matches
        for role in ("comment", "decorator")
        for node in captures.get(role, ())
    }
    leads: list[Lead] = []
    for lead in sorted(found, key=lambda lead: (lead.start, -lead.end)):
        if not leads or lead.start >= leads[-1].end:
            leads.append(lead)
    return leads


def _definitions(query: Query, matches: Iterable[tuple[int, Captures]]) -> list[Definition]:
    by_name: dict[int, Definition] = {}
    for pattern, captures in matches:
        for kind in _DEFINITIONS:
            if kind in captures:
                key, definition = _definition(query, pattern, kind, captures)
                known = by_name.get(key)
                by_name[key] = _united(known, definition) if known else definition
    in_order = sorted(by_name.values(), key=lambda found: (found.start, -found.end, found.pattern))
    return list({(found.start, found.end): found for found in in_order}.values())


def _definition(query: Query, pattern: int, kind: str, captures: Captures) -> tuple[int, Definition]:
    node, names = captures[kind][0], captures.get("name")
    name = _joined(names) if names else query.pattern_settings(pattern).get("name") or ""
    owner = _text(captures["owner"][0]) if "owner" in captures else ""
    start, end = node.byte_range
    body = captures["body"][0].start_byte if "body" in captures else end
    return names[0].start_byte if names else body, Definition(kind, start, end, body, name, owner, pattern)


def _joined(nodes: Iterable[Node]) -> str:
    """`operator` and `bool` keep a blank between them, `operator` and `+` do not."""
    return re.sub(r"(?<=\W) | (?=\W)", "", " ".join(map(_text, nodes)))


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


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
