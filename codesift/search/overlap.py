"""How much of two pieces of code is the same: the share of their tokens that both have."""

from __future__ import annotations

import re
import sys
from collections import Counter
from functools import cache

from codesift.parsing.languages import LANGUAGES

Bag = Counter[str]
"""Token -> how often it stands in a piece of code."""

ALIKE = 0.75
"""Share of common tokens from which code counts as nearly the same. Chosen by looking at pairs of functions
of pydantic, tokio, abseil-cpp and jackson-databind with a cosine of 0.9: those below share a mere frame."""
_TOKEN = re.compile(r"\w+|[^\w\s]")
_DOCSTRING = r"^[ \t]*[rRuU]?(?:\"{3}.*?\"{3}|'{3}.*?'{3})"
_BLOCK_COMMENT = r"/\*.*?\*/"


def bag_of(code: str, language: str) -> Bag:
    """The tokens of a piece of code: words, numbers and signs, without comments and docstrings.

    Identifiers stay as they are written. Strings are taken apart like code.
    """
    # One string object a word: the bags of a whole repository are held at once.
    return Counter(map(sys.intern, _TOKEN.findall(_comments(language).sub(" ", code))))


def share(one: Bag, other: Bag) -> float:
    """Tokens in common by tokens in either, repetitions counted (Jaccard's index of multisets), 0 to 1."""
    total = one.total() + other.total()
    common = (one & other).total()
    return common / (total - common) if total else 0.0


@cache
def _comments(language: str) -> re.Pattern[str]:
    """What is left out of code. A comment mark inside a string is taken for one: that costs little here."""
    mark = LANGUAGES[language].line_comment if language in LANGUAGES else ""
    block = _DOCSTRING if language == "python" else _BLOCK_COMMENT
    # A mark follows a blank or a line's begin, unlike that of `http://`; Ruby's strings have `#{`.
    line = rf"|(?:^|(?<=\s)){re.escape(mark)}(?!\{{)[^\n]*" if mark else ""
    return re.compile(block + line, re.DOTALL | re.MULTILINE)
