"""Time to the first answer in a repository that was never indexed, beside semble's cold search.

    python -m benchmarks first [--only PART,PART] [--to FOLDER] [--work FOLDER] [--runs N] [--out FILE.json]

Parts: `answer` (a first question in fresh copies of repositories of several sizes), `quick` (`index --quick`
of all evaluation repositories), `again` (a fresh process on an index with drafts alone). Copies and indexes
are new for each run; the peer is run in turn with codesift.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Target, as_table, write_figures
from benchmarks.processes import Failed, Ran, codesift, median, run
from benchmarks.quality.peers import static_model
from benchmarks.quality.peers.installing import environment
from codesift.config import Settings
from evaluation.corpora import FOLDER, corpus_folder, evaluation_corpora
from evaluation.machine import describe_machine
from evaluation.packages import Unavailable
from evaluation.plots import COLOURS, MARKERS, Plot, write_plot

QUESTIONS: Mapping[str, str] = {
    "flask": "send a file to the client in chunks",
    "networkx-part": "shortest path between two nodes",
    "django": "where is a database transaction rolled back after an error",
    "big": "how are passwords hashed before they are stored",
}
"""Corpus -> the first question asked of it: about 430, 2,000, 12,600 and 35,000 units."""
UNITS = {"flask": 432, "networkx-part": 1458, "django": 12_578, "big": 35_082}
PART_FILES = 160
"""Files of networkx in `networkx-part`."""
DEFAULT = f"{Settings().budget:g}"
"""The budget without `--budget`."""
PLOT = "first.svg"
SEMBLE = "semble==0.7.0"


@dataclass(frozen=True, slots=True)
class Setup:
    """Where and how often to measure."""

    to: Path
    """Folder of the corpora."""
    work: Path
    """Folder of the peer."""
    data: Path | None
    """Folder of the evaluation data."""
    runs: int
    corpora: tuple[str, ...]
    """Keys of `QUESTIONS`."""


def answer(bench: Setup) -> Iterator[Figure]:
    """A first question, from the start of the process to its last byte."""
    for name in bench.corpora:
        question = QUESTIONS[name]
        corpus = _corpus(name, bench.to)
        for budget in (DEFAULT, "0"):
            ours, peers = _first_answers(bench, corpus, question, budget)
            title = f"first answer in {name}, budget {budget} s"
            target = Target(0.5, of_ratio=True) if budget == DEFAULT else None
            yield _seconds("answer", title, ours, peers, target)
            peak = [each.peak_mb for each in ours]
            yield Figure("answer", f"{title}: peak memory", median(peak), "MB", tuple(peak))


def quick(bench: Setup) -> Iterator[Figure]:
    """`index --quick` of all evaluation repositories, one after another."""
    if bench.data is None:
        sys.stderr.write("skipped `quick`: no evaluation data; give --data FOLDER\n")
        return
    folders = sorted(path for path in evaluation_corpora(bench.data, bench.to).iterdir() if path.is_dir())
    ours, peers = [], []
    for _ in range(bench.runs):
        mine = theirs = 0.0
        for folder in folders:
            with _fresh(folder) as (copy, home):
                mine += run(codesift("index", "--quick", "--quiet", str(copy)), copy, extra=home).seconds
                theirs += _semble(bench, copy, "anything at all").seconds
        ours.append(mine)
        peers.append(theirs)
    title = f"`index --quick` of {len(folders)} repositories, all in all"
    target = Target(1, of_ratio=True)
    yield Figure(
        "quick", title, median(ours), "s", tuple(ours), "semble's cold search", median(peers), target
    )


def again(bench: Setup) -> Iterator[Figure]:
    """A fresh process on an index of `big` that has drafts alone."""
    corpus = _corpus("big", bench.to)
    with _fresh(corpus) as (copy, home):
        run(codesift("index", "--quick", "--quiet", str(copy)), copy, extra=home)
        command = codesift("query", QUESTIONS["big"], "--budget", "0")
        found = [run(command, copy, extra=home) for _ in range(bench.runs + 1)][1:]
    samples = tuple(each.seconds for each in found)
    yield Figure("again", "`query` of big, budget 0", median(samples), "s", samples, target=Target(0.5))


PARTS = {"answer": answer, "quick": quick, "again": again}


def _first_answers(bench: Setup, corpus: Path, question: str, budget: str) -> tuple[list[Ran], list[Ran]]:
    """Ask the question in fresh copies, codesift and semble in turn; a first pair is not counted."""
    ours, peers = [], []
    for _ in range(bench.runs + 1):
        with _fresh(corpus) as (copy, home):
            options = [] if budget == DEFAULT else ["--budget", budget]
            ours.append(run(codesift("query", question, *options), copy, extra=home))
            peers.append(_semble(bench, copy, question))
    return ours[1:], peers[1:]


def _semble(bench: Setup, copy: Path, question: str) -> Ran:
    python = environment(SEMBLE, bench.work / "peers" / "semble")
    command = [str(python.with_name("semble")), "search", question, str(copy), "-k", "10"]
    with tempfile.TemporaryDirectory(prefix="semble-") as cache:
        model = static_model(bench.work / "peers")
        extra = {"SEMBLE_CACHE_LOCATION": cache, "SEMBLE_MODEL_NAME": str(model), "HF_HUB_OFFLINE": "1"}
        return run(command, copy, extra=extra)


class _fresh:
    """A context with a copy of a folder and variables for a home without an index: both are new."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> tuple[Path, dict[str, str]]:
        self._made = Path(tempfile.mkdtemp(prefix="first-"))
        copy = self._made / self._folder.name
        shutil.copytree(self._folder, copy, symlinks=True)
        return copy, {"HOME": str(self._made), "XDG_CACHE_HOME": str(self._made / "cache")}

    def __exit__(self, *error: object) -> None:
        shutil.rmtree(self._made, ignore_errors=True)


def _corpus(name: str, to: Path) -> Path:
    """The folder of a corpus; `networkx-part` is the first files of networkx."""
    if name != "networkx-part":
        return corpus_folder(name, to)
    folder = to / name
    if not folder.is_dir():
        whole = corpus_folder("networkx", to)
        files = sorted(path for path in whole.rglob("*.py") if path.is_file())[:PART_FILES]
        for path in files:
            copy = folder / path.relative_to(whole)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return folder


def _seconds(
    part: str, title: str, ours: Sequence[Ran], peers: Sequence[Ran], target: Target | None
) -> Figure:
    samples = tuple(each.seconds for each in ours)
    peer = median([each.seconds for each in peers])
    return Figure(part, title, median(samples), "s", samples, "semble, cold", peer, target)


def main(arguments: Sequence[str]) -> int:
    """Measure and print a table. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks first",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, comma-separated")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the corpora")
    parser.add_argument("--work", type=Path, default=FOLDER.parent / "work", help="folder of the peer")
    parser.add_argument("--data", type=Path, default=os.environ.get("CODESIFT_EVAL"), help="evaluation data")
    parser.add_argument("--corpora", default=",".join(QUESTIONS), help="of `answer`, comma-separated")
    parser.add_argument("--runs", type=int, default=5, help="fresh copies for each figure")
    parser.add_argument("--out", type=Path, help="JSON file; the table goes beside it")
    options = parser.parse_args(arguments)
    wanted = options.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no part {unknown[0]!r}; there are {', '.join(PARTS)}")
    corpora = tuple(options.corpora.split(","))
    if unknown := [name for name in corpora if name not in QUESTIONS]:
        parser.error(f"no corpus {unknown[0]!r}; there are {', '.join(QUESTIONS)}")
    data = options.data and Path(options.data)
    bench = Setup(options.to, options.work.absolute(), data, options.runs, corpora)
    figures: list[Figure] = []
    for part in wanted:
        try:
            figures += PARTS[part](bench)
        except (Failed, Unavailable) as error:
            sys.stderr.write(f"skipped `{part}`: {error}\n")
    command = " ".join(["python -m benchmarks first", *arguments])
    machine = describe_machine()
    sys.stdout.write(as_table(figures, machine, command))
    if options.out:
        write_figures(figures, machine, command, options.out)
        write_plot(against_units(figures), options.out.parent)
    return 0


def against_units(figures: Sequence[Figure]) -> Plot:
    """Time to the first answer against the size of the repository."""
    parts = {f"codesift, budget {DEFAULT} s": DEFAULT, "codesift, budget 0 s": "0"}

    def draw(canvas: Any) -> None:
        canvas.set_size_inches(5, 3.2)
        axes = canvas.add_subplot()
        for number, (label, budget) in enumerate(parts.items()):
            points = [(units, ours) for units, ours, _ in _times(figures, budget)]
            axes.plot(*zip(*points, strict=True), marker=MARKERS[number], color=COLOURS[number], label=label)
        points = [(units, peer) for units, _, peer in _times(figures, DEFAULT)]
        axes.plot(*zip(*points, strict=True), marker=MARKERS[2], color=COLOURS[2], label="semble 0.7.0")
        axes.set(xscale="log", yscale="log", xlabel="units", ylabel="seconds to the first answer")
        axes.legend()

    return Plot(PLOT, "Time to the first answer in a repository that was never indexed.", draw)


def _times(figures: Sequence[Figure], budget: str) -> list[tuple[int, float, float]]:
    """Units, seconds of codesift and of its peer, smallest repository first."""
    titles = {f"first answer in {name}, budget {budget} s": units for name, units in UNITS.items()}
    return sorted(
        (titles[figure.name], figure.value, figure.peer)
        for figure in figures
        if figure.name in titles and figure.peer is not None
    )
