"""The indexes of the corpora: made once by the installed command, timed while they are made, then kept."""

from __future__ import annotations

import json
import shutil
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.processes import codesift, run
from codesift.config import Settings
from codesift.index.location import DATABASE, cache_place
from evaluation.corpora import corpus_folder


@dataclass(frozen=True, slots=True)
class FullRun:
    """What a full `codesift index` of a corpus took."""

    units: int
    windows: int
    """Parts of units that fit the encoder."""
    seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Indexes:
    """The indexed corpora in one folder."""

    to: Path
    fresh: bool = False
    """Index anew what an earlier process indexed."""
    _made: set[str] = field(default_factory=set)

    def folder(self, name: str) -> Path:
        """The folder of a corpus, absolute, its index complete.

        Raises:
            Unavailable: the corpus cannot be had here.
            Failed: it cannot be indexed.
        """
        folder = corpus_folder(name, self.to).absolute()
        if self._is_due(name, folder):
            self._make(name, folder)
        elif not is_complete(folder):
            run(codesift("index", str(folder), "--quiet"))
        return folder

    def full_run(self, name: str) -> FullRun:
        """What the run that made the index of a corpus took, now or earlier."""
        self.folder(name)
        return FullRun(**json.loads(self._note(name).read_text(encoding="utf-8")))

    def _note(self, name: str) -> Path:
        return self.to / f"{name}.index.json"

    def _is_due(self, name: str, folder: Path) -> bool:
        if self.fresh and name not in self._made:
            return True
        return not (self._note(name).is_file() and (index_folder(folder) / DATABASE).exists())

    def _make(self, name: str, folder: Path) -> None:
        """Index from nothing; what an interrupted run left would falsify the time."""
        shutil.rmtree(index_folder(folder), ignore_errors=True)
        self._note(name).unlink(missing_ok=True)
        sys.stderr.write(f"indexing {name}: minutes for the larger corpora\n")
        ran = run(codesift("index", str(folder), "--quiet"))
        note = [count(folder, "units"), count(folder, "windows"), ran.seconds, ran.peak_mb]
        text = json.dumps(dict(zip(("units", "windows", "seconds", "peak_mb"), note, strict=True)))
        self._note(name).write_text(text + "\n", encoding="utf-8")
        self._made.add(name)


def index_folder(folder: Path) -> Path:
    """Where the installed command keeps the index of a folder, as `processes.run` runs it."""
    return cache_place(folder.resolve(), Settings())


def is_complete(folder: Path) -> bool:
    """Whether an index has all vectors and matches its files."""
    found: dict[str, Any] = json.loads(run(codesift("status", "--json", "--root", str(folder))).output)
    return found["vectors_ready"] == found["units"] and not found["stale_files"]


def open_database(folder: Path) -> sqlite3.Connection:
    """The index of a folder, for reading."""
    path = index_folder(folder) / DATABASE
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def count(folder: Path, table: str) -> int:
    """Rows of a table of an index."""
    with closing(open_database(folder)) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def functions(folder: Path, wanted: int) -> list[tuple[str, int]]:
    """(path, first line) of functions at equal distances through an index."""
    with closing(open_database(folder)) as database:
        rows = database.execute(
            "SELECT path, start_line FROM units JOIN files ON files.id = file_id "
            "WHERE kind IN ('function', 'method') AND end_line > start_line + 4 ORDER BY path, start_line"
        ).fetchall()
    return [rows[(2 * i + 1) * len(rows) // (2 * wanted)] for i in range(wanted)]
