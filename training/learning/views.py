"""The texts one function can be asked for with, and what its code then looks like.

Documentation is only one of them: trained on it alone, an adapter learns to match documentation, and gets
worse on what people type. Each view keeps the code as search sees it, without what its text was taken from.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from codesift.words import split_identifier
from evaluation.records import Function

_KEPT_DOCUMENTATION = 0.5
"""How often a documented function keeps its documentation in a view that is not made of it."""
_SHORTEST_SYMBOL = 4
"""Characters a name must have to be asked for alone."""
_HIDDEN = "f"
"""What a function is called when its name is hidden."""
_STOPWORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "can",
        "do",
        "does",
        "for",
        "from",
        "given",
        "has",
        "have",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "not",
        "of",
        "on",
        "only",
        "or",
        "so",
        "that",
        "the",
        "their",
        "then",
        "there",
        "this",
        "to",
        "use",
        "used",
        "uses",
        "using",
        "was",
        "when",
        "where",
        "which",
        "will",
        "with",
    ]
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A text and the code it asks for."""

    view: str
    query: str
    head: str
    body: str
    function: Function

    @property
    def text(self) -> str:
        """What is encoded for the code."""
        return f"{self.head}\n{self.body}" if self.head else self.body


@dataclass(frozen=True, slots=True)
class Style:
    """How often a text is changed into what people type."""

    keywords: float
    """Cut to three to seven words that say something."""
    lower: float
    bare: float
    """How often code stands without its head, as pasted code does."""


PLAIN = Style(0.0, 0.0, 0.0)
TYPED = Style(0.23, 0.4, 0.25)

ViewFunction = Callable[[Function, random.Random], tuple[str, str, str] | None]


def _documentation(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    return (function.docstring, *function.text(documentation=False)) if function.docstring else None


def _comment(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    if not function.comments:
        return None
    span = rng.choice(function.comments)
    return (span.text, *function.text(_keeps(rng), [span]))


def _message(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    if not function.messages:
        return None
    span = rng.choice(function.messages)
    return (span.text, *function.text(_keeps(rng), [span]))


def _test(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    return (rng.choice(function.tests), *function.text(_keeps(rng))) if function.tests else None


def _name(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    words = split_identifier(function.name)
    if len(words) < 2 or function.kind == "class":
        return None
    name = re.compile(rf"\b{re.escape(function.name)}\b")
    head, body = (name.sub(_HIDDEN, part) for part in function.text(_keeps(rng)))
    return " ".join(words), head, body


def _symbol(function: Function, rng: random.Random) -> tuple[str, str, str] | None:
    if len(function.name) < _SHORTEST_SYMBOL:
        return None
    qualified = rng.random() < 0.3
    return (function.func_name if qualified else function.name, *function.text(_keeps(rng)))


def _keeps(rng: random.Random) -> bool:
    return rng.random() < _KEPT_DOCUMENTATION


VIEWS: Mapping[str, ViewFunction] = {
    "documentation": _documentation,
    "comment": _comment,
    "message": _message,
    "test": _test,
    "name": _name,
    "symbol": _symbol,
}
QUESTION = "question"
"""The view of texts written for this purpose; they come from `training/questions`."""

_RESTYLED = ("documentation", "comment")


def draw(view: str, function: Function, style: Style, rng: random.Random) -> Pair | None:
    """One pair of a view of `VIEWS`, if the function has it."""
    found = VIEWS[view](function, rng)
    if found is None:
        return None
    query, head, body = found
    if view in _RESTYLED and rng.random() < style.keywords:
        query = keywords(query, rng)
    if rng.random() < style.lower:
        query = query.lower()
    return Pair(view, query, "" if rng.random() < style.bare else head, body, function)


def question_pair(function: Function, question: str, style: Style, rng: random.Random) -> Pair:
    """The pair of a written question."""
    query = question.lower() if rng.random() < style.lower else question
    head, body = function.text(_keeps(rng))
    return Pair(QUESTION, query, "" if rng.random() < style.bare else head, body, function)


def keywords(text: str, rng: random.Random) -> str:
    """Three to seven of the words that say something, in their order; the text itself if it has no more."""
    words = [word for word in re.findall(r"[\w'-]+", text) if word.lower() not in _STOPWORDS]
    if len(words) <= 3:
        return text
    kept = sorted(rng.sample(range(len(words)), min(len(words), rng.randint(3, 7))))
    return " ".join(words[place] for place in kept)
