"""The report's tables as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from evaluation.markdown import markdown_table
from evaluation.metrics import Estimate
from training.reporting.results import OTHER, Evaluation, GroupResult, TaskResult, TrainingRun, TrainingRuns

BASE, WORDS = "base", "bm25"
_BY_FILE = "repos-file"
_HEADLINES = (
    ("packages", "MRR"),
    ("cosqa", "MRR"),
    ("code2code", "MRR"),
    ("repos-file-vectors", "NDCG@10"),
    ("repos-function-vectors", "MRR"),
)
"""What a system is judged by at a glance."""


def headline_metric(task: str) -> str:
    """The metric a task is told by: the one its goal is stated in."""
    return "NDCG@10" if task.startswith(_BY_FILE) else "MRR"


def title(system: str) -> str:
    """A system's name as a heading."""
    return "BM25" if system == WORDS else system


def adapted(systems: Iterable[str]) -> list[str]:
    """Those with adapters."""
    return [system for system in systems if system not in (BASE, WORDS)]


def interval_text(figure: Estimate) -> str:
    """`0.663 (0.640 to 0.690)`."""
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


def relative_change(gain: Estimate, base: Estimate) -> str:
    """`+9.1% (+6.0 to +12.2)`, of the base; bold where the interval holds no zero."""
    if not base.value:
        return f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
    value, low, high = (100 * part / base.value for part in (gain.value, gain.low, gain.high))
    said = f"{value:+.1f}%"
    return f"{f'**{said}**' if low > 0 or high < 0 else said} ({low:+.1f} to {high:+.1f})"


# -- one evaluation -------------------------------------------------------------------------------


def task_table(task: TaskResult, metric: str) -> str:
    """A row for each group, then both means: each system's figure, and its change from the base."""
    ours = adapted(task.systems)
    others = [system for system in (WORDS, BASE) if system in task.systems]
    changes = [heading for system in ours for heading in (title(system), "change")]
    headings = ["", "queries", "corpus", *map(title, others), *changes]
    means = [task.macro, task.all] if len(task.groups) > 1 else []
    return markdown_table(headings, (_row(group, metric, others, ours) for group in (*task.groups, *means)))


def _row(group: GroupResult, metric: str, others: Sequence[str], ours: Sequence[str]) -> list[str]:
    figures = {system: of[metric] for system, of in group.figures.items()}
    cells = [
        group.name,
        str(group.queries),
        str(group.corpus),
        *(interval_text(figures[each]) for each in others),
    ]
    for system in ours:
        cells += [interval_text(figures[system]), relative_change(group.gains[system][metric], figures[BASE])]
    return cells


def metrics_table(task: TaskResult) -> str:
    """All metrics of each system: the mean of the groups."""
    metrics = list(next(iter(task.macro.figures.values())))
    rows = ([title(s), *(f"{f[m].value:.3f}" for m in metrics)] for s, f in task.macro.figures.items())
    return markdown_table(["mean of rows" if len(task.groups) > 1 else "", *metrics], rows)


def provenance(evaluation: Evaluation, task: TaskResult) -> str:
    """Where a table is from."""
    return (
        f"`{evaluation.command}`, commit {evaluation.commit or 'unknown'}, {evaluation.date}, "
        f"{evaluation.machine}; {task.all.queries:,} queries, {task.all.corpus:,} entries; "
        f"took {duration(task.seconds)}."
    )


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3.4 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def worse_table(evaluation: Evaluation) -> str:
    """Every row in which a system is below the base, the surest losses first; empty if there is none."""
    rows = sorted(_worse(evaluation), key=lambda row: (not row[0], row[1]))
    said = ([*cells, "yes" if sure else "no"] for sure, _, cells in rows)
    return (
        markdown_table(["task", "row", "system", "metric", "base", "change", "sure"], said, 4) if rows else ""
    )


def _worse(evaluation: Evaluation) -> Iterator[tuple[bool, float, list[str]]]:
    """(whether the interval lies below zero, change, cells)."""
    for task in evaluation.tasks.values():
        for group in (*task.groups, *([task.macro, task.all] if len(task.groups) > 1 else [])):
            for system in adapted(task.systems):
                for metric in ("MRR", "NDCG@10"):
                    gain, base = group.gains[system][metric], group.figures[BASE][metric]
                    if gain.value < 0:
                        cells = [
                            task.name,
                            group.name,
                            system,
                            metric,
                            f"{base.value:.3f}",
                            relative_change(gain, base),
                        ]
                        yield gain.high < 0, gain.value, cells


def overview(evaluations: Sequence[Evaluation]) -> str:
    """A row for each system of each evaluation, with what it is judged by."""
    headings = [f"{task}, {metric}" for task, metric in _HEADLINES]
    rows = [[e.name, e.partition, title(s), *_glance(e, s)] for e in evaluations for s in _systems(e)]
    return markdown_table(["evaluation", "partition", "system", *headings], rows, 3)


def _systems(evaluation: Evaluation) -> list[str]:
    return list(dict.fromkeys(system for task in evaluation.tasks.values() for system in task.systems))


def _glance(evaluation: Evaluation, system: str) -> Iterator[str]:
    for name, metric in _HEADLINES:
        task = evaluation.tasks.get(name)
        figures = task.macro.figures.get(system) if task else None
        yield f"{figures[metric].value:.3f}" if figures else ""


# -- runs -----------------------------------------------------------------------------------------


def share_table(runs: Iterable[TrainingRun]) -> str:
    """Trained parameters and their share of all, by base and rank."""
    kinds = {(run.model, run.rank, run.alpha, run.trainable, run.parameters): run.share for run in runs}
    rows = (
        [model, str(rank), str(alpha), f"{trained:,}", f"{total:,}", f"{share:.2%}"]
        for (model, rank, alpha, trained, total), share in sorted(kinds.items())
    )
    return markdown_table(["base", "rank", "alpha", "trained", "all parameters", "share"], rows)


def runs_table(runs: Iterable[TrainingRun]) -> str:
    """What each run was, and what it took."""
    headings = ["run", "languages", "preset", "rank", "learning rate", "batch", "pairs", "packages", "steps"]
    more = ["last loss", "time", "commit", "date", "machine"]
    return markdown_table([*headings, *more], map(_run, runs), 3)


def _run(run: TrainingRun) -> list[str]:
    languages = ", ".join(run.languages) if len(run.languages) < 4 else f"{len(run.languages)} languages"
    task = "" if run.task == "text-to-code" else f" ({run.task})"
    sizes = [run.rank, f"{run.learning_rate:g}", run.batch, f"{run.pairs:,}", run.packages, run.steps]
    final = "" if run.final is None else f"{run.final:.3f}"
    rest = [final, duration(run.seconds), run.commit or "unknown", run.date, run.machine]
    return [run.name, languages + task, run.preset, *map(str, (*sizes, *rest))]


def commands(runs: Iterable[TrainingRun]) -> str:
    """The command of each run, a line each."""
    return "\n".join(f"    {run.command}" for run in runs)


def parts_table(evaluation: Evaluation, runs: TrainingRuns) -> str:
    """Which run each system's adapters are from, and by how much each was scaled; empty if unknown."""
    rows = []
    for system, described in evaluation.systems.items():
        sources: Mapping[str, object] = runs.systems.get(str(described.get("space")), {})
        parts = (f"{language}: {_scaled(source)}" for language, source in sources.items())
        if sources:
            rows.append([system, ", ".join(parts)])
    return (
        markdown_table(["system", f"adapters, by what they encode (`{OTHER}`: all other languages)"], rows, 2)
        if rows
        else ""
    )


def _scaled(source: object) -> str:
    run, factor = getattr(source, "run", ""), getattr(source, "factor", 1.0)
    return run if factor == 1 else f"{run}, times {factor:g}"
