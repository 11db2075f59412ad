"""Peers, each in a folder of its own below the work folder, made once by the registries' own clients."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluation.packages import Package, Unavailable, fetch, unpack_tar

PATIENCE = 1800
"""Seconds a client may take."""


def environment(requirement: str, folder: Path) -> Path:
    """The Python of a virtual environment with one package and what it needs.

    Args:
        requirement: name and version, as pip takes them. Only wheels are installed.
        folder: of the environment; made if it is not there.

    Raises:
        Unavailable: pip cannot install it.
    """
    # Environments cannot be moved, so a note tells those that are whole.
    python, note = folder / "bin" / "python", folder.with_name(folder.name + ".ready")
    if not note.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", *_PIP, requirement])
        note.touch()
    return python


_PIP = ("--quiet", "--disable-pip-version-check", "--only-binary=:all:")


def unpacked(package: Package, folder: Path, finish: Callable[[Path], None] | None = None) -> Path:
    """The folder of a package's files, of which nothing is run.

    Args:
        package: what to get.
        folder: where it is kept; made if it is not there.
        finish: called with the new folder before it takes its place.

    Raises:
        Unavailable: it cannot be had.
    """
    if not folder.is_dir():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        fetch(package, folder.parent / "downloads", partial)
        if finish:
            finish(partial)
        partial.rename(folder)
    return folder


def program(folder: Path, name: str) -> str:
    """The program of that name below a folder, ready to be run.

    Raises:
        Unavailable: there is none, or it does not run here.
    """
    found = next((path for path in sorted(folder.rglob(name)) if path.is_file()), None)
    if found is None:
        raise Unavailable(f"no {name} in {folder.name}")
    found.chmod(0o755)
    _run([str(found), "--version"])
    return str(found)


def unpack_binary(folder: Path) -> None:
    """Unpack, below `native`, the archive among a package's files that is for this machine.

    Raises:
        Unavailable: there is none.
    """
    system = {"Linux": "linux", "Darwin": "apple-darwin"}.get(platform.system(), platform.system())
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    archives = [
        path for path in sorted(folder.rglob("*.tar.gz")) if machine in path.name and system in path.name
    ]
    if not archives:
        raise Unavailable(f"the package has no program for {system} on {machine}")
    with archives[0].open("rb") as stream:
        unpack_tar(stream, folder / "native")


def _run(command: Sequence[str]) -> None:
    """Run a client.

    Raises:
        Unavailable: it failed; with the last line of what it said.
    """
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise Unavailable(f"{Path(command[0]).name} {command[-1]}: {said[-1].strip()}")
