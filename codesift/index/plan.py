"""Plans: the changes in a repository since it was indexed."""

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
"""Folders that nobody expects to be searched; they are left out of the counts of skipped files."""
_STAT = attrgetter("size", "mtime_ns", "ctime_ns", "language")


@dataclass(frozen=True)
class Plan:
    """The difference between a repository and its index."""

    unsure: list[SourceFile]
    """New files, and files whose size or times changed; only their content shows whether they changed."""
    removed: list[str]
    """Paths of files that were deleted or are now ignored."""
    skips: list[Skip]
    """Files that the walk skipped by their path alone."""
    rows: dict[str, FileRow] = field(repr=False)
    """Path -> the row in the index; empty if the rows are of another parser version."""
    warnings: list[str]
    """Lines for the user, such as about malformed patterns in ignore files."""
    parser: str
    """Versions and settings that parsing depends on; a change makes every file unsure."""

    def has_files(self, index: Index) -> bool:
        """Tell whether files must be read, or the first update of all files was not completed."""
        return bool(self.unsure or self.removed) or index.database.meta("parser") != self.parser

    def skipped(self, index: Index) -> dict[str, int]:
        """Return reason -> number of files skipped, by their path or by their content."""
        return dict(Counter(skip.reason for skip in self.skips) + Counter(index.catalog.skipped()))


def is_parsed(index: Index) -> bool:
    """Tell whether all files have been parsed once."""
    return bool(index.database.meta("parser"))


def plan(index: Index, settings: Settings) -> Plan:
    """Compare the repository with the index, reading no file that looks unchanged."""
    rows = {row.path: row for row in index.catalog.files()}
    stats = {path: _STAT(row) for path, row in rows.items()}
    walked = walk(index.root, settings, known=stats)
    parser = f"{__version__} {settings.max_file_size} {parser_version()}"
    current = rows if _parser_of(index) == parser else {}
    unsure = [source for source in walked.files if not _same_stat(source, current.get(source.path))]
    listed = {source.path for source in walked.files}
    removed = [path for path in rows if path not in listed]
    skips = [skip for skip in walked.skips if not skip.path.startswith(_UNREPORTED)]
    return Plan(unsure, removed, skips, current, walked.warnings, parser)


def _parser_of(index: Index) -> str:
    """Return the parser version that all stored files are of, also if a first update was interrupted."""
    return index.database.meta("parser") or index.database.meta("parsing")


def _same_stat(source: SourceFile, row: FileRow | None) -> bool:
    return row is not None and _STAT(row) == _STAT(source)


def count_stale(plan: Plan, settings: Settings) -> int:
    """Count the files whose content differs from what the index holds.

    A file that was modified just before it was indexed stays unsure until the next update.
    """
    return len(plan.removed) + sum(_is_stale(source, plan, settings) for source in plan.unsure)


def _is_stale(source: SourceFile, plan: Plan, settings: Settings) -> bool:
    row = plan.rows.get(source.path)
    if row is None or row.language != source.language:
        return True
    try:
        return text_digest(read_text(source, settings)) != row.digest
    except Unreadable as error:
        return error.reason != row.skipped
