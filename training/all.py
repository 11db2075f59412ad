"""From package lists to shipped adapters: every verb, with the settings the shipped ones were made with.

    python -m training all --eval FOLDER

Each step leaves what is done alone, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.records import LANGUAGES
from training.compose import MANIFEST
from training.languages import languages_of
from training.recipe import CODE, COMBINED, LANGUAGE, OWN

SHARED = "combined"
"""The run whose adapter encodes queries, and that each language's adapter starts from."""
SYSTEM = "language-wise"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the verb `all`."""
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="separated by commas; default: all")
    parser.add_argument(
        "--eval",
        type=Path,
        default=os.environ.get("CODESIFT_EVAL"),
        help="evaluation data: its functions and projects are left out of training",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that fetch and mine")
    parser.add_argument("--to", type=Path, help="folder of the adapters, by default where the tool looks")
    parser.add_argument("--results", type=Path, default=Path("training/results"))
    parser.add_argument("--dry-run", action="store_true", help="only say what would be run")


def run(options: argparse.Namespace) -> None:
    """Run every step in a process of its own.

    Raises:
        CodesiftError: a step failed; it has said why.
    """
    for step in steps(options):
        print("python -m training", shlex.join(step), flush=True)
        if options.dry_run:
            continue
        done = subprocess.run([sys.executable, "-m", "training", *step], check=False)
        if done.returncode:
            raise CodesiftError(f"`{step[0]}` failed", "the same command goes on from here")


def steps(options: argparse.Namespace) -> list[list[str]]:
    """The arguments of each step, in order.

    Raises:
        UsageError: a language is unknown.
    """
    work, languages = options.work, languages_of(options.languages)
    common = ["--work", str(work), "--seed", str(options.seed)]
    which, jobs = ["--languages", options.languages], ["--jobs", str(options.jobs)]
    exclude = ["--exclude", str(options.eval)] if options.eval else []
    shared = work / "runs" / SHARED / "adapter.safetensors"
    start = ["--text", str(shared), "--init", str(shared)]
    systems = {name: work / "systems" / name / MANIFEST for name in (SHARED, SYSTEM)}
    to = ["--to", str(options.to)] if options.to else []
    results = ["--results", str(options.results)]
    figures = ["--figures", str(options.results / "evaluation.json")]
    return [
        ["fetch", *common, *which, *jobs],
        ["mine", *common, *which, *jobs, *exclude],
        ["train", *common, *which, *COMBINED, "--name", SHARED],
        *(
            ["train", *common, "--languages", name, *OWN.get(name, LANGUAGE), *start, "--name", name]
            for name in languages
            if _encoded(name).partition(":")[0] == name
        ),
        ["compose", *common, "--name", SHARED, "--text", SHARED, "--code", SHARED],
        ["compose", *common, "--name", SYSTEM, "--text", SHARED, "--code", SHARED, *map(_part, languages)],
        [
            "evaluate",
            *common,
            *(["--eval", str(options.eval)] if options.eval else []),
            *(part for name, path in systems.items() for part in ("--system", f"{name}={path.parent}")),
            *results,
        ],
        ["export", *common, "--system", str(systems[SYSTEM]), *figures, *to],
        ["report", *common, *results],
    ]


def _encoded(language: str) -> str:
    return CODE.get(language, language)


def _part(language: str) -> str:
    return f"{language}={_encoded(language)}"
