"""Answers: hits are completed with their source text and the line to show first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from codesift.index.opening import Index
from codesift.search.sources import Sources
from codesift.types import Answer, Hit
from codesift.words import terms

_MAX_LINES_SPLIT = 2000
"""Maximum number of lines that are all split into terms. Of more lines, only those that contain a query word
literally are split, which takes a tenth of the time."""
_CONTEXT_LINES = 10
"""Lines shown on each side of a line that was found by its words alone."""


def answer(query: str, hits: Iterable[Hit], index: Index, sources: Sources) -> Answer:
    """Complete hits with their source text, read from the files as they are now.

    Args:
        query: the query as the user wrote it.
        hits: the results, best first.
        index: the index that they come from.
        sources: reads the files.

    Raises:
        DamagedIndexError: the rows of a file among the results do not match their checksum.
    """
    words = set(terms(query))
    hits = list(hits)
    index.catalog.verify(hit.path for hit in hits)
    shown = tuple(_with_code(hit, sources.lines(hit.path), words) for hit in hits)
    _, units = index.catalog.counts()
    ready, drafts = index.primary.vectors.ready(), index.primary.drafts.any()
    return Answer(query, str(index.root), units, ready, shown, has_drafts=drafts)


def _with_code(hit: Hit, lines: Sequence[str], words: set[str]) -> Hit:
    """Return the hit with its code, and the line of its best window that contains the most query words."""
    first, last = hit.best_lines
    focus = _focus(lines, first, last, words)
    if not focus:
        # Only the first windows of a very long unit have vectors; the words may come after them.
        focus = _focus(lines, hit.start_line, hit.end_line, words)
        if focus:
            context = max(focus - _CONTEXT_LINES, hit.start_line), min(focus + _CONTEXT_LINES, hit.end_line)
            hit = replace(hit, best_lines=context)
    code = "\n".join(lines[hit.start_line - 1 : hit.end_line])
    return replace(hit, focus_line=focus or first, code=code)


def _focus(lines: Sequence[str], first: int, last: int, words: set[str]) -> int:
    """Find the line from `first` to `last` that contains the most query words; 0 if none contains any."""
    best_line, best_count = 0, 0
    prefilter = last - first > _MAX_LINES_SPLIT
    for number, line in enumerate(lines[first - 1 : last], first):
        if prefilter and not any(word in line.lower() for word in words):
            continue
        shared = len(words.intersection(terms(line)))
        if shared > best_count:
            best_line, best_count = number, shared
    return best_line
