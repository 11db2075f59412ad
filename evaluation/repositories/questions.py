"""The questions: what is asked of which repository, and what answers it."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.files import read_rows

FILE, FUNCTION, SIMILAR, NOTHING = "queries", "text2fn", "fn2fn", "nothing"
"""The files of questions: what has to be found is a file, a function, a function like another, or nothing."""
ANSWERED = (FILE, FUNCTION, SIMILAR)
PARTS = (*ANSWERED, NOTHING)
HISTORY = "history"
"""Subjects of commits, and the functions that the commits changed."""
_KIND = {FILE: "category", FUNCTION: "style"}
"""Part -> the field that tells kinds of questions apart."""
QuestionRow = Mapping[str, Any]
RepositoryQuestions = Mapping[str, Sequence[QuestionRow]]
"""Part -> its questions of one repository."""


def questions(data: Path, parts: Iterable[str] = ANSWERED) -> dict[str, dict[str, list[QuestionRow]]]:
    """Repository -> part -> its rows, from the files there are.

    Raises:
        CodesiftError: one of them cannot be read.
    """
    found: dict[str, dict[str, list[QuestionRow]]] = defaultdict(lambda: defaultdict(list))
    for part in parts:
        path = data / "repos" / f"{part}.jsonl"
        for row in read_rows(path) if path.is_file() else ():
            found[row["repo"]][part].append(row)
    return found


def history_questions(data: Path) -> dict[str, list[QuestionRow]]:
    """Repository -> its questions from history; empty if the data has none.

    Raises:
        CodesiftError: they cannot be read.
    """
    found: dict[str, list[QuestionRow]] = defaultdict(list)
    path = data / HISTORY / "queries.jsonl"
    for row in read_rows(path) if path.is_file() else ():
        found[row["repo"]].append(row)
    return found


def fitted_half(repos: Iterable[str]) -> set[str]:
    """Return every second repository, in the order of their digests; figures are reported on the others."""
    ordered = sorted(repos, key=lambda repo: hashlib.sha256(repo.encode()).digest())
    return set(ordered[::2])


def kind_of(part: str, row: QuestionRow) -> str:
    """The kind of a question, such as `symbol` or `bug`; empty where the data tells none."""
    return str(row.get(_KIND.get(part, ""), ""))


def questions_digest(asked: RepositoryQuestions) -> str:
    """Stands for the questions of one repository: another digest means they must be asked again."""
    text = json.dumps({part: [_question(row) for row in asked.get(part, ())] for part in PARTS})
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _question(row: QuestionRow) -> Any:
    """What a system is told; answers may be corrected without asking again."""
    return row["query"] if "query" in row else row["source"]
