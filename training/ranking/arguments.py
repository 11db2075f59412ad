"""Options that `fit` and `missed` share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

SKIPPED = "skipped: no evaluation data; give --data FOLDER and --corpora FOLDER\n"


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add `--data` and `--corpora`."""
    data = os.environ.get("CODESIFT_EVAL")
    parser.add_argument("--data", type=Path, default=data, help="folder of the evaluation data")
    parser.add_argument(
        "--corpora", type=Path, help="folder of the repositories; their indexes are built in place"
    )


def has_data(options: argparse.Namespace) -> bool:
    """Whether there is anything to work on."""
    if options.data is None or options.corpora is None:
        return False
    return Path(options.data, "repos", "queries.jsonl").is_file() and options.corpora.is_dir()
