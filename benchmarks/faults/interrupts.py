"""One SIGINT or SIGTERM at a random moment of a command."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.faults.children import finish
from benchmarks.faults.kills import BEFORE, Bed, make_beds
from benchmarks.faults.repositories import QUESTION, TARGET
from benchmarks.faults.sandbox import Sandbox
from benchmarks.faults.trials import Ended, Trial, fault

_SIZE = (2, 4, 8)
_LINES = {
    signal.SIGINT: (130, "codesift: interrupted; "),
    signal.SIGTERM: (143, "codesift: terminated; "),
}
"""Signal -> exit code, and how the last line begins."""
_KEPT = ("what was done so far is kept", "the next run continues there")
"""How the last line ends."""
_END_SECONDS = 5.0
"""After which a command that was told to end counts as hanging."""
_DONE_SECONDS = 1.0
"""Within which a command that was already done when it was told must be gone."""
_FIRST_SECONDS = 0.06


@dataclass(frozen=True)
class _Task:
    """A command that is interrupted."""

    name: str
    arguments: tuple[str, ...]
    state: str
    """Of the index at its start: nothing, that from before a change, or that after it."""
    seconds: float
    """How long it takes undisturbed."""
    output: str | None
    """What it prints; None where that differs from run to run."""


def interrupts(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: within 5 s one line and the signal's code, or all of the output; then `index` makes all good."""
    # A shell's background job may ignore Ctrl-C, and so would every command started from it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    bed = make_beds(sandbox, _SIZE)[0]
    bed.repository.keep("after")
    tasks, first = _tasks(bed), _first_instants()
    for number in range(trials):
        task, sign = tasks[number % len(tasks)], list(_LINES)[number // len(tasks) % 2]
        _prepare(bed, task)
        yield _interrupt(bed, task, sign, chance.uniform(0, min(1.1 * task.seconds, 2.0)), first)


def _tasks(bed: Bed) -> list[_Task]:
    query, similar = ("query", QUESTION, "--json"), ("similar", TARGET, "--json")
    asked = [bed.repository.must(*arguments) for arguments in (query, similar)]
    return [
        _Task("query", query, "after", asked[0].seconds, asked[0].out),
        _Task("fresh index", ("index",), "nothing", bed.seconds[True], None),
        _Task("similar", similar, "after", asked[1].seconds, asked[1].out),
        _Task("changed index", ("index",), BEFORE, bed.seconds[False], None),
    ]


def _first_instants() -> float:
    """Seconds in which an interpreter may still be starting, measured under the load of the machine."""
    worst = 0.0
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True, stdin=subprocess.DEVNULL)
        worst = max(worst, time.perf_counter() - started)
    return _FIRST_SECONDS + 2 * worst


def _prepare(bed: Bed, task: _Task) -> None:
    if task.state == "nothing":
        bed.repository.drop()
    else:
        bed.repository.restore(task.state)


def _interrupt(bed: Bed, task: _Task, sign: signal.Signals, moment: float, first: float) -> Trial:
    name = f"{task.name}, {sign.name} at {moment:.3f} s"
    running = bed.repository.start(*task.arguments)
    sent = running.sleep_until(moment)
    if sent:
        os.kill(running.pid, sign)
    ended = finish(running, moment + _END_SECONDS if sent else 60)
    kind, detail = _ending(task, sign, ended, moment if sent else None, first), ended.last_line
    held = kind in _HELD
    if held:
        wrong, detail_after, _ = bed.recover()
        held, kind, detail = not wrong, wrong or kind, detail_after if wrong else detail
    return Trial(name, held, kind, detail, max(ended.seconds - moment, 0.0) if sent else 0.0)


_HELD = ("said, with its code", "before the handler", "was done first")


def _ending(task: _Task, sign: signal.Signals, ended: Ended, moment: float | None, first: float) -> str:
    """The kind of ending."""
    code, line = _LINES[sign]
    if ended.stopped:
        return "does not end within 5 s"
    is_explained = ended.last_line.startswith(line) and ended.last_line.endswith(_KEPT)
    if ended.code == code and len(ended.lines) == 1 and is_explained:
        return _HELD[0]
    if moment is not None and moment <= first and _is_pythons_own(ended, sign):
        return _HELD[1]
    if ended.code == -sign and not ended.err and ended.out and ended.out == task.output:
        return f"ended by {sign.name} without a word, its output complete"
    if fault(ended):
        return fault(ended)
    complete = ended.code == 0 and (task.output is None or ended.out == task.output)
    if not complete:
        return "ended early without a word"
    late = moment is not None and ended.seconds - moment > _DONE_SECONDS
    return "went on as if nothing had happened" if late else _HELD[2]


def _is_pythons_own(ended: Ended, sign: signal.Signals) -> bool:
    """Whether Python ended as it does before any of our code runs."""
    silent = not ended.err or (sign is signal.SIGINT and "KeyboardInterrupt" in ended.err)
    return silent and not ended.out and ended.code in (-sign, 1)
