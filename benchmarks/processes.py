"""Commands timed from outside, as a user waits for them: wall time and peak memory of a fresh process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KIB_A_UNIT = 1 if sys.platform != "darwin" else 1 / 1024
"""`ru_maxrss` counts KiB, on macOS bytes."""


class Failed(Exception):
    """A command that is measured did not end as it should."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of a command."""

    seconds: float
    """From its start to its end."""
    peak_mb: float
    """Largest resident memory of the process or of one it waited for, in MB (2**20 bytes)."""
    cpu_seconds: float
    """Processor time of it and of those it waited for: what can be compared even on a busy machine."""
    output: bytes
    """What it wrote to stdout, which is a pipe."""


def run(
    command: Sequence[str],
    folder: Path | None = None,
    codes: Sequence[int] = (0,),
    extra: Mapping[str, str] | None = None,
) -> Ran:
    """Run a command to its end.

    A child's peak starts at that of the process that forked it, so this one must stay small: nothing that
    imports numpy or torch belongs in it.

    Args:
        command: what is run.
        folder: where; here if None.
        codes: exit codes that are no failure.
        extra: variables added to the environment.

    Raises:
        Failed: its exit code is none of `codes`. What it wrote to stderr went to this one's.
    """
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment() | dict(extra or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in codes:
        raise Failed(f"exit code {process.returncode}: {' '.join(command)}")
    return Ran(seconds, usage.ru_maxrss * _KIB_A_UNIT / 1024, usage.ru_utime + usage.ru_stime, output)


def _environment() -> dict[str, str]:
    """The user's own, without what sets codesift up differently."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CODESIFT_")}


def codesift(*arguments: str) -> list[str]:
    """The installed command beside this Python, or the module where only that is there."""
    script = Path(sys.executable).with_name("codesift")
    return [*([str(script)] if script.exists() else [sys.executable, "-m", "codesift"]), *arguments]


def in_turn(ours: Sequence[Sequence[str]], peer: Sequence[str], folder: Path) -> tuple[list[Ran], list[Ran]]:
    """Run each of our commands followed by the peer's, so that noise hits both; a first pair is not counted.

    Args:
        ours: commands, one or more.
        peer: the command each of them is compared with.
        folder: where all are run.
    """
    pairs = [(run(command, folder), run(peer, folder)) for command in (ours[0], *ours)]
    return [mine for mine, _ in pairs[1:]], [theirs for _, theirs in pairs[1:]]


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    """A percentile, between the values it falls between; of one value that value."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
