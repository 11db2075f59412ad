"""Questions on real repositories, asked of codesift and of its peers: one command, one report.

    python -m benchmarks quality --data FOLDER

FOLDER holds `repos/queries.jsonl` (questions with target files), `repos/text2fn.jsonl` (with target
functions), `repos/fn2fn.jsonl` (a function and its counterparts), `repos/nothing.jsonl` (questions without an
answer) and the sources, or the list of packages they come from. Nothing of it is part of this project;
without it the benchmark says so and skips. Peers are installed below the work folder, each on its own.
Answers are kept there, so that a second run asks only what is new.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.quality.answers import AnswerSet, ask_all
from benchmarks.quality.peers import peers
from benchmarks.quality.report import as_markdown, figures
from benchmarks.quality.systems import HIDDEN, System
from benchmarks.quality.variants import variants
from evaluation.files import copy_tree, write_tables
from evaluation.machine import describe_machine
from evaluation.repositories.questions import PARTS, RepositoryQuestions, questions

WORK = Path("benchmarks/corpora/quality")
"""Unless `--work` says otherwise; ignored by git."""
_FOLDERS = ("--data", "--work", "--to", "--out")
_OURS = "codesift"


def main(arguments: Sequence[str]) -> int:
    """Print the report, and write it with its JSON. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.data is None or not Path(options.data, "repos", "queries.jsonl").is_file():
        sys.stdout.write("skipped: no evaluation data; give --data FOLDER or set CODESIFT_EVAL\n")
        return 0
    pairs = [_pair(parser, text) for text in options.compare]
    everything = [*variants(options.work), *((peer, False) for peer in peers(options.work))]
    systems = chosen_systems(parser, everything, options.only, options.ablations, pairs)
    asked = questions(Path(options.data), PARTS)
    folders = _sources(parser, options, asked)
    if options.fresh:
        _forget(options.work, systems)
    asked = {repo: asked[repo] for repo in folders}
    done = ask_all(systems, folders, asked, options.work / "answers")
    machine = describe_machine()
    out = options.out or options.work / "reports" / f"{machine['commit']}.json"
    found = figures(done, systems, asked, [*_default_pairs(done), *pairs], machine, published(arguments))
    write_tables(out, found)
    out.with_suffix(".md").write_text(as_markdown(found), encoding="utf-8")
    sys.stdout.write(as_markdown(found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, default=os.environ.get("CODESIFT_EVAL"), help="the evaluation data")
    add("--work", type=Path, default=WORK, help="for peers, indexes and kept answers")
    add("--to", type=Path, help="for the sources; below the work folder if not given")
    add("--only", metavar="SYSTEM,...", help="ask these alone")
    add("--ablations", action="store_true", help="ask codesift's variants with something taken away too")
    add("--repos", metavar="NAME,...", help="on these repositories alone")
    add(
        "--fresh",
        action="store_true",
        help="ask again what was answered before, for times on a quiet machine",
    )
    add("--compare", metavar="A,B", action="append", default=[], help="test this pair of systems too")
    add("--out", type=Path, help="JSON file for all figures; the report goes beside it, ending in .md")
    return parser


def chosen_systems(
    parser: argparse.ArgumentParser,
    everything: Iterable[tuple[System, bool]],
    only: str | None,
    ablations: bool,
    pairs: Iterable[tuple[str, str]],
) -> list[System]:
    """The systems that are asked; those that are compared are asked in any case."""
    known = {system.name: (system, is_ablation) for system, is_ablation in everything}
    compared = {name for pair in pairs for name in pair}
    wanted = {*only.split(","), *compared} if only else compared
    if unknown := sorted(wanted - known.keys()):
        parser.error(f"no system {unknown[0]!r}; there are {', '.join(known)}")
    return [
        system
        for name, (system, is_ablation) in known.items()
        if name in wanted or (not only and (ablations or not is_ablation))
    ]


def _forget(work: Path, systems: Iterable[System]) -> None:
    """Drop what these answered before, and codesift's indexes if one of them is a variant of it."""
    for system in systems:
        shutil.rmtree(work / "answers" / system.name, ignore_errors=True)
        if system.name.startswith(_OURS):
            shutil.rmtree(work / "codesift", ignore_errors=True)


def _pair(parser: argparse.ArgumentParser, text: str) -> tuple[str, str]:
    a, comma, b = text.partition(",")
    if not comma or not a or not b:
        parser.error(f"--compare takes two systems, A,B, and not {text!r}")
    return a, b


def _default_pairs(done: AnswerSet) -> list[tuple[str, str]]:
    """codesift against every peer."""
    return [(_OURS, name) for name in done.answers if not name.startswith(_OURS)]


def _sources(
    parser: argparse.ArgumentParser, options: argparse.Namespace, asked: Mapping[str, RepositoryQuestions]
) -> dict[str, Path]:
    """Name of a repository -> a copy of its sources without anything that a tool left there."""
    from evaluation.corpora import evaluation_corpora

    corpora = evaluation_corpora(options.data, options.to or options.work / "corpora")
    wanted = sorted(options.repos.split(",") if options.repos else asked)
    if unknown := [repo for repo in wanted if repo not in asked]:
        parser.error(f"no questions about {unknown[0]!r}; there are some about {', '.join(sorted(asked))}")
    folders = {
        repo: (options.work / "sources" / repo).resolve() for repo in wanted if (corpora / repo).is_dir()
    }
    for repo, folder in folders.items():
        copy_tree(corpora / repo, folder, HIDDEN)
    return folders


def published(arguments: Sequence[str]) -> str:
    """The command without the names of this machine's folders."""
    shown, hide = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        shown.append("FOLDER" if hide else f"{name}=FOLDER" if equals and name in _FOLDERS else argument)
        hide = argument in _FOLDERS
    return " ".join(["python -m benchmarks quality", *shown])
