"""Make a package list of `training/corpora` from candidates, keeping those that are worth it.

python -m training.sources.candidates python candidates.txt --work training-work

A candidate is a line `registry name version`. It is kept if it comes, is open, is of no excluded project, and
has documented functions enough. The list gives each one's licence as found.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from codesift.errors import CodesiftError
from codesift.parsing.units import parse
from codesift.repository.path_roles import is_test
from codesift.repository.rules import skip_by_path, skip_by_text
from evaluation.files import write_json
from evaluation.records import LANGUAGES
from training.sources.fetching import fetch_all, is_source
from training.sources.package_lists import CORPORA, ListedPackage

FILES = 1000
"""Files that are parsed to find them."""
SHORTEST = 15
"""Characters of documentation that is more than a word."""
_PREFIXES = ("golang-", "librust-", "ruby-", "php-", "node-", "python-", "lib")


def main(arguments: list[str] | None = None) -> int:
    """Write one language's list; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.sources.candidates", description=__doc__)
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("candidates", type=Path)
    parser.add_argument("--work", type=Path, default=Path("training-work"))
    parser.add_argument("--exclude", type=Path, help="file of project names that are left out, one a line")
    parser.add_argument("--wanted", type=int, default=190, help="stop when there are as many")
    parser.add_argument("--documented", type=int, default=15, help="documented functions that are worth it")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--lists", type=Path, default=CORPORA)
    parser.add_argument("--keep-archives", action="store_true")
    options = parser.parse_args(arguments)
    try:
        rows = listed(options)
    except CodesiftError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    path = options.lists / f"{options.language}.json"
    write_json(path, {"language": options.language, "packages": rows})
    print(f"{path}: {len(rows)} packages")
    return 0


def listed(options: argparse.Namespace) -> list[dict[str, str]]:
    """The rows of a list, sorted by name.

    Raises:
        CodesiftError: a file cannot be read.
    """
    candidates = read_candidates(options.candidates)
    excluded = frozenset(_lines(options.exclude)) if options.exclude else frozenset()
    candidates = [row for row in candidates if not is_excluded(row.name, excluded)]
    kept: list[dict[str, str]] = []
    while candidates and len(kept) < options.wanted:
        # A few more than are missing, since some will not do.
        count = min(len(candidates), 8 + (options.wanted - len(kept)) * 5 // 4)
        batch, candidates = candidates[:count], candidates[count:]
        records = fetch_all(batch, options.language, options.work, options.jobs, options.keep_archives)
        kept += _worth(records, options)
    return sorted(kept, key=lambda row: (row["name"], row["registry"]))


def _worth(records: Sequence[dict[str, Any]], options: argparse.Namespace) -> Iterator[dict[str, str]]:
    for record in records:
        package = ListedPackage(record["registry"], record["name"], record["version"]).package
        folder = options.work / "packages" / options.language / package.folder
        found = documented(folder, options.language, options.documented)
        if found >= options.documented:
            fields = {name: record[name] for name in ("registry", "name", "version")}
            yield {**fields, "license": record["license_found"]}
        else:
            print(f"{options.language}: {record['name']} left out: {found} documented functions")
            # Only what is listed may be mined.
            shutil.rmtree(folder)
            folder.with_name(folder.name + ".json").unlink()


def documented(folder: Path, language: str, enough: int) -> int:
    """Count a package's functions with documentation, tests not counted, until there are `enough`."""
    paths = (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    own = (
        path for path in paths if is_source(path, language) and not skip_by_path(path) and not is_test(path)
    )
    found = 0
    for path in islice(own, FILES):
        found += _documented(folder / path, language)
        if found >= enough:
            break
    return found


def _documented(path: Path, language: str) -> int:
    text = path.read_text(encoding="utf-8", errors="replace")
    if skip_by_text(text):
        return 0
    units = parse(text, language, path.name)
    return sum(unit.kind in ("function", "method") and len(unit.documentation) > SHORTEST for unit in units)


def read_candidates(path: Path) -> list[ListedPackage]:
    """The candidates of a file, each once.

    Raises:
        CodesiftError: it cannot be read, or a line is not `registry name version`.
    """
    rows = {}
    for line in _lines(path):
        fields = line.split()
        if len(fields) != 3:
            raise CodesiftError(f"{path}: expected `registry name version`, found {line!r}")
        rows[line] = ListedPackage(*fields)
    return list(rows.values())


def is_excluded(name: str, projects: Collection[str]) -> bool:
    """Whether a package is of one of these projects, whatever its registry puts before and behind the name.

    `golang-github-go-chi-chi-dev` is `chi`, `node-express` is `express`, `@trpc/client` is `trpc`.
    """
    name = name.lower()
    scope, _, plain = name.strip("@").rpartition("/")
    # A Debian name ends with the project's, before which stand language, site and owner.
    parts = re.sub(r"-dev$", "", plain).split("-") if name.startswith(_PREFIXES) else [plain]
    ends = {"-".join(parts[start:]) for start in range(len(parts))}
    return bool(projects) and any(project in projects for project in {name, scope, plain, *ends})


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CodesiftError(f"cannot read {path}: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
