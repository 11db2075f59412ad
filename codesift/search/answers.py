"""What was found -> what is shown: results with their source text and the line to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from codesift.index.opening import Index
from codesift.search.sources import Sources
from codesift.types import Answer, Hit
from codesift.words import terms

_MANY_LINES = 2000
"""Lines above which only those that hold a word as it is are taken apart into terms: that takes a tenth."""
_AROUND = 10
"""Lines shown on each side of a line that was found by its words alone."""


def answer(asked: str, hits: Iterable[Hit], index: Index, sources: Sources) -> Answer:
    """Results with their source text, read from the files as they are now.

    Raises:
        DamagedIndexError: what the index holds of their files is not as it was stored.
    """
    words = set(terms(asked))
    hits = list(hits)
    index.catalog.verify(hit.path for hit in hits)
    shown = tuple(_with_code(hit, sources.lines(hit.path), words) for hit in hits)
    _, units = index.catalog.counts()
    return Answer(asked, str(index.root), units, index.primary.vectors.ready(), shown)


def _with_code(hit: Hit, lines: Sequence[str], words: set[str]) -> Hit:
    """The hit with its code, and the line of its best window that has most of the words."""
    first, last = hit.best_lines
    focus = _focus(lines, first, last, words)
    if not focus:
        # Of a very long unit only the first windows have vectors; its words may stand behind them.
        focus = _focus(lines, hit.start_line, hit.end_line, words)
        if focus:
            around = max(focus - _AROUND, hit.start_line), min(focus + _AROUND, hit.end_line)
            hit = replace(hit, best_lines=around)
    code = "\n".join(lines[hit.start_line - 1 : hit.end_line])
    return replace(hit, focus_line=focus or first, code=code)


def _focus(lines: Sequence[str], first: int, last: int, words: set[str]) -> int:
    """The line from `first` to `last` that has most of the words; 0 if none has one."""
    best, most = 0, 0
    many = last - first > _MANY_LINES
    for number, line in enumerate(lines[first - 1 : last], first):
        if many and not any(word in line.lower() for word in words):
            continue
        shared = len(words.intersection(terms(line)))
        if shared > most:
            best, most = number, shared
    return best
