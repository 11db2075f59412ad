"""What was embedded: vectors by digest of their text, and the windows of units they belong to.

Rows carry checksums, which are compared wherever a row is read: see `checksums`.
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
    """A file of which some units have no vectors yet."""

    path: str
    unit_ids: list[int]
    """All its units in source order."""
    waiting: set[int]
    """Those without vectors."""


class Match(NamedTuple):
    """A window that has a given vector."""

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
        self._known_id = 0

    @property
    def _id(self) -> int:
        """The number of the space in this index; 0 while nobody has registered it."""
        if not self._known_id:
            # Another process may register it at any time.
            found = self._db.value("SELECT id FROM spaces WHERE name = ?", (self.space,))
            self._known_id = int(found or 0)
        return self._known_id

    def is_known(self) -> bool:
        """Whether the index has, or had, vectors of this space."""
        return self._id > 0

    def register(self) -> None:
        """Make the space known to the index; needed once before anything is stored in it."""
        if not self._id:
            self._db.run("INSERT OR IGNORE INTO spaces (name) VALUES (?)", (self.space,))

    # -- storing ------------------------------------------------------------------------------

    def pending(self, unit_ids: Iterable[int] | None = None) -> list[PendingFile]:
        """The files with units that have no vectors yet.

        Args:
            unit_ids: units to look at; None means all.
        """
        waiting = "units.id NOT IN (SELECT unit_id FROM windows WHERE space_id = ?)"
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
        """Digest of a window's text -> id of its vector, for those that have one."""
        return {digest: int(value) for digest, value in self._by_digest("id", digests)}

    def data(self, digests: Iterable[bytes]) -> dict[bytes, bytes]:
        """Digest of a window's text -> its vector as float16 bytes, for those that have one."""
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
        """Tell whether a vector is as it was stored.

        Raises:
            DamagedIndexError: it is not.
        """
        if vector_checksum(digest, data) != checksum:
            raise damaged(self._db.path, "a vector is not as it was stored")
        return True

    def put(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Store (digest, float16 bytes) pairs; a digest already there keeps its vector."""
        self._db.many(
            "INSERT OR IGNORE INTO vectors (space_id, digest, data, checksum) VALUES (?, ?, ?, ?)",
            ((self._id, digest, data, vector_checksum(digest, data)) for digest, data in rows),
        )

    def renew(self, digests: Iterable[bytes]) -> None:
        """Give vectors that no window uses a new id, before windows use them again.

        The graph leaves unused vectors out, and what it lacks is looked for among the highest ids.
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
        """Store windows whose vectors are stored already."""
        self._db.many(
            "INSERT OR REPLACE INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((self._id, *row, window_checksum((self._id, *row))) for row in rows),
        )

    def drop_unused(self) -> None:
        """Delete the oldest vectors that no window uses, where they outnumber those in use, in all spaces.

        As many as are in use stay: another branch may ask for them.
        """
        self._db.run(
            "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors WHERE id NOT IN "
            "(SELECT vector_id FROM windows) ORDER BY id DESC LIMIT -1 OFFSET "
            "(SELECT count(DISTINCT vector_id) FROM windows))"
        )

    # -- searching ----------------------------------------------------------------------------

    def ready(self) -> int:
        """Number of units whose vectors are stored."""
        ready = "SELECT count(*) FROM windows WHERE space_id = ? AND ordinal = 0"
        return int(self._db.value(ready, (self._id,)))

    def any(self) -> bool:
        """Whether any unit's are stored. Counting them takes 30 ms where there are 300,000."""
        return bool(self._db.value("SELECT EXISTS (SELECT 1 FROM windows WHERE space_id = ?)", (self._id,)))

    def of_unit(self, unit_id: int) -> list[Matrix]:
        """The vectors of a unit's windows in order, each of shape (dimensions,)."""
        return [row for _, rows in self.of_units([unit_id]) for row in rows]

    def mean_of_unit(self, unit_id: int) -> Matrix | None:
        """The mean of the vectors of a unit's windows, shape (dimensions,), length 1; None if it has none."""
        windows = self.of_unit(unit_id)
        return _unit_length(sum(windows[1:], windows[0])[None, :])[0] if windows else None

    def means(self, selection: Selection = EVERYTHING) -> tuple[NDArray[np.int64], Matrix]:
        """Mean vectors of the selected units: (unit ids (n,), rows of length 1 (n, dim))."""
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
            # The windows of one unit stand together, but a batch may end among them.
            if ids and ids[-1][-1] == units[0]:
                data[0] += sums[-1][-1]
                ids[-1], sums[-1] = ids[-1][:-1], sums[-1][:-1]
            ids.append(units)
            sums.append(np.add.reduceat(data, starts, axis=0))
        if not ids:
            return np.empty(0, np.int64), np.empty((0, 0), np.float32)
        return np.concatenate(ids), _unit_length(np.concatenate(sums))

    def of_units(self, unit_ids: Iterable[int]) -> Iterator[tuple[list[Match], Matrix]]:
        """The windows of units and their vectors, of shape (windows, dimensions), in parts.

        Raises:
            DamagedIndexError: a row is not as it was stored.
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
        """The window of a row of `_WINDOW` and its checksum."""
        if window_checksum(row[:6]) != row[6]:
            raise damaged(self._db.path, "a window is not as it was stored")
        return Match(row[1], row[4], row[5])

    def _matrix(self, rows: Sequence[tuple[bytes, bytes, int]]) -> Matrix:
        """Rows of (float16 bytes, digest, checksum) as a matrix (n, dimensions)."""
        import numpy as np

        whole = [data for data, digest, checksum in rows if self._is_whole(digest, data, checksum)]
        joined: NDArray[np.float16] = np.frombuffer(b"".join(whole), np.float16)
        return joined.astype(np.float32).reshape(len(rows), -1)

    def matches(self, vector_ids: Sequence[int], selection: Selection = EVERYTHING) -> dict[int, list[Match]]:
        """Vector id -> the windows that have this vector; ids that no unit uses are left out.

        Args:
            vector_ids: labels from the graph or from `blocks`.
            selection: units whose windows are returned.

        Raises:
            DamagedIndexError: a row is not as it was stored.
        """
        found: dict[int, list[Match]] = {}
        inside, values = selection.condition("unit_id")
        for part in parts(vector_ids):
            marks = ",".join("?" * len(part))
            for row in self._db.all(
                f"SELECT {_WINDOW}, checksum FROM windows WHERE vector_id IN ({marks}){inside}",
                (*part, *values),
            ):
                found.setdefault(row[3], []).append(self._match(row))
        return found

    def blocks(
        self, after: int = 0, selection: Selection = EVERYTHING
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Vectors of selected units with ids above `after`, in blocks of (ids (n,), vectors (n, dim))."""
        inside, values = selection.condition("unit_id")
        return self._batches(
            self._db.run(
                "SELECT id, data, digest, checksum FROM vectors WHERE space_id = ? AND id > ? AND id IN "
                f"(SELECT vector_id FROM windows WHERE space_id = ?{inside}) ORDER BY id",
                (self._id, after, self._id, *values),
            )
        )

    def _batches(self, cursor: Cursor) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Rows of (id, float16 bytes, digest, checksum) as arrays (n,) and (n, dim)."""
        import numpy as np

        while True:
            with self._db.errors():
                rows = cursor.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
            yield ids, self._matrix([row[1:] for row in rows])

    def highest(self) -> int:
        """The highest id of a vector of any space."""
        return int(self._db.value("SELECT max(id) FROM vectors") or 0)

    def usage(self, up_to: int) -> tuple[int, int]:
        """(vectors in use with an id up to `up_to`, vectors in use above it)."""
        usage = dict(
            self._db.all(
                "SELECT vector_id > ?, count(DISTINCT vector_id) FROM windows WHERE space_id = ? GROUP BY 1",
                (up_to, self._id),
            )
        )
        return usage.get(0, 0), usage.get(1, 0)


def _unit_length(rows: Matrix) -> Matrix:
    """The rows of a matrix (n, dim) at length 1."""
    import numpy as np

    scaled: Matrix = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return scaled
