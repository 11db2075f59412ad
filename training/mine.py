"""mine: sources of packages -> functions with texts, without copies, split by project."""

from __future__ import annotations

import argparse
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from codesift.parsing.languages import UNITS
from evaluation.files import ROOT, read_json, read_rows, write_json, write_rows, write_settings
from evaluation.records import LANGUAGES, Function
from training.languages import languages_of
from training.mining import extract, splits
from training.mining.dedupe import distinct
from training.mining.splits import Exclusions
from training.mining.unpacked import packages_of, unpacked_packages
from training.written_questions import asked

CAP = 400
"""Functions kept of one package, so that none outweighs the others."""

_SOURCES = (
    "evaluation/records.py",
    *(
        f"training/mining/{name}.py"
        for name in ("cleaning", "english", "extract", "spans", "splits", "testnames")
    ),
)
"""Modules that decide what is found in a package, from the root of the checkout."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m training mine`."""
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="comma-separated; default: all")
    parser.add_argument(
        "--exclude",
        type=Path,
        default=Path(os.environ["CODESIFT_EVAL"]) if os.environ.get("CODESIFT_EVAL") else None,
        help="folder whose exclude_sha1.txt.gz and exclude_projects.txt name what is not trained on "
        "(default: CODESIFT_EVAL)",
    )
    parser.add_argument("--jobs", type=int, default=2, help="packages read at once")


def run(options: argparse.Namespace) -> None:
    """Mine each language that has packages.

    Raises:
        CodesiftError: a language is unknown, nothing was fetched, or the exclusions cannot be read.
    """
    fetched = packages_of(options.work / "packages", languages_of(options.languages))
    exclusions = Exclusions.read(options.exclude) if options.exclude else Exclusions()
    if not options.exclude:
        print("mining without exclusions: --exclude FOLDER keeps evaluation data out")
    everywhere = _languages_of_projects(options.work / "packages")
    for language, found in fetched.items():
        packages = [package for package in found if not exclusions.project(package.name)]
        elsewhere = {repo for repo, others in everywhere.items() if others - {language}}
        folder, left_out = options.work / "mined", len(found) - len(packages)
        miner = Miner(folder, language, packages, exclusions, elsewhere, left_out, options.seed)
        miner.run(options.jobs)
    write_settings(options.work / "mined", options)


def _languages_of_projects(folder: Path) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for language in LANGUAGES:
        for package in unpacked_packages(folder, language):
            found[package.repo].add(language)
    return found


@dataclass(frozen=True, slots=True)
class Miner:
    """The mining of one language."""

    folder: Path
    language: str
    packages: Sequence[extract.UnpackedPackage]
    exclusions: Exclusions
    elsewhere: set[str]
    """Projects that other languages have packages of, too."""
    excluded: int
    """Packages that were left out."""
    seed: int

    def run(self, jobs: int) -> None:
        """Write the functions and the report, unless they are there and made from the same.

        A second run on the same folder waits for the first one, and finds its work done.
        """
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{self.language}.lock"):
            self._run(jobs)

    def _run(self, jobs: int) -> None:
        report_path = self.folder / f"{self.language}.report.json"
        rows_path = self.folder / f"{self.language}.jsonl.gz"
        made_from = self._made_from()
        if rows_path.exists() and report_path.exists() and read_json(report_path)["made_from"] == made_from:
            print(f"{self.language}: there already")
            return
        found, counts = self._extracted(jobs)
        drops: Counter[str] = Counter()
        kept = self._selected(found, drops)
        write_rows(rows_path, (function.to_json() for function in kept))
        partitions = partition_counts(kept)
        packages = {"read": len(self.packages), "excluded": self.excluded}
        report = {
            "packages": packages,
            **counts.to_json(),
            "left_out": dict(drops.most_common()),
            "partitions": partitions,
        }
        write_json(report_path, {"language": self.language, "made_from": made_from, **report})
        print(one_line(self.language, partitions))

    def _made_from(self) -> str:
        parts = [
            recipe(self.language, ("training/mine.py", "training/mining/dedupe.py")),
            str(self.seed),
            *(each.folder.name for each in self.packages),
        ]
        parts += sorted(self.exclusions.hashes) + sorted(self.exclusions.projects) + sorted(self.elsewhere)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def _extracted(self, jobs: int) -> tuple[list[Function], extract.Counts]:
        parts = self.folder / "parts" / self.language
        counts = extract.Counts()
        made_with = f"{recipe(self.language)} {self.seed}"
        _all_parts(self.packages, parts, made_with, self.seed, jobs)
        functions: list[Function] = []
        for package in self.packages:
            counts.add(read_json(parts / f"{package.folder.name}.json")["counts"])
            rows = read_rows(parts / f"{package.folder.name}.jsonl.gz")
            functions += map(Function.from_json, rows)
        return functions, counts

    def _selected(self, functions: list[Function], drops: Counter[str]) -> list[Function]:
        """Without what is excluded, copies, and what is over the cap; sorted by place."""
        allowed = [each for each in functions if self._allowed(each, drops)]
        documented = Counter({each.repo: 0 for each in allowed})
        documented.update(each.repo for each in allowed if each.docstring)
        split = splits.partitions(documented, self.elsewhere, self.seed)
        parted = [replace(each, partition=split[each.repo]) for each in allowed]
        # Of two copies the one that is tested on stays, else training would know it.
        parted.sort(key=lambda each: (splits.PARTITIONS.index(each.partition), *preference(each, self.seed)))
        kept = capped(specific(list(distinct(parted, drops, self.seed)), drops), drops)
        return sorted(kept, key=lambda each: (each.package, each.path, each.start_line, each.func_name))

    def _allowed(self, function: Function, drops: Counter[str]) -> bool:
        excluded = self.exclusions.function(function)
        if excluded:
            drops["excluded function"] += 1
        return not excluded


def preference(function: Function, seed: int) -> tuple[bool, bool, float, str, int]:
    """What decides which functions of a package are kept: those asked for, documented ones, then by lot."""
    place = f"{function.package}/{function.path}:{function.start_line}"
    unasked = function.sha not in asked(function.language)
    return unasked, not function.docstring, splits.score(place, seed), place, len(function.code)


def specific(functions: Sequence[Function], drops: Counter[str]) -> Iterator[Function]:
    """Take texts away that several functions of a package share: none of them is the one right answer to it.

    For training the first one keeps it.
    """
    shared = Counter((each.package, each.docstring.lower()) for each in functions)
    seen: set[tuple[str, str]] = set()
    for each in functions:
        key = each.package, each.docstring.lower()
        if each.docstring and shared[key] > 1 and (each.partition != "train" or key in seen):
            drops["text of several functions"] += 1
            each = replace(each, docstring="")
        seen.add(key)
        yield each


def capped(functions: Iterable[Function], drops: Counter[str], cap: int = CAP) -> Iterator[Function]:
    """The first `cap` of each package."""
    seen: Counter[str] = Counter()
    for function in functions:
        seen[function.package] += 1
        if seen[function.package] <= cap:
            yield function
        else:
            drops["over the cap"] += 1


def _all_parts(
    packages: Sequence[extract.UnpackedPackage], parts: Path, made_with: str, seed: int, jobs: int
) -> None:
    """Write the part of each package that has none, or one made otherwise."""
    from rich.console import Console
    from rich.progress import Progress

    waiting = [each for each in packages if not _is_made(parts, each, made_with)]
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"mine {parts.name}", total=len(waiting))
        if jobs < 2 or len(waiting) < 2:
            for package in waiting:
                write_part(package, parts, made_with, seed)
                progress.advance(task)
            return
        with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
            futures = [pool.submit(write_part, package, parts, made_with, seed) for package in waiting]
            for future in as_completed(futures):
                future.result()
                progress.advance(task)


def _is_made(parts: Path, package: extract.UnpackedPackage, made_with: str) -> bool:
    report = parts / f"{package.folder.name}.json"
    return report.exists() and read_json(report)["made_with"] == made_with


def write_part(package: extract.UnpackedPackage, parts: Path, made_with: str, seed: int) -> None:
    """Extract one package; its report is written last, as the mark of being whole."""
    functions, counts = extract.extract_functions(package)
    functions.sort(key=lambda each: preference(each, seed))
    over = len(functions) - extract.POOL
    if over > 0:
        counts.functions["over the pool"] += over
    write_rows(
        parts / f"{package.folder.name}.jsonl.gz", (each.to_json() for each in functions[: extract.POOL])
    )
    write_json(parts / f"{package.folder.name}.json", {"made_with": made_with, "counts": counts.to_json()})


def recipe(language: str, more: Sequence[str] = ()) -> str:
    """A name for what decides what is mined: the version of units, these modules, and what is asked for."""
    texts = [(ROOT / name).read_bytes() for name in (*_SOURCES, *more)]
    texts += ["".join(sorted(asked(language))).encode()]
    return f"{UNITS}-{hashlib.sha256(b''.join(texts)).hexdigest()[:16]}"


def partition_counts(functions: Iterable[Function]) -> dict[str, dict[str, int]]:
    """Partition -> packages, functions, and how many of them have which texts."""
    counted: dict[str, Counter[str]] = {name: Counter() for name in splits.PARTITIONS}
    packages: defaultdict[str, set[str]] = defaultdict(set)
    for each in functions:
        packages[each.partition].add(each.package)
        found = counted[each.partition]
        found.update(functions=1, documented=bool(each.docstring), tested=bool(each.tests))
        found.update(comments=len(each.comments), messages=len(each.messages), tests=len(each.tests))
    return {name: {"packages": len(packages[name]), **counter} for name, counter in counted.items()}


def one_line(language: str, partitions: dict[str, dict[str, int]]) -> str:
    """What was mined of a language, for the terminal."""
    parts = [
        f"{name} {found['packages']} packages, {found.get('functions', 0)} functions, "
        f"{found.get('documented', 0)} documented"
        for name, found in reversed(partitions.items())
    ]
    return f"{language}: " + "; ".join(parts)
