"""An index several times as large, for measuring what no repository at hand is large enough for."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from benchmarks.processes import Failed
from codesift.config import Settings
from codesift.index.checksums import vector_checksum, window_checksum
from codesift.index.location import DATABASE, cache_place, make_index_folder
from codesift.index.opening import Index, open_index, writing
from codesift.types import Progress

_NOISE = 0.6
"""Length of what is added to each copied vector (length 1): a copy has cosine 0.86 to its original, so that
a query has near ones in every copy, but none twice."""


def enlarged(index: Index, root: Path, times: int, settings: Settings, progress: Progress) -> None:
    """Copy the files, units, words and vectors of an index several times into that of another folder.

    Args:
        index: what is copied: of the vectors, those of its space.
        root: gets an index and no files; one that was made so before is replaced.
        times: how many times as large the new one is.
        settings: of the graph, which is built anew.
        progress: told of that.

    Raises:
        Failed: the folder has something in it that was not made here.
    """
    folder, note = cache_place(root.resolve(), settings), root / "enlarged.txt"
    if root.exists() and any(root.iterdir()) and not note.is_file():
        raise Failed(f"{root} is not empty: give a folder of its own")
    shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True, exist_ok=True)
    make_index_folder(folder, root.resolve())
    note.write_text(f"{times} times the index of {index.root.name}\n", encoding="utf-8")
    with (
        closing(sqlite3.connect(index.database.path)) as source,
        closing(sqlite3.connect(folder / DATABASE)) as target,
    ):
        source.backup(target)
        target.create_function("window_checksum", 6, lambda *row: window_checksum(row), deterministic=True)
        target.execute("PRAGMA synchronous = OFF")
        (space,) = target.execute(
            "SELECT id FROM spaces WHERE name = ?", (index.primary.space.id,)
        ).fetchone()
        last = {
            table: target.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
            for table in ("files", "units", "vectors")
        }
        for copy in range(1, times):
            with target:
                _copy(target, space, last, copy)
    with open_index(root.resolve(), folder, settings) as opened, writing(opened):
        with opened.database.transaction():
            for row in opened.catalog.files():
                checksum = opened.catalog.checksum(row.id)
                opened.database.run("UPDATE files SET checksum = ? WHERE id = ?", (checksum, row.id))
            opened.full_text.merge()
        opened.primary.neighbors.sync(progress)


def _copy(database: sqlite3.Connection, space: int, last: dict[str, int], copy: int) -> None:
    """Add what the index had at first, with ids behind those of the copies before."""
    file, unit, vector = (copy * last[table] for table in ("files", "units", "vectors"))
    database.execute(
        "INSERT INTO files SELECT id + ?, ? || path, language, size, mtime_ns, ctime_ns, digest, skipped, "
        "gave_up, 0 FROM files WHERE id <= ?",
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
        "SELECT id, digest, data FROM vectors WHERE id <= ? AND space_id = ?", (last["vectors"], space)
    ).fetchall()
    digests = [copy.to_bytes(4, "big") + digest for _, digest, _ in rows]
    noisy = _noisy(b"".join(data for *_, data in rows), len(rows), copy)
    database.executemany(
        "INSERT INTO vectors VALUES (?, ?, ?, ?, ?)",
        (
            (vector + number, space, new, data.tobytes(), vector_checksum(new, data.tobytes()))
            for new, (number, *_), data in zip(digests, rows, noisy, strict=True)
        ),
    )
    database.execute(
        "INSERT INTO windows SELECT space_id, unit, ordinal, vector, start_line, end_line, "
        "window_checksum(space_id, unit, ordinal, vector, start_line, end_line) "
        "FROM (SELECT *, unit_id + ? AS unit, vector_id + ? AS vector FROM windows "
        "WHERE unit_id <= ? AND space_id = ?)",
        (unit, vector, last["units"], space),
    )


def _noisy(data: bytes, rows: int, seed: int) -> np.ndarray:
    vectors = np.frombuffer(data, np.float16).reshape(rows, -1).astype(np.float32)
    noise = np.random.default_rng(seed).normal(scale=_NOISE * vectors.shape[1] ** -0.5, size=vectors.shape)
    vectors += noise.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16)
