"""The sources that are measured on: real packages, unpacked into one folder that git ignores.

    python -m evaluation.corpora [NAME ...] [--to FOLDER]

Each is made once; a change of its row below makes it again. What this machine cannot get is skipped with
a line that says why.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.packages import Package, Unavailable, fetch, unpack_tar

FOLDER = Path("benchmarks/corpora")
"""Where corpora are kept unless `--to` says otherwise; ignored by git."""

_FLASK = Package("pypi", "Flask", "3.1.2")
_NETWORKX = Package("pypi", "networkx", "3.5")
_DJANGO = Package("pypi", "Django", "5.2.8")
_EXPRESS = Package("npm", "express", "5.1.0")
_GIN = Package("debian-binary", "golang-github-gin-gonic-gin-dev", "1.8.1-1")
_SIDEKIQ = Package("debian-binary", "ruby-sidekiq", "6.4.1+dfsg-1")
_MATH = Package("debian-source", "commons-math3", "3.6.1-3")


@dataclass(frozen=True, slots=True)
class Corpus:
    """Packages side by side under one root."""

    name: str
    packages: tuple[Package, ...]
    files: int = 0
    """Cut to this many files, the first by path; 0 leaves it as it is."""


CORPORA = (
    Corpus("flask", (_FLASK,)),
    Corpus("express", (_EXPRESS,)),
    Corpus("gin", (_GIN,)),
    Corpus("sidekiq", (_SIDEKIQ,)),
    Corpus("commons-math", (_MATH,)),
    Corpus("networkx", (_NETWORKX,)),
    Corpus("django", (_DJANGO,)),
    Corpus("big", (_DJANGO, _MATH, _FLASK, _EXPRESS, _GIN, _SIDEKIQ)),
    Corpus(
        "tree",
        (
            Package("npm", "core-js", "3.46.0"),
            Package("npm", "date-fns", "4.1.0"),
            Package("npm", "lodash", "4.17.21"),
        ),
        files=10_000,
    ),
)


def corpus_folder(name: str, to: Path) -> Path:
    """The folder of a corpus, made if it is not there.

    Args:
        name: of a row of `CORPORA`.
        to: folder of all corpora.

    Raises:
        Unavailable: one of its packages cannot be had here.
    """
    corpus = next(each for each in CORPORA if each.name == name)
    folder, note = to / name, to / f"{name}.json"
    wanted = json.dumps([[p.registry, p.name, p.version] for p in corpus.packages] + [corpus.files])
    if not (folder.is_dir() and note.is_file() and note.read_text(encoding="utf-8") == wanted):
        _make(corpus, folder, to)
        note.write_text(wanted, encoding="utf-8")
    return folder


def _make(corpus: Corpus, folder: Path, to: Path) -> None:
    partial = to / f"{corpus.name}.partial"
    for old in (partial, folder):
        shutil.rmtree(old, ignore_errors=True)
    partial.mkdir(parents=True)
    for package in corpus.packages:
        fetch(package, downloads(to), partial / package.label)
    if corpus.files:
        _cut(partial, corpus.files)
    _commit(partial)
    partial.rename(folder)


def downloads(to: Path) -> Path:
    """Where archives are kept below the folder of all corpora."""
    return to / "downloads"


def _cut(folder: Path, files: int) -> None:
    """Keep the first `files` files by path.

    Raises:
        Unavailable: there are fewer.
    """
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(found) < files:
        raise Unavailable(f"its packages have {len(found)} files, {files} are wanted")
    for path in found[files:]:
        path.unlink()


def _commit(folder: Path) -> None:
    """Make a git repository of a folder, with none of the user's or the packages' own settings."""
    if shutil.which("git") is None:
        raise Unavailable("git is not installed")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = kept | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    git = ["git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    for arguments in (
        ("init", "--quiet"),
        ("add", "--all", "--force"),
        ("commit", "--quiet", "-m", "packages"),
    ):
        subprocess.run([*git, *arguments], cwd=folder, env=environment, check=True, stdin=subprocess.DEVNULL)


# -- evaluation data ------------------------------------------------------------------------------


def evaluation_corpora(data: Path, to: Path) -> Path:
    """The source trees the questions on repositories are about, each in a folder with its name.

    Args:
        data: the evaluation data; `repos/corpora.tar.xz` holds the trees, else `repos/corpora.json` names
            the packages they come from.
        to: folder of all corpora.

    Returns:
        The folder that holds them. What cannot be had is left out, with a line on stderr.
    """
    folder = to / "evaluation"
    archive = data / "repos" / "corpora.tar.xz"
    if archive.is_file():
        if not folder.is_dir():
            _unpack_evaluation(archive, folder)
        return folder
    for row in json.loads((data / "repos" / "corpora.json").read_text(encoding="utf-8")):
        if not (folder / row["repo"]).is_dir():
            _get_evaluation(row, folder, downloads(to))
    return folder


def _unpack_evaluation(archive: Path, folder: Path) -> None:
    partial = folder.with_name("evaluation.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with archive.open("rb") as stream:
        unpack_tar(stream, partial)
    (partial / "corpora").rename(folder)
    shutil.rmtree(partial)


_PARTS: Mapping[str, tuple[str, ...]] = {
    "fastify": ("fastify.js", "lib/*.js"),
    "libevent": ("*.c", "*.h", "include/**/*", "compat/**/*", "WIN32-Code/**/*"),
}
"""What is taken of a package's folder, where it is not all of it."""
_LEFT_OUT: Mapping[str, tuple[str, ...]] = {
    "fastify": ("lib/config-validator.js", "lib/error-serializer.js"),
    "liquid": ("liquid/locales/*",),
    "monolog": ("Test/*", "autoload.php"),
}
"""What is not."""
_CODE = {
    **{
        "go": (".go",),
        "java": (".java",),
        "python": (".py",),
        "rust": (".rs",),
        "typescript": (".ts", ".tsx"),
    },
    **{"cpp": (".h", ".hpp", ".cc", ".c", ".py"), "javascript": (".js",), "ruby": (".rb",), "php": (".php",)},
    "c": (".c", ".h"),
}


def _get_evaluation(row: Mapping[str, Any], folder: Path, downloads: Path) -> None:
    """Get one repository's tree from its registry."""
    unpacked, target = folder.with_name("evaluation.partial"), folder / row["repo"]
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        for number, package in enumerate(_packages(row)):
            fetch(package, downloads, unpacked / str(number))
        for place in unpacked.iterdir():
            _copy(row, place, target)
    except Unavailable as error:
        sys.stderr.write(f"left out {row['repo']}: {error}\n")
        shutil.rmtree(target, ignore_errors=True)
    else:
        _check_count(row, target)
    shutil.rmtree(unpacked, ignore_errors=True)


def _packages(row: Mapping[str, Any]) -> Iterator[Package]:
    """`name version (remark) + name version` as packages."""
    for part in row["packages"].split(" + "):
        name, version = part.split(" (")[0].split()
        yield Package(row["registry"], name, version)


def _copy(row: Mapping[str, Any], place: Path, target: Path) -> None:
    repo = row["repo"]
    source = _root_of(place, row["folder"].split(" (")[0])
    left_out = {path for pattern in _LEFT_OUT.get(repo, ()) for path in source.glob(pattern)}
    for path in {path for pattern in _PARTS.get(repo, ("**/*",)) for path in source.glob(pattern)} - left_out:
        if path.is_file() and path.suffix in _CODE[row["language"]]:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _root_of(place: Path, folder: str) -> Path:
    """A folder of a package; archives of sources may have it in a folder with their name and version."""
    found = next((each for each in (place / folder, *place.glob(f"*/{folder}")) if each.is_dir()), None)
    if found is None:
        raise Unavailable(f"the package has no folder {folder}")
    return found


def _check_count(row: Mapping[str, Any], target: Path) -> None:
    found = sum(path.is_file() for path in target.rglob("*"))
    if found != row["files"]:
        sys.stderr.write(f"{row['repo']}: {found} files, {row['files']} are expected\n")


# -- the command ----------------------------------------------------------------------------------


def count_units(folder: Path) -> tuple[int, int]:
    """(files, units) that codesift finds in a folder; nothing is stored."""
    from evaluation.units import units_in_folder

    counts = [len(units) for _, units in units_in_folder(folder)]
    return len(counts), sum(counts)


def main(arguments: Sequence[str]) -> int:
    """Get corpora and print the size of each. Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluation.corpora",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="some of " + ", ".join(c.name for c in CORPORA)
    )
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder to unpack into")
    options = parser.parse_args(arguments)
    known = [corpus.name for corpus in CORPORA]
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no corpus {unknown[0]!r}; there are {', '.join(known)}")
    for name in options.names or known:
        sys.stdout.write(f"{name:<14}{_describe(name, options.to)}\n")
        sys.stdout.flush()
    return 0


def _describe(name: str, to: Path) -> str:
    try:
        files, units = count_units(corpus_folder(name, to))
    except Unavailable as error:
        return f"skipped: {error}"
    return f"{files:>7} files {units:>8} units"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
