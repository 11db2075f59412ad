"""What is asked of git: which files a work tree has, and where its other work trees are.

A repository is somebody else's data, its configuration included, so git is run with everything off by which
a repository could have a program started: hooks, file system monitors, pagers, fetching of missing objects.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from subprocess import CompletedProcess

_SAFE = (
    *("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "safe.bareRepository=explicit"),
    *("submodule.recurse=false", "core.untrackedCache=false"),
)
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",
    "LC_ALL": "C",
}
_KEPT_VARIABLES = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_CEILING_DIRECTORIES")
"""Beginnings of the user's own variables. Others, set inside a hook for one, name another repository."""

_UNREADABLE = re.compile(r"^warning: could not open directory '(.*?)/?': ", re.MULTILINE)


class Listing(NamedTuple):
    """What git says a folder holds; paths are from that folder, with forward slashes."""

    paths: list[str]
    """Tracked and untracked files, ignored ones left out. A nested repository is one path, perhaps ending in
    a slash. A tracked file may be missing. Bytes that are not UTF-8 are escaped as by `os.fsdecode`."""
    unreadable: list[str]
    """Folders git could not open."""


def list_files(folder: str) -> Listing | None:
    """Ask git for the files of a folder.

    Returns:
        None where git cannot say: no git, no work tree, somebody else's repository ("dubious ownership"), a
        folder that an outer repository ignores.
    """
    if not _in_repository(folder) or _is_ignored(folder):
        return None
    done = _run(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if done is None or done.returncode != 0:
        return None
    paths = done.stdout.decode("utf-8", "surrogateescape").split("\0")
    unreadable = _UNREADABLE.findall(done.stderr.decode("utf-8", "surrogateescape"))
    # A file in a merge conflict is listed once for each side.
    return Listing([path for path in dict.fromkeys(paths) if path], unreadable)


def other_worktrees(root: Path) -> list[Path]:
    """The same folder in the other work trees of its repository; empty where there are none."""
    done = _run(str(root), "worktree", "list", "--porcelain") if _in_repository(str(root)) else None
    if done is None or done.returncode != 0:
        return []
    lines = os.fsdecode(done.stdout).split("\n")
    trees = [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
    here = root.resolve()
    own = max((t for t in trees if here.is_relative_to(t)), key=lambda t: len(t.parts), default=None)
    if own is None:
        return []
    return [tree / here.relative_to(own) for tree in trees if tree != own and tree.is_dir()]


def is_tracked(root: Path, path: str) -> bool:
    """Whether a file or folder came with the repository: git has it, or something below it, in its index."""
    done = _run(str(root), "ls-files", "-z", "--", path) if _in_repository(str(root)) else None
    return done is not None and done.returncode == 0 and bool(done.stdout)


def is_linked_worktree(folder: str) -> bool:
    """Whether `git worktree add` made a folder: its `.git` is a file that points among worktrees."""
    try:
        with open(f"{folder}/.git", "rb") as pointer:  # noqa: PTH123
            return re.match(rb"gitdir: .*[/\\]worktrees[/\\][^/\\]+\s*$", pointer.read(4096)) is not None
    except OSError:
        return False


def _in_repository(folder: str) -> bool:
    """Whether git is worth starting: a `.git` lies in the folder or above it."""
    above = folder
    while not os.path.lexists(f"{above}/.git"):
        folder, above = above, os.path.dirname(above)  # noqa: PTH120
        if above == folder:
            return False
    return True


def _is_ignored(folder: str) -> bool:
    """Whether the repository around a folder ignores it; one of its own cannot."""
    if os.path.lexists(f"{folder}/.git"):
        return False
    done = _run(folder, "check-ignore", "-q", "--", ".")
    return done is None or done.returncode != 1


def _run(folder: str, *arguments: str) -> CompletedProcess[bytes] | None:
    """Run git in a folder; None where it cannot be started."""
    import subprocess

    program = shutil.which("git")
    # A relative entry of PATH would find a `git` that the repository brought along.
    if program is None or not os.path.isabs(program):  # noqa: PTH117
        return None
    settings = [part for setting in _SAFE for part in ("-c", setting)]
    command = [program, "--no-pager", *settings, "-C", folder, *arguments]
    try:
        return subprocess.run(command, env=_environment(), stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return None


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT_VARIABLES)
    }
    return kept | _ENVIRONMENT
