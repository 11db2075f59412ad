"""Write tables and plots of what was measured, and keep what they need of the runs.

    python -m training report --work W

Reads the results of `evaluate` and the runs of `train`; writes README.md, a page for each evaluation on the
dev partition, plots, and `runs.json`. Without the work folder the same is made from what lies there already.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.files import replacing, write_tables
from evaluation.plots import Plot, write_plot
from training.reporting import tables
from training.reporting.plots import by_language, by_pairs, by_rank, loss_curves
from training.reporting.results import (
    RUNS,
    Evaluation,
    TaskResult,
    TrainingRun,
    TrainingRuns,
    load_evaluations,
    load_runs,
)

RESULTS = Path("training/results")
PAGE = "README.md"
READING = """\
In brackets is the 95% interval of a bootstrap over queries. A change is against the base, paired by query,
and bold where its interval holds no zero. MRR is over the whole ranking; ties count against us. `base` is the
model without adapters. Times are those of the run that wrote the file: vectors that were there already are
not encoded again."""
NO_RUNS = "No finished runs are known, so there is no table of them and no plot of losses."
WORSE = """\
Every row in which a system with adapters is below the base, in MRR or in NDCG@10. A loss is sure where its
interval lies below zero."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb `report`."""
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of results, and of the report")


def run(options: argparse.Namespace) -> None:
    """Write the report, its plots and `runs.json` into the folder of results.

    Raises:
        CodesiftError: there is nothing to report, or a result cannot be read.
    """
    evaluations = load_evaluations(options.results)
    runs = load_runs(options.work, options.results, evaluations)
    if not evaluations and not runs.runs:
        raise CodesiftError(
            f"no results in {options.results} and no runs in {options.work}", "evaluate first"
        )
    content = {
        "runs": [asdict(each) for each in runs.runs.values()],
        "systems": {
            space: {language: asdict(source) for language, source in sources.items()}
            for space, sources in runs.systems.items()
        },
    }
    write_tables(options.results / RUNS, content)
    for name, page in pages(evaluations, runs):
        with replacing(options.results / name) as file:
            file.write(page.text.encode())
        for plot in page.plots:
            write_plot(plot, options.results)
    print(options.results / PAGE)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the report and the plots it shows."""

    text: str
    plots: Sequence[Plot]


def pages(evaluations: Sequence[Evaluation], runs: TrainingRuns) -> Iterator[tuple[str, Page]]:
    """(file name, page): the report itself, and a page for each evaluation on the dev partition."""
    shown = [each for each in evaluations if each.partition == "test"]
    others = [each for each in evaluations if each.partition != "test"]
    blocks = ["# What was measured", READING, *_overview(evaluations, others)]
    plots: list[Plot] = []
    for evaluation in shown:
        page = evaluation_page(evaluation, runs, "##")
        blocks.append(page.text)
        plots += page.plots
    about_runs = runs_page(runs)
    yield PAGE, Page("\n\n".join([*blocks, about_runs.text]) + "\n", [*plots, *about_runs.plots])
    for evaluation in others:
        page = evaluation_page(evaluation, runs, "#")
        yield f"{evaluation.name}.md", Page(page.text + "\n", page.plots)


def _overview(evaluations: Sequence[Evaluation], others: Sequence[Evaluation]) -> Iterator[str]:
    yield "## At a glance"
    if not evaluations:
        yield "Nothing has been evaluated yet, so there are no tables of figures and no plots of them."
        return
    yield "Each figure is the mean of its table's rows; empty where it was not measured."
    yield tables.overview(evaluations)
    if others:
        links = ", ".join(f"[{each.name}]({each.name}.md)" for each in others)
        yield f"Evaluations on the dev partition, by which choices were made, have their own pages: {links}."


def evaluation_page(evaluation: Evaluation, runs: TrainingRuns, level: str) -> Page:
    """All tables of one evaluation, its losses first, and its plots."""
    blocks = [f"{level} Evaluation `{evaluation.name}`, partition {evaluation.partition}"]
    plots: list[Plot] = []
    if any(tables.adapted(task.systems) for task in evaluation.tasks.values()):
        parts = tables.parts_table(evaluation, runs)
        blocks += [parts or "Which runs its adapters come from is not known here."]
        blocks += [f"{level}# What got worse", *_worse(evaluation)]
        for name, plot in _plots(evaluation, runs).items():
            blocks.append(_shown(plot) if plot else f"No plot of {name}: {_ABSENT[name]}.")
            plots += [plot] if plot else []
    else:
        blocks.append("Nothing with adapters was measured, so there are no plots, and nothing to compare.")
    for task in evaluation.tasks.values():
        blocks += [f"{level}# {task.name}", *_task(evaluation, task)]
    return Page("\n\n".join(blocks), plots)


def _plots(evaluation: Evaluation, runs: TrainingRuns) -> dict[str, Plot | None]:
    return {
        "MRR by language": by_language(evaluation),
        "MRR against rank": by_rank(evaluation),
        "gain against number of pairs": by_pairs(evaluation, runs),
    }


_ABSENT = {
    "MRR by language": "no system with adapters was measured on packages",
    "MRR against rank": "packages were not measured with adapters of two ranks or more",
    "gain against number of pairs": "packages were not measured with adapters whose runs are known",
}


def _worse(evaluation: Evaluation) -> Iterator[str]:
    table = tables.worse_table(evaluation)
    if table:
        yield WORSE
    yield table or "No system with adapters is below the base in any row of any table."


def _task(evaluation: Evaluation, task: TaskResult) -> Iterator[str]:
    metric = tables.headline_metric(task.name)
    yield f"{task.about[:1].upper()}{task.about[1:]}. {metric}:"
    yield tables.task_table(task, metric)
    yield tables.metrics_table(task)
    yield tables.provenance(evaluation, task)


def _shown(plot: Plot) -> str:
    return f"![{plot.caption}]({plot.file})\n\n{plot.caption}"


def runs_page(runs: TrainingRuns) -> Page:
    """What was trained: parameters by rank, each run, the losses."""
    blocks = ["## Runs"]
    if not runs.runs:
        return Page("\n\n".join([*blocks, NO_RUNS]), [])
    known = list(runs.runs.values())
    blocks += ["### Trained parameters and their share", tables.share_table(known)]
    blocks += ["### Each run", tables.runs_table(known), "Their commands:", tables.commands(known)]
    plot = loss_curves(_used(runs))
    blocks += ["### Losses", _shown(plot) if plot else "No plot of losses: none were logged."]
    return Page("\n\n".join(blocks), [plot] if plot else [])


def _used(runs: TrainingRuns) -> list[TrainingRun]:
    """The runs that systems are made of; all of them where no system is known."""
    used = {source.run for sources in runs.systems.values() for source in sources.values()}
    return [run for name, run in runs.runs.items() if name in used] or list(runs.runs.values())
