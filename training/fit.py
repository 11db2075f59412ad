"""Fit the ranking's weights and the confidence: writes `codesift/search/ranking.json` and a report.

    python -m training fit --data FOLDER --corpora FOLDER

`--data` is the folder that `benchmarks quality` takes; `--corpora` holds the repositories, one folder each;
their indexes are built in place. Every figure is cross-validated: weights and probabilities for a
repository's questions come from the other repositories. What is shipped is then fitted on all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesift.config import load_settings
from codesift.search.ranking import MODEL_FILE as TARGET
from codesift.search.signals import SIGNALS
from evaluation.files import write_tables
from evaluation.folds import FOLDS
from evaluation.machine import describe_machine, machine_summary
from evaluation.repositories.bench import Bench
from evaluation.repositories.questions import FUNCTION, PARTS, history_questions, questions
from training.ranking.arguments import SKIPPED, add_data, has_data

if TYPE_CHECKING:
    from evaluation.plots import Plot
    from training.ranking.cases import RankingCase
    from training.ranking.validation import Fit

BINS = 8
DIAGRAM = "reliability.svg"
_NAMES = {
    "both": "words and vectors",
    "some": "words, drafts, 16 vectors",
    "drafts": "words and drafts",
    "words": "words alone",
    "vectors": "vectors alone",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb."""
    add_data(parser)
    parser.add_argument(
        "--history", type=Path, help="folder of the repositories of the questions from history"
    )
    parser.add_argument("--weights", type=Path, default=TARGET, help="JSON file of the weights")
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("benchmarks/results/ranking.md"),
        help="Markdown file; the cross-validated models and the diagram go beside it",
    )


def run(options: argparse.Namespace) -> None:
    """Write the weights and the report."""
    if not has_data(options):
        sys.stdout.write(SKIPPED)
        return
    from evaluation.plots import write_plot
    from training.ranking.validation import validated

    bench = Bench(options.corpora, load_settings(options.corpora, {}, {}))
    by_repo = questions(Path(options.data), PARTS)
    here = {repo: rows for repo, rows in by_repo.items() if (options.corpora / repo).is_dir()}
    fit = validated(bench, here, _history(options) if options.history else None)
    machine = describe_machine()
    about = {
        "command": "python -m training fit --data FOLDER --corpora FOLDER --history FOLDER",
        "commit": machine["commit"],
        "date": machine["date"],
        "machine": machine_summary(),
        "questions": fit.counts(),
        "cross-validated": fit.figures(),
        "history": fit.history,
    }
    written = {"fitted": about, **fit.model()}
    options.weights.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    folds = options.report.parent / FOLDS.name
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(as_markdown(about, fit), encoding="utf-8")
    write_tables(folds, fit.folds())
    write_plot(diagram(fit), options.report.parent)
    sys.stdout.write(as_markdown(about, fit))


def _history(options: argparse.Namespace) -> dict[str, list[RankingCase]]:
    """Search mode -> the questions from history on the repositories that are there."""
    from training.ranking.cases import cases

    # Their vectors are not needed, so their indexes may have drafts alone.
    bench = Bench(options.history, load_settings(options.history, {}, {}), until="words")
    by_repo = history_questions(Path(options.data))
    return {
        mode: [
            case
            for repo, rows in sorted(by_repo.items())
            if (options.history / repo).is_dir()
            for case in cases(bench, repo, {FUNCTION: rows}, mode)
        ]
        for mode in ("drafts", "words")
    }


def as_markdown(about: Mapping[str, Any], fit: Fit) -> str:
    """The report."""
    figures = fit.figures()
    counts = ", ".join(f"{number} of {part}" for part, number in about["questions"].items())
    lines = [
        "# The ranking's fit",
        "",
        "Every question is answered by weights and a network, and judged by a calibration and a threshold,",
        "that were fitted without its fold of the repositories: the rankings that a calibration is fitted on",
        "come from models that have seen neither the repository judged nor the one ranked.",
        f"Questions: {counts}.",
        "",
        "| | " + " | ".join(_NAMES[mode] for mode in figures) + " |",
        "|---|" + "---:|" * len(figures),
        *(
            f"| {metric} | " + " | ".join(f"{values[metric]:.3f}" for values in figures.values()) + " |"
            for metric in figures["both"]
        ),
        "",
        *_history_lines(fit),
        "## Weights, fitted on all repositories; the network's numbers are in `ranking.json`",
        "",
        "| signal | what it is | weight |",
        "|---|---|---:|",
        *(f"| {name} | {SIGNALS[name]} | {weight:.3f} |" for name, weight in fit.whole.weights.items()),
        "",
        "## Confidence",
        "",
        f"![Confidence against the fraction of first results that were right.]({DIAGRAM})",
        "",
        "| mean confidence | first result right | questions |",
        "|---:|---:|---:|",
        *(f"| {sure:.2f} | {right:.2f} | {number} |" for sure, right, number in fit.reliability(BINS)),
        "",
        f"`{about['command']}`, commit {about['commit']}, {about['date']}, {about['machine']}.",
    ]
    return "\n".join(lines) + "\n"


def _history_lines(fit: Fit) -> list[str]:
    """The table of the questions from history; nothing if there are none."""
    if not fit.history:
        return []
    metrics = next(iter(fit.history.values()))
    return [
        "## Questions from history",
        "",
        "Subjects of commits and the functions they changed, in the repositories that were not fitted on.",
        "",
        "| | " + " | ".join(_NAMES[mode] for mode in fit.history) + " |",
        "|---|" + "---:|" * len(fit.history),
        *(
            f"| {metric} | " + " | ".join(f"{values[metric]:.3f}" for values in fit.history.values()) + " |"
            for metric in metrics
        ),
        "",
    ]


def diagram(fit: Fit) -> Plot:
    """Confidence against the fraction of first results that were right."""
    from evaluation.plots import Plot

    def draw(figure: Any) -> None:
        figure.set_size_inches(4, 4)
        axes = figure.add_subplot()
        sure, right, _ = zip(*fit.reliability(BINS), strict=True)
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1)
        axes.plot(sure, right, marker="o", color="#0072b2")
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="first result right")

    return Plot(DIAGRAM, "Confidence against the fraction of first results that were right.", draw)
