"""Where attacks take place: repositories, their indexes, a home, a cache and settings of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.children import SECONDS, Running, finish, fork, run_command_line, start_command
from benchmarks.faults.trials import Ended, fault
from benchmarks.processes import Failed
from codesift.config import Settings
from codesift.index.location import cache_place, repository_place

INSIDE = {"CODESIFT_INDEX_FOLDER": "repository"}
"""Environment in which an index lies in its repository."""
GRAPH = {"CODESIFT_ANN_FROM": "1"}
"""Environment in which an index of however few vectors has a graph."""
_PASSED_ON = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "SYSTEMROOT")

FileTexts = Mapping[str, str]


class Sandbox:
    """A folder for one attack, deleted by whoever made it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.home = self.folder / "home"
        self.temporary = self.folder / "tmp"
        for path in (self.home, self.temporary):
            path.mkdir(parents=True)

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """An environment that knows nothing of this user's home, settings, models or proxies."""
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return {
            **passed,
            "HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "XDG_DATA_HOME": str(self.home / "data"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "CODESIFT_CACHE_DIR": str(self.cache),
            "TMPDIR": str(self.temporary),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "HF_HUB_OFFLINE": "1",
            # Searches encode nothing, so that results and stored vectors do not depend on how fast they were.
            "CODESIFT_BUDGET": "0",
            **(more or {}),
        }

    @property
    def cache(self) -> Path:
        """The folder that indexes lie in."""
        return self.home / "cache" / "codesift"

    def repository(self, name: str, files: FileTexts) -> SandboxRepository:
        """Make a repository with these files, without an index."""
        root = self.folder / name
        root.mkdir()
        write_files(root, files)
        return SandboxRepository(self, root)


@dataclass(frozen=True)
class SandboxRepository:
    """One repository."""

    sandbox: Sandbox
    root: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Environment of its commands, beside that of the sandbox."""

    @property
    def place(self) -> Path:
        """The folder of its index."""
        if self.more.get("CODESIFT_INDEX_FOLDER") == "repository":
            return repository_place(self.root)
        return cache_place(self.root, Settings(cache_dir=str(self.sandbox.cache)))

    def start(self, *arguments: str) -> Running:
        """Start the installed command in it."""
        return start_command(arguments, self.root, self.sandbox.environ(self.more))

    def run(self, *arguments: str, seconds: float = SECONDS) -> Ended:
        """Run the installed command in it to its end."""
        return finish(self.start(*arguments), seconds)

    def forked(self, *arguments: str, seconds: float = SECONDS) -> Ended:
        """Run the command line in a fork of this process."""
        child = fork(lambda: run_command_line(arguments), self.root, self.sandbox.environ(self.more))
        return finish(child, seconds)

    def must(self, *arguments: str) -> Ended:
        """Run the installed command where it is no part of the attack.

        Raises:
            Failed: it did not end well.
        """
        ended = self.run(*arguments, seconds=300)
        if ended.code or fault(ended):
            raise Failed(f"codesift {' '.join(arguments)}: exit code {ended.code}: {ended.err}")
        return ended

    def used_place(self) -> Path | None:
        """The folder of the index that commands use now; None if they cannot say."""
        try:
            return Path(json.loads(self.forked("status", "--json").out)["index"])
        except (ValueError, KeyError):
            return None

    # -- the state of the index -------------------------------------------------------------------

    def keep(self, name: str) -> None:
        """Copy the index, to have it back later with `restore`."""
        shutil.copytree(self.place, self._kept(name))

    def restore(self, name: str) -> None:
        """Put the kept index, times included, in place of whatever is there."""
        self.drop()
        shutil.copytree(self._kept(name), self.place)

    def drop(self) -> None:
        """Delete the index and everything that was put in its place."""
        for place in (self.place, repository_place(self.root)):
            delete(place)
        for other in self.sandbox.cache.glob(f"indexes/{self.root.name}-*"):
            delete(other)

    def _kept(self, name: str) -> Path:
        return self.sandbox.folder / "kept" / f"{self.root.name}-{name}"

    def git(self, *arguments: str) -> None:
        """Run git in it.

        Raises:
            Failed: it did not end well.
        """
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
        line = ["git", "-C", str(self.root), *identity, *arguments]
        done = subprocess.run(line, env=self.sandbox.environ(), capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Failed(f"{' '.join(line)}: {done.stderr}")


def write_files(root: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files below a folder, folders made as needed."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)


def delete(path: Path) -> None:
    """Delete whatever stands at a path; a link is not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
