"""The files of a repository, each with its language.

Strings and `os` calls stand here where `pathlib` would be usual: a `Path` for each of 10,000 files costs more
than everything else the walk does.
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
    MOST_IN_SETTING,
    RESTORED,
    Patterns,
    RuleSet,
    check_patterns,
    to_rules,
    verdict,
)
from codesift.repository import rules
from codesift.repository.decoding import Unreadable, read_bytes, read_text
from codesift.repository.git import Lister, is_linked_worktree, other_worktrees
from codesift.repository.ignore_files import GIT, OWN, IgnoreFiles
from codesift.repository.notices import Troubles
from codesift.types import Skip, SourceFile

__all__ = ["Unreadable", "WalkResult", "other_worktrees", "read_text", "walk"]

Known = Mapping[str, tuple[int, int, int, str]]
"""Path -> (size, mtime_ns, ctime_ns, language), as found by an earlier walk."""

_NEVER = (".git", ".codesift")
"""Folders that no pattern brings back."""
_TELLING = (OWN, *(marker for marker, _ in rules.FOLDER_MARKERS))


@dataclass(frozen=True, slots=True)
class WalkResult:
    """What a walk found."""

    files: list[SourceFile]
    """Sorted by path. No content was looked at: `read_text` may still turn a file down."""
    skips: list[Skip]
    """Sorted by path. A path that ends in a slash is a whole folder."""
    by_git: bool
    """Whether git said which files there are; else the folders were read and `.gitignore` files obeyed."""
    warnings: list[str] = field(default_factory=list)
    """A line for each kind of trouble: wrong patterns, too many of them, no answer from git."""


def walk(root: Path, settings: Settings, known: Known | None = None) -> WalkResult:
    """List the files of a repository that are to be indexed.

    Args:
        root: its folder, or one inside it.
        settings: `include`, `exclude` and `max_file_size` are used.
        known: spares the look into files whose name does not tell their language.

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
    return WalkResult(walker.files, walker.skips, by_git, walker.troubles.lines())


class _Folder(NamedTuple):
    """What holds for everything in one folder."""

    reason: str | None = None
    """Why all of it is left out."""
    ours: tuple[Patterns, ...] = ()
    """The setting `exclude` and the `.codesiftignore` files from the root down; later ones win."""
    gits: tuple[Patterns, ...] = ()
    """The `.gitignore` files, where git was not asked."""
    restored: bool = False
    """Whether a pattern that begins with `!` covers it."""


class _Walk:
    """One walk. Folders are judged once, when the first file below them comes by."""

    def __init__(self, base: str, settings: Settings, known: Known) -> None:
        self.files: list[SourceFile] = []
        self.skips: list[Skip] = []
        self._base = base.rstrip("/") + "/"
        self._limit = settings.max_file_size
        self._known = known
        self._include = _setting("include", settings.include)
        self._exclude = _setting("exclude", settings.exclude)
        self.troubles = Troubles()
        self._ignore_files = IgnoreFiles(self._base, self.troubles)
        self._git = Lister(self.troubles)
        self._folders: dict[str, _Folder] = {}
        self._nested: list[str] = []
        self._plain = False
        self._listed: set[str] | None = None
        """Where git lists the files: those that say something about their folder."""

    def run(self) -> bool:
        """Walk the root, then the repositories nested in it; returns whether git listed the root."""
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
        listing = None
        # A folder inside a repository without one of its own (a submodule not fetched) is none of git's.
        if not top or os.path.lexists(f"{self._base}{top}/.git"):
            listing = self._git.list_files((self._base + top).rstrip("/") or "/", top)
        self._plain = listing is None
        before = f"{top}/" if top else ""
        if listing is not None:
            self._listed = {before + path for path in listing.paths if path.endswith(_TELLING)}
        # Which ignore files count depends on who lists, so the folder is judged with that known.
        self._folders.pop(top, None)
        if not top:
            self._folders[""] = self._root_folder()
        if listing is None:
            self._listed = None
            self._read_folders(top)
            return False
        for path in listing.paths:
            self._take(before + path.rstrip("/"))
        for path in listing.unreadable:
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
        """Put one listed path where it belongs: files, skips, or the repositories still to be walked."""
        before, _, name = path.rpartition("/")
        folder = self._folders.get(before)
        if folder is None:
            if not os.path.lexists(self._base + before):
                return None  # Deleted with its folder, and git not told yet.
            folder = self._folder(before)
        # A file that is known was not left out by its name; only patterns could do that now.
        if folder.reason or folder.ours or folder.gits or path not in self._known:
            reason = folder.reason or self._file_reason(path, name, folder)
            if reason:
                return self._skip(path, reason)
        try:
            info = os.lstat(self._base + path)
        except (FileNotFoundError, NotADirectoryError):
            return None  # Deleted, and git not told yet.
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
        ours = verdict(folder.ours, path) if folder.ours else None
        if reason := ours or (verdict(folder.gits, path) if folder.gits else None):
            return reason
        return None if ours == RESTORED and not folder.restored else rules.skip_name(name)

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
        """What holds in a folder. Works from the top down without recursion, as trees may be very deep."""
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
        return self._with_patterns("", _Folder(ours=excluded))

    def _judge(self, path: str, parent: _Folder) -> _Folder:
        name = path.rpartition("/")[2]
        if parent.reason:
            return parent
        if not path.isascii() and not _is_utf8(path):
            return _Folder("name")
        ours = verdict(parent.ours, path + "/")
        if reason := ours or verdict(parent.gits, path + "/"):
            return _Folder(reason)
        restored = ours == RESTORED or (ours is None and parent.restored)
        # A pattern that already brought the parent back says nothing about `node_modules` inside it.
        if name in _NEVER or not restored or parent.restored:
            reason = rules.skip_folder(name) or self._marked(path)
        # Only a doctored index has files below a link.
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
        """Add the ignore files that lie in a folder itself."""
        ours = self._patterns(path, OWN, folder.ours)
        gits = self._patterns(path, GIT, folder.gits) if self._plain else ()
        return folder._replace(ours=folder.ours + ours, gits=folder.gits + gits) if ours or gits else folder

    def _patterns(self, folder: str, name: str, above: tuple[Patterns, ...]) -> tuple[Patterns, ...]:
        path = f"{folder}/{name}" if folder else name
        # The root's own is read even where git is told to ignore it.
        return self._ignore_files.read(path, len(above)) if not folder or self._exists(path) else ()


def _setting(name: str, patterns: tuple[str, ...]) -> RuleSet | None:
    check_patterns(patterns, f"setting {name}", MOST_IN_SETTING)
    return RuleSet(to_rules(patterns)) if patterns else None


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
