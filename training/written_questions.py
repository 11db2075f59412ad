"""The questions in `training/questions`: written for this project by reading each function."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from evaluation.files import read_rows

QUESTIONS = Path(__file__).parent / "questions"


def questions_file(language: str, folder: Path = QUESTIONS) -> Path:
    """Where the questions about functions of a language are; it need not be there."""
    return folder / f"{language}.jsonl.gz"


def load_questions(languages: Sequence[str], folder: Path = QUESTIONS) -> dict[str, list[str]]:
    """`Function.sha` -> the questions written for it."""
    questions: dict[str, list[str]] = {}
    for language in languages:
        path = questions_file(language, folder)
        if path.is_file():
            questions |= {row["sha"]: row["questions"] for row in read_rows(path)}
    return questions


@cache
def asked(language: str) -> frozenset[str]:
    """`Function.sha` of every function there are questions about."""
    return frozenset(load_questions([language]))
