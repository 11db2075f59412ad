"""Attacks on codesift: what damage, haste and hostile repositories do to it.

    python -m benchmarks faults [--only NAME,NAME] [--seed N] [--scale F] [--out FILE.json]

Each attack is a number of trials made from a seed. A trial is held if the command gives the right result or
says in a line why not, and nothing is lost: it never crashes, hangs, fills the memory, touches files it
should not, or gives another result without a word. The exit code is 1 if a trial was not held.

Everything takes place below a temporary folder with a home of its own, and on the loopback device.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.faults.flips import flips
from benchmarks.faults.graphs import graphs
from benchmarks.faults.interrupts import interrupts
from benchmarks.faults.kills import kills
from benchmarks.faults.links import links
from benchmarks.faults.nesting import nesting
from benchmarks.faults.network import network
from benchmarks.faults.patterns import patterns
from benchmarks.faults.report import AttackResult, as_line, as_markdown, write_report
from benchmarks.faults.sandbox import Sandbox
from benchmarks.faults.settings import settings
from benchmarks.faults.shipped import shipped
from benchmarks.faults.trials import Trial
from evaluation.machine import describe_machine

_FEWEST = 3
"""Trials of an attack at any scale."""

Attack = Callable[[Sandbox, int, random.Random], Iterator[Trial]]


class AttackSpec(NamedTuple):
    """An attack in the table of all."""

    attack: Attack
    trials: int
    """At scale 1."""
    about: str


ATTACKS: Mapping[str, AttackSpec] = {
    "kills": AttackSpec(kills, 200, "`kill -9` of `index` at a random moment"),
    "interrupts": AttackSpec(interrupts, 500, "one SIGINT or SIGTERM at a random moment of a command"),
    "flips": AttackSpec(
        flips, 2000, "one bit or byte changed, a file cut or grown, in the files of an index"
    ),
    "graphs": AttackSpec(graphs, 500, "graph files changed so that their note still fits"),
    "links": AttackSpec(links, 100, "links, pipes, devices, folders in place of the files of an index"),
    "shipped": AttackSpec(shipped, 40, "a doctored index that comes with a repository"),
    "settings": AttackSpec(settings, 100, "hostile settings of a repository"),
    "nesting": AttackSpec(nesting, 600, "sources nested 10,000 deep"),
    "patterns": AttackSpec(patterns, 200, "hostile patterns in ignore files, settings and flags"),
    "network": AttackSpec(network, 40, "settings of a repository that ask for models of a hub, every verb"),
}


def attack(name: str, seed: int, scale: float) -> AttackResult:
    """Run the trials of one attack in a folder of its own."""
    row = ATTACKS[name]
    count = max(round(row.trials * scale), _FEWEST)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="codesift-faults-", ignore_cleanup_errors=True) as folder:
        trials = list(row.attack(Sandbox(Path(folder)), count, random.Random(f"{name} {seed}")))
    return AttackResult(name, row.about, trials, time.perf_counter() - started)


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write it where `--out` says. Returns the exit code."""
    options = _parser().parse_args(arguments)
    names = options.only.split(",")
    unknown = [name for name in names if name not in ATTACKS]
    if unknown:
        _parser().error(f"no attack {unknown[0]!r}; there are {', '.join(ATTACKS)}")
    machine = describe_machine()
    outcomes = []
    for name in names:
        outcomes.append(attack(name, options.seed, options.scale))
        sys.stderr.write(as_line(outcomes[-1]))
        sys.stderr.flush()
    command = (
        f"python -m benchmarks faults --only {options.only} --seed {options.seed} --scale {options.scale:g}"
    )
    if names == list(ATTACKS):
        command = f"python -m benchmarks faults --seed {options.seed} --scale {options.scale:g}"
    sys.stdout.write(as_markdown(outcomes, machine, command))
    if options.out:
        write_report(outcomes, machine, command, options.out)
    return int(any(not trial.held for outcome in outcomes for trial in outcome.trials))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks faults", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--only", default=",".join(ATTACKS), metavar="NAME,...", help="of " + ", ".join(ATTACKS)
    )
    parser.add_argument("--seed", type=int, default=1, help="decides every random choice  [default: 1]")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="factor on the numbers of trials  [default: 1]"
    )
    parser.add_argument("--out", type=Path, help="JSON file; the table goes beside it as .md")
    return parser
