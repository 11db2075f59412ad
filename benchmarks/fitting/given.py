"""What `fit` and `missed` take on the command line."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

SKIPPED = "skipped: no evaluation data; give --data FOLDER and --corpora FOLDER\n"


def parser_of(name: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with `--data` and `--corpora`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = os.environ.get("CODESIFT_EVAL")
    parser.add_argument("--data", type=Path, default=data, help="the evaluation data")
    parser.add_argument("--corpora", type=Path, help="the repositories with their indexes")
    return parser


def is_there(given: argparse.Namespace) -> bool:
    """Whether there is anything to work on."""
    if given.data is None or given.corpora is None:
        return False
    return Path(given.data, "repos", "queries.jsonl").is_file() and given.corpora.is_dir()
