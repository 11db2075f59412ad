"""The walk: lists the files of a repository that are to be indexed, each with its language.

This module uses strings and `os` calls instead of `pathlib`: a `Path` for each of 10,000 files costs more
than all other work of the walk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.parsing.languages import language_of
from codesift.patterns.gitignore import (
    MAX_PATTERNS_IN_SETTING,
    RESTORED,
    Patterns,
    RuleSet,
    check_patterns,
    to_rules,
    verdict,
)
from codesift.repository import rules
from codesift.repository.decoding import Unreadable, read_bytes
from codesift.repository.git import Lister, is_linked_worktree
from codesift.repository.ignore_files import CODESIFT_IGNORE, GIT_IGNORE, IgnoreFiles
from codesift.repository.notices import Notices
from codesift.types import Skip, SourceFile

KnownFiles = Mapping[str, tuple[int, int, int, str]]
"""Path -> (size, mtime_ns, ctime_ns, language), as an earlier walk returned them."""

_NEVER = (".git", ".codesift")
"""Folders that no pattern can restore."""
_FOLDER_FILES = (CODESIFT_IGNORE, *(marker for marker, _ in rules.FOLDER_MARKERS))


@dataclass(frozen=True, slots=True)
class WalkResult:
    """The result of a walk."""

    files: list[SourceFile]
    """Sorted by path. Their content was not examined: `decoding.read_text` may still reject a file."""
    skips: list[Skip]
    """Sorted by path. A path that ends in a slash stands for a whole folder."""
    by_git: bool
    """Whether git listed the files; else folders were read, and `.gitignore` files were applied."""
    warnings: list[str] = field(default_factory=list)
    """One line for each kind of notice: wrong patterns, too many of them, no answer from git."""


def walk(root: Path, settings: Settings, known: KnownFiles | None = None) -> WalkResult:
    """List the files of a repository that are to be indexed.

    Args:
        root: the folder of the repository, or a folder inside it.
        settings: `include`, `exclude` and `max_file_size` are used.
        known: unchanged files in it whose name does not determine their language are not opened.

    Raises:
        UsageError: `root` is not a folder or cannot be opened, or a pattern of the settings is wrong.
    """
    base = os.path.abspath(root)  # noqa: PTH100
    try:
        os.scandir(base).close()
    except OSError as error:
        raise UsageError(f"cannot open the folder {root}: {error.strerror}") from error
    walker = _Walk(base, settings, known or {})
    by_git = walker.run()
    walker.files.sort(key=lambda file: file.path)
    walker.skips.sort(key=lambda skip: skip.path)
    return WalkResult(walker.files, walker.skips, by_git, walker.notices.lines())


class _Folder(NamedTuple):
    """The rules that apply to everything in one folder."""

    reason: str | None = None
    """Reason for which all of it is left out."""
    patterns: tuple[Patterns, ...] = ()
    """The setting `exclude` and the `.codesiftignore` files from the root down; later ones win."""
    git_patterns: tuple[Patterns, ...] = ()
    """The `.gitignore` files, where git did not list the files."""
    restored: bool = False
    """Whether a pattern that begins with `!` restored it."""


class _Walk:
    """One walk. Each folder is judged once, at the first file below it."""

    def __init__(self, base: str, settings: Settings, known: KnownFiles) -> None:
        self.files: list[SourceFile] = []
        self.skips: list[Skip] = []
        self._base = base.rstrip("/") + "/"
        self._limit = settings.max_file_size
        self._known = known
        self._include = _setting("include", settings.include)
        self._exclude = _setting("exclude", settings.exclude)
        self.notices = Notices()
        self._ignore_files = IgnoreFiles(self._base, self.notices)
        self._git = Lister(self.notices)
        self._folders: dict[str, _Folder] = {}
        self._nested: list[str] = []
        self._plain = False
        self._listed: set[str] | None = None
        """Files that affect their folder, according to git; None where git does not list the files."""

    def run(self) -> bool:
        """Walk the root, then the repositories nested in it; return whether git listed the root."""
        by_git = self._list_repository("")
        while self._nested:
            path = self._nested.pop()
            if is_linked_worktree(self._base + path):
                self._skip(path + "/", "worktree")
            elif folder_reason := self._folder(path).reason:
                self._skip(path + "/", folder_reason)
            else:
                self._list_repository(path)
        return by_git

    def _list_repository(self, top: str) -> bool:
        git_files = None
        # A nested folder without `.git` (a submodule that was not fetched) is no repository.
        if not top or os.path.lexists(f"{self._base}{top}/.git"):
            git_files = self._git.list_files((self._base + top).rstrip("/") or "/", top)
        self._plain = git_files is None
        before = f"{top}/" if top else ""
        if git_files is not None:
            self._listed = {before + path for path in git_files.paths if path.endswith(_FOLDER_FILES)}
        # Which ignore files apply depends on whether git lists the files, so the folder is judged again.
        self._folders.pop(top, None)
        if not top:
            self._folders[""] = self._root_folder()
        if git_files is None:
            self._listed = None
            self._read_folders(top)
            return False
        for path in git_files.paths:
            self._take(before + path.rstrip("/"))
        for path in git_files.unreadable:
            self._skip(f"{before}{path}/", "unreadable")
        return True

    def _read_folders(self, top: str) -> None:
        waiting = [top]
        while waiting:
            path = waiting.pop()
            reason = self._folder(path).reason
            before = f"{path}/" if path else ""
            try:
                entries = [] if reason else self._entries(path)
            except (OSError, ValueError):
                reason = "unreadable"
            if reason:
                self._skip(before, reason)
                continue
            for name, is_folder in entries:
                if is_folder:
                    waiting.append(before + name)
                else:
                    self._take(before + name)

    def _entries(self, folder: str) -> list[tuple[str, bool]]:
        with os.scandir(self._base + folder) as entries:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]

    def _skip(self, path: str, reason: str) -> None:
        if not path.isascii():
            path = path.encode("utf-8", "backslashreplace").decode()
        self.skips.append(Skip(path, reason))

    def _take(self, path: str) -> None:
        """Add a listed path to the files, the skips, or the repositories still to be walked."""
        before, _, name = path.rpartition("/")
        folder = self._folders.get(before)
        if folder is None:
            if not os.path.lexists(self._base + before):
                return None  # It was deleted with its folder, but is still in the index of git.
            folder = self._folder(before)
        # A known file was not left out for its name; only patterns can do that now.
        if folder.reason or folder.patterns or folder.git_patterns or path not in self._known:
            reason = folder.reason or self._file_reason(path, name, folder)
            if reason:
                return self._skip(path, reason)
        try:
            info = os.lstat(self._base + path)
        except (FileNotFoundError, NotADirectoryError):
            return None  # It was deleted, but is still in the index of git.
        except (OSError, ValueError):
            return self._skip(path, "unreadable")
        if stat.S_ISDIR(info.st_mode):
            return self._nested.append(path)
        if not stat.S_ISREG(info.st_mode):
            return self._skip(path, "link" if stat.S_ISLNK(info.st_mode) else "special")
        if self._include and not self._include.covers(path.encode()):
            return self._skip(path, "excluded")
        if reason := rules.skip_by_size(name, info.st_size, self._limit):
            return self._skip(path, reason)
        times = info.st_mtime_ns, info.st_ctime_ns
        language = self._language(path, name, (info.st_size, *times))
        return self.files.append(SourceFile(path, self._base + path, language, info.st_size, *times))

    def _file_reason(self, path: str, name: str, folder: _Folder) -> str | None:
        if not path.isascii() and not _is_utf8(path):
            return "name"
        decision = verdict(folder.patterns, path) if folder.patterns else None
        if reason := decision or (verdict(folder.git_patterns, path) if folder.git_patterns else None):
            return reason
        return None if decision == RESTORED and not folder.restored else rules.skip_name(name)

    def _language(self, path: str, name: str, stats: tuple[int, int, int]) -> str:
        known = self._known.get(path)
        if known and known[:3] == stats:
            return known[3]
        if "." in name and not name.endswith((".h", ".H")):
            return language_of(name)
        try:
            return language_of(name, read_bytes(self._base + path, rules.HEAD_BYTES))
        except Unreadable:
            return language_of(name)

    def _folder(self, path: str) -> _Folder:
        """Return the rules for a folder. It is judged from the top down without recursion: trees may be
        deep."""
        unjudged = []
        above = path
        while above not in self._folders:
            unjudged.append(above)
            above = above.rpartition("/")[0]
        for each in reversed(unjudged):
            self._folders[each] = self._judge(each, self._folders[above])
            above = each
        return self._folders[path]

    def _root_folder(self) -> _Folder:
        excluded = (Patterns(0, self._exclude, "excluded"),) if self._exclude else ()
        return self._with_patterns("", _Folder(patterns=excluded))

    def _judge(self, path: str, parent: _Folder) -> _Folder:
        name = path.rpartition("/")[2]
        if parent.reason:
            return parent
        if not path.isascii() and not _is_utf8(path):
            return _Folder("name")
        decision = verdict(parent.patterns, path + "/")
        if reason := decision or verdict(parent.git_patterns, path + "/"):
            return _Folder(reason)
        restored = decision == RESTORED or (decision is None and parent.restored)
        # A pattern that restored the parent does not restore a `node_modules` inside it.
        if name in _NEVER or not restored or parent.restored:
            reason = rules.skip_folder(name) or self._marked(path)
        # Only a manipulated index of git has files below a link.
        if not reason and os.path.islink(self._base + path):  # noqa: PTH114
            reason = "link"
        return _Folder(reason) if reason else self._with_patterns(path, parent._replace(restored=restored))

    def _marked(self, path: str) -> str | None:
        for marker, reason in rules.FOLDER_MARKERS:
            if self._exists(f"{path}/{marker}"):
                return reason
        return None

    def _exists(self, path: str) -> bool:
        if self._listed is not None:
            return path in self._listed
        return os.path.lexists(self._base + path)

    def _with_patterns(self, path: str, folder: _Folder) -> _Folder:
        """Add the ignore files in a folder itself to its rules."""
        patterns = self._patterns_in(path, CODESIFT_IGNORE, folder.patterns)
        git_patterns = self._patterns_in(path, GIT_IGNORE, folder.git_patterns) if self._plain else ()
        return (
            folder._replace(
                patterns=folder.patterns + patterns, git_patterns=folder.git_patterns + git_patterns
            )
            if patterns or git_patterns
            else folder
        )

    def _patterns_in(self, folder: str, name: str, above: tuple[Patterns, ...]) -> tuple[Patterns, ...]:
        path = f"{folder}/{name}" if folder else name
        # The file in the root is read even if git ignores it.
        return self._ignore_files.read(path, len(above)) if not folder or self._exists(path) else ()


def _setting(name: str, patterns: tuple[str, ...]) -> RuleSet | None:
    check_patterns(patterns, f"setting {name}", MAX_PATTERNS_IN_SETTING)
    return RuleSet(to_rules(patterns)) if patterns else None


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
