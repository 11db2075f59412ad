"""Packages from PyPI, npm and Debian, by their ordinary clients.

Nothing of a package is run: Python packages are taken as wheels (a source package would be asked for its
metadata by running it), npm is told to ignore scripts, and Debian's archives are only unpacked.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evaluation.packages.archives import TAR_ENDINGS, Unavailable, unpack

SUITES = ("bookworm", "trixie")
"""Debian releases the pinned versions are from."""
PATIENCE = 900
"""Seconds one call of a client may take."""
_CODENAMES = {*SUITES, "bullseye", "forky", "sid", "oldstable", "stable", "testing", "unstable"}
_PINS = {"pypi": "==", "npm": "@"}
_PIP = (
    *("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"),
    # Said in full, so that every machine and Python gets the same wheel.
    *("--platform=any", "--implementation=py", "--abi=none", "--python-version=3.12"),
)
_APT_READY = threading.Lock()
_APT_FILES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


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

    @property
    def folder(self) -> str:
        """The folder of this version."""
        return f"{self.label}-{self.version.replace(':', '_')}"


def fetch(package: Package, downloads: Path, to: Path) -> None:
    """Put the files of a package below a folder that does not exist yet.

    Args:
        package: what to get.
        downloads: where archives are kept, so that a second run needs no network.
        to: made, with the package's files in it.

    Raises:
        Unavailable: a client is missing, or the version is not offered.
    """
    for archive in download(package, downloads):
        if not is_packaging(archive):
            unpack(archive, to)
    if not to.is_dir():
        raise Unavailable(f"{package.name} {package.version}: no archive in what was downloaded")


def download(package: Package, downloads: Path) -> list[Path]:
    """The files a registry has for a package, from the network where they are not in `downloads` yet.

    Raises:
        Unavailable: a client is missing, or the version is not offered.
    """
    place = _place(package, downloads)
    if not place.is_dir():
        partial = place.with_name(place.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _download(package, downloads, partial)
        partial.rename(place)
    return sorted(place.iterdir())


def is_packaging(archive: Path) -> bool:
    """Whether an archive holds what Debian adds to a source package: its licence file, rules and patches."""
    return ".debian.tar." in archive.name


def prefetch(packages: Iterable[Package], downloads: Path) -> None:
    """Download Debian packages in one go, as fast as one of them; what fails is left to `download`."""
    downloads.mkdir(parents=True, exist_ok=True)
    wanted = [package for package in packages if not _place(package, downloads).is_dir()]
    for registry in ("debian-binary", "debian-source"):
        several = [package for package in wanted if package.registry == registry]
        if len(several) < 2:
            continue
        with tempfile.TemporaryDirectory(dir=downloads, suffix=".partial") as folder:
            with suppress(Unavailable):
                _run([*_apt(registry, downloads), *map(_pinned, several)], Path(folder))
            for package in several:
                _hand_out(package, Path(folder), _place(package, downloads))


def _hand_out(package: Package, folder: Path, place: Path) -> None:
    """Move a package's files from where those of several were downloaded."""
    version = package.version.partition(":")[2] or package.version
    upstream = version if package.registry == "debian-binary" else version.rpartition("-")[0] or version
    files = [
        path for path in folder.iterdir() if path.name.replace("%3a", ":").startswith(f"{package.name}_")
    ]
    if not any(upstream in path.name for path in files) or not _complete(files):
        return
    partial = place.with_name(place.name + ".partial")
    partial.mkdir(exist_ok=True)
    for path in files:
        path.replace(partial / path.name)
    partial.rename(place)


def _complete(files: Iterable[Path]) -> bool:
    """Whether a package's sources are among some files, and not only what Debian adds to them."""
    return any(path.name.endswith((*TAR_ENDINGS, ".deb")) and not is_packaging(path) for path in files)


def _place(package: Package, downloads: Path) -> Path:
    return downloads / f"{package.registry}-{package.folder}"


def _pinned(package: Package) -> str:
    return package.name + _PINS.get(package.registry, "=") + package.version


def _download(package: Package, downloads: Path, place: Path) -> None:
    if package.registry == "pypi":
        _run([sys.executable, "-m", "pip", "download", *_PIP, "--dest", ".", _pinned(package)], place)
    elif package.registry == "npm":
        _run(["npm", "pack", "--silent", "--ignore-scripts", _pinned(package)], place)
    else:
        try:
            _run([*_apt(package.registry, downloads), _pinned(package)], place)
        except Unavailable:
            # Mirrors may lack Debian's part of a source package, which only tells the licence.
            if not _complete(place.iterdir()):
                raise


def _apt(registry: str, downloads: Path) -> list[str]:
    verb = ["download"] if registry == "debian-binary" else ["source", "--only-source", "--download-only"]
    return ["apt-get", *_apt_options(downloads / "apt"), *verb]


def _run(command: Sequence[str], place: Path) -> None:
    """Run a client in a folder.

    Raises:
        Unavailable: it is not installed, takes too long, or failed; with what it said.
    """
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{Path(command[0]).name} took more than {PATIENCE} s") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        telling = next((line for line in said if " 404 " in line), said[-1])
        raise Unavailable(f"{Path(command[0]).name} failed on {command[-1]}: {telling.strip()}")


# -- Debian ---------------------------------------------------------------------------------------


def _apt_options(place: Path) -> list[str]:
    """Options that keep apt inside one folder, so that no rights and no change of the system are needed."""
    place = place.absolute()
    sources, parts, lists = place / "debian.sources", place / "parts", place / "lists"
    options: dict[str, object] = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": parts,
        "Dir::State::lists": lists,
        "Dir::Cache": place / "cache",
        # Some machines turn these off, and then each call reads all lists again, for seconds.
        "Dir::Cache::pkgcache": "pkgcache.bin",
        "Dir::Cache::srcpkgcache": "srcpkgcache.bin",
        # As root, apt would drop to a user that may not write here.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
    }
    arguments = [part for name, value in options.items() for part in ("-o", f"{name}={value}")]
    # One at a time: packages are fetched by several threads.
    with _APT_READY:
        if sources.exists():
            return arguments
        text = debian_sources(_own_sources())
        for folder in (parts, lists / "partial", place / "cache" / "archives" / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        sources.write_text(text, encoding="utf-8")
        try:
            _run(["apt-get", *arguments, "update"], place)
            _run(["apt-cache", *arguments, "gencaches"], place)
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
