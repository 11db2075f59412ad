"""An index several times as large, for measuring what no repository at hand is large enough for."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from codesift.config import Settings
from codesift.location import DATABASE
from codesift.store import open_index
from codesift.types import Progress

_NOISE = 0.6
"""Length of what is added to each copied vector (length 1): a copy has cosine 0.86 to its original, so that
a query has near ones in every copy, but none twice."""


def enlarged(index: Path, root: Path, times: int, settings: Settings, progress: Progress) -> None:
    """Copy the files, units, words and vectors of an index several times into that of another folder.

    Args:
        index: the folder of the index that is copied.
        root: gets an index and no files; what is there is replaced.
        times: how many times as large the new one is.
        settings: of the graph, which is built anew.
        progress: told of that.
    """
    folder = root / ".codesift"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(index / DATABASE, folder)
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        database.execute("PRAGMA synchronous = OFF")
        last = {
            table: database.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
            for table in ("files", "units", "vectors")
        }
        for copy in range(1, times):
            with database:
                _copy(database, last, copy)
    with open_index(root, folder, settings) as opened:
        opened.graph.sync(progress)


def _copy(database: sqlite3.Connection, last: dict[str, int], copy: int) -> None:
    """Add what the index had at first, with ids behind those of the copies before."""
    file, unit, vector = (copy * last[table] for table in ("files", "units", "vectors"))
    database.execute(
        "INSERT INTO files SELECT id + ?, ? || path, language, size, mtime_ns, ctime_ns, digest, skipped "
        "FROM files WHERE id <= ?",
        (file, f"copy{copy}/", last["files"]),
    )
    database.execute(
        "INSERT INTO units SELECT id + ?, file_id + ?, kind, name, qualified_name, start_line, end_line "
        "FROM units WHERE id <= ?",
        (unit, file, last["units"]),
    )
    database.execute(
        "INSERT INTO words (rowid, name, path, documentation, body) "
        "SELECT rowid + ?, name, path, documentation, body FROM words WHERE rowid <= ?",
        (unit, last["units"]),
    )
    rows = database.execute(
        "SELECT id, space_id, digest, data FROM vectors WHERE id <= ?", (last["vectors"],)
    ).fetchall()
    noisy = _noisy(b"".join(data for *_, data in rows), len(rows), copy)
    database.executemany(
        "INSERT INTO vectors VALUES (?, ?, ?, ?)",
        (
            (vector + number, space, bytes([copy]) + digest, data.tobytes())
            for (number, space, digest, _), data in zip(rows, noisy, strict=True)
        ),
    )
    database.execute(
        "INSERT INTO windows SELECT space_id, unit_id + ?, ordinal, vector_id + ?, start_line, end_line "
        "FROM windows WHERE unit_id <= ?",
        (unit, vector, last["units"]),
    )


def _noisy(data: bytes, rows: int, seed: int) -> np.ndarray:
    vectors = np.frombuffer(data, np.float16).reshape(rows, -1).astype(np.float32)
    noise = np.random.default_rng(seed).normal(scale=_NOISE * vectors.shape[1] ** -0.5, size=vectors.shape)
    vectors += noise.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16)
