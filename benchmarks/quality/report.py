"""All figures of a run as one JSON object, and from that object the Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.quality.answers import Answers, AnswerSet, called_nothing, confidences
from benchmarks.quality.paired import p_value
from benchmarks.quality.scores import (
    GROUPINGS,
    MAIN,
    METRICS,
    MetricValues,
    macro,
    mean,
    scores_of,
)
from benchmarks.quality.systems import System
from evaluation.machine import machine_in_words
from evaluation.markdown import markdown_table
from evaluation.metrics import SEED, auroc
from evaluation.repositories.questions import FILE, FUNCTION, NOTHING, RepositoryQuestions

Figures = dict[str, Any]
ANSWERABLE = (FILE, FUNCTION)
_AREAS = {"AUROC": ANSWERABLE, "AUROC, file questions": (FILE,), "AUROC, function questions": (FUNCTION,)}
"""Name -> the answered questions that those without an answer are told from."""
_HEADINGS = {
    "NDCG@10 by file": "NDCG@10 by file",
    "MRR by function": "MRR by function",
    "recall@1 by function": "recall@1",
    "recall@5 by function": "recall@5",
    "recall@10 by function": "recall@10",
    "MRR of similar": "`similar` MRR",
    "recall@5 of similar": "`similar` recall@5",
}
"""Metric -> its column in the first table."""


def figures(
    answered: AnswerSet,
    systems: Iterable[System],
    asked: Mapping[str, RepositoryQuestions],
    pairs: Iterable[tuple[str, str]],
    machine: Mapping[str, Any],
    command: str,
) -> Figures:
    """Everything there is to report, ready for `evaluation.files.write_tables`.

    Args:
        answered: answers of all systems.
        systems: those that were asked, the unavailable ones included.
        asked: repository -> part -> questions.
        pairs: names of systems that are compared.
        machine: from `evaluation.machine.describe_machine`.
        command: what was run.
    """
    scores = {name: scores_of(answers, asked) for name, answers in answered.answers.items()}
    about = {system.name: {"version": system.version, "about": system.about} for system in systems}
    return {
        "command": command,
        "machine": dict(machine),
        "repositories": sorted(asked),
        "systems": [
            {"name": name, **about[name], **_system(scores[name], answers)}
            for name, answers in answered.answers.items()
        ],
        "unavailable": [
            {"name": name, **about[name], "reason": why} for name, why in answered.unavailable.items()
        ],
        "groups": [
            {"system": name, "by": grouping, **row}
            for name in answered.answers
            for grouping in GROUPINGS
            for row in _grouped(scores[name], grouping)
        ],
        "tests": [
            row for a, b in pairs if a in scores and b in scores for row in tests(a, scores[a], b, scores[b])
        ],
    }


def _system(scores: Mapping[str, MetricValues], answers: Mapping[str, Answers]) -> Figures:
    return {
        "seconds": _seconds(answers),
        "overall": {metric: mean(each.values, metric) for metric, each in scores.items()},
        "nothing": _nothing(list(answers.values())),
    }


def _grouped(scores: Mapping[str, MetricValues], grouping: str) -> Iterator[Figures]:
    """For each metric its macro-average, and (questions, mean, low, high) of each group."""
    for metric, each in scores.items():
        if groups := each.of_groups(grouping):
            means = {name: [len(values), *mean(values, name)] for name, values in groups.items()}
            yield {"metric": metric, "macro": macro(groups), "groups": means}


def _nothing(answers: Sequence[Answers]) -> Figures:
    """How well the confidence of the first result tells questions without an answer."""
    unanswerable = confidences(answers, (NOTHING,))
    areas = {}
    for name, parts in _AREAS.items():
        answered = confidences(answers, parts)
        areas[name] = auroc(answered, unanswerable) if answered and unanswerable else None
    return {
        **areas,
        "called nothing, answered": round(called_nothing(answers, ANSWERABLE), 4),
        "called nothing, unanswerable": round(called_nothing(answers), 4),
    }


def _seconds(answers: Mapping[str, Answers]) -> Figures:
    """Index: of all repositories together; the others are medians."""
    some = list(answers.values())
    asking = [each.seconds for a in some for part in ANSWERABLE for each in a.rankings[part]]
    cold = [each.cold_seconds for each in some if each.cold_seconds is not None]
    loads = [each.load for each in some if each.load is not None]
    return {
        "index": round(sum(each.index_seconds for each in some), 2),
        "query": round(median(asking), 5) if asking else None,
        "cold": round(median(cold), 4) if cold else None,
        "load": [min(loads), max(loads)] if loads else None,
    }


def tests(
    a: str, ours: Mapping[str, MetricValues], b: str, theirs: Mapping[str, MetricValues]
) -> list[Figures]:
    """The paired test of two systems on every metric both have."""
    rows = []
    for metric in (m.name for m in METRICS if m.name in ours and m.name in theirs):
        left, right = ours[metric].values, theirs[metric].values
        row = {"a": a, "b": b, "metric": metric, "questions": len(left)}
        difference, p = float((left - right).mean()), p_value(left, right, SEED)
        rows.append({**row, "difference": round(difference, 5), "p": round(p, 6)})
    return rows


# -- Markdown -------------------------------------------------------------------------------------


def as_markdown(found: Figures) -> str:
    """The report."""
    parts = [
        "# Quality\n",
        f"`{found['command']}`\n",
        machine_in_words(found["machine"]),
        _overall(found),
        _times(found),
        _tests(found["tests"]),
        *(_macro(found, grouping) for grouping in GROUPINGS),
        *(_groups(found, grouping, metric) for grouping in GROUPINGS for metric in MAIN),
        _about(found),
    ]
    return "\n".join(part for part in parts if part)


def _overall(found: Figures) -> str:
    metrics = [m.name for m in METRICS if m.name in _HEADINGS]
    head = ["", *_HEADINGS.values(), *_AREAS, '"nothing", answered', '"nothing", unanswerable']
    rows = []
    for system in found["systems"]:
        nothing = system["nothing"]
        shares = [
            f"{nothing[key]:.0%}" for key in ("called nothing, answered", "called nothing, unanswerable")
        ]
        cells = [interval(system["overall"].get(metric)) for metric in metrics]
        rows.append([system["name"], *cells, *(interval(nothing[area]) for area in _AREAS), *shares])
    rows += [[each["name"], *["not measured"] * (len(head) - 1)] for each in found["unavailable"]]
    return "## Means over questions, with 95% intervals\n\n" + markdown_table(head, rows) + "\n"


def interval(figure: Sequence[float] | None) -> str:
    """`0.824 (0.78 to 0.86)` of an `evaluation.metrics.Estimate`, which a file holds as a list."""
    if figure is None:
        return "-"
    value, low, high = figure
    return f"{value:.3f} ({low:.2f} to {high:.2f})"


def _times(found: Figures) -> str:
    head = ["", "index all, s", "query, ms", "fresh process, ms", "load of the machine"]
    rows = []
    for system in found["systems"]:
        name, seconds = system["name"], system["seconds"]
        loads = " to ".join(f"{load:.1f}" for load in seconds["load"] or ())
        rows.append(
            [name, f"{seconds['index']:.1f}", _ms(seconds["query"]), _ms(seconds["cold"]), loads or "-"]
        )
    return "## Time: index of all repositories, medians of the others\n\n" + markdown_table(head, rows) + "\n"


def _ms(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.1f}"


def _tests(rows: Sequence[Figures]) -> str:
    shown = [row for row in rows if row["metric"] in MAIN]
    cells = [
        [
            f"{r['a']} against {r['b']}",
            r["metric"],
            f"{r['difference']:+.3f}",
            f"{r['p']:.4f}",
            str(r["questions"]),
        ]
        for r in shown
    ]
    title = "## Paired randomisation tests, two-sided\n\n"
    return (
        title + markdown_table(["", "metric", "difference", "p", "questions"], cells) + "\n" if cells else ""
    )


def _macro(found: Figures, grouping: str) -> str:
    head = ["", *MAIN]
    macros = {(row["system"], row["metric"]): row["macro"] for row in _by(found, grouping)}
    names = [system["name"] for system in found["systems"]]
    rows = [[name, *(interval(macros.get((name, metric))) for metric in MAIN)] for name in names]
    return f"## Means over each {grouping}\n\n" + markdown_table(head, rows) + "\n" if rows else ""


def _groups(found: Figures, grouping: str, metric: str) -> str:
    columns = {row["system"]: row["groups"] for row in _by(found, grouping) if row["metric"] == metric}
    if not columns:
        return ""
    first = next(iter(columns.values()))
    rows = [
        [f"{group} ({questions})", *(f"{groups[group][1]:.3f}" for groups in columns.values())]
        for group, (questions, *_) in first.items()
    ]
    return f"### {metric}, each {grouping}\n\n" + markdown_table(["", *columns], rows) + "\n"


def _by(found: Figures, grouping: str) -> list[Figures]:
    """The rows of one grouping."""
    return [row for row in found["groups"] if row["by"] == grouping]


def _about(found: Figures) -> str:
    lines = [f"- {system['name']}: {system['about']}" for system in found["systems"]]
    lines += [
        f"- {each['name']}: {each['about']}; not measured: {each['reason']}" for each in found["unavailable"]
    ]
    return "## Systems\n\n" + "\n".join(lines) + "\n"
