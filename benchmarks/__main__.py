"""One entry point for all benchmarks: `python -m benchmarks NAME [OPTIONS]`, NAME --help for the options."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

BENCHMARKS = {
    "first": "time to the first answer in a repository that was never indexed, beside semble",
    "speed": "time and memory of the installed command, each beside a floor or a peer",
    "ann": "recall, speed and size of the hnsw graph, for a grid of its parameters",
    "engines": "inference engines and precisions for the encoder",
    "warm": "what ranking costs beyond encoding a question",
    "faults": "attacks: kills, damage, hostile repositories",
    "quality": "questions on real repositories, asked of codesift and of its peers",
}
"""Name of a module in this folder, each with `main(arguments) -> exit code` -> what it is about."""


def main(arguments: Sequence[str]) -> int:
    """Run one benchmark; returns the exit code."""
    if arguments and arguments[0] in BENCHMARKS:
        run = importlib.import_module(f"benchmarks.{arguments[0]}").main
        return int(run(list(arguments[1:])) or 0)
    asked = bool(arguments) and arguments[0] in ("-h", "--help")
    (sys.stdout if asked else sys.stderr).write(usage())
    return 0 if asked else 2


def usage() -> str:
    """What can be run."""
    rows = "".join(f"  {name:<9} {about}\n" for name, about in BENCHMARKS.items())
    return f"usage: python -m benchmarks NAME [OPTIONS]\n\n{rows}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
