"""Where code says in words what it does: comments inside functions, and the texts of errors and logs.

Both are looked for in the syntax tree of the whole file, since a method alone is no valid file.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from codesift.parsing import grammar
from codesift.parsing.comments import prose
from codesift.types import Unit
from codesift.words import split_identifier
from evaluation.records import Span
from training.mining.cleaning import LONGEST_SPAN, SHORTEST, before_tags, judged, plain

if TYPE_CHECKING:
    from tree_sitter import Node, Query


class Marks(NamedTuple):
    """Ranges of bytes in one file, each list sorted."""

    comments: list[tuple[int, int]]
    """Runs of comments that continue each other."""
    messages: list[tuple[int, int]]
    """Insides of string literals in errors, logs and assertions; the parts of one message together."""


_JAVASCRIPT = """
[(string) (template_string)] @string
(throw_statement) @site
(call_expression function: (_) @callee) @call
(new_expression constructor: (_) @callee) @call
"""
_C = "(string_literal) @string (call_expression function: (_) @callee) @call"
_QUERIES = {
    "python": """
        (string) @string
        [(raise_statement) (assert_statement)] @site
        (call function: (_) @callee) @call""",
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "tsx": _JAVASCRIPT,
    "java": """
        (string_literal) @string
        [(throw_statement) (assert_statement)] @site
        (method_invocation name: (_) @callee) @call
        (object_creation_expression type: (_) @callee) @call""",
    "go": """
        [(interpreted_string_literal) (raw_string_literal)] @string
        (call_expression function: (_) @callee) @call""",
    "ruby": "(string) @string (call method: (_) @callee) @call",
    "php": """
        [(string) (encapsed_string)] @string
        (throw_expression) @site
        (function_call_expression function: (_) @callee) @call
        (member_call_expression name: (_) @callee) @call
        (scoped_call_expression name: (_) @callee) @call
        (object_creation_expression [(name) (qualified_name)] @callee) @call""",
    "c": _C,
    "cpp": _C
    + """
        (throw_statement) @site
        (expression_statement (binary_expression operator: "<<") @callee) @call""",
    "csharp": """
        [(string_literal) (verbatim_string_literal) (interpolated_string_expression)] @string
        [(throw_statement) (throw_expression)] @site
        (invocation_expression function: (_) @callee) @call
        (object_creation_expression type: (_) @callee) @call""",
    "rust": """
        [(string_literal) (raw_string_literal)] @string
        (macro_invocation macro: (_) @callee) @call
        (call_expression function: (_) @callee) @call""",
}
"""`@string`: literals; `@site`: what raises; `@call` with its `@callee`: raises or logs if it is named so."""

_COMMENTS = {
    "java": "[(line_comment) (block_comment)] @comment",
    "rust": "[(line_comment) (block_comment)] @comment",
}

_TELLING = re.compile(
    r"(?:error|err|warn|fail|fatal|panic|throw|exception|assert|log|info|debug|trace|ensure|expect|die|abort|syslog)"
    r"(?:s|f|ln|x|n|w|ed|ure|ing|ings|ger|ging|ion)?"
    r"|raise|bail|anyhow|invariant|unreachable|deprecat(?:ed?|ion)|perror|notice|critical|reject|report|complain"
    r"|cerr|clog|invalid|requires?|check|e?print(?:ln|f)?err|fprintf|eprintln|verbose"
)
"""Parts of the names of what raises, logs or asserts."""
_QUOTED = re.compile(rb"[A-Za-z@$]{0,2}(\"\"\"|\'\'\'|[\"'`])")
_LONGEST_GAP = 80
_GAP_END = re.compile(r"[,;?{}=]|\b(?:if|else|return|raise|throw)\b")
_PLACEHOLDER = re.compile(
    r"%\(\w+\)[-+#0-9. ]*[a-z]|%[-+#0]*[0-9*]*(?:\.[0-9*]+)?(?:hh|h|ll|l|z|j|t|L)?[a-zA-Z](?![a-zA-Z])|%%|%\d"
    r"|[$#@]?\{[^{}]*\}|\$[a-zA-Z_]\w*(?:->\w+|\[[^\[\]]*\])?|\\[nrtbfv0ae\\]|\\[uUx][0-9a-fA-F{}]+"
)
_CONTINUED = re.compile(r"\\\r?\n")
_EMPTY_QUOTES = re.compile(r"\\?\"\s*\\?\"|\\?'\s*\\?'|`\s*`|\(\s*\)|\[\s*\]|<\s*>")
_ESCAPED = re.compile(r"\\([\"'`/])")
_PRAGMA = re.compile(
    r"^\W*(?:eslint|jshint|jslint|jscs|tslint|globals?\b|istanbul|c8 ignore|v8 ignore|noqa|nosec|pylint|type:"
    r"|mypy|pyright|pragma|nolint|clang-(?:format|tidy)|prettier|@?ts-|rubocop|coverage|lint:|lint\b|phpcs|phpstan"
    r"|psalm|@psalm|@phpstan|@var\b|@type\b|@lends|@cast|fall(?:s|ing)?[ -]?thr|sonar|resharper|spdx|region\b"
    r"|endregion|codecov|cspell|biome|checkstyle|suppress|noinspection|yapf|fmt:|isort|black:|webpack|@vite|@__pure__"
    r"|#__pure__|cov-|lcov|gcov|:nocov|todo\b|fixme\b|xxx\b|hack\b|gcc\b|flawfinder|cppcheck|unused\b|\$\w+:)",
    re.IGNORECASE,
)
_SEAM = re.compile(r"\*/\s*/\*+")
"""Between two comments that continue each other."""
_CODE = re.compile(
    r"::=|;\s*$|[{}]\s*$|^\s*[}{]|\w\s*(?:=|\+=|-=|:=|==|!=|===|<=|>=|=>|&&|\|\||<<|>>)\s*\S|\w\([^()]*\)\s*(?:[;{.]|$)"
    r"|^\s*(?:return|print|printf|echo|import|from|def|var|let|const|puts|elif|end|endif|else)\b\s*[\w\"'(]*[^\w\s,.]"
    r"|^\s*(?:if|for|while|switch|catch)\s*\(|\w->\w|^\s*[\w.]+\([^()]*$|^\s*#\s*(?:define|include|ifdef|if)\b|^\s*\w+\[\w*\]",
    re.MULTILINE,
)


@cache
def _query(language: str) -> Query:
    from tree_sitter import Query

    loaded = grammar.load(language)
    assert loaded is not None
    comments = _COMMENTS.get(language, "(comment) @comment")
    return Query(loaded.language, comments + _QUERIES[language])


def marks(language: str, text: str) -> Marks:
    """Find the comments and messages of one file; `language` is a row of `codesift.parsing.languages`."""
    from tree_sitter import Parser, QueryCursor

    loaded = grammar.load(language)
    assert loaded is not None
    source = text.encode("utf-8", "replace")
    tree = Parser(loaded.language).parse(grammar.hide_macros(source)[0] if loaded.macros else source)
    matches = QueryCursor(_query(language)).matches(tree.root_node)
    comments, strings, sites = [], [], []
    for _, captures in matches:
        if "comment" in captures:
            comments.append(_range(captures["comment"][0], source))
        elif "string" in captures:
            strings.append(_range(captures["string"][0], source))
        elif "site" in captures or _tells(captures["callee"][0]):
            sites.append(captures["site" if "site" in captures else "call"][0].byte_range)
    return Marks(_runs(sorted(set(comments)), source), _messages(sorted(set(strings)), sites, source))


def _range(node: Node, source: bytes) -> tuple[int, int]:
    """Without the line's end, which some grammars count as part of a comment."""
    start, end = node.byte_range
    while end > start and source[end - 1] in b" \t\r\n":
        end -= 1
    return start, end


def _tells(callee: Node) -> bool:
    """Whether what is called is named like an error or a log: by the last two parts of its name."""
    text = (callee.text or b"").decode("utf-8", "replace")
    name = text.partition("<<")[0] if "<<" in text else "".join(re.split(r"(->|::|[.\\])", text)[-3:])
    return any(_TELLING.fullmatch(part) for part in split_identifier(name[-80:]))


def _runs(comments: Sequence[tuple[int, int]], source: bytes) -> list[tuple[int, int]]:
    """Comments on successive lines, nothing before them on each but the first one's line, joined."""
    runs: list[tuple[int, int]] = []
    for start, end in comments:
        if runs:
            gap = source[runs[-1][1] : start]
            if not gap.strip() and gap.count(b"\n") == 1 and _alone(runs[-1][0], source):
                runs[-1] = (runs[-1][0], end)
                continue
        runs.append((start, end))
    return runs


def _alone(start: int, source: bytes) -> bool:
    return not source[source.rfind(b"\n", 0, start) + 1 : start].strip()


def _messages(
    strings: Iterable[tuple[int, int]], sites: Iterable[tuple[int, int]], source: bytes
) -> list[tuple[int, int]]:
    found: list[tuple[int, int, bytes]] = []
    edge = 0
    for start, end in _inside(strings, sites):
        opened = _QUOTED.match(source, start, end)
        # Strings inside of a string's placeholders are part of it; C++'s R"(...)" cannot be emptied by a cut.
        if start < edge or opened is None or opened[0].startswith(b"R"):
            continue
        quote, first, last = opened[1], opened.end(), end - len(opened[1])
        if not source.endswith(quote, first, end):
            continue
        edge = end
        if found and found[-1][2] == quote and _continues(source[found[-1][1] + len(quote) : start]):
            first = found.pop()[0]
        found.append((first, last, quote))
    return [(start, end) for start, end, _ in found]


def _inside(
    strings: Iterable[tuple[int, int]], sites: Iterable[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The strings that lie in a site. Both are sorted, and of two sites that overlap one is in the other."""
    waiting = iter(sorted(sites))
    site, edge = next(waiting, None), -1
    for start, end in strings:
        while site and site[0] <= start:
            edge = max(edge, site[1])
            site = next(waiting, None)
        if end <= edge:
            yield start, end


def _continues(gap: bytes) -> bool:
    """Whether two strings with this between them are parts of one: joined by operators and plain names."""
    text = gap.decode("utf-8", "replace")
    if len(text) > _LONGEST_GAP or _GAP_END.search(text):
        return False
    depths = list(accumulate((character == "(") - (character == ")") for character in text))
    return not depths or (min(depths) >= 0 and depths[-1] == 0)


def spans_of(unit: Unit, source: bytes, found: Marks) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """The comments and messages of one unit that are of use, as places in `unit.code`.

    Args:
        unit: a unit of the file.
        source: the file's text as UTF-8, which the unit's bytes and `found` count in.
        found: what `marks` found in the file.
    """
    code = unit.code.encode("utf-8", "replace")
    comments = _spans(unit, source, code, found.comments, comment_text, 0)
    return comments, _spans(unit, source, code, found.messages, message_text, 1)


def _spans(
    unit: Unit,
    source: bytes,
    code: bytes,
    ranges: Sequence[tuple[int, int]],
    clean: Callable[[str], str],
    before: int,
) -> tuple[Span, ...]:
    """`before`: how many bytes in front of a range `clean` wants to see."""
    first = bisect_left(ranges, (unit.start_byte, 0))
    until = bisect_left(ranges, (unit.end_byte, 0))
    spans = []
    for start, end in ranges[first:until]:
        text = clean(source[start - before : end].decode("utf-8", "replace")) if end <= unit.end_byte else ""
        offset = _offset(unit, code, start, source[start:end]) if text else -1
        if offset >= 0:
            first = len(code[:offset].decode("utf-8", "replace"))
            last = len(code[: offset + end - start].decode("utf-8", "replace"))
            spans.append(Span(first, last, text))
    return tuple(spans)


def _offset(unit: Unit, code: bytes, start: int, piece: bytes) -> int:
    """Where a piece of the file stands in the unit's code, which may lack a docstring; -1: nowhere."""
    for offset in (start - unit.start_byte, len(code) - (unit.end_byte - start)):
        if offset >= 0 and code.startswith(piece, offset):
            return offset
    return -1


def comment_text(comment: str) -> str:
    """What a comment inside a function says; empty if it is code, a pragma, or too little to be of use."""
    text = prose(_SEAM.sub(" ", comment))
    if _PRAGMA.match(text) or _CODE.search(text):
        return ""
    return judged(plain(before_tags(text)), SHORTEST, LONGEST_SPAN).text


def message_text(literal: str) -> str:
    """What a string literal says, placeholders removed; empty if it is no English.

    Args:
        literal: its opening quote (one character) and its inside; a message's parts together.
    """
    quote, literal = literal[0], _CONTINUED.sub(" ", literal)
    text = (
        re.sub(rf"(?<!\\){quote}[^{quote}]*{quote}", "", literal[1:]) if quote in literal[1:] else literal[1:]
    )
    text = _ESCAPED.sub(r"\1", _PLACEHOLDER.sub(" ", text))
    for _ in range(2):
        text = _EMPTY_QUOTES.sub(" ", text)
    return judged(plain(text), SHORTEST, LONGEST_SPAN).text
