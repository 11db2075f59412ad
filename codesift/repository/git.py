"""Queries to git: the files of a work tree, and the other work trees of its repository.

A repository and its configuration are untrusted data, so git runs with everything disabled by which a
repository could start a program: hooks, file system monitors, pagers, fetching of missing objects.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from codesift.repository.notices import Notices
from codesift.system.files import open_regular, read_regular
from codesift.system.process import NoAnswerError, Output, run_program

CALL_SECONDS = 20.0
"""Seconds until a call of git is aborted."""
TOTAL_SECONDS = 60.0
"""Seconds for all calls of git on a root and the repositories nested in it."""
_MAX_WORKTREES = 100
"""Maximum number of other work trees that are considered."""
_POINTER_BYTES = 4096
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
"""Prefixes of the user's own variables. Others, which git sets inside a hook, name another repository."""

_READ_FIRST = (
    *("HEAD", "config", "config.worktree", "commondir", "gitdir", "index", "packed-refs", "shallow"),
    *("info/exclude", "info/attributes", "info/sparse-checkout", "objects/info/alternates"),
)
"""Files of a repository that git opens in order to list files."""
_MAX_OUTPUT_BYTES = 256 * 1024**2
"""Maximum number of bytes of a list of files: about four million files."""

_UNREADABLE = re.compile(r"^warning: could not open directory '(.*?)/?': ", re.MULTILINE)


class GitFiles(NamedTuple):
    """The files of a folder according to git. Paths are relative to that folder, with forward slashes."""

    paths: list[str]
    """Tracked and untracked files, ignored ones left out. A nested repository is one path, perhaps ending in
    a slash. A tracked file may be missing. Bytes that are not UTF-8 are escaped as by `os.fsdecode`."""
    unreadable: list[str]
    """Folders that git could not open."""


def list_files(folder: str, seconds: float = CALL_SECONDS) -> GitFiles | None:
    """List the files of a folder by git.

    Args:
        folder: an absolute path.
        seconds: time until git is aborted.

    Returns:
        None where git cannot list them: no git, no work tree, somebody else's repository ("dubious
        ownership"), a folder that an outer repository ignores, a repository whose files git would wait for,
        or one whose work tree lies elsewhere.

    Raises:
        NoAnswerError: git took too long, or its output is too long.
    """
    until = monotonic() + seconds
    top = _top(folder)
    if top is None or not _is_fit(top, folder) or (top != folder and _is_ignored(folder, until)):
        return None
    # With `core.worktree` git would list another folder. The path of the requested one makes it refuse.
    named = os.path.realpath(folder)
    arguments = ("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", named)
    done = _run(folder, until, "--literal-pathspecs", *arguments)
    if done is None or done.status != 0:
        return None
    text = done.output.decode("utf-8", "surrogateescape")
    # A file in a merge conflict is listed once for each side.
    paths = [path for path in dict.fromkeys(text.split("\0")) if path]
    if ".." in text or "\0/" in f"\0{text}":
        paths = [path for path in paths if _stays_below(path)]
    unreadable = _UNREADABLE.findall(done.errors.decode("utf-8", "surrogateescape"))
    return GitFiles(paths, unreadable)


_silent: set[str] = set()
"""Folders for which git did not answer once in this process; it is not called for them again."""


class Lister:
    """Lists the files of several repositories, until the time for git is used up."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices
        self._seconds = TOTAL_SECONDS

    def list_files(self, folder: str, shown: str) -> GitFiles | None:
        """List files as `list_files` does. If git does not answer, add a notice and never call git again.

        Args:
            shown: the folder's path from the root, empty for the root itself.
        """
        if self._seconds <= 0 or folder in _silent:
            return None
        before = monotonic()
        where = f"in the nested repository {shown}" if shown else "here"
        try:
            return list_files(folder, min(CALL_SECONDS, self._seconds))
        except NoAnswerError as error:
            # What blocks git once is likely to block it again.
            self._seconds = 0
            _silent.add(folder)
            self._notices.add(f"git {error.reason} {where}: the folders are read without it")
            return None
        finally:
            self._seconds -= monotonic() - before


def _stays_below(path: str) -> bool:
    """Return whether a path stays below its folder; git does not check the paths in a manipulated index."""
    return not path.startswith("/") and "/../" not in f"/{path}/"


def other_worktrees(root: Path) -> list[Path]:
    """Return the same folder in the other work trees of its repository; empty if git does not answer."""
    top = _top(str(root))
    done = None
    if top is not None and _is_fit(top, str(root)):
        with suppress(NoAnswerError):
            done = _run(str(root), monotonic() + CALL_SECONDS, "worktree", "list", "--porcelain")
    if done is None or done.status != 0:
        return []
    lines = os.fsdecode(done.output).split("\n")
    trees = [Path(line.removeprefix("worktree ")) for line in lines if line.startswith("worktree ")]
    here = root.resolve()
    current = max((t for t in trees if here.is_relative_to(t)), key=lambda t: len(t.parts), default=None)
    if current is None:
        return []
    others = [tree for tree in trees if tree != current][:_MAX_WORKTREES]
    return [tree / here.relative_to(current) for tree in others if tree.is_dir()]


def is_tracked(root: Path, path: str) -> bool:
    """Return whether a path, or something below it, is in the index of git; also if git does not answer."""
    top = _top(str(root))
    if top is None or not _is_fit(top, str(root)):
        return False
    try:
        done = _run(
            str(root), monotonic() + CALL_SECONDS, "--literal-pathspecs", "ls-files", "-z", "--", path
        )
    except NoAnswerError:
        return True
    return done is not None and done.status == 0 and bool(done.output)


def is_linked_worktree(folder: str) -> bool:
    """Return whether `git worktree add` made a folder: its `.git` is a file that points into `worktrees`."""
    return re.search(rb"[/\\]worktrees[/\\][^/\\]+$", _pointer(f"{folder}/.git")) is not None


def _pointer(path: str) -> bytes:
    """Return the folder of the repository that a file `.git` names; empty if it is no such file."""
    try:
        with open_regular(path, follow_links=True) as file:
            text = file.read(_POINTER_BYTES)
    except (OSError, ValueError):
        return b""
    return text.removeprefix(b"gitdir: ").strip() if text.startswith(b"gitdir: ") else b""


def _top(folder: str) -> str | None:
    """Return the nearest folder with a `.git`: this one or one above it."""
    while not os.path.lexists(f"{folder}/.git"):
        below, folder = folder, os.path.dirname(folder)  # noqa: PTH120
        if below == folder:
            return None
    return folder


def _is_fit(top: str, folder: str) -> bool:
    """Return whether git can be called on a folder of a work tree: all files that it reads first are files.

    Git waits forever if one of them is a pipe. A pipe elsewhere costs the time until git is aborted.
    """
    while not (blocked := _is_blocked(folder)) and folder != top:
        folder = os.path.dirname(folder)  # noqa: PTH120
    if blocked:
        return False
    repository = f"{top}/.git"
    if not os.path.isdir(repository):  # noqa: PTH112
        pointer = _pointer(repository)
        if not pointer:
            return False
        repository = os.path.join(top, os.fsdecode(pointer))  # noqa: PTH118
    folders = [repository, _common(repository)]
    return all(_may_be_read(f"{each}/{name}") for each in folders for name in _READ_FIRST)


def _common(repository: str) -> str:
    """Return the folder of the files that a linked work tree shares with the others."""
    try:
        shared = read_regular(os.path.join(repository, "commondir"), _POINTER_BYTES, follow_links=True)  # noqa: PTH118
    except (OSError, ValueError):
        return repository
    return os.path.join(repository, os.fsdecode(shared.strip()))  # noqa: PTH118


def _is_blocked(folder: str) -> bool:
    # Git does not follow a link in place of an ignore file, but it follows one in place of attributes.
    return not all(_may_be_read(f"{folder}/{name}") for name in (".gitignore", ".gitattributes"))


def _may_be_read(path: str) -> bool:
    """Return whether git can open a path without being blocked; a missing file does not block it."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _is_ignored(folder: str, until: float) -> bool:
    """Return whether the repository around a folder ignores it."""
    done = _run(folder, until, "check-ignore", "-q", "--", ".")
    return done is None or done.status != 1


def _run(folder: str, until: float, *arguments: str) -> Output | None:
    """Run git in a folder; return None if it cannot be started."""
    program = shutil.which("git")
    # A relative entry of PATH would find a `git` that came with the repository.
    if program is None or not os.path.isabs(program):  # noqa: PTH117
        return None
    settings = [part for setting in _SAFE for part in ("-c", setting)]
    command = [program, "--no-pager", *settings, "-C", folder, *arguments]
    try:
        return run_program(command, _environment(), max(until - monotonic(), 0.1), _MAX_OUTPUT_BYTES)
    except OSError:
        return None


def _environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT_VARIABLES)
    }
    return kept | _ENVIRONMENT
