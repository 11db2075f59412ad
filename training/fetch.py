"""fetch: the packages of `training/corpora`, downloaded and reduced to the sources of their language."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codesift.errors import CodesiftError
from evaluation.files import write_settings
from evaluation.records import LANGUAGES
from training.languages import languages_of
from training.sources.fetching import fetch_all
from training.sources.package_lists import CORPORA, ListedPackage, read_list


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m training fetch`."""
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="separated by commas; default: all")
    parser.add_argument("--packages", type=int, default=0, help="only the first N of each list")
    parser.add_argument("--jobs", type=int, default=4, help="downloads at a time")
    parser.add_argument("--at-least", type=float, default=0.8, help="share of a list that has to come")
    parser.add_argument("--lists", type=Path, default=CORPORA, help="folder of the package lists")
    parser.add_argument("--keep-archives", action="store_true", help="keep what was downloaded")


def run(options: argparse.Namespace) -> None:
    """Fetch every language's packages.

    Raises:
        CodesiftError: fewer came than `--at-least` asks for.
    """
    languages = languages_of(options.languages)
    lists = {language: read_list(options.lists, language, options.packages) for language in languages}
    short = []
    for language, rows in lists.items():
        done = fetch_all(rows, language, options.work, options.jobs, keep=options.keep_archives)
        print(fetched_line(language, rows, done))
        if len(done) < options.at_least * len(rows):
            short.append(f"{language} {len(done)} of {len(rows)}")
    write_settings(options.work / "packages", options)
    if short:
        raise CodesiftError(f"too few packages came: {', '.join(short)}", "the same command tries again")


def fetched_line(language: str, rows: Sequence[ListedPackage], done: Sequence[dict[str, Any]]) -> str:
    """One line on what is there of a language."""
    files = sum(record["files"] for record in done)
    megabytes = sum(record["bytes"] for record in done) / 1e6
    return f"{language}: {len(done)} of {len(rows)} packages, {files:,} files, {megabytes:.1f} MB"
