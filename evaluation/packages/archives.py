"""Archives of packages, unpacked without running, linking or overwriting anything."""

from __future__ import annotations

import lzma
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

Placement = Callable[[str], str | None]
"""From a name inside an archive to the path it is written to, or None to leave it out."""

TAR_ENDINGS = (".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError)


class Unavailable(Exception):
    """A package cannot be had here, and why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one package is taken; what is larger or comes later is left out."""

    file: int
    """Bytes of one file."""
    total: int
    """Bytes of all files."""
    files: int


def unpack(archive: Path, to: Path, place: Placement = str, limits: Limits | None = None) -> None:
    """Unpack the regular files of a wheel, a Debian package or a tar archive; of other files nothing.

    Raises:
        Unavailable: the archive is damaged, or cannot be unpacked with what is installed.
    """
    try:
        if archive.name.endswith(".whl"):
            with zipfile.ZipFile(archive) as wheel:
                files = ((i.filename, wheel.open(i)) for i in wheel.infolist() if not i.is_dir())
                _write(files, to, place, limits)
        elif archive.name.endswith(".deb"):
            _unpack_deb(archive, to, place, limits)
        elif archive.name.endswith(TAR_ENDINGS):
            with archive.open("rb") as stream:
                unpack_tar(stream, to, place, limits)
    except _DAMAGE as error:
        raise Unavailable(f"cannot unpack {archive.name}: {error}") from error


def _unpack_deb(archive: Path, to: Path, place: Placement, limits: Limits | None) -> None:
    if shutil.which("dpkg-deb") is None:
        raise Unavailable("dpkg-deb is not installed")
    command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        unpack_tar(process.stdout, to, place, limits)
        # Read to the end, or dpkg-deb would fail on a pipe that closes early.
        while process.stdout.read(2**20):
            pass
    if process.returncode:
        raise Unavailable(f"dpkg-deb cannot read {archive.name}")


def unpack_tar(stream: IO[bytes], to: Path, place: Placement = str, limits: Limits | None = None) -> None:
    """Unpack the regular files of a tar archive of any compression; links and devices are left out."""
    with tarfile.open(fileobj=stream, mode="r|*") as tar:
        _write(_regular(tar), to, place, limits)


def _regular(tar: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        content = tar.extractfile(member) if member.isreg() else None
        if content is not None:
            yield member.name, content


def _write(files: Iterable[tuple[str, IO[bytes]]], to: Path, place: Placement, limits: Limits | None) -> None:
    """Write (name, content) pairs below a folder; a path that leads out of it is left out."""
    total = count = 0
    for name, content in files:
        with content:
            path = place(name)
            if path is None or not _inside(PurePosixPath(path)):
                continue
            if limits is None:
                _save(content, to / path)
                continue
            head = content.read(limits.file + 1)
            if len(head) > limits.file or total + len(head) > limits.total or count >= limits.files:
                continue
            total, count = total + len(head), count + 1
            _parent(to / path).write_bytes(head)


def _inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts and "\0" not in str(path)


def _save(content: IO[bytes], path: Path) -> None:
    with _parent(path).open("wb") as out:
        shutil.copyfileobj(content, out)


def _parent(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
