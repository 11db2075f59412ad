"""What is kept of a comparison: figures with intervals, gains over the base, ranks; and its tables."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evaluation.files import settings_of, write_json, write_tables
from evaluation.metrics import Estimate, Sample
from evaluation.tasks.groups import GroupRanks, Measured

if TYPE_CHECKING:
    from rich.table import Table

ALL_QUERIES, MEAN_OF_ROWS = "all queries", "mean of rows"
"""Names of a task's last two rows."""
BASE = "base"
"""The system that gains are measured against."""


@dataclass
class EvaluationResults:
    """What was measured so far, written after each task."""

    options: argparse.Namespace
    systems: Mapping[str, Any]
    tasks: dict[str, Any] = field(default_factory=dict)
    ranks: dict[str, Any] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    taken: float = 0.0
    """Seconds up to the last task that is done."""

    def add(self, measured: Measured) -> None:
        """Take in a task and write both files."""
        before, self.taken = self.taken, time.monotonic() - self.started
        seconds = {"seconds": round(self.taken - before)}
        self.tasks[measured.name] = {**task_summary(measured, self.options.seed), **seconds}
        self.ranks[measured.name] = {group: _ranks(row) for group, row in measured.groups.items()}
        name = self.options.name
        content = {
            "name": name,
            "command": command_of(self.options),
            "settings": _without_folders(settings_of(self.options)),
            "seconds": round(self.taken),
            "systems": self.systems,
            **tables_of(self.tasks),
        }
        write_tables(self.options.results / f"{name}.json", content)
        write_json(self.options.work / "ranks" / f"{name}.json", self.ranks)


_FOLDERS = ("work", "eval", "results", "csn", "xlcost")


def command_of(options: argparse.Namespace) -> str:
    """The command as it is published: where files lie on this machine is nobody's business."""
    words = ["python -m training evaluate"]
    words += [f"--{name} FOLDER" for name in _FOLDERS if getattr(options, name)]
    words += [f"--system {text.partition('=')[0]}=FOLDER" for text in options.system]
    for name in ("tasks", "languages", "partition", "limit_packages", "repos", "name", "seed"):
        if value := getattr(options, name):
            words.append(f"--{name.replace('_', '-')} {value}")
    return " ".join(words)


def _without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    left_out = (*_FOLDERS, "system", "model")
    options = {name: value for name, value in settings["options"].items() if name not in left_out}
    return {**settings, "options": options}


def task_summary(measured: Measured, seed: int) -> dict[str, Any]:
    """A task's part of the results: its groups, all queries together, and the mean of the groups."""
    samples = {
        group: {
            system: Sample.measure(found, f"{measured.name} {group}", seed)
            for system, found in row.found.items()
        }
        for group, row in measured.groups.items()
    }
    rows = {group: {**_sizes([row]), **_figures(samples[group])} for group, row in measured.groups.items()}
    sizes, systems = _sizes(list(measured.groups.values())), next(iter(samples.values()))
    pooled = {system: _pooled(measured, system, seed) for system in systems}
    macro = {system: Sample.macro([each[system] for each in samples.values()]) for system in systems}
    return {
        "about": measured.about,
        "groups": rows,
        "all": {**sizes, **_figures(pooled)},
        "macro": {**sizes, **_figures(macro)},
    }


def _pooled(measured: Measured, system: str, seed: int) -> Sample:
    found = [each for row in measured.groups.values() for each in row.found[system]]
    return Sample.measure(found, measured.name, seed)


def _sizes(rows: Sequence[GroupRanks]) -> dict[str, int]:
    return {
        "queries": sum(len(next(iter(row.found.values()))) for row in rows),
        "corpus": sum(row.corpus for row in rows),
        "pools": sum(row.pools for row in rows),
    }


def _figures(samples: Mapping[str, Sample]) -> dict[str, Any]:
    """Each system's figures, and what it gains over the base: a paired bootstrap."""
    base = samples[BASE]
    return {
        "systems": {name: sample.estimates() for name, sample in samples.items()},
        "gains": {name: sample.minus(base).estimates() for name, sample in samples.items() if name != BASE},
    }


def _ranks(row: GroupRanks) -> dict[str, Any]:
    """For each system and query the rank of the first relevant entry, 0 if there is none, and NDCG@10."""
    return {
        system: {
            "rank": [each.ranks[0] if each.ranks else 0 for each in found],
            "ndcg": [round(each.ndcg(), 4) for each in found],
        }
        for system, found in row.found.items()
    }


# -- the file ---------------------------------------------------------------------------------------


def tables_of(tasks: Mapping[str, Any]) -> dict[str, Any]:
    """Tasks, from `task_summary`, in the form of a file: one table of tasks, one of all their rows.

    A row holds the estimates of each system in the order of `metrics`.
    """
    rows = [(name, group, row) for name, task in tasks.items() for group, row in _named_rows(task)]
    return {
        "metrics": list(next(iter(rows[0][2]["systems"].values()))) if rows else [],
        "tasks": [
            {"name": name, "about": task["about"], "seconds": task["seconds"]} for name, task in tasks.items()
        ],
        "rows": [{"task": name, "group": group, **_each_system(row, _values)} for name, group, row in rows],
    }


def tasks_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """The tasks of a file's content, from what `tables_of` made of them.

    Raises:
        KeyError, TypeError, ValueError: it is not such a content.
    """
    tasks: dict[str, Any] = {
        task["name"]: {"about": task["about"], "groups": {}, "seconds": task["seconds"]}
        for task in content["tasks"]
    }

    def named(estimates: Sequence[Sequence[float]]) -> dict[str, Estimate]:
        pairs = zip(content["metrics"], estimates, strict=True)
        return {metric: Estimate(*estimate) for metric, estimate in pairs}

    for row in content["rows"]:
        task, group = tasks[row["task"]], _each_system(row, named)
        if row["group"] in _MEANS:
            task[_MEANS[row["group"]]] = group
        else:
            task["groups"][row["group"]] = group
    return tasks


_MEANS = {ALL_QUERIES: "all", MEAN_OF_ROWS: "macro"}


def _named_rows(task: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from task["groups"].items()
    yield from ((name, task[key]) for name, key in _MEANS.items())


def _each_system(row: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    """A row's sizes, and its estimates changed into another form."""
    sizes = {name: row[name] for name in ("queries", "corpus", "pools")}
    parts = ("systems", "gains")
    return sizes | {part: {system: change(each) for system, each in row[part].items()} for part in parts}


def _values(estimates: Mapping[str, Estimate]) -> list[Estimate]:
    return list(estimates.values())


# -- what is shown --------------------------------------------------------------------------------


def console_table(name: str, task: Mapping[str, Any]) -> Table:
    """One task for the terminal: MRR / NDCG@10, marked where a system is surely above or below the base."""
    from rich.table import Table

    table = Table(title=f"{name}: {task['about']}", title_justify="left")
    table.add_column("")
    for heading in ("queries", "corpus", *task["all"]["systems"]):
        table.add_column(heading, justify="right")
    for group, row in task["groups"].items():
        table.add_row(*_cells(group, row))
    if len(task["groups"]) > 1:
        table.add_section()
        table.add_row(*_cells(ALL_QUERIES, task["all"]))
        table.add_row(*_cells(MEAN_OF_ROWS, task["macro"]))
    return table


def _cells(label: str, row: Mapping[str, Any]) -> Iterator[str]:
    yield from (label, str(row["queries"]), str(row["corpus"]))
    for system, figures in row["systems"].items():
        gain = row["gains"].get(system, {}).get("MRR", Estimate(0.0, 0.0, 0.0))
        mark = "+" if gain.low > 0 else "-" if gain.high < 0 else " "
        yield f"{figures['MRR'].value:.3f}{mark}/ {figures['NDCG@10'].value:.3f}"
