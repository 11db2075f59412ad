"""What changed in a repository since it was indexed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter

from codesift.config import Settings
from codesift.index.catalog import FileRow
from codesift.index.digests import text_digest
from codesift.index.location import INDEX_FOLDER
from codesift.index.opening import Index
from codesift.parsing.versions import parser_version
from codesift.repository.decoding import Unreadable, read_text
from codesift.repository.walk import walk
from codesift.types import Skip, SourceFile
from codesift.version import __version__

_UNREPORTED = (".git/", f"{INDEX_FOLDER}/")
"""Folders that nobody expects to be searched: skipping them is not worth a line in the summary."""
_STAT = attrgetter("size", "mtime_ns", "ctime_ns", "language")


@dataclass(frozen=True)
class Plan:
    """The difference between a repository and its index."""

    unsure: list[SourceFile]
    """New files and files whose size or times changed; their content decides."""
    removed: list[str]
    """Paths that left the repository or are ignored now."""
    skips: list[Skip]
    """What the walk left out by path alone."""
    known: dict[str, FileRow] = field(repr=False)
    """Path -> what the index holds, where that is still worth something."""
    warnings: list[str]
    """Lines for the user, such as about wrong patterns in ignore files."""
    parser: str
    """What decides how text becomes units; a change makes every file unsure."""

    def has_files(self, index: Index) -> bool:
        """Whether files must be looked at, or an update of all files has not come to its end yet."""
        if self.unsure or self.removed or index.database.meta("parser") != self.parser:
            return True
        return not is_parsed(index)

    def skipped(self, index: Index) -> dict[str, int]:
        """Reason -> number of files left out, by their path or after a look at their content."""
        return dict(Counter(skip.reason for skip in self.skips) + Counter(index.catalog.skipped()))


def is_parsed(index: Index) -> bool:
    """Whether all files have been parsed once."""
    return bool(index.database.meta("parsed"))


def plan(index: Index, settings: Settings) -> Plan:
    """Compare the repository with the index, reading no file that looks unchanged."""
    known = {row.path: row for row in index.catalog.files()}
    stats = {path: _STAT(row) for path, row in known.items()}
    found = walk(index.root, settings, known=stats)
    parser = f"{__version__} {settings.max_file_size} {parser_version()}"
    current = known if index.database.meta("parser") == parser else {}
    unsure = [source for source in found.files if not _same_stat(source, current.get(source.path))]
    listed = {source.path for source in found.files}
    removed = [path for path in known if path not in listed]
    skips = [skip for skip in found.skips if not skip.path.startswith(_UNREPORTED)]
    return Plan(unsure, removed, skips, current, found.warnings, parser)


def _same_stat(source: SourceFile, row: FileRow | None) -> bool:
    return row is not None and _STAT(row) == _STAT(source)


def count_stale(plan: Plan, settings: Settings) -> int:
    """How many files the index does not hold as they are now.

    A file that was young when it was read is unsure for a while; whether its content changed decides.
    """
    return len(plan.removed) + sum(_is_stale(source, plan, settings) for source in plan.unsure)


def _is_stale(source: SourceFile, plan: Plan, settings: Settings) -> bool:
    row = plan.known.get(source.path)
    if row is None or row.language != source.language:
        return True
    try:
        return text_digest(read_text(source, settings)) != row.digest
    except Unreadable as error:
        return error.reason != row.skipped
