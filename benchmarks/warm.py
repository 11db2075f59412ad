"""A warm query: what ranking costs beyond encoding the question, index and model open.

    python -m benchmarks warm --root FOLDER [--times 9 --work FOLDER]

FOLDER is any indexed repository; its first lines of documentation are the questions. Each is encoded and then
ranked with that very vector, in turn, so that noise hits both. With `--times` an index that many times as
large is asked, made of copies in `--work`, whose vectors have noise.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

import codesift
from benchmarks.enlarge import enlarged
from benchmarks.processes import Failed
from codesift.search.query import Question, rank
from evaluation.machine import describe_machine, machine_in_words
from evaluation.units import units_of_file

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.index.opening import Index
    from codesift.types import Encoder, Matrix

_FEWEST, _MOST = 3, 12
"""Words of a question."""


class _Known:
    """Stands for the encoder once the question is encoded."""

    def __init__(self, vector: Matrix, encoder: Encoder) -> None:
        self._vector = vector
        self.drafts = encoder.drafts

    def encode_query(self, text: str) -> Matrix:
        return self._vector


def main(arguments: Sequence[str]) -> int:
    """Print the figures. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    with codesift.open(options.root, exact=True, settings={"refresh": False}, notify=_say) as repository:
        settings, encoder = repository.settings, repository.query_encoder()
        questions = repository.on_index(lambda index: _questions(index, settings, options.questions))
        if not questions:
            parser.error(f"{options.root} has no documentation to ask about")
        if options.times == 1:
            units, times = _measured(repository, questions, encoder)
        else:
            try:
                repository.on_index(
                    lambda index: enlarged(index, options.work, options.times, settings, _no_progress)
                )
            except Failed as error:
                parser.error(str(error))
            with codesift.Repository(options.work.resolve(), settings, _say) as large:
                units, times = _measured(large, questions, encoder)
    encoding, ranking = ([1000 * each for each in column] for column in zip(*times, strict=True))
    sys.stdout.write(
        "| units | questions | encoding, median ms | ranking, median ms | ranking, 95th percentile |\n"
        "|---:|---:|---:|---:|---:|\n"
        f"| {units:,} | {len(times)} | {median(encoding):.1f} | {median(ranking):.1f} "
        f"| {quantiles(ranking, n=20)[-1]:.1f} |\n\n{machine_in_words(describe_machine())}"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks warm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--root", type=Path, required=True, help="an indexed repository")
    parser.add_argument("--questions", type=int, default=200, help="how many")
    parser.add_argument("--times", type=int, default=1, help="how many times as large an index to ask")
    parser.add_argument(
        "--work", type=Path, default=Path("benchmarks/corpora/enlarged"), help="where that goes"
    )
    return parser


def _measured(
    repository: codesift.Repository, questions: Sequence[str], encoder: Encoder
) -> tuple[int, list[tuple[float, float]]]:
    """Units of an index, and the times of each question, the first one asked once before."""

    def work(index: Index) -> tuple[int, list[tuple[float, float]]]:
        _timed(questions[0], index, repository.settings, encoder)
        times = [_timed(text, index, repository.settings, encoder) for text in questions]
        return index.catalog.counts()[1], times

    return repository.on_index(work)


def _timed(text: str, index: Index, settings: Settings, encoder: Encoder) -> tuple[float, float]:
    """Seconds of encoding a question, and of all that comes after."""
    started = time.perf_counter()
    vector = encoder.encode_query(text)
    encoded = time.perf_counter()
    rank(Question(text, 10), index, settings, lambda: _Known(vector, encoder))  # type: ignore[arg-type,return-value]
    return encoded - started, time.perf_counter() - encoded


def _questions(index: Index, settings: Settings, wanted: int) -> list[str]:
    """First lines of documentation, from files spread over the repository."""
    files = [row for row in index.catalog.files() if row.skipped is None]
    found: list[str] = []
    for row in files[:: max(1, len(files) // wanted)]:
        units = units_of_file(row.source(index.root), settings)
        lines = (unit.documentation.strip().partition("\n")[0] for unit in units)
        found += [line for line in lines if _FEWEST <= len(line.split()) <= _MOST][:3]
    return found[:wanted]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _no_progress(stage: str, done: int, total: int) -> None:
    pass
