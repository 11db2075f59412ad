"""List the questions that are missed, with causes that can be determined without reading the answers.

    python -m training missed --data FOLDER --corpora FOLDER

Every question is answered by a ranking that was not fitted on its repository, as in `fit`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from codesift.config import load_settings
from codesift.search.ranking import RankingModel, fuse
from codesift.types import Hit
from evaluation.folds import folds
from evaluation.machine import describe_machine, machine_in_words
from evaluation.repositories.bench import Bench
from evaluation.repositories.questions import FILE, FUNCTION, kind_of, questions
from training.ranking.arguments import SKIPPED, add_data, has_data
from training.ranking.cases import RankingCase, cases

FIRST = 10
"""A function below this rank is missed."""
CAUSES: Mapping[str, str] = {
    "no candidate": "neither search has an answer among its candidates",
    "no word in common": "it has none of the question's words",
    "same file": "the first result is elsewhere in an answer's file",
    "sibling": "the first result's file has the answer's name in another folder or with another ending",
    "same folder": "the first result is in another file of an answer's folder",
    "second answer": "the first file is right, and another one that counts comes late",
    "other": "the first result is somewhere else",
}
"""Name -> meaning. The first cause that applies is counted."""


class Missed(NamedTuple):
    """A question that is not answered well enough."""

    part: str
    repo: str
    kind: str
    query: str
    rank: int | None
    """Rank of the first answer, or of its file; None if there is none."""
    cause: str


def missed(
    answered: Sequence[RankingCase], models: Mapping[str, RankingModel], bench: Bench
) -> Iterator[Missed]:
    """The questions about files that are not perfect, and those about functions below `FIRST`."""
    for case in answered:
        if case.part not in (FILE, FUNCTION):
            continue
        ranked = fuse(case.query, case.hits, case.evidence, bench.settings, models[case.repo]).hits
        outcome = case.outcome(ranked)
        rank = outcome.ranks[0] if outcome.ranks else None
        good = outcome.ndcg() > 0.999 if case.part == FILE else rank is not None and rank <= FIRST
        if not good:
            kind = kind_of(case.part, case.row)
            yield Missed(case.part, case.repo, kind, case.row["query"], rank, _cause(case, ranked, rank))


def _cause(case: RankingCase, ranked: Sequence[Hit], rank: int | None) -> str:
    if rank is None:
        return "no candidate"
    if case.part == FILE and rank == 1:
        return "second answer"
    wanted = _paths(case)
    first = PurePosixPath(ranked[0].path)
    if case.part == FUNCTION:
        answer = case.evidence[next(hit.unit_id for hit in ranked if case.is_answered_by(hit))]
        if not answer.terms:
            return "no word in common"
        if first in wanted:
            return "same file"
    if any(first.stem == path.stem for path in wanted):
        return "sibling"
    return "same folder" if any(first.parent == path.parent for path in wanted) else "other"


def _paths(case: RankingCase) -> set[PurePosixPath]:
    if case.part == FUNCTION:
        return {PurePosixPath(answer["path"]) for answer in case.row["answers"]}
    return {PurePosixPath(path) for path in (*case.row["relevant"], *case.row["secondary"])}


def causes(questions_missed: Sequence[Missed], total: int) -> str:
    """Count the causes, as Markdown."""
    lines = ["# What is missed", "", f"{len(questions_missed)} of {total} questions.", ""]
    lines += ["| cause | what it means | files | functions |", "|---|---|---:|---:|"]
    counts = Counter((each.cause, each.part) for each in questions_missed)
    lines += [
        f"| {cause} | {about} | {counts[cause, FILE]} | {counts[cause, FUNCTION]} |"
        for cause, about in CAUSES.items()
        if counts[cause, FILE] or counts[cause, FUNCTION]
    ]
    return "\n".join(lines) + "\n"


def each_question(questions_missed: Sequence[Missed]) -> str:
    """List every question that is missed, as Markdown."""
    lines = ["| repository | kind | question | first answer | cause |", "|---|---|---|---:|---|"]
    lines += [
        f"| {each.repo} | {each.kind} | {each.query} | {each.rank or '-'} | {each.cause} |"
        for each in questions_missed
    ]
    return "\n".join(lines) + "\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_data(parser)
    parser.add_argument(
        "--report", type=Path, help="Markdown file of the counts; the questions may not be published"
    )


def run(options: argparse.Namespace) -> None:
    """Print the counts and each question, and write the counts with `--report`."""
    if not has_data(options):
        sys.stdout.write(SKIPPED)
        return
    bench = Bench(options.corpora, load_settings(options.corpora, {}, {}))
    by_repo = sorted(questions(options.data, (FILE, FUNCTION)).items())
    answered = [case for repo, rows in by_repo for case in cases(bench, repo, rows, "both")]
    rows = list(missed(answered, folds(), bench))
    counts = f"{causes(rows, len(answered))}\n{machine_in_words(describe_machine())}"
    sys.stdout.write(f"{counts}\n{each_question(rows)}")
    if options.report:
        command = "python -m training missed --data FOLDER --corpora FOLDER"
        options.report.write_text(f"{counts}\n`{command}` prints which they are.\n", encoding="utf-8")
