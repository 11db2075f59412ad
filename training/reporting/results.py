"""What the report is made from: results of `evaluate`, and what is kept of the runs behind them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from codesift.errors import CodesiftError
from codesift.models.adapters import NAME as MANIFEST
from evaluation.files import read_json, read_rows
from evaluation.metrics import Estimate
from evaluation.summary import ALL_QUERIES, MEAN_OF_ROWS, tasks_of
from training.reporting.commands import command_line, without_folders

RUNS = "runs.json"
"""Beside the results: enough of each run to make the report without the work folder."""
CURVE = 60
"""Points kept of a loss curve."""
OTHER = "other"
"""What stands for languages without an adapter of their own."""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class GroupResult:
    """A row of a task: a language, a pair of languages, or a mean over rows."""

    name: str
    queries: int
    corpus: int
    figures: Mapping[str, Mapping[str, Estimate]]
    """System -> metric -> figure."""
    gains: Mapping[str, Mapping[str, Estimate]]
    """System -> metric -> difference to the base, paired."""

    @classmethod
    def of(cls, name: str, row: Mapping[str, Any]) -> GroupResult:
        """From a row as `evaluation.summary.tasks_of` reads it."""
        return cls(name, row["queries"], row["corpus"], row["systems"], row["gains"])


@dataclass(frozen=True, slots=True)
class TaskResult:
    """One table of an evaluation."""

    name: str
    about: str
    groups: tuple[GroupResult, ...]
    all: GroupResult
    """All queries together."""
    macro: GroupResult
    """The mean of the groups."""
    seconds: float
    """What measuring it took, vectors of earlier runs not encoded again."""

    @classmethod
    def of(cls, name: str, row: Mapping[str, Any]) -> TaskResult:
        """From a task as `evaluation.summary.tasks_of` reads it."""
        groups = tuple(GroupResult.of(group, some) for group, some in row["groups"].items())
        everything = GroupResult.of(ALL_QUERIES, row["all"])
        macro = GroupResult.of(MEAN_OF_ROWS, row["macro"])
        return cls(name, row["about"], groups, everything, macro, row["seconds"])

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems that were measured, in their order."""
        return tuple(self.all.figures)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One file that `evaluate` wrote."""

    name: str
    partition: str
    command: str
    commit: str
    date: str
    machine: str
    systems: Mapping[str, Mapping[str, Any]]
    """System -> what is known of it: `space`, `base`, `adapters`."""
    tasks: Mapping[str, TaskResult]

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Evaluation:
        """Read a result."""
        settings = row["settings"]
        return cls(
            name=row["name"],
            partition=settings["options"]["partition"],
            command=row["command"],
            commit=settings["commit"],
            date=settings["date"],
            machine=settings["machine"],
            systems=row["systems"],
            tasks={name: TaskResult.of(name, task) for name, task in tasks_of(row).items()},
        )


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """What is kept of one run of `train`."""

    name: str
    command: str
    commit: str
    date: str
    machine: str
    languages: tuple[str, ...]
    model: str
    task: str
    preset: str
    rank: int
    alpha: int
    batch: int
    learning_rate: float
    pairs: int
    packages: int
    views: Mapping[str, int]
    steps: int
    seconds: float
    trainable: int
    parameters: int
    share: float
    curve: tuple[tuple[int, float], ...]
    """(step, loss), at most `CURVE` of them, the last one included."""

    @classmethod
    def read(cls, folder: Path) -> TrainingRun:
        """Read a finished run's folder.

        Raises:
            CodesiftError: a file is missing or is not what `train` writes.
        """
        settings, result = read_json(folder / "settings.json"), read_json(folder / "result.json")
        options, preset = settings["options"], settings["preset"]
        losses = [(row["step"], round(row["loss"], 4)) for row in read_rows(folder / "losses.jsonl")]
        return cls(
            name=folder.name,
            command=command_line("train", options),
            **{key: settings[key] for key in ("commit", "date", "machine")},
            languages=tuple(options["languages"].split(",")),
            model=without_folders(options["model"]),
            task=options["task"],
            preset=options["preset"],
            **{key: preset[key] for key in ("rank", "alpha", "batch", "learning_rate")},
            **{key: result[key] for key in _OF_RESULT},
            curve=tuple(thinned(losses, CURVE)),
        )

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> TrainingRun:
        """Read what `asdict` made of a run."""
        points = tuple((step, loss) for step, loss in row["curve"])
        return cls(**{**row, "languages": tuple(row["languages"]), "curve": points})

    @property
    def final(self) -> float | None:
        """The last loss that was logged."""
        return self.curve[-1][1] if self.curve else None


_OF_RESULT = ("pairs", "packages", "views", "steps", "seconds", "trainable", "parameters", "share")


@dataclass(frozen=True, slots=True)
class AdapterSource:
    """What an adapter of a system was made from."""

    run: str
    factor: float


@dataclass(frozen=True, slots=True)
class TrainingRuns:
    """All finished runs, and which of them each system is made of."""

    runs: Mapping[str, TrainingRun] = field(default_factory=dict)
    systems: Mapping[str, Mapping[str, AdapterSource]] = field(default_factory=dict)
    """Id of the system's space -> language (`text`: queries, `other`: all without one) -> source."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> TrainingRuns:
        """Read `RUNS`."""
        runs = {row["name"]: TrainingRun.from_json(row) for row in content["runs"]}
        systems = {
            space: {language: AdapterSource(**source) for language, source in sources.items()}
            for space, sources in content["systems"].items()
        }
        return cls(runs, systems)

    def behind(self, space: str, language: str) -> TrainingRun | None:
        """The run that made what encodes code of a language in a space."""
        sources = self.systems.get(space, {})
        source = sources.get(language) or sources.get(OTHER)
        return self.runs.get(source.run) if source else None


def load_evaluations(results: Path) -> list[Evaluation]:
    """All results in a folder, those on the test partition first.

    Raises:
        CodesiftError: a file is not what `evaluate` writes.
    """
    paths = [path for path in sorted(results.glob("*.json")) if path.name != RUNS]
    found = [_readable(path, _evaluation) for path in paths]
    return sorted(found, key=lambda each: (each.partition != "test", each.name))


def load_runs(work: Path, results: Path, evaluations: Sequence[Evaluation]) -> TrainingRuns:
    """What the work folder has, and what was kept of runs that it no longer has.

    Raises:
        CodesiftError: a file is not what `train` or this report writes.
    """
    path = results / RUNS
    kept = _readable(path, _kept) if path.is_file() else TrainingRuns()
    folders = [path.parent for path in sorted(work.glob("runs/*/result.json"))]
    runs = {folder.name: _readable(folder, TrainingRun.read) for folder in folders}
    systems = dict(_systems(work))
    measured = {
        each["space"] for evaluation in evaluations for each in evaluation.systems.values() if "space" in each
    }
    known = {space: sources for space, sources in {**kept.systems, **systems}.items() if space in measured}
    return TrainingRuns(dict(sorted({**kept.runs, **runs}.items())), dict(sorted(known.items())))


def _evaluation(path: Path) -> Evaluation:
    return Evaluation.from_json(read_json(path))


def _kept(path: Path) -> TrainingRuns:
    return TrainingRuns.from_json(read_json(path))


def _readable(path: Path, read: Callable[[Path], _Result]) -> _Result:
    try:
        return read(path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CodesiftError(f"{path} lacks what the report needs: {error!r}", "make it again") from error


def _systems(work: Path) -> Iterator[tuple[str, dict[str, AdapterSource]]]:
    """(space, sources) of each system that was composed in the work folder and whose base is known."""
    from codesift.models.adapters import read_adapters
    from codesift.models.bases import find_base
    from codesift.models.spaces import space_for

    for path in sorted(work.glob(f"systems/*/{MANIFEST}")):
        adapters = read_adapters(path)
        try:
            space = space_for(find_base(read_json(path)["base"]), adapters).id
        except CodesiftError:
            # Its base is not on this machine: it cannot have been measured here.
            continue
        yield space, {key or OTHER: _source(each.path) for key, each in adapters.named().items()}


def _source(adapter: str) -> AdapterSource:
    """What `compose` noted in an adapter's file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(adapter, "np") as file:
            described = json.loads((file.metadata() or {}).get("codesift", "{}"))
    except SafetensorError as error:
        raise CodesiftError(f"cannot read the adapter {adapter}: {error}", "compose again") from error
    return AdapterSource(str(described.get("run", "")), float(described.get("factor", 1)))


def thinned(points: Sequence[tuple[int, float]], most: int) -> list[tuple[int, float]]:
    """At most `most` of the points: means of neighbours, each at the step of its last point."""
    size = -(-len(points) // most)
    parts = [points[start : start + size] for start in range(0, len(points), size or 1)]
    return [(part[-1][0], round(sum(loss for _, loss in part) / len(part), 4)) for part in parts]
