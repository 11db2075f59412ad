"""Search terms: identifiers and prose are split by the same rules for units and for queries."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[^\W\d_A-Z]+|[A-Z]+|\d+")
_OPERATOR = re.compile(r"\boperator\s*(\(\)|\[\]|->\*?|<=>|&&|\|\||\+\+|--|<<=?|>>=?|[-+*/%^&|=!<>]=?|~)$")
"""Matches the name of an overloaded operator in C++."""
_SYMBOL = re.compile(
    rf"(?:::|\\)?~?(?:[^\W\d]\w*(?:::|\.|->|#|\\)~?)*(?:{_OPERATOR.pattern}|[^\W\d]\w*(?:\(\))?[!?]?)"
)

STOP_WORDS = frozenset(
    """
    a an and any are as at be been but by can code did do does doing done find for from function
    functions get had has have how i if in into is it its let look me method my of on or our s she
    should show so some t than that the their them then there these they this those to up us use used
    uses using was we were what when where whether which while who whose why will with would you your
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)
"""Words of a question that say nothing about the code that answers it."""


def split_identifier(identifier: str) -> list[str]:
    """Split an identifier into parts in lower case: `parseHTTPHeader_v2` -> parse, http, header, v, 2."""
    return [part.lower() for part in _PART.findall(identifier)]


def terms(text: str) -> list[str]:
    """Return all terms of a text in order: the parts of each identifier and, if it has several, their join.

    The join (`parse_json` -> `parsejson`) makes an exact symbol rank above its scattered parts.
    """
    result: list[str] = []
    for word in _WORD.findall(text):
        parts = split_identifier(word)
        result += parts
        if len(parts) > 1:
            result.append("".join(parts))
    return result


def query_terms(text: str) -> list[str]:
    """Return the distinct terms of a query without stop words; with them if there are no others."""
    distinct = list(dict.fromkeys(terms(text)))
    return [term for term in distinct if term not in STOP_WORDS] or distinct


def is_symbol(text: str) -> bool:
    """Return whether the text is one bare symbol: `RouterGroup`, `parse_json`, `Foo::bar`, `close()`."""
    return _SYMBOL.fullmatch(text.strip()) is not None


_ASKING = frozenset(("how", "what", "when", "where", "which", "who", "why"))


def is_question(text: str) -> bool:
    """Return whether a text is a question in form: it begins with a word like `how`, or ends with a mark."""
    first = text.split(maxsplit=1)[:1]
    return text.rstrip().endswith("?") or bool(first and first[0].lower() in _ASKING)


def symbol_parts(text: str) -> list[str]:
    """Split a symbol into its names: `Foo::bar()` -> ['Foo', 'bar']."""
    text = text.strip()
    operator = _OPERATOR.search(text)
    names = re.split(r"::|->|[.#\\\s()]+", text[: operator.start()] if operator else text)
    return [*filter(None, names), *(["operator" + operator[1]] if operator else [])]


_IDENTIFIER = re.compile(r"[^\W\d]\w*(?:(?:::|\.|->|#)~?[^\W\d]\w*)*")
_MIXED = re.compile(r"[a-z0-9][A-Z]|_|::|->|[.#]\w|[A-Z][A-Z][a-z]")


_RAISED = re.compile(r"^[\w.:\\]*(?:Error|Exception)(?=: )", re.MULTILINE)


def mentioned(text: str) -> list[list[str]]:
    """Return the symbols in a question, each as from `symbol_parts`: words in a notation that only code has.

    The exception at the start of an error message is left out: people paste messages to find their origin.
    """
    names = _IDENTIFIER.findall(_RAISED.sub("", text))
    return [symbol_parts(name) for name in names if _MIXED.search(name)]


def related(word: str, other: str) -> bool:
    """Return whether the beginnings of two words make them likely forms of one: `router` and `routed`."""
    if word == other:
        return True
    if word[:3] != other[:3]:
        return False
    shorter, longer = sorted((len(word), len(other)))
    common = _common(word, other)
    if common == shorter:
        return common >= 3 and longer - common <= 3
    return common >= 4 and common >= 0.6 * longer


def is_slip(word: str, other: str) -> bool:
    """Return whether two words differ by one typing error: a character added, missing, replaced, or two
    swapped."""
    if word == other or abs(len(word) - len(other)) > 1 or min(len(word), len(other)) < 3:
        return False
    start = _common(word, other)
    rest, other_rest = word[start:], other[start:]
    swapped = rest[1::-1] + rest[2:]
    return other_rest in (rest[1:], swapped) or other_rest[1:] in (rest, rest[1:])


def _common(word: str, other: str) -> int:
    """Return the length of the common prefix of two words."""
    at, shorter = 0, min(len(word), len(other))
    while at < shorter and word[at] == other[at]:
        at += 1
    return at


_CODE_MARKS = (
    re.compile(r"[{};:]\s*$", re.MULTILINE),
    re.compile(r"\w\([^)\s]{0,200}[,)\s]"),
    re.compile(r"\s(?:=|:=|==|!=|=>|->|\+=|&&|\|\|)\s"),
    re.compile(
        r"^[ \t]*(?:def|func|fn|fun|class|struct|impl|public|private|static|import|from|return|const|let|var|"
        r"if|for|while|switch|SELECT|INSERT|#include)\b",
        re.MULTILINE,
    ),
    re.compile(r"^[ \t]+\S", re.MULTILINE),
)
_ERROR = re.compile(r"^(?:Traceback\b|[\w.]*(?:Error|Exception)\b|panic:|error\b)", re.MULTILINE)


def looks_like_code(text: str) -> bool:
    """Return whether a query is clearly a piece of code, not a question or an error message."""
    if _ERROR.search(text):
        return False
    minimum = 2 if "\n" in text.strip() or text.rstrip().endswith(";") else 3
    return sum(mark.search(text) is not None for mark in _CODE_MARKS) >= minimum
