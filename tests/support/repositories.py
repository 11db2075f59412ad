"""Small real repositories, what an index of one holds, and how a failed command must look."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from indexes import index_of, lend
from numpy.typing import NDArray

PROGRAM = str(Path(sys.executable).parent / "codesift")
Done = subprocess.CompletedProcess  # [str]

SHOP: Mapping[str, str] = {
    "shop/cart.py": '''"""A basket of goods."""


class Cart:
    """What a customer is about to buy."""

    def __init__(self):
        self.lines = []

    def add(self, article, count=1):
        """Put an article into the basket."""
        self.lines.append((article, count))

    def total(self):
        """Sum of the prices of all lines."""
        return sum(article.price * count for article, count in self.lines)
''',
    "shop/files.py": '''import json
import os


def load_settings(path):
    """Read the settings from a JSON file."""
    with open(path) as file:
        return json.load(file)


def remove_old_files(folder, age):
    """Delete files that were not touched for some time."""
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < age:
            os.unlink(entry.path)
''',
    "web/retry.go": """package web

import "time"

// Retry calls send until it succeeds, waiting longer each time.
func Retry(send func() error, attempts int) error {
	var err error
	for i := 0; i < attempts; i++ {
		if err = send(); err == nil {
			return nil
		}
		time.Sleep(time.Duration(1<<i) * time.Second)
	}
	return err
}
""",
}

SHOP_UNITS = 10
"""What `SHOP` is cut into."""


def write(root: Path, files: Mapping[str, str | bytes] = SHOP) -> Path:
    """Write files below `root`, folders made as needed."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def clean_shop(folder: Path) -> Path:
    """`SHOP` with its index, for a fixture that outlives a test."""
    root = write(folder / "clean")
    subprocess.run([PROGRAM, "index", root], check=True, capture_output=True, timeout=120)
    return root


def failed(done: Done[str], *said: str) -> None:
    """The command ended as bad input must: exit code 2, one clear line on stderr, nothing on stdout."""
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("codesift: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    for part in said:
        assert part in done.stderr, done.stderr


def worked(done: Done[str]) -> str:
    """The command ended well; returns its output."""
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr
    return done.stdout


def embedded(done: Done[str]) -> int:
    """Windows that an `index` run sent through the model."""
    found = re.search(r"([\d,]+) embedded", worked(done))
    assert found, done
    return int(found[1].replace(",", ""))


def units(done: Done[str]) -> int:
    """Units that an `index` run counted."""
    found = re.search(r"units\s+([\d,]+)", worked(done))
    assert found, done
    return int(found[1].replace(",", ""))


def rows(root: Path, sql: str) -> list[Any]:
    """What the index of `root` says, read while others may write it; nothing if it cannot be read."""
    return rows_of(index_of(lend(root)), sql)


def rows_of(folder: Path, sql: str) -> list[Any]:
    """As `rows`, for an index folder."""
    try:
        with closing(sqlite3.connect(f"{(folder / 'index.db').as_uri()}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()
    except sqlite3.Error:
        return []


def contents(root: Path) -> dict[str, list[Any]]:
    """Everything an index holds but ids and times, in an order that does not depend on how it came about."""
    return {
        "files": rows(root, "SELECT path, language, size, digest, skipped FROM files ORDER BY 1"),
        "units": rows(
            root,
            "SELECT path, kind, name, qualified_name, start_line, end_line "
            "FROM units JOIN files ON files.id = file_id ORDER BY path, start_line, end_line, qualified_name",
        ),
        "words": rows(root, "SELECT name, path, documentation, body FROM words ORDER BY 1, 2, 3, 4"),
        "windows": rows(
            root,
            "SELECT path, qualified_name, ordinal, windows.start_line, windows.end_line, vectors.digest "
            "FROM windows JOIN units ON units.id = unit_id JOIN files ON files.id = file_id "
            "JOIN vectors ON vectors.id = vector_id ORDER BY 1, 4, 2, 3",
        ),
        "strays": rows(
            root,
            "SELECT id FROM units WHERE file_id NOT IN (SELECT id FROM files) "
            "UNION ALL SELECT unit_id FROM windows WHERE unit_id NOT IN (SELECT id FROM units) "
            "UNION ALL SELECT rowid FROM words WHERE rowid NOT IN (SELECT id FROM units)",
        ),
        "version": rows(root, "PRAGMA user_version"),
    }


def vectors(root: Path) -> dict[bytes, NDArray[np.float32]]:
    """Digest -> vector of shape (dimensions,), of those in use."""
    used = rows(root, "SELECT digest, data FROM vectors WHERE id IN (SELECT vector_id FROM windows)")
    return {digest: np.frombuffer(data, np.float16).astype(np.float32) for digest, data in used}


def same_index(one: Path, other: Path) -> None:
    """Two indexes of the same files hold the same, vectors up to what engines and their batches change."""
    first, second = contents(one), contents(other)
    assert first["units"] and not first["strays"]
    assert first == second
    mine, theirs = vectors(one), vectors(other)
    assert mine.keys() == theirs.keys()
    assert min(_cosine(mine[digest], theirs[digest]) for digest in mine) > 0.998


def _cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def start(*arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
    """Start the installed command without waiting for it."""
    pipe = subprocess.PIPE
    chosen: dict[str, Any] = {"stdout": pipe, "stderr": pipe, "text": True, "encoding": "utf-8"} | options
    return subprocess.Popen([PROGRAM, *map(str, arguments)], **chosen)


def finished(process: subprocess.Popen[str]) -> Done[str]:
    """Wait for a started command."""
    out, err = process.communicate(timeout=300)
    return Done(process.args, process.returncode, out or "", err or "")


def as_ordinary_user() -> Callable[[], None]:
    """For `preexec_fn`: let permission bits hold for root too, by giving up the right to pass over them.

    The process stays root in name, so that an interpreter only root may reach still starts.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    drop_from_bounding_set, capabilities = 24, (1, 2)  # PR_CAPBSET_DROP; DAC_OVERRIDE, DAC_READ_SEARCH

    def drop() -> None:
        for capability in capabilities:
            if os.geteuid() == 0 and libc.prctl(drop_from_bounding_set, capability, 0, 0, 0):
                os._exit(77)

    return drop
