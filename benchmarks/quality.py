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
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from codesift.config import Settings, load_settings
from codesift.encoders import open_encoder
from codesift.freshness import on_index
from codesift.searching import Filter, Question, alike, rank
from codesift.store import Index
from codesift.targets import Origin
from codesift.types import Encoder, Hit

SYSTEMS = {"words": (True, False), "vectors": (False, True), "hybrid": (True, True)}
"""Name -> (lexical, semantic)."""
Row = Mapping[str, Any]


def ndcg_at_10(found: Sequence[str], relevant: set[str]) -> float:
    """NDCG@10 with binary gains (Järvelin and Kekäläinen 2002) of a ranking without repetitions."""
    gain = sum(1 / math.log2(rank + 2) for rank, item in enumerate(found[:10]) if item in relevant)
    best = sum(1 / math.log2(rank + 2) for rank in range(min(10, len(relevant))))
    return gain / best


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
    """The indexes of all repositories, and rankings from them."""

    def __init__(self, corpora: Path, settings: Settings) -> None:
        self.corpora, self.settings = corpora, settings
        self._encoder: Encoder | None = None

    def encoder(self, space: Any) -> Encoder:
        if self._encoder is None:
            self._encoder = open_encoder(space)
        return self._encoder

    def on(self, repo: str, work: Callable[[Index], Any]) -> Any:
        """Call `work` with the index of one repository, built if need be."""
        root = self.corpora / repo
        return on_index(root.resolve(), self.settings, _say, _no_progress, self.encoder, work)

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


def measure(bench: Bench, data: Path) -> dict[str, Any]:
    """All figures: system -> metric -> value, macro-averaged over questions, and by language."""
    figures: dict[str, Any] = {system: defaultdict(list) for system in SYSTEMS}
    by_language: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    likeness: list[float] = []
    for repo in sorted(path.name for path in bench.corpora.iterdir() if path.is_dir()):
        rows = {
            name: [row for row in _rows(data / "repos" / f"{name}.jsonl") if row["repo"] == repo]
            for name in ("queries", "text2fn", "fn2fn")
        }

        def work(index: Index, rows: dict[str, list[Row]] = rows) -> None:
            for system in SYSTEMS:
                for row in rows["queries"]:
                    hits = bench.ask(index, row["query"], system)
                    value = ndcg_at_10(unique(h.path for h in hits), {*row["relevant"], *row["secondary"]})
                    figures[system]["NDCG@10 by file"].append(value)
                    by_language[row["language"]][f"{system} NDCG@10 by file"].append(value)
                for row in rows["text2fn"]:
                    rank = first_rank(bench.ask(index, row["query"], system), row["answers"])
                    figures[system]["MRR by function"].append(1 / rank)
                    by_language[row["language"]][f"{system} MRR by function"].append(1 / rank)
                    for k in (1, 5, 10):
                        figures[system][f"recall@{k} by function"].append(float(rank <= k))
            for row in rows["fn2fn"]:
                top = bench.alike(index, row["source"])[:5]
                found = sum(any(matches(hit, answer) for hit in top) for answer in row["answers"])
                likeness.append(found / min(5, len(row["answers"])))

        bench.on(repo, work)
    result: dict[str, Any] = {
        system: {metric: round(mean(values), 4) for metric, values in metrics.items()}
        for system, metrics in figures.items()
    }
    result["similar"] = {"recall@5": round(mean(likeness), 4)} if likeness else {}
    result["by language"] = {
        language: {metric: round(mean(values), 4) for metric, values in metrics.items()}
        for language, metrics in sorted(by_language.items())
    }
    return result


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
