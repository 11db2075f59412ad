"""Packages, downloaded and reduced to the sources of their language and what tells their licence.

`WORK/packages/<language>/<label>-<version>/` holds what is kept of a package, the `.json` beside it its row
in the list and what was found. That file is written last: a second run goes on where the first one stopped.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from codesift.parsing.languages import LANGUAGES as ROWS
from evaluation.files import read_json, write_json
from evaluation.packages.archives import Limits, Unavailable, unpack
from evaluation.packages.clients import download, is_packaging, prefetch
from training.sources.licences import LICENCE_FILE, is_open, licence_of
from training.sources.package_lists import ListedPackage

LIMITS = Limits(file=2**20, total=200 * 2**20, files=20_000)
LARGEST = 120 * 2**20
"""Bytes of a package's archives; what is larger is a system of its own."""
CHUNK = 16
"""Packages that are asked for at a time, where a client can."""
TRIES = 3
PAUSE = 2.0
"""Seconds before a package is tried again."""
_FINAL = re.compile(r"No matching|\bE?404\b|ETARGET|was not found|Unable to find|is not installed")
"""What a client says when trying again is of no use."""
_ROOTS = re.compile(
    r"^usr/(?:share/gocode/src/|share/cargo/registry/|lib/ruby/vendor_ruby/|share/php/"
    r"|share/rubygems-integration/[^/]+/gems/[^/]+/)"
)
"""Where Debian puts sources; paths begin below it, as they would in the project's own repository."""
_DOCUMENTED = re.compile(r"^usr/share/doc/[^/]+/copyright$")
_METADATA = re.compile(r"^(?:[^/]+\.dist-info/METADATA|(?:[^/]+/)?package\.json)$")
_LEFT_OUT = re.compile(r"(?:^|/)node_modules/|\.min\.[cm]?js$|\.d\.[cm]?ts$|\.bundle\.js$")
COPYRIGHT = "debian/copyright"
_LIFTS = {("npm", ""): 1, ("debian-source", ""): 1, ("debian-binary", "go"): 3, ("debian-binary", "rust"): 1}
"""How many folders a registry, and a language there, puts around a project."""
_MORE_SUFFIXES = {"typescript": (".tsx",), "cpp": (".h",)}


def fetch_all(
    rows: Sequence[ListedPackage], language: str, work: Path, jobs: int, keep: bool = False
) -> list[dict[str, Any]]:
    """Fetch packages, several at a time; what cannot be had is said in a line each.

    Returns:
        The record of each package that is there now, in the order of `rows`.
    """
    done = []
    fetch = partial(_attempt_all, language=language, work=work, keep=keep)
    chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    with ThreadPoolExecutor(jobs) as pool:
        results = chain.from_iterable(pool.map(fetch, chunks))
        for result in _shown(results, len(rows), language):
            if isinstance(result, str):
                print(result)
            else:
                done.append(result)
    return done


def _shown(results: Iterable[Any], total: int, title: str) -> Iterator[Any]:
    from rich.progress import track

    return iter(track(results, title, total, transient=True))


def _attempt_all(
    rows: Sequence[ListedPackage], language: str, work: Path, keep: bool
) -> list[dict[str, Any] | str]:
    missing = [row.package for row in rows if not _record(row, language, work).is_file()]
    prefetch(missing, work / "downloads")
    return [_attempt(row, language, work, keep) for row in rows]


def _attempt(row: ListedPackage, language: str, work: Path, keep: bool) -> dict[str, Any] | str:
    """The package's record, or why it cannot be had."""
    try:
        return fetch_package(row, language, work, keep)
    except Unavailable as error:
        return f"{language}: {row.name} {row.version} left out: {error}"


def fetch_package(row: ListedPackage, language: str, work: Path, keep: bool = False) -> dict[str, Any]:
    """Get one package and keep its sources; nothing is done if it is there already.

    Raises:
        Unavailable: it cannot be had, is too large, has no sources, or no open licence.
    """
    folder = work / "packages" / language / row.package.folder
    record = _record(row, language, work)
    if record.is_file():
        return dict(read_json(record))
    archives = retried(partial(download, row.package, work / "downloads"))
    scratch = folder.with_name(folder.name + ".partial")
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        sources, found = _reduce(row, language, archives, scratch)
        sources.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not keep:
            shutil.rmtree(archives[0].parent, ignore_errors=True)
    write_json(record, found)
    return found


def _record(row: ListedPackage, language: str, work: Path) -> Path:
    return work / "packages" / language / f"{row.package.folder}.json"


def retried(get: Callable[[], list[Path]]) -> list[Path]:
    """What `get` returns, tried again when a registry fails.

    Raises:
        Unavailable: it failed each time, or brought nothing.
    """
    for left in reversed(range(TRIES)):
        try:
            if archives := get():
                return archives
            raise Unavailable("nothing was downloaded")
        except Unavailable as error:
            if not left or _FINAL.search(str(error)):
                raise
            time.sleep(PAUSE)
    raise AssertionError("TRIES is at least 1")


def _reduce(
    row: ListedPackage, language: str, archives: Sequence[Path], to: Path
) -> tuple[Path, dict[str, Any]]:
    """The folder with a package's sources, somewhere below `to`, and the package's record."""
    size = sum(path.stat().st_size for path in archives)
    if size > LARGEST:
        raise Unavailable(f"{size / 1e6:.0f} MB are more than {LARGEST / 1e6:.0f} MB")
    folder = unpack_sources(archives, language, row.registry, to)
    files = [path for path in folder.rglob("*") if path.is_file() and is_source(path.name, language)]
    if not files:
        raise Unavailable(f"no {language} sources in it")
    licence = licence_of(folder, row.registry)
    if not is_open(licence):
        raise Unavailable(f"no open licence: {licence or 'none found'}")
    if row.license and licence != row.license:
        print(f"{language}: {row.name} {row.version} has licence {licence!r}, listed is {row.license!r}")
    sizes = sum(path.stat().st_size for path in files)
    return folder, {**asdict(row), "files": len(files), "bytes": sizes, "license_found": licence}


def unpack_sources(archives: Iterable[Path], language: str, registry: str, to: Path) -> Path:
    """Unpack a language's files and what tells the licence.

    Returns:
        The folder that holds them, somewhere below `to`: folders around the project are passed by.
    """
    for archive in archives:
        unpack(archive, to, partial(_place, language=language, packaging=is_packaging(archive)), LIMITS)
    sources = _lifted(to / "sources", _LIFTS.get((registry, language), _LIFTS.get((registry, ""), 0)))
    copyright = to / COPYRIGHT
    if copyright.is_file():
        (sources / "debian").mkdir(parents=True, exist_ok=True)
        copyright.replace(sources / COPYRIGHT)
    return sources


def _place(name: str, language: str, packaging: bool) -> str | None:
    """Where a file of an archive goes; None for what is not kept."""
    name = name.removeprefix("./")
    if _DOCUMENTED.match(name) or (packaging and name == COPYRIGHT):
        return COPYRIGHT
    path = _ROOTS.sub("", name)
    kept = is_source(path, language) or LICENCE_FILE.search(path) or _METADATA.match(path)
    return f"sources/{path}" if kept and not packaging else None


def _lifted(folder: Path, times: int) -> Path:
    for _ in range(times):
        inside = list(folder.glob("*"))
        if len(inside) == 1 and inside[0].is_dir():
            folder = inside[0]
    return folder


def is_source(path: str, language: str) -> bool:
    """Whether a file is of the language by its ending; headers belong to C and to C++."""
    suffixes = (*ROWS[language].suffixes, *_MORE_SUFFIXES.get(language, ()))
    return path.lower().endswith(suffixes) and not _LEFT_OUT.search(path)
