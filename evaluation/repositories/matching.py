"""Whether a result answers a question, and where the answers came out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from evaluation.metrics import RelevantRanks
from evaluation.repositories.questions import QuestionRow


class LineRange(Protocol):
    """Lines of a file: what any system returns."""

    @property
    def path(self) -> str:
        """From the repository's root, with forward slashes."""

    @property
    def start_line(self) -> int:
        """Counted from 1."""

    @property
    def end_line(self) -> int:
        """Inclusive."""


def by_file(hits: Iterable[LineRange], row: QuestionRow) -> RelevantRanks:
    """Where the files that answer a question came out, files in order of first appearance."""
    return among_files(unique(hit.path for hit in hits), row)


def among_files(files: Sequence[str], row: QuestionRow) -> RelevantRanks:
    """Where the files that answer a question came out among ranked files."""
    return RelevantRanks.among(files, {*row["relevant"], *row["secondary"]})


def by_function(hits: Iterable[LineRange], answers: Sequence[QuestionRow]) -> RelevantRanks:
    """The rank of the first hit that matches each answer."""
    hits = list(hits)
    ranks = [first_rank(hits, [answer]) for answer in answers]
    return RelevantRanks(tuple(sorted(int(rank) for rank in ranks if rank < math.inf)), len(answers))


def first_rank(hits: Iterable[LineRange], answers: Sequence[QuestionRow]) -> float:
    """Rank of the first hit that matches an answer, from 1; infinity if none does."""
    return next((rank for rank, hit in enumerate(hits, 1) if any(matches(hit, a) for a in answers)), math.inf)


def matches(hit: LineRange, answer: QuestionRow) -> bool:
    """Whether a hit covers at least half of the answer's lines, or lies at least half within it."""
    if hit.path != answer["path"]:
        return False
    first, last = int(answer["start_line"]), int(answer["end_line"])
    shared = min(hit.end_line, last) - max(hit.start_line, first) + 1
    return 2 * shared >= min(last - first, hit.end_line - hit.start_line) + 1


def unique(paths: Iterable[str]) -> list[str]:
    """Files in order of first appearance."""
    return list(dict.fromkeys(paths))
