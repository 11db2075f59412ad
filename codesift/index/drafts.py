"""Drafts in the database: stored with the units of each file, and searched by reading all of them.

Reading and comparing them takes 30 to 60 ms for 12,600 units (2 cores of a Xeon), so there is no graph.
Rows have checksums, which are verified whenever a row is read: see `checksums`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from codesift.index.checksums import drafts_checksum
from codesift.index.database import Database, parts
from codesift.index.database_file import damaged
from codesift.index.exact import Found, best_first
from codesift.index.selection import EVERYTHING, Selection
from codesift.models.drafts import SCALE
from codesift.models.template import draft_words

if TYPE_CHECKING:
    from sqlite3 import Cursor

    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import DraftEncoder, DraftRows, Matrix

_FILES_AT_ONCE = 512
_UNITS_AT_ONCE = 2000
_ROW = "space_id, file_id, first_unit, data, checksum"
_WITHOUT = (
    "skipped IS NULL AND EXISTS (SELECT 1 FROM units WHERE file_id = files.id) "
    "AND NOT EXISTS (SELECT 1 FROM drafts WHERE space_id = ? AND file_id = files.id)"
)


class FileWords(NamedTuple):
    """The words of all units of a file, see `draft_words`."""

    file_id: int
    first_unit: int
    """Id of its first unit; the others follow it without a gap."""
    words: list[list[str]]


class Drafts:
    """The drafts of one encoder in one index.

    Args:
        database: the open database.
        encoder: id of the draft encoder; empty if the space has none.
        dimensions: length of a draft.
    """

    def __init__(self, database: Database, encoder: str, dimensions: int) -> None:
        self._db = database
        self.encoder = encoder
        self._dimensions = dimensions
        self._cached_id = 0

    @property
    def _id(self) -> int:
        """The id of the encoder in this index; 0 if it is not registered."""
        if self.encoder and not self._cached_id:
            self._cached_id = int(
                self._db.value("SELECT id FROM spaces WHERE name = ?", (self.encoder,)) or 0
            )
        return self._cached_id

    # -- storing ------------------------------------------------------------------------------

    def are_missing(self) -> bool:
        """Tell whether any file with units has no drafts."""
        return bool(
            self.encoder
            and self._db.value(f"SELECT EXISTS (SELECT 1 FROM files WHERE {_WITHOUT})", (self._id,))
        )

    def fill(self, encoder: DraftEncoder) -> None:
        """Store the drafts of all files that have none, from their stored words; call it in a transaction."""
        files: list[FileWords] = []
        for file_id, path in self._db.all(f"SELECT id, path FROM files WHERE {_WITHOUT}", (self._id,)):
            units = self._db.all(
                "SELECT units.id, words.name, documentation, body "
                "FROM units JOIN words ON words.rowid = units.id WHERE file_id = ? ORDER BY units.id",
                (file_id,),
            )
            words = draft_words(path, [columns for _, *columns in units])
            files.append(FileWords(file_id, units[0][0] if units else 0, words))
            if sum(len(file.words) for file in files) >= _UNITS_AT_ONCE:
                self.put(encoder, files)
                files = []
        self.put(encoder, files)

    def put(self, encoder: DraftEncoder, files: Sequence[FileWords]) -> None:
        """Compute and store the drafts of files; call it in a transaction."""
        if not self._id:
            self._db.run("INSERT OR IGNORE INTO spaces (name) VALUES (?)", (self.encoder,))
        drafts = encoder.encode([words for file in files for words in file.words])
        rows = []
        start = 0
        for file in files:
            data = drafts[start : start + len(file.words)].tobytes()
            start += len(file.words)
            key = self._id, file.file_id, file.first_unit
            rows.append((*key, data, drafts_checksum(key, data)))
        self._db.many(f"INSERT OR REPLACE INTO drafts ({_ROW}) VALUES (?, ?, ?, ?, ?)", rows)

    # -- searching ----------------------------------------------------------------------------

    def any(self) -> bool:
        """Tell whether there are drafts."""
        exists = "SELECT EXISTS (SELECT 1 FROM drafts WHERE space_id = ?)"
        return bool(self._id and self._db.value(exists, (self._id,)))

    def nearest(self, vectors: Sequence[Matrix], limit: int, selection: Selection = EVERYTHING) -> Found:
        """Find the units whose drafts are nearest to any query vector: pairs (unit id, cosine), best first.

        Args:
            vectors: query vectors, each of shape (dimensions,) and length 1.
            limit: maximum number of units.
            selection: units to search.

        Raises:
            DamagedIndexError: a row does not match its checksum.
        """
        if not vectors or not self._id or not selection.fraction:
            return []
        import numpy as np

        best: Found = []
        for ids, rows in self._blocks(selection):
            cosines = self._cosines(rows, vectors)
            if len(ids) > limit:
                top = np.argpartition(-cosines, limit - 1)[:limit]
                ids, cosines = ids[top], cosines[top]
            best = sorted([*best, *zip(ids.tolist(), cosines.tolist(), strict=True)], key=best_first)[:limit]
        return best

    def cosines(self, vectors: Sequence[Matrix], unit_ids: Iterable[int]) -> dict[int, float]:
        """Return unit id -> cosine of its draft to the nearest query vector, for units with drafts."""
        found: dict[int, float] = {}
        for ids, rows in self.of_units(unit_ids) if vectors else ():
            found.update(zip(ids.tolist(), self._cosines(rows, vectors).tolist(), strict=True))
        return found

    def of_unit(self, unit_id: int) -> Matrix | None:
        """Return the draft of a unit as a vector of length 1, shape (dimensions,); None if it has none."""
        rows = [row for _, found in self.of_units([unit_id]) for row in found]
        return _unit_length(rows[0][None])[0] if rows else None

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[NDArray[np.int64], DraftRows]]:
        """Yield the ids of units and their drafts; units without draft are left out."""
        import numpy as np

        for part in parts(sorted(unit_ids)) if self._id else ():
            cursor = self._db.run(
                f"SELECT {_ROW} FROM drafts WHERE space_id = ? AND file_id IN "
                f"(SELECT file_id FROM units WHERE id IN ({','.join('?' * len(part))}))",
                (self._id, *part),
            )
            for ids, rows in self._read(cursor):
                wanted = np.isin(ids, part)
                yield ids[wanted], rows[wanted]

    def matrix(self, selection: Selection = EVERYTHING) -> tuple[NDArray[np.int64], Matrix]:
        """Return the ids of the selected units (n,), and their drafts of length 1 (n, dimensions)."""
        import numpy as np

        blocks = list(self._blocks(selection)) if self._id else []
        if not blocks:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        ids, rows = (np.concatenate(each) for each in zip(*blocks, strict=True))
        return ids, _unit_length(rows)

    def _cosines(self, rows: DraftRows, vectors: Sequence[Matrix]) -> Matrix:
        """Return the highest cosine of each row to a query vector, shape (rows,)."""
        import numpy as np

        # A product of matrices would give last digits that depend on the number of rows.
        scaled = np.stack(vectors) / np.float32(SCALE)  # (queries, dimensions)
        highest: Matrix = np.einsum("ud,qd->uq", rows.astype(np.float32), scaled).max(axis=1)
        return highest

    def _blocks(self, selection: Selection) -> Iterator[tuple[NDArray[np.int64], DraftRows]]:
        """Yield the ids of the selected units (n,) and their drafts (n, dimensions)."""
        import numpy as np

        where, values = "", []
        if selection.file_ids is not None:
            where, values = (
                " AND file_id IN (SELECT value FROM json_each(?))",
                [json.dumps(selection.file_ids)],
            )
        cursor = self._db.run(f"SELECT {_ROW} FROM drafts WHERE space_id = ?{where}", (self._id, *values))
        kinds = None
        if selection.kinds:
            marks = ",".join("?" * len(selection.kinds))
            selected = self._db.all(f"SELECT id FROM units WHERE kind IN ({marks})", selection.kinds)
            kinds = np.fromiter((unit_id for (unit_id,) in selected), np.int64, len(selected))
        for ids, rows in self._read(cursor):
            if kinds is not None:
                wanted = np.isin(ids, kinds)
                ids, rows = ids[wanted], rows[wanted]
            if len(ids):
                yield ids, rows

    def _read(self, cursor: Cursor) -> Iterator[tuple[NDArray[np.int64], DraftRows]]:
        """Verify rows of the table and join them."""

        while True:
            with self._db.errors():
                files = cursor.fetchmany(_FILES_AT_ONCE)
            if not files:
                return
            for *key, data, checksum in files:
                if drafts_checksum(key, data) != checksum:
                    raise damaged(self._db.path, "drafts are not as they were stored")
            yield self._joined(files)

    def _joined(self, files: Sequence[Any]) -> tuple[NDArray[np.int64], DraftRows]:
        import numpy as np

        dimensions = self._dimensions
        counts = [len(data) // dimensions for *_, data, _ in files]
        firsts = np.repeat([row[2] for row in files], counts)
        inside = np.arange(sum(counts)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows: DraftRows = np.frombuffer(b"".join(row[3] for row in files), np.int8).reshape(-1, dimensions)
        return firsts + inside, rows


def _unit_length(rows: DraftRows) -> Matrix:
    """Scale drafts to length 1, shape (n, dimensions)."""
    import numpy as np

    vectors = rows.astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.float32(1e-9))
    return vectors
