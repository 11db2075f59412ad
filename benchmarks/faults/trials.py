"""One trial of an attack, and how a command must have ended for it to be held."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from typing import Any, NamedTuple

MOST_MB = 1024
"""Resident memory above which a command counts as filling the machine."""
_KEPT_CHARACTERS = 300


class Trial(NamedTuple):
    """What came of one trial."""

    name: str
    """What was done, so that it can be told from the other trials of its attack."""
    held: bool
    what: str
    """The kind of outcome; outcomes of one kind are counted together."""
    detail: str = ""
    """What shows it: the last line of stderr, the arguments."""
    seconds: float = 0.0
    """Time of the slowest command of the trial."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that came to its end, or was brought to it."""

    code: int
    """Its exit code; a signal's number below zero."""
    out: str
    err: str
    seconds: float
    peak_mb: float
    """Largest resident memory in MB (2**20 bytes)."""
    stopped: str = ""
    """Why it was killed: it took too long, or too much memory."""

    @property
    def lines(self) -> list[str]:
        """Lines on stderr."""
        return self.err.splitlines()

    @property
    def last_line(self) -> str:
        """The last line on stderr, shortened."""
        return self.lines[-1][:_KEPT_CHARACTERS] if self.lines else ""

    def results(self) -> list[tuple[Any, ...]] | None:
        """(path, first line, last line, name, score) of what `--json` shows; None if it is no JSON."""
        try:
            found = json.loads(self.out, parse_constant=_refuse)["results"]
            keys = ("path", "start_line", "end_line", "qualified_name", "score")
            return [tuple(hit[key] for key in keys) for hit in found]
        except (ValueError, TypeError, KeyError):
            return None


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def fault(ended: Ended, codes: tuple[int, ...] = (0, 1, 2)) -> str:
    """What is wrong with the way a command ended, as a kind of outcome; empty if nothing is."""
    if ended.stopped:
        return ended.stopped
    if ended.code < 0:
        return f"ended by {_name(-ended.code)}"
    if ended.code == 3:
        return "exit code 3, a bug"
    if "Traceback" in ended.err or "Exception ignored" in ended.err:
        return "a traceback on stderr"
    if ended.code not in codes:
        return f"exit code {ended.code}"
    if ended.peak_mb > MOST_MB:
        return f"memory above {MOST_MB} MB"
    if not _is_printable(ended.err) or not _is_printable(ended.out):
        return "control characters in the output"
    if ended.code == 2 and not _is_explained(ended):
        return "exit code 2 without one clear line"
    return ""


def first_fault(*ended: Ended) -> tuple[str, str]:
    """(kind, detail) of the first command that did not end as it must."""
    for each in ended:
        if found := fault(each):
            return found, each.last_line
    return "", ""


def slowest(*ended: Ended) -> float:
    """Seconds of the slowest command."""
    return max((each.seconds for each in ended), default=0.0)


def is_partial(ended: Ended) -> bool:
    """Whether the JSON that a search printed says that units have no vectors yet."""
    try:
        index = json.loads(ended.out)["index"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(index["vectors_ready"] < index["units"])


def same_results(ended: Ended, expected: list[tuple[Any, ...]]) -> bool:
    """Whether a search found what it should, scores equal to three digits."""
    found = ended.results()
    if found is None or len(found) != len(expected):
        return False
    return all(
        mine[:-1] == theirs[:-1] and abs(mine[-1] - theirs[-1]) < 2e-3
        for mine, theirs in zip(found, expected, strict=True)
    )


def _is_explained(ended: Ended) -> bool:
    """Whether stderr is a line of ours, after notes of ours and before a few choices, and nothing else."""
    ours = [line for line in ended.lines if line.startswith("codesift: ")]
    choices = [line for line in ended.lines if line.startswith("  ")]
    return 0 < len(ours) <= 4 and len(ours) + len(choices) == len(ended.lines) and not ended.out


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or character in "\n\t" for character in text)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
