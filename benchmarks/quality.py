"""Questions on whole repositories: NDCG@10 by file, MRR and recall by function, for words, vectors and both.

    python -m benchmarks quality --data FOLDER

FOLDER holds `repos/queries.jsonl` (questions with target files), `repos/text2fn.jsonl` (with target
functions), `repos/fn2fn.jsonl` (a function and its counterparts) and the sources, or the list of packages
they come from. Nothing of it is part of this project; without it the benchmark says so and skips.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from codesift.config import Settings, load_settings
from codesift.encoders import open_encoder
from codesift.freshness import on_index
from codesift.searching import Filter, Question, alike, rank
from codesift.store import Index
from codesift.targets import Origin
from codesift.types import Encoder, Hit, Progress
from training.measuring.metrics import Found

SYSTEMS = {"words": (True, False), "vectors": (False, True), "hybrid": (True, True)}
"""Name -> (lexical, semantic)."""
FILE, FUNCTION, SIMILAR = "queries", "text2fn", "fn2fn"
"""The files of questions: what has to be found is a file, a function, or a function like another."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question."""

    part: str
    """`FILE`, `FUNCTION` or `SIMILAR`."""
    system: str
    """A key of `SYSTEMS`; `vectors` where code is looked for by code."""
    repo: str
    language: str
    units: int
    """Units in the repository's index."""
    found: Found


def by_file(hits: Iterable[Hit], row: Row) -> Found:
    """Where the files that answer a question came out, files in order of first appearance."""
    return Found.among(unique(hit.path for hit in hits), {*row["relevant"], *row["secondary"]})


def by_function(hits: Iterable[Hit], answers: Sequence[Row]) -> Found:
    """The rank of the first hit that matches each answer."""
    hits = list(hits)
    ranks = [first_rank(hits, [answer]) for answer in answers]
    return Found(tuple(sorted(int(rank) for rank in ranks if rank < math.inf)), len(answers))


def first_rank(hits: Iterable[Hit], answers: Sequence[Row]) -> float:
    """Rank of the first hit that matches an answer, from 1; infinity if none does."""
    return next((rank for rank, hit in enumerate(hits, 1) if any(matches(hit, a) for a in answers)), math.inf)


def matches(hit: Hit, answer: Row) -> bool:
    """Whether a hit covers at least half of the answer's lines, or lies at least half within it."""
    if hit.path != answer["path"]:
        return False
    first, last = int(answer["start_line"]), int(answer["end_line"])
    shared = min(hit.end_line, last) - max(hit.start_line, first) + 1
    return 2 * shared >= min(last - first, hit.end_line - hit.start_line) + 1


def unique(paths: Iterable[str]) -> list[str]:
    """Files in order of first appearance."""
    return list(dict.fromkeys(paths))


class Bench:
    """The indexes of all repositories, and rankings from them.

    Args:
        corpora: the folder of all repositories; each index lies in its repository.
        settings: which model and adapters to search with, among others.
        progress: told of indexing.
    """

    def __init__(self, corpora: Path, settings: Settings, progress: Progress | None = None) -> None:
        self.corpora, self.settings = corpora, settings
        self._progress = progress or _no_progress
        self._encoder: Encoder | None = None

    def encoder(self, space: Any) -> Encoder:
        if self._encoder is None:
            self._encoder = open_encoder(space)
        return self._encoder

    def on(self, repo: str, work: Callable[[Index], Any]) -> Any:
        """Call `work` with the index of one repository, built if need be."""
        root = self.corpora / repo
        return on_index(root.resolve(), self.settings, _say, self._progress, self.encoder, work)

    def ask(self, index: Index, text: str, system: str) -> Sequence[Hit]:
        lexical, semantic = SYSTEMS[system]
        question = Question(text, 0, lexical, semantic)
        return rank(question, index, self.settings, lambda: self.encoder(index.space))

    def alike(self, index: Index, source: Row) -> Sequence[Hit]:
        units = [u for u in index.catalog.units_of(source["path"]) if matches(u, source)]
        if not units:
            return []
        unit = max(units, key=lambda u: (u.start_line == source["start_line"], u.start_line - u.end_line))
        lines = unit.start_line, unit.end_line
        origin = Origin("", unit.language, index.vectors.of_unit(unit.unit_id), unit.path, lines)
        return alike(origin, index, self.settings, Filter())


def questions(data: Path) -> dict[str, dict[str, list[Row]]]:
    """Repository -> part -> its rows, from the files there are."""
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for part in (FILE, FUNCTION, SIMILAR):
        path = data / "repos" / f"{part}.jsonl"
        for row in _rows(path) if path.is_file() else ():
            found[row["repo"]][part].append(row)
    return found


def outcomes(
    bench: Bench, repo: str, rows: Mapping[str, Sequence[Row]], systems: Collection[str] = tuple(SYSTEMS)
) -> list[Outcome]:
    """What becomes of all questions on one repository.

    Args:
        bench: what is searched.
        repo: name of the repository.
        rows: part -> its questions, as from `questions`.
        systems: which of `SYSTEMS` to ask.
    """

    def work(index: Index) -> list[Outcome]:
        _, units = index.catalog.counts()
        return [
            Outcome(part, system, repo, row["language"], units, found)
            for part, system, row, found in _asked(bench, index, rows, systems)
        ]

    found: list[Outcome] = bench.on(repo, work)
    return found


def _asked(
    bench: Bench, index: Index, rows: Mapping[str, Sequence[Row]], systems: Collection[str]
) -> Iterator[tuple[str, str, Row, Found]]:
    for system in systems:
        for row in rows.get(FILE, ()):
            yield FILE, system, row, by_file(bench.ask(index, row["query"], system), row)
        for row in rows.get(FUNCTION, ()):
            hits = bench.ask(index, row["query"], system)
            yield FUNCTION, system, row, by_function(hits, row["answers"])
    for row in rows.get(SIMILAR, ()) if "vectors" in systems else ():
        yield SIMILAR, "vectors", row, by_function(bench.alike(index, row["source"]), row["answers"])


def measure(bench: Bench, data: Path) -> dict[str, Any]:
    """All figures: system -> metric -> value, macro-averaged over questions, and by language."""
    rows = questions(data)
    repos = sorted(path.name for path in bench.corpora.iterdir() if path.is_dir())
    figures: dict[str, dict[str, list[float]]] = {system: defaultdict(list) for system in SYSTEMS}
    by_language: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    likeness: list[float] = []
    for outcome in (each for repo in repos for each in outcomes(bench, repo, rows[repo])):
        if outcome.part == SIMILAR:
            near = sum(rank <= 5 for rank in outcome.found.ranks)
            likeness.append(near / min(5, outcome.found.relevant))
            continue
        for metric, value in _figures(outcome):
            figures[outcome.system][metric].append(value)
            if not metric.startswith("recall"):
                by_language[outcome.language][f"{outcome.system} {metric}"].append(value)
    return {
        **{system: _means(metrics) for system, metrics in figures.items()},
        "similar": {"recall@5": round(mean(likeness), 4)} if likeness else {},
        "by language": {language: _means(metrics) for language, metrics in sorted(by_language.items())},
    }


def _figures(outcome: Outcome) -> Iterator[tuple[str, float]]:
    if outcome.part == FILE:
        yield "NDCG@10 by file", outcome.found.ndcg()
    else:
        yield "MRR by function", outcome.found.reciprocal()
        yield from ((f"recall@{k} by function", outcome.found.recall(k)) for k in (1, 5, 10))


def _means(metrics: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {metric: round(mean(values), 4) for metric, values in metrics.items()}


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _no_progress(stage: str, done: int, total: int) -> None:
    pass


def table(figures: Mapping[str, Any]) -> str:
    """The main figures as Markdown."""
    metrics = list(figures["hybrid"])
    lines = ["| | " + " | ".join(metrics) + " |", "|---|" + "---|" * len(metrics)]
    lines += [
        f"| {system} | " + " | ".join(f"{figures[system][metric]:.3f}" for metric in metrics) + " |"
        for system in SYSTEMS
    ]
    return "\n".join(lines) + f"\n\nsimilar, recall@5: {figures['similar'].get('recall@5', math.nan):.3f}\n"


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write the figures where `--out` says. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks quality", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("CODESIFT_EVAL"))
    parser.add_argument("--to", type=Path, default=Path("benchmarks/corpora"), help="for the sources")
    parser.add_argument("--out", type=Path, help="JSON file for all figures")
    given = parser.parse_args(arguments)
    if given.data is None or not Path(given.data, "repos", "queries.jsonl").is_file():
        sys.stdout.write("skipped: no evaluation data; give --data FOLDER or set CODESIFT_EVAL\n")
        return 0
    from benchmarks.corpora import evaluation_corpora

    corpora = evaluation_corpora(Path(given.data), given.to)
    bench = Bench(corpora, load_settings(corpora, os.environ, {}))
    figures = measure(bench, Path(given.data))
    sys.stdout.write(table(figures))
    if given.out:
        given.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0
