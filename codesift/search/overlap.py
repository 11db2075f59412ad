"""Overlap of two pieces of code: the Jaccard index of their tokens."""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache

from codesift.parsing.languages import LANGUAGES

Bag = Counter[str]
"""Token -> number of its occurrences in a piece of code."""

NEAR_DUPLICATE_JACCARD = 0.75
"""Minimum Jaccard index of near-duplicates. Chosen by looking at pairs of functions of pydantic, tokio,
abseil-cpp and jackson-databind with a cosine of 0.9: those below have nothing but a frame in common."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DOCSTRING = r"^[ \t]*[rRuU]?(?:\"{3}.*?\"{3}|'{3}.*?'{3})"
_BLOCK_COMMENT = r"/\*.*?\*/"


def bag_of(code: str, language: str) -> Bag:
    """Count the tokens of a piece of code: words, numbers and signs, without comments and docstrings.

    Identifiers stay as they are written. Strings are taken apart like code.
    """
    # Interned words share one string object: the bags of a whole repository are in memory at once.
    return Counter(map(sys.intern, _TOKEN.findall(_comments(language).sub(" ", code))))


def jaccard(one: Bag, other: Bag) -> float:
    """Compute the Jaccard index of two multisets of tokens, 0 to 1: tokens in both over tokens in either."""
    total = one.total() + other.total()
    common = (one & other).total()
    return common / (total - common) if total else 0.0


@cache
def _comments(language: str) -> re.Pattern[str]:
    """Match the comments of a language. A comment mark inside a string matches too, which costs little
    here."""
    mark = LANGUAGES[language].line_comment if language in LANGUAGES else ""
    block = _DOCSTRING if language == "python" else _BLOCK_COMMENT
    # A mark follows a blank or begins a line, unlike the slashes of `http://`; Ruby's strings contain `#{`.
    line = rf"|(?:^|(?<=\s)){re.escape(mark)}(?!\{{)[^\n]*" if mark else ""
    return re.compile(block + line, re.DOTALL | re.MULTILINE)
