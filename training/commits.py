"""commits: clones of public repositories -> subjects of commits with the functions that they changed.

The repositories of `training/clones.json` are cloned by hand into one folder, each as `OWNER+NAME` (with
`git clone --bare`). Nothing of a clone is run or checked out.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.files import ROOT, read_json, write_rows, write_settings
from training.mining.commits import changes
from training.mining.splits import Exclusions

CLONES = ROOT / "training" / "clones.json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m training commits`."""
    parser.add_argument("--clones", type=Path, required=True, help="folder of the clones, OWNER+NAME each")
    parser.add_argument(
        "--exclude",
        type=Path,
        default=os.environ.get("CODESIFT_EVAL"),
        help="folder whose exclude_sha1.txt.gz and exclude_projects.txt name what is not trained on "
        "(default: CODESIFT_EVAL)",
    )
    parser.add_argument("--list", type=Path, default=CLONES, help="which clones are read")
    parser.add_argument("--jobs", type=int, default=2, help="repositories read at once")


def run(options: argparse.Namespace) -> None:
    """Write the changes of each clone that has none yet.

    Raises:
        CodesiftError: no clone of the list is there.
    """
    exclusions = Exclusions.read(Path(options.exclude)) if options.exclude else Exclusions()
    folder = options.work / "commits"
    names = [row["name"].replace("/", "+") for row in read_json(options.list)["repositories"]]
    there = [name for name in names if (options.clones / name).is_dir() and not _excluded(name, exclusions)]
    if not there:
        raise CodesiftError(f"no clone of {options.list} in {options.clones}", "clone one as OWNER+NAME")
    waiting = [name for name in there if not (folder / f"{name}.jsonl.gz").is_file()]
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        futures = [pool.submit(_write, options.clones / name, name, exclusions, folder) for name in waiting]
        for name, future in zip(waiting, futures, strict=True):
            print(f"{name}: {future.result()} changed functions")
    write_settings(folder, options)


def _excluded(name: str, exclusions: Exclusions) -> bool:
    return exclusions.project(name.replace("+", "/")) or exclusions.project(name.partition("+")[2])


def _write(clone: Path, name: str, exclusions: Exclusions, folder: Path) -> int:
    git = next((each for each in (clone / ".git", clone / "repo") if each.is_dir()), clone)
    path = folder / f"{name}.jsonl.gz"
    return write_rows(path, (asdict(change) for change in changes(git, name, exclusions)))
