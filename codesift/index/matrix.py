"""The vectors of one space as a memory-mapped file: a copy of the vectors in the database.

The file consists of a header, the vectors as rows of float32, and their ids (int64). Scans read it, and
graphs are built from it. Mapping it takes almost no time, whereas reading 50,000 vectors from SQLite takes
0.3 s. It can be deleted at any time.

A signed note beside the file describes its content. The signature covers the ids and the first numbers of
every row, so that rows with wrong ids are detected before they are used, without reading the whole file.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from codesift.errors import NO_SPACE, NoSpaceError, StorageError
from codesift.index import trust
from codesift.index.notes import read_note, write_note
from codesift.system.files import fresh_name, open_regular, remove

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

    VectorIds = NDArray[np.int64]
    Block = tuple[VectorIds, Matrix]
    """Ids of vectors, shape (n,), and the vectors, shape (n, dimensions)."""

_HEADER = struct.Struct("<8sQQ40x")
"""Magic number, number of vectors and dimensions, padded so that rows are aligned."""
_MAGIC = b"csvec 1\n"
_SIGNED_COLUMNS = 4
"""Number of leading columns that the signature covers; a scan reads their page in any case."""
ERRORS = (OSError, ValueError, StorageError)
"""Errors raised when a file that is read is damaged, truncated or missing."""


@dataclass(frozen=True)
class MatrixState:
    """The content of the file."""

    last: int = 0
    """The highest vector id."""
    count: int = 0
    """Number of vectors, including those that no unit uses any more."""
    index: str = ""
    """Identity of the index whose vector ids are used."""
    extract: str = ""
    """Signature of the ids and of the first columns."""
    digest: str = ""
    """Keyed digest of the whole file."""


class MatrixFile:
    """The matrix file of one space.

    Args:
        path: the file; its note has the same name with `.json` appended.
        index: identity of the index.
        dimensions: length of a vector.
    """

    def __init__(self, path: Path, index: str, dimensions: int) -> None:
        self.path = path
        self._note = path.with_name(f"{path.name}.json")
        self._index = index
        self._dimensions = dimensions
        self._checked: MatrixState | None = None
        self._verified: MatrixState | None = None

    def state(self) -> MatrixState:
        """Return the state of the file; an empty state if the file is missing or does not fit its note."""
        try:
            state = read_note(self._note, MatrixState)
            size = os.lstat(self.path).st_size
        except ERRORS:
            return MatrixState()
        return state if state.index == self._index and size == self._size(state.count) else MatrixState()

    def _size(self, count: int) -> int:
        return _HEADER.size + count * (8 + 4 * self._dimensions)

    def rows(self, state: MatrixState) -> Block:
        """Map the file into memory: ids, shape (n,), and vectors, shape (n, dimensions).

        Raises:
            OSError, ValueError: the file is damaged, or cannot be read.
            StorageError: there is no key to verify the signature.
        """
        block = self._mapped(self.path, state.count)
        if self._checked != state:
            if trust.signature(_extract(block)) != state.extract:
                raise OSError("the file of vectors was changed")
            self._checked = state
        return block

    def _mapped(self, path: Path, count: int) -> Block:
        import numpy as np

        with open_regular(path) as file:
            header = file.read(_HEADER.size)
        if header != _HEADER.pack(_MAGIC, count, self._dimensions):
            raise ValueError("the file of vectors has another header")
        if not count:
            return np.empty(0, np.int64), np.empty((0, self._dimensions), np.float32)
        rows = np.memmap(path, np.float32, "r", _HEADER.size, (count, self._dimensions))
        ids = np.memmap(path, np.int64, "r", _HEADER.size + rows.nbytes, (count,))
        return ids, rows

    def write(self, blocks: Iterable[Block]) -> MatrixState:
        """Write a new file in place of the current one.

        Args:
            blocks: vectors with ascending ids. They may be views of the current file.

        Raises:
            StorageError: the file cannot be written.
        """
        fresh = fresh_name(self.path)
        try:
            ids = self._write(fresh, blocks)
            extract = trust.signature(_extract(self._mapped(fresh, len(ids))))
            last = int(ids[-1]) if len(ids) else 0
            state = MatrixState(last, len(ids), self._index, extract, trust.digest(fresh))
            self._note.unlink(missing_ok=True)
            fresh.replace(self.path)
            write_note(self._note, state)
        except OSError as error:
            if getattr(error, "errno", None) in NO_SPACE:
                raise NoSpaceError(f"no space left on the disk that holds {self.path}") from error
            raise StorageError(
                f"cannot save the vectors {self.path}: {error}", "check the space left on the disk"
            ) from error
        finally:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
        return state

    def _write(self, path: Path, blocks: Iterable[Block]) -> VectorIds:
        """Write a file that does not exist yet; return its ids, shape (n,)."""
        import numpy as np

        parts: list[VectorIds] = []
        with open(path, "xb", opener=_private) as file:
            file.write(bytes(_HEADER.size))
            for block_ids, rows in blocks:
                parts.append(block_ids)
                file.write(np.ascontiguousarray(rows, np.float32).tobytes())
            ids = np.concatenate(parts) if parts else np.empty(0, np.int64)
            file.write(ids.tobytes())
            file.seek(0)
            file.write(_HEADER.pack(_MAGIC, len(ids), self._dimensions))
        return ids

    def verify(self, state: MatrixState) -> None:
        """Check all of the file, once for each state of it.

        Raises:
            OSError: the file is not as it was written, or cannot be read.
        """
        if self._verified != state:
            if trust.digest(self.path) != state.digest:
                raise OSError("the file of vectors was changed")
            self._verified = state

    def is_whole(self) -> bool:
        """Tell whether the file, if there is one, is undamaged. The whole file is read."""
        state = self.state()
        if not state.count:
            return not (os.path.lexists(self._note) or os.path.lexists(self.path))
        with contextlib.suppress(*ERRORS):
            return trust.digest(self.path) == state.digest
        return False

    def give_up(self, state: MatrixState) -> None:
        """Delete the note of a damaged file, so that an update rewrites it, unless it has been replaced."""
        with contextlib.suppress(OSError):
            if self.state() == state:
                self._note.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the file and its note.

        Raises:
            StorageError: a file cannot be deleted.
        """
        try:
            remove(self._note)
            remove(self.path)
        except OSError as error:
            raise StorageError(f"cannot delete the vectors {self.path}: {error.strerror}") from error


def blocks_of(block: Block, after: int = 0, size: int = 8192) -> Iterator[Block]:
    """Split the rows of a block with ids above `after` into blocks of at most `size` rows."""
    ids, rows = block
    start = int(ids.searchsorted(after, side="right"))
    for first in range(start, len(ids), size):
        yield ids[first : first + size], rows[first : first + size]


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _extract(block: Block) -> bytes:
    """Return the bytes that the signature covers; they change if rows are moved to other ids."""
    import numpy as np

    ids, rows = block
    return ids.tobytes() + np.ascontiguousarray(rows[:, :_SIGNED_COLUMNS]).tobytes()
