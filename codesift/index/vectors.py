"""Vectors, identified by the digest of their text, and the windows of units that use them.

Rows have checksums, which are verified whenever a row is read: see `checksums`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from codesift.index.checksums import vector_checksum, window_checksum
from codesift.index.database import Database, parts
from codesift.index.database_file import damaged
from codesift.index.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from sqlite3 import Cursor

    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

_ROWS_AT_ONCE = 8192
_WINDOW = "windows.space_id, unit_id, ordinal, vector_id, start_line, end_line"


class WindowRow(NamedTuple):
    """One window of a unit, ready to be stored."""

    unit_id: int
    ordinal: int
    vector_id: int
    start_line: int
    end_line: int


class PendingFile(NamedTuple):
    """A file with units that have no vectors yet."""

    path: str
    unit_ids: list[int]
    """Ids of all its units in source order."""
    waiting: set[int]
    """Ids of its units without vectors."""


class Match(NamedTuple):
    """A window that uses a vector."""

    unit_id: int
    start_line: int
    end_line: int


class Vectors:
    """The vectors and windows of one space in one index.

    Args:
        database: the open database.
        space: id of the vector space, see `spaces.space_for`.
    """

    def __init__(self, database: Database, space: str) -> None:
        self._db = database
        self.space = space
        self.index = database.meta("identity")
        self._cached_id = 0

    @property
    def _id(self) -> int:
        """The id of the space in this index; 0 if it is not registered."""
        if not self._cached_id:
            # Another process may register the space at any time.
            space_id = self._db.value("SELECT id FROM spaces WHERE name = ?", (self.space,))
            self._cached_id = int(space_id or 0)
        return self._cached_id

    def is_known(self) -> bool:
        """Tell whether the space is registered: the index has, or had, vectors of it."""
        return self._id > 0

    def register(self) -> None:
        """Register the space in the index, which is required before vectors are stored."""
        if not self._id:
            self._db.run("INSERT OR IGNORE INTO spaces (name) VALUES (?)", (self.space,))

    # -- storing ------------------------------------------------------------------------------

    def pending(self, unit_ids: Iterable[int] | None = None) -> list[PendingFile]:
        """Return the files with units that have no vectors yet.

        Args:
            unit_ids: ids of units to consider; None means all units.
        """
        waiting = "NOT EXISTS (SELECT 1 FROM windows WHERE unit_id = units.id AND space_id = ?)"
        values: list[Any] = [self._id]
        if unit_ids is not None:
            waiting += " AND units.id IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(list(unit_ids)))
        rows = self._db.all(
            f"SELECT path, units.id, ({waiting}) FROM units JOIN files ON files.id = file_id "
            f"WHERE file_id IN (SELECT file_id FROM units WHERE {waiting}) ORDER BY path, units.id",
            [*values, *values],
        )
        files: dict[str, PendingFile] = {}
        for path, unit_id, is_waiting in rows:
            file = files.setdefault(path, PendingFile(path, [], set()))
            file.unit_ids.append(unit_id)
            if is_waiting:
                file.waiting.add(unit_id)
        return list(files.values())

    def ids(self, digests: Iterable[bytes]) -> dict[bytes, int]:
        """Return digest -> vector id, for those digests of window texts that have a vector."""
        return {digest: int(value) for digest, value in self._by_digest("id", digests)}

    def data(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return digest -> vector as float16 bytes, for those digests of window texts that have a vector."""
        rows = self._by_digest("data, checksum", digests)
        return {digest: data for digest, data, checksum in rows if self._is_whole(digest, data, checksum)}

    def _by_digest(self, columns: str, digests: Iterable[bytes]) -> Iterator[tuple[Any, ...]]:
        for part in parts(list(digests)):
            marks = ",".join("?" * len(part))
            yield from self._db.all(
                f"SELECT digest, {columns} FROM vectors WHERE space_id = ? AND digest IN ({marks})",
                (self._id, *part),
            )

    def _is_whole(self, digest: bytes, data: bytes, checksum: int) -> bool:
        """Verify the checksum of a vector; the result is always true.

        Raises:
            DamagedIndexError: the checksum does not match.
        """
        if vector_checksum(digest, data) != checksum:
            raise damaged(self._db.path, "a vector is not as it was stored")
        return True

    def put(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Store (digest, float16 bytes) pairs; digests that are already stored keep their vectors."""
        self._db.many(
            "INSERT OR IGNORE INTO vectors (space_id, digest, data, checksum) VALUES (?, ?, ?, ?)",
            ((self._id, digest, data, vector_checksum(digest, data)) for digest, data in rows),
        )

    def renew(self, digests: Iterable[bytes]) -> None:
        """Assign new ids to vectors that no window uses, before windows use them again.

        The matrix and the graph may lack unused vectors, and only the highest ids are searched outside them.
        """
        for part in parts(list(digests)):
            unused = (
                f"space_id = ? AND digest IN ({','.join('?' * len(part))}) "
                "AND id NOT IN (SELECT vector_id FROM windows)"
            )
            rows = self._db.all(f"SELECT digest, data FROM vectors WHERE {unused}", (self._id, *part))
            self._db.run(f"DELETE FROM vectors WHERE {unused}", (self._id, *part))
            self.put(rows)

    def put_windows(self, rows: Iterable[WindowRow]) -> None:
        """Store windows whose vectors are already stored."""
        self._db.many(
            "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((self._id, *row, window_checksum((self._id, *row))) for row in rows),
        )

    def has_unused(self) -> bool:
        """Tell whether there are vectors of this space that no unit uses."""
        unused = "SELECT 1 FROM vectors WHERE space_id = ? AND id NOT IN (SELECT vector_id FROM windows)"
        return bool(self._id and self._db.value(f"SELECT EXISTS ({unused})", (self._id,)))

    def drop_unused(self) -> None:
        """Delete the oldest unused vectors of all spaces, as far as they outnumber the vectors in use.

        The other unused vectors stay, because another branch may need them.
        """
        self._db.run(
            "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors WHERE id NOT IN "
            "(SELECT vector_id FROM windows) ORDER BY id DESC LIMIT -1 OFFSET "
            "(SELECT count(DISTINCT vector_id) FROM windows))"
        )

    # -- searching ----------------------------------------------------------------------------

    def ready(self) -> int:
        """Return the number of units whose vectors are stored."""
        ready = "SELECT count(*) FROM windows WHERE space_id = ? AND ordinal = 0"
        return int(self._db.value(ready, (self._id,)))

    def with_vectors(self, unit_ids: Iterable[int]) -> list[int]:
        """Return those of the units that have vectors."""
        found: list[int] = []
        for part in parts(list(unit_ids)):
            marks = ",".join("?" * len(part))
            rows = self._db.all(
                f"SELECT unit_id FROM windows WHERE space_id = ? AND ordinal = 0 AND unit_id IN ({marks})",
                (self._id, *part),
            )
            found += [unit_id for (unit_id,) in rows]
        return found

    def any(self) -> bool:
        """Tell whether any unit has vectors. Unlike this, `ready` takes 30 ms for 300,000 units."""
        return bool(self._db.value("SELECT EXISTS (SELECT 1 FROM windows WHERE space_id = ?)", (self._id,)))

    def of_unit(self, unit_id: int) -> list[Matrix]:
        """Return the vectors of a unit's windows in order, each of shape (dimensions,)."""
        return [row for _, rows in self.of_units([unit_id]) for row in rows]

    def mean_of_unit(self, unit_id: int) -> Matrix | None:
        """Return the mean vector of a unit's windows, shape (dimensions,), length 1; None without windows."""
        windows = self.of_unit(unit_id)
        return _unit_length(sum(windows[1:], windows[0])[None, :])[0] if windows else None

    def means(self, selection: Selection = EVERYTHING) -> tuple[NDArray[np.int64], Matrix]:
        """Return the ids of the selected units (n,), and their mean vectors of length 1 (n, dimensions)."""
        import numpy as np

        inside, values = selection.condition("unit_id")
        rows = self._db.run(
            "SELECT unit_id, data, digest, vectors.checksum "
            "FROM windows JOIN vectors ON vectors.id = vector_id "
            f"WHERE windows.space_id = ?{inside} ORDER BY unit_id",
            (self._id, *values),
        )
        ids: list[NDArray[np.int64]] = []
        sums: list[Matrix] = []
        for windows, data in self._batches(rows):
            units, starts = np.unique(windows, return_index=True)
            # The windows of a unit are consecutive, but may be split between two batches.
            if ids and ids[-1][-1] == units[0]:
                data[0] += sums[-1][-1]
                ids[-1], sums[-1] = ids[-1][:-1], sums[-1][:-1]
            ids.append(units)
            sums.append(np.add.reduceat(data, starts, axis=0))
        if not ids:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        return np.concatenate(ids), _unit_length(np.concatenate(sums))

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Matrix]]:
        """Yield the windows of units and their vectors, of shape (windows, dimensions), in parts.

        Raises:
            DamagedIndexError: a row does not match its checksum.
        """
        for part in parts(list(unit_ids)):
            rows = self._db.all(
                f"SELECT {_WINDOW}, windows.checksum, data, digest, vectors.checksum "
                "FROM windows JOIN vectors ON vectors.id = vector_id "
                f"WHERE windows.space_id = ? AND unit_id IN ({','.join('?' * len(part))}) "
                "ORDER BY unit_id, ordinal",
                (self._id, *part),
            )
            if rows:
                matches = [self._match(row[:7]) for row in rows]
                yield matches, self._matrix([row[7:] for row in rows])

    def _match(self, row: Sequence[int]) -> Match:
        """Verify a row of `_WINDOW` and its checksum; return its window."""
        if window_checksum(row[:6]) != row[6]:
            raise damaged(self._db.path, "a window is not as it was stored")
        return Match(row[1], row[4], row[5])

    def _matrix(self, rows: Sequence[tuple[bytes, bytes, int]]) -> Matrix:
        """Convert rows of (float16 bytes, digest, checksum) to a matrix (n, dimensions)."""
        import numpy as np

        whole = [data for data, digest, checksum in rows if self._is_whole(digest, data, checksum)]
        joined: NDArray[np.float16] = np.frombuffer(b"".join(whole), np.float16)
        return joined.astype(np.float32).reshape(len(rows), -1)

    def matches(self, vector_ids: Sequence[int], selection: Selection = EVERYTHING) -> dict[int, list[Match]]:
        """Return vector id -> windows that use the vector; ids that no window uses are left out.

        Args:
            vector_ids: labels of the graph, or ids from `blocks`.
            selection: units whose windows are returned.

        Raises:
            DamagedIndexError: a row does not match its checksum.
        """
        matches: dict[int, list[Match]] = {}
        inside, values = selection.condition("unit_id")
        for part in parts(vector_ids):
            marks = ",".join("?" * len(part))
            for row in self._db.all(
                f"SELECT {_WINDOW}, checksum FROM windows WHERE vector_id IN ({marks}){inside}",
                (*part, *values),
            ):
                matches.setdefault(row[3], []).append(self._match(row))
        return matches

    def blocks(
        self, after: int = 0, selection: Selection = EVERYTHING
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield vectors of selected units with ids above `after`: ids (n,), vectors (n, dimensions)."""
        inside, values = selection.condition("unit_id")
        return self._batches(
            self._db.run(
                "SELECT id, data, digest, checksum FROM vectors WHERE space_id = ? AND id > ? AND id IN "
                f"(SELECT vector_id FROM windows WHERE space_id = ?{inside}) ORDER BY id",
                (self._id, after, self._id, *values),
            )
        )

    def _batches(self, cursor: Cursor) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield rows of (id, float16 bytes, digest, checksum) as arrays (n,) and (n, dimensions)."""
        import numpy as np

        while True:
            with self._db.errors():
                rows = cursor.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            yield ids, self._matrix([row[1:] for row in rows])

    def highest(self) -> int:
        """Return the highest vector id of all spaces."""
        return int(self._db.value("SELECT max(id) FROM vectors") or 0)

    def usage(self, up_to: int) -> tuple[int, int]:
        """Count the vectors in use: (those with an id up to `up_to`, those with a higher id)."""
        usage = dict(
            self._db.all(
                "SELECT vector_id > ?, count(DISTINCT vector_id) FROM windows WHERE space_id = ? GROUP BY 1",
                (up_to, self._id),
            )
        )
        return usage.get(0, 0), usage.get(1, 0)


def _unit_length(rows: Matrix) -> Matrix:
    """Scale the rows of a matrix (n, dimensions) to length 1."""
    import numpy as np

    scaled: Matrix = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled
