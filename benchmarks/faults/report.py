"""The table of attacks: trials, held, not held, and what was seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.faults.trials import Trial
from evaluation.files import write_tables
from evaluation.machine import machine_in_words

_EXAMPLE_CHARACTERS = 160


class AttackResult(NamedTuple):
    """All trials of one attack."""

    name: str
    about: str
    trials: Sequence[Trial]
    seconds: float

    @property
    def held(self) -> int:
        """How many trials were held."""
        return sum(trial.held for trial in self.trials)

    @property
    def slowest(self) -> float:
        """Seconds of the slowest command."""
        return max((trial.seconds for trial in self.trials), default=0.0)

    def kinds(self, held: bool) -> list[tuple[str, int, Trial]]:
        """(kind of outcome, how often, its first trial) of what was held, or of what was not."""
        chosen = [trial for trial in self.trials if trial.held is held]
        counts = Counter(trial.what for trial in chosen)
        return [
            (what, count, next(trial for trial in chosen if trial.what == what))
            for what, count in counts.most_common()
        ]


def as_line(outcome: AttackResult) -> str:
    """One attack on one line, for whoever waits."""
    total = len(outcome.trials)
    return (
        f"{outcome.name:<11} {total:5} trials, {outcome.held:5} held, {total - outcome.held:4} not, "
        f"slowest command {outcome.slowest:.1f} s, all {outcome.seconds:.0f} s\n"
    )


def as_markdown(outcomes: Sequence[AttackResult], machine: Mapping[str, Any], command: str) -> str:
    """The tables, the machine and the command."""
    lines = [
        "# Attacks on codesift",
        "",
        "Held: the right result or a line that says why not, and nothing lost. Never a crash, a hang, full "
        "memory, a file touched outside, or another result without a word.",
        "",
        "| attack | what | trials | held | not held | slowest command |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for each in outcomes:
        total = len(each.trials)
        lines.append(
            f"| {each.name} | {each.about} | {total:,} | {each.held:,} | {total - each.held:,} "
            f"| {each.slowest:.1f} s |"
        )
    lines += ["", "## Held", "", "| attack | outcome | trials |", "|---|---|---:|"]
    lines += [
        f"| {each.name} | {what} | {count:,} |"
        for each in outcomes
        for what, count, _ in each.kinds(held=True)
    ]
    lines += ["", "## Not held", "", *_not_held(outcomes)]
    return "\n".join([*lines, "", f"`{command}`", "", machine_in_words(dict(machine))])


def _not_held(outcomes: Sequence[AttackResult]) -> Iterator[str]:
    if all(each.held == len(each.trials) for each in outcomes):
        yield "Nothing."
        return
    yield from ("| attack | outcome | trials | example |", "|---|---|---:|---|")
    for each in outcomes:
        for what, count, example in each.kinds(held=False):
            shown = f"{example.name}: {example.detail}" if example.detail else example.name
            yield f"| {each.name} | {what} | {count:,} | {_safe(shown)} |"


def _safe(text: str) -> str:
    """A text of a trial for a cell of a table: printable, short, without what ends a cell."""
    shown = "".join(character if character.isprintable() else "?" for character in text).replace("|", "/")
    return shown if len(shown) <= _EXAMPLE_CHARACTERS else shown[:_EXAMPLE_CHARACTERS] + "..."


def write_report(
    outcomes: Sequence[AttackResult], machine: Mapping[str, Any], command: str, out: Path
) -> None:
    """Write every trial as JSON, and the tables beside it as Markdown."""
    found = {
        "command": command,
        "machine": machine,
        "attacks": [{"name": each.name, "seconds": round(each.seconds, 1)} for each in outcomes],
        "trials": [{"attack": each.name, **_row(trial)} for each in outcomes for trial in each.trials],
    }
    write_tables(out, found)
    out.with_suffix(".md").write_text(as_markdown(outcomes, machine, command), encoding="utf-8")


def _row(trial: Trial) -> dict[str, Any]:
    texts = {name: _plain(getattr(trial, name)) for name in ("name", "what", "detail")}
    return {**trial._asdict(), **texts, "seconds": round(trial.seconds, 3)}


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
