"""What was measured, beside what, against which target; as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.files import write_tables
from evaluation.machine import machine_in_words


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a figure."""

    limit: float
    at_least: bool = False
    """The limit is a lower one; else an upper one."""
    of_ratio: bool = False
    """It is about the ratio to the peer; else about the figure itself."""

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{'x' if self.of_ratio else ''}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    part: str
    """The part of the benchmark it belongs to, a value of `--only`."""
    name: str
    value: float
    unit: str
    samples: tuple[float, ...] = ()
    """Every single measurement; `value` is their median unless the name says otherwise."""
    beside: str = ""
    """The floor or peer measured in the same run."""
    peer: float | None = None
    """Its figure, in the same unit."""
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """The figure over the peer's."""
        return self.value / self.peer if self.peer else None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None if there is none or it cannot be told."""
        measured = self.ratio if self.target and self.target.of_ratio else self.value
        if self.target is None or measured is None:
            return None
        return measured >= self.target.limit if self.target.at_least else measured <= self.target.limit


def as_content(figures: Iterable[Figure], machine: dict[str, Any], command: str) -> dict[str, Any]:
    """All of it as it is written, each figure with its ratio and whether its target is met."""
    rows = [{**asdict(figure), "ratio": figure.ratio, "met": figure.met} for figure in figures]
    return {"command": command, "machine": machine, "figures": rows}


def as_table(figures: Sequence[Figure], machine: dict[str, Any], command: str) -> str:
    """A Markdown table under the machine and the command."""
    lines = [f"`{command}`", "", machine_in_words(machine)]
    lines += ["| what | measured | beside it | ratio | target |", "|---|---:|---:|---:|---|"]
    return "\n".join([*lines, *map(_row, figures)]) + "\n"


def _row(figure: Figure) -> str:
    beside = f"{rounded(figure.peer)} ({figure.beside})" if figure.peer is not None else ""
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    verdict = {True: "met", False: "**missed**", None: "not known"}[figure.met]
    target = f"{figure.target}: {verdict}" if figure.target else ""
    return f"| {figure.name} | {rounded(figure.value)} {figure.unit} | {beside} | {ratio} | {target} |"


def rounded(value: float) -> str:
    """Three digits that count, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def write_figures(figures: Sequence[Figure], machine: dict[str, Any], command: str, out: Path) -> None:
    """Write `out` as JSON and the table beside it, with the ending `.md`."""
    write_tables(out, as_content(figures, machine, command))
    out.with_suffix(".md").write_text(as_table(figures, machine, command), encoding="utf-8")
