"""The catalog: files, units, and their words in the full-text table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from codesift.index.checksums import file_checksum
from codesift.index.database import Database, parts
from codesift.index.database_file import damaged
from codesift.index.selection import EVERYTHING, Selection
from codesift.parsing.units import Entry
from codesift.types import Hit, SourceFile
from codesift.words import is_slip, terms


class FileRow(NamedTuple):
    """One row of the table `files`."""

    id: int
    path: str
    language: str
    size: int
    mtime_ns: int
    ctime_ns: int
    digest: bytes
    skipped: str | None
    gave_up: bool
    """Whether parsing took too long, so that the file was split into windows of lines."""

    def source(self, root: Path) -> SourceFile:
        """Return the file that this row describes."""
        absolute = str(root / self.path)
        return SourceFile(self.path, absolute, self.language, self.size, self.mtime_ns, self.ctime_ns)


_FILE = "id, path, language, size, mtime_ns, ctime_ns, digest, skipped, gave_up"


def is_stored_path(path: object) -> bool:
    """Tell whether a value is a relative path that stays below the root."""
    return (
        isinstance(path, str)
        and not path.startswith("/")
        and ".." not in path.split("/")
        and "\0" not in path
    )


def _is_storable(path: str) -> bool:
    """Tell whether a path is UTF-8; files with other names are not indexed."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


class Catalog:
    """Reads and writes the files, units and words of one index.

    Args:
        database: the open database.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def files(self) -> list[FileRow]:
        """Return every file, including files without units."""
        return [self._file(row) for row in self._db.all(f"SELECT {_FILE} FROM files ORDER BY path")]

    def file(self, path: str) -> FileRow | None:
        """Return one file by its path from the root; None if it is not stored."""
        if not _is_storable(path):
            return None
        rows = self._db.all(f"SELECT {_FILE} FROM files WHERE path = ?", (path,))
        return self._file(rows[0]) if rows else None

    def _file(self, row: Sequence[Any]) -> FileRow:
        if not is_stored_path(row[1]):
            raise damaged(self._db.path, "it names a file outside the repository")
        return FileRow(*row)

    def put_file(
        self,
        source: SourceFile,
        digest: bytes,
        entries: Sequence[Entry],
        skipped: str | None,
        gave_up: bool = False,
    ) -> tuple[int, int]:
        """Store a file and its units, replacing the rows of the same path.

        Returns:
            The id of the file, and that of its first unit; the others follow it without a gap.
        """
        self.remove_files([source.path])
        path_words = " ".join(terms(source.path))
        rows = [(entry[:5], (entry.names, path_words, *entry[6:])) for entry in entries]
        checksum = file_checksum(
            (source.path, source.language, digest, skipped, int(gave_up)),
            (row + words for row, words in rows),
        )
        cursor = self._db.run(
            "INSERT INTO files "
            "(path, language, size, mtime_ns, ctime_ns, digest, skipped, gave_up, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(source.path, source.language, source.size, source.mtime_ns, source.ctime_ns),
                *(digest, skipped, int(gave_up), checksum),
            ),
        )
        first = int(self._db.value("SELECT seq FROM sqlite_sequence WHERE name = 'units'") or 0) + 1
        self._db.many(
            "INSERT INTO units (id, file_id, kind, name, qualified_name, start_line, end_line) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((unit_id, cursor.lastrowid, *row) for unit_id, (row, _) in enumerate(rows, first)),
        )
        self._db.many(
            "INSERT INTO words (rowid, name, path, documentation, body) VALUES (?, ?, ?, ?, ?)",
            ((unit_id, *words) for unit_id, (_, words) in enumerate(rows, first)),
        )
        return int(cursor.lastrowid or 0), first

    def verify(self, paths: Iterable[str]) -> None:
        """Verify the checksums of files, their units and their words.

        Raises:
            DamagedIndexError: a checksum does not match.
        """
        for path in dict.fromkeys(paths):
            rows = self._db.all("SELECT id, checksum FROM files WHERE path = ?", (path,))
            if any(checksum != self.checksum(file_id) for file_id, checksum in rows):
                raise damaged(self._db.path, f"what it holds of {path} is not as it was stored")

    def damaged_files(self) -> dict[int, str]:
        """Return id -> path of the files whose row, units or words do not match their checksum."""
        rows = self._db.all("SELECT id, path, checksum FROM files")
        return {
            file_id: str(path)
            for file_id, path, checksum in rows
            if checksum != self.checksum(file_id) or not is_stored_path(path)
        }

    def checksum(self, file_id: int) -> int:
        """Compute the checksum of a file from its stored row, units and words."""
        rows = self._db.all(
            "SELECT path, language, digest, skipped, gave_up FROM files WHERE id = ?", (file_id,)
        )
        units = self._db.all(
            "SELECT kind, units.name, qualified_name, start_line, end_line, "
            "words.name, words.path, documentation, body "
            "FROM units LEFT JOIN words ON words.rowid = units.id WHERE file_id = ? ORDER BY units.id",
            (file_id,),
        )
        return file_checksum(rows[0], units)

    def gave_up(self) -> list[str]:
        """Return the paths of the files that took too long to parse."""
        return [path for (path,) in self._db.all("SELECT path FROM files WHERE gave_up ORDER BY path")]

    def touch_file(self, source: SourceFile) -> None:
        """Store the new size and times of a file whose content is unchanged."""
        self._db.run(
            "UPDATE files SET size = ?, mtime_ns = ?, ctime_ns = ? WHERE path = ?",
            (source.size, source.mtime_ns, source.ctime_ns, source.path),
        )

    def remove_files(self, paths: Iterable[str]) -> None:
        """Delete files and their units; vectors stay, to be reused for the same text."""
        for path in paths:
            file_id = self._db.value("SELECT id FROM files WHERE path = ?", (path,))
            if file_id is not None:
                self.remove_file(file_id)

    def remove_file(self, file_id: int) -> None:
        """Delete one file, its units, words, drafts and windows."""
        unit_ids = "(SELECT id FROM units WHERE file_id = ?)"
        self._db.run(f"DELETE FROM words WHERE rowid IN {unit_ids}", (file_id,))
        self._db.run(f"DELETE FROM windows WHERE unit_id IN {unit_ids}", (file_id,))
        self._db.run("DELETE FROM drafts WHERE file_id = ?", (file_id,))
        self._db.run("DELETE FROM units WHERE file_id = ?", (file_id,))
        self._db.run("DELETE FROM files WHERE id = ?", (file_id,))

    def counts(self) -> tuple[int, int]:
        """Return (number of files that were not skipped, number of units)."""
        return (
            self._db.value("SELECT count(*) FROM files WHERE skipped IS NULL"),
            self._db.value("SELECT count(*) FROM units"),
        )

    def skipped(self) -> dict[str, int]:
        """Return reason -> number of files skipped because of their content."""
        rows = self._db.all("SELECT skipped, count(*) FROM files WHERE skipped IS NOT NULL GROUP BY 1")
        return dict(rows)

    def languages(self) -> list[tuple[str, int, int]]:
        """Return (language, number of files, number of units), most units first."""
        return self._db.all(
            "SELECT language, count(DISTINCT files.id), count(*) FROM units JOIN files ON files.id = file_id "
            "GROUP BY language ORDER BY 3 DESC, 1"
        )

    def units_of(self, path: str) -> list[Hit]:
        """Return all units of one file, in source order, as hits without a score."""
        if not _is_storable(path):
            return []
        return self._hits("WHERE path = ? ORDER BY units.id", (path,))

    def hits(self, unit_ids: Iterable[int]) -> dict[int, Hit]:
        """Return unit id -> hit without a score; ids of deleted units are left out."""
        hits: dict[int, Hit] = {}
        for part in parts(list(unit_ids)):
            marks = ",".join("?" * len(part))
            hits |= {hit.unit_id: hit for hit in self._hits(f"WHERE units.id IN ({marks})", part)}
        return hits

    def _hits(self, where: str, values: Sequence[Any]) -> list[Hit]:
        rows = self._db.all(
            "SELECT units.id, path, language, kind, name, qualified_name, start_line, end_line "
            f"FROM units JOIN files ON files.id = file_id {where}",
            values,
        )
        for row in rows:
            if not is_stored_path(row[1]):
                raise damaged(self._db.path, "it names a file outside the repository")
        return [Hit(*row, score=0.0, signals={}, best_lines=row[6:]) for row in rows]  # type: ignore[misc]

    def existing(self, unit_ids: Iterable[int]) -> set[int]:
        """Return those of the ids that are of stored units."""
        found: set[int] = set()
        for part in parts(list(unit_ids)):
            rows = self._db.all(f"SELECT id FROM units WHERE id IN ({','.join('?' * len(part))})", part)
            found.update(unit_id for (unit_id,) in rows)
        return found

    def named(self, name: str, selection: Selection = EVERYTHING) -> list[int]:
        """Return the ids of the selected units with a name, ignoring case, classes first.

        Args:
            name: the last part of a qualified name.
            selection: units to search.
        """
        inside, values = selection.condition("units.id")
        rows = self._db.all(
            f"SELECT id FROM units WHERE name = ? COLLATE NOCASE{inside} ORDER BY kind <> 'class', id",
            (name, *values),
        )
        return [unit_id for (unit_id,) in rows]

    def resembling(self, name: str, selection: Selection = EVERYTHING) -> list[int]:
        """Return the ids of the selected units whose name has a prefix, shortest name first.

        If no name has this prefix, the units whose name differs from it by one typing error are returned.

        Args:
            name: the prefix, at least three letters long.
            selection: units to search.
        """
        inside, values = selection.condition("units.id")
        rows = self._db.all(
            "SELECT name, id FROM units WHERE length(name) >= ? AND kind NOT IN ('module', 'text') "
            f"AND (substr(name, 1, ?) = ? COLLATE NOCASE OR length(name) <= ?){inside}",
            (len(name) - 1, len(name), name, len(name) + 1, *values),
        )
        rows.sort(key=lambda row: (len(row[0]), row[1]))
        by_prefix = [unit_id for other, unit_id in rows if other.lower().startswith(name.lower())]
        return by_prefix or [unit_id for other, unit_id in rows if is_slip(name.lower(), other.lower())]

    def select(self, file_ids: Sequence[int] | None, kinds: Sequence[str]) -> Selection:
        """Select the units of some kinds in some files.

        Args:
            file_ids: ids of files; None means all.
            kinds: kinds of units; empty means all.
        """
        selection = Selection(tuple(kinds), None if file_ids is None else tuple(file_ids))
        if selection.is_everything():
            return EVERYTHING
        inside, values = selection.condition("units.id")
        selected, units = self._db.all(
            f"SELECT (SELECT count(*) FROM units WHERE 1{inside}), (SELECT count(*) FROM units)", values
        )[0]
        return replace(selection, fraction=selected / max(units, 1))
