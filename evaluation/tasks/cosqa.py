"""CosQA (Huang et al. 2021): questions typed into a web search -> Python functions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.files import read_json, read_rows
from evaluation.tasks.groups import TEXT, Group, Missing, Pool, Snippet, Task, Wanted, reading

ORIGINAL_CODES = "code_idx_map.txt"

Cosqa = tuple[Sequence[str], Sequence[str], Sequence[int]]
"""Corpus, queries, and for each query the row of the corpus that answers it."""


def load(wanted: Wanted) -> Iterator[Task]:
    """All queries against all functions, with their documentation and without.

    Raises:
        Missing: the data is not there, or Python is not wanted.
    """
    if not wanted.wants("python"):
        raise Missing("CosQA is about Python")
    folder = wanted.file("cosqa")
    with reading(folder):
        corpus, queries, relevant = read(folder, wanted.partition)
    asked = tuple(Snippet("", query, TEXT) for query in queries)
    answers = tuple((row,) for row in relevant)

    def group(name: str, texts: Sequence[str]) -> Group:
        entries = tuple(Snippet("", text, "python") for text in texts)
        return Group(name, (Pool(asked, entries, answers),))

    groups = (
        group("with documentation", corpus),
        group("without documentation", [strip_documentation(code) for code in corpus]),
    )
    yield Task("cosqa", "questions typed into a web search -> Python functions", groups)


def read(folder: Path, partition: str) -> Cosqa:
    """The folder's `corpus.jsonl.gz` and `dev.jsonl.gz`, or the files as CosQA's authors publish them.

    Of the authors' files that of the partition is taken, or else the one that is there.
    """
    if (folder / "corpus.jsonl.gz").is_file():
        return read_cosqa(folder)
    return _original(folder, partition)


def _original(folder: Path, partition: str) -> Cosqa:
    """The corpus is {code: number}; each question has its words as `doc`, its answer as `retrieval_idx`."""
    questions = sorted(
        folder.glob("cosqa-retrieval-*-500.json"), key=lambda path: f"-{partition}-" not in path.name
    )
    if not questions or not (folder / ORIGINAL_CODES).is_file():
        raise Missing(f"{folder} holds neither corpus.jsonl.gz nor {ORIGINAL_CODES} with its questions")
    codes: dict[str, int] = read_json(folder / ORIGINAL_CODES)
    place = {number: row for row, number in enumerate(codes.values())}
    rows = [row for row in read_json(questions[0]) if row["retrieval_idx"] in place]
    return list(codes), [row["doc"] for row in rows], [place[row["retrieval_idx"]] for row in rows]


def strip_documentation(code: str) -> str:
    """A Python function without its docstring; a pattern, since half of CosQA is Python 2."""
    pattern = r"(:\s*(?:#[^\n]*\n\s*)?)[rRuU]*(\"\"\"|''').*?\2"
    return re.sub(pattern, r"\1", code, count=1, flags=re.DOTALL)


def read_cosqa(folder: Path) -> Cosqa:
    """Corpus, queries, and for each query the row of the corpus that answers it."""
    corpus = [row["code"] for row in read_rows(folder / "corpus.jsonl.gz")]
    dev = list(read_rows(folder / "dev.jsonl.gz"))
    return corpus, [row["query"] for row in dev], [int(row["relevant"]) for row in dev]
