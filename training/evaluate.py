"""Measure BM25, the bare base and adapters side by side: MRR, NDCG@10, recall, with intervals.

    python -m training evaluate --work W --eval FOLDER --system combined=F1 --system language-wise=F2

Writes `training/results/NAME.json` and the ranks of every query to `WORK/ranks/NAME.json`. Vectors and
indexes are kept in the work folder: a second run encodes only what is new.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.errors import UsageError
from codesift.models.bases import DEFAULT
from evaluation.summary import EvaluationResults, console_table
from evaluation.tasks import REPOS, TASKS, load
from evaluation.tasks.groups import Measured, Missing, Wanted, say
from training.languages import languages_of

if TYPE_CHECKING:
    from codesift.types import Progress
    from evaluation.rankers import Ranker

RESULTS = Path("training/results")
ALWAYS = ("packages", "cosqa", "code2code", REPOS)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `python -m training evaluate`."""
    about = "; ".join(f"{name}: {what}" for name, what in TASKS.items())
    parser.add_argument("--eval", type=Path, default=os.environ.get("CODESIFT_EVAL"), help="evaluation data")
    parser.add_argument(
        "--tasks", default="", help=f"comma-separated, all that have data if left out. {about}"
    )
    parser.add_argument(
        "--system", action="append", default=[], metavar="NAME=FOLDER", help="an adapters.json"
    )
    parser.add_argument("--model", default=DEFAULT, help="the base")
    parser.add_argument("--languages", default="", help="only these, comma-separated")
    parser.add_argument("--partition", choices=("test", "dev"), default="test", help="of the mined functions")
    parser.add_argument("--limit-packages", type=int, default=0, metavar="N", help="at most N a language")
    parser.add_argument("--repos", default="", help="only these repositories, comma-separated")
    parser.add_argument("--csn", type=Path, help="folder of CodeSearchNet's files")
    parser.add_argument("--xlcost", type=Path, help="folder of XLCoST's files")
    parser.add_argument("--name", default="evaluation", help="of the results")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for NAME.json")


def run(options: argparse.Namespace) -> None:
    """Measure all tasks, each written as soon as it is done.

    Raises:
        CodesiftError: an option is wrong, or there was nothing to measure.
    """
    names, wanted = _tasks(options.tasks), wanted_of(options)
    with _Bars() as bars:
        comparison = Comparison.open(options, wanted, bars.of)
        results = EvaluationResults(options, comparison.describe())
        for name in names:
            try:
                for measured in comparison.measure(name):
                    results.add(measured)
            except Missing as error:
                if options.tasks or name in ALWAYS:
                    say(f"skipped {name}: {error}")
    if not results.tasks:
        raise UsageError("nothing was measured: none of the tasks has its data")
    _print(results)


def wanted_of(options: argparse.Namespace) -> Wanted:
    """What the options ask for.

    Raises:
        UsageError: a language is unknown.
    """
    return Wanted(
        work=options.work,
        data=Path(options.eval) if options.eval else None,
        languages=tuple(languages_of(options.languages)),
        partition=options.partition,
        seed=options.seed,
        packages=options.limit_packages,
        repos=_list(options.repos),
        csn=options.csn,
        xlcost=options.xlcost,
    )


def _tasks(text: str) -> tuple[str, ...]:
    names = _list(text) or tuple(TASKS)
    if unknown := [name for name in names if name not in TASKS]:
        raise UsageError(f"unknown task {unknown[0]}", f"one of {', '.join(TASKS)}")
    return names


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@dataclass(frozen=True)
class Comparison:
    """The systems of one run, and what they are measured on."""

    wanted: Wanted
    model: str
    manifests: Mapping[str, Path]
    systems: Sequence[Ranker]
    progress: Callable[[str], Progress]

    @classmethod
    def open(
        cls, options: argparse.Namespace, wanted: Wanted, progress: Callable[[str], Progress]
    ) -> Comparison:
        """The systems the options name, beside those there always are."""
        from codesift.models.bases import find_base
        from evaluation.rankers import NamedAdapters, rankers

        named = [NamedAdapters.parse(text) for text in options.system]
        base, vectors = find_base(options.model), wanted.work / "vectors"
        opened = rankers(base, named, vectors, progress)
        manifests = {each.name: each.manifest for each in named}
        return cls(wanted, options.model, manifests, opened, progress)

    def describe(self) -> dict[str, dict[str, object]]:
        """Each system by its name."""
        return {system.name: system.describe() for system in self.systems}

    def measure(self, name: str) -> Iterator[Measured]:
        """The tables of one task.

        Raises:
            Missing: its data is not there.
        """
        if name == REPOS:
            from evaluation.tasks import repos

            yield from repos.measure(self.wanted, self.model, self.manifests, self.progress)
        else:
            from evaluation.rankers import rank_pools

            yield from (rank_pools(task, self.systems) for task in load(name, self.wanted))


def _print(results: EvaluationResults) -> None:
    from rich.console import Console

    console = Console()
    for name, task in results.tasks.items():
        console.print(console_table(name, task))
    console.print(
        "MRR / NDCG@10; + and -: the 95% interval of the difference to the base is above or below 0"
    )


class _Bars:
    """Progress bars on a terminal's stderr, one for each system that encodes."""

    def __enter__(self) -> _Bars:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty())
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def of(self, name: str) -> Progress:
        """What a system tells of its work; each stage has its own bar, gone when it is done."""
        shown: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in shown:
                shown[stage] = self._bars.add_task(f"{name}: {stage}", total=total)
            self._bars.update(shown[stage], completed=done, total=total)
            if done >= total:
                self._bars.remove_task(shown.pop(stage))

        return tell
