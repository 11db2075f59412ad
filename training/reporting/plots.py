"""The plots of the report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from evaluation.metrics import Estimate
from evaluation.plots import COLOURS, MARKERS, Plot
from training.reporting.results import Evaluation, GroupResult, TrainingRun, TrainingRuns
from training.reporting.tables import BASE, WORDS, adapted, title

_GREY = "#666666"
PACKAGES = "packages"


# -- by language, before and after ----------------------------------------------------------------


def by_language(evaluation: Evaluation) -> Plot | None:
    """MRR of each system for each language, with intervals; None if that was not measured."""
    task = evaluation.tasks.get(PACKAGES)
    if task is None or not adapted(task.systems):
        return None
    rows = [*task.groups, *([task.macro] if len(task.groups) > 1 else [])]
    systems = [system for system in (WORDS, BASE) if system in task.systems] + adapted(task.systems)
    about = "MRR by language, with 95% intervals: documentation to function, inside packages not trained on."

    def draw(figure: Any) -> None:
        figure.set_size_inches(6.5, 1.2 + 0.11 * len(rows) * (len(systems) + 1))
        axes = figure.subplots()
        for place, system in enumerate(systems):
            heights = [row * (len(systems) + 1) + place for row in range(len(rows))]
            _dots(axes, heights, [row.figures[system]["MRR"] for row in rows], *_look(systems, system))
        middle = (len(systems) - 1) / 2
        axes.set_yticks(
            [row * (len(systems) + 1) + middle for row in range(len(rows))], [r.name for r in rows]
        )
        axes.grid(axis="y", visible=False)
        axes.margins(y=0.02)
        axes.invert_yaxis()
        axes.set_xlabel("MRR")
        _legend(figure, axes, systems)

    return Plot(f"{evaluation.name}-mrr.svg", about, draw)


def _dots(axes: Any, heights: Sequence[float], figures: Sequence[Estimate], colour: str, marker: str) -> None:
    values = [figure.value for figure in figures]
    axes.errorbar(values, heights, xerr=_errors(figures), color=colour, fmt=marker, markersize=4, linewidth=1)


def _errors(figures: Sequence[Estimate]) -> list[list[float]]:
    """Lengths of the bars below and above, shape (2, figures)."""
    below = [max(0.0, figure.value - figure.low) for figure in figures]
    return [below, [max(0.0, figure.high - figure.value) for figure in figures]]


def _look(systems: Sequence[str], system: str) -> tuple[str, str]:
    """Colour and marker; those without adapters are grey."""
    if system in (BASE, WORDS):
        return _GREY, "x" if system == WORDS else "|"
    place = adapted(systems).index(system)
    return COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]


def _legend(figure: Any, axes: Any, systems: Sequence[str]) -> None:
    for system in systems:
        colour, marker = _look(systems, system)
        axes.plot([], [], color=colour, marker=marker, linestyle="", markersize=4, label=title(system))
    figure.legend(loc="outside lower center", ncols=3)


# -- rank -----------------------------------------------------------------------------------------


def by_rank(evaluation: Evaluation) -> Plot | None:
    """MRR against rank; None unless systems of at least two ranks were measured."""
    task = evaluation.tasks.get(PACKAGES)
    points = sorted(_ranked(evaluation)) if task else []
    if task is None or len({rank for rank, _ in points}) < 2:
        return None
    base = task.macro.figures[BASE]["MRR"]
    caption = (
        "MRR against the adapters' rank, with 95% intervals: documentation to function, mean of languages."
    )

    def draw(figure: Any) -> None:
        figure.set_size_inches(5, 3.2)
        axes = figure.subplots()
        axes.axhline(base.value, color=_GREY, linestyle="--", linewidth=1, label="base")
        found = [task.macro.figures[system]["MRR"] for _, system in points]
        ranks = [rank for rank, _ in points]
        values = [each.value for each in found]
        axes.errorbar(ranks, values, yerr=_errors(found), color=COLOURS[0], fmt="o", markersize=5)
        for (rank, system), each in zip(points, found, strict=True):
            axes.annotate(system, (rank, each.value), (6, 3), textcoords="offset points", fontsize=8)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(set(ranks)), [str(rank) for rank in sorted(set(ranks))])
        axes.margins(x=0.25)
        axes.set_xlabel("rank")
        axes.set_ylabel("MRR, mean of languages")
        axes.legend(loc="best")

    return Plot(f"{evaluation.name}-rank.svg", caption, draw)


def _ranked(evaluation: Evaluation) -> Iterator[tuple[int, str]]:
    """(rank, system) for each system that was measured and whose adapters have one rank."""
    for system in adapted(evaluation.tasks[PACKAGES].systems):
        ranks = set(evaluation.systems.get(system, {}).get("adapters", {}).values())
        if len(ranks) == 1:
            yield int(ranks.pop()), system


# -- pairs ----------------------------------------------------------------------------------------


def by_pairs(evaluation: Evaluation, runs: TrainingRuns) -> Plot | None:
    """Gain of each language against the pairs its adapter saw; None if no run is known."""
    task = evaluation.tasks.get(PACKAGES)
    systems = adapted(task.systems) if task else []
    found = (
        {system: list(_gained(task.groups, system, evaluation, runs)) for system in systems} if task else {}
    )
    if not any(found.values()):
        return None
    caption = (
        "Gain in MRR over the base, with 95% intervals, against the pairs that the language's adapter saw; "
        "points of languages that share an adapter have no names."
    )

    def draw(figure: Any) -> None:
        figure.set_size_inches(6, 3.8)
        axes = figure.subplots()
        axes.axhline(0, color=_GREY, linestyle="--", linewidth=1)
        for system, points in found.items():
            _scatter(axes, points, *_look(systems, system))
        _counts(axes.xaxis)
        axes.margins(x=0.15)
        axes.set_xlabel("training pairs of the adapter (logarithmic)")
        axes.set_ylabel("gain in MRR over the base (%)")
        _legend(figure, axes, [system for system in systems if found[system]])

    return Plot(f"{evaluation.name}-pairs.svg", caption, draw)


def _gained(
    groups: Iterable[GroupResult], system: str, evaluation: Evaluation, runs: TrainingRuns
) -> Iterator[tuple[str, int, Estimate]]:
    """(language, pairs, gain in %) where the run is known."""
    space = str(evaluation.systems.get(system, {}).get("space", ""))
    for group in groups:
        run, base = runs.behind(space, group.name), group.figures[BASE]["MRR"].value
        if run and base:
            gain = group.gains[system]["MRR"]
            yield (
                group.name,
                run.pairs,
                Estimate(*(100 * part / base for part in (gain.value, gain.low, gain.high))),
            )


def _scatter(axes: Any, points: Sequence[tuple[str, int, Estimate]], colour: str, marker: str) -> None:
    gains = [gain for _, _, gain in points]
    pairs, values = [pairs for _, pairs, _ in points], [gain.value for gain in gains]
    axes.errorbar(pairs, values, yerr=_errors(gains), color=colour, fmt=marker, markersize=4, linewidth=0.8)
    for language, many, gain in points:
        # Names of languages that share an adapter would lie on top of each other.
        if pairs.count(many) == 1:
            axes.annotate(language, (many, gain.value), (5, 2), textcoords="offset points", fontsize=7)


def _counts(axis: Any) -> None:
    """A logarithmic axis that is read in plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.axes.set_xscale("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


# -- losses ---------------------------------------------------------------------------------------


def loss_curves(runs: Sequence[TrainingRun]) -> Plot | None:
    """A panel for each language, a line for each run on it; None if nothing was logged."""
    panels: dict[str, list[TrainingRun]] = {}
    for run in (run for run in runs if run.curve):
        panels.setdefault(run.languages[0] if len(run.languages) == 1 else "several languages", []).append(
            run
        )
    if not panels:
        return None
    columns = min(3, len(panels))

    def draw(figure: Any) -> None:
        rows = -(-len(panels) // columns)
        figure.set_size_inches(2.6 * columns + 0.4, 1.9 * rows + 0.5)
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        for axes, (language, some) in zip(grid.flat, panels.items(), strict=False):
            _panel(axes, language, some)
        figure.supxlabel("steps", fontsize=9)
        figure.supylabel("training loss (nats)", fontsize=9)

    return Plot("losses.svg", "Training loss of each run, in the means that were logged.", draw)


def _panel(axes: Any, language: str, runs: Sequence[TrainingRun]) -> None:
    for place, run in enumerate(runs):
        steps, values = zip(*run.curve, strict=True)
        style = ("-", "--", ":", "-.")[place // len(COLOURS) % 4]
        axes.plot(steps, values, style, color=COLOURS[place % len(COLOURS)], linewidth=1.2, label=run.name)
    axes.locator_params(nbins=4)
    axes.grid(axis="x", visible=False)
    axes.set_title(language, fontsize=9)
    if len(runs) > 1 or runs[0].name != language:
        axes.legend(fontsize=7, loc="upper right")
