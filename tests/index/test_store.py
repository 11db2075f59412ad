"""Opening, emptying and deleting an index."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import HashingEncoder, opened, run_index, write
from indexes import index_of
from tiny_models import DIM, converted

from codesift.config import Settings
from codesift.errors import DamagedIndexError, ModelError, StorageError
from codesift.index.database import Database
from codesift.index.location import DATABASE, size_on_disk
from codesift.index.opening import discard, open_index, reset


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "repo", "a.py", "def tide(): return 1\n")
    return tmp_path / "repo"


def test_an_index_that_is_not_there_is_made_empty(root: Path) -> None:
    with opened(root) as index:
        assert index.catalog.counts() == (0, 0) and index.primary.vectors.ready() == 0
        assert index.root == root and (index.folder / DATABASE).is_file()


def test_what_one_stores_the_next_finds(root: Path) -> None:
    run_index(root, HashingEncoder())
    with opened(root) as first:
        counts, identity = first.catalog.counts(), first.primary.vectors.index
    with opened(root) as second:
        assert second.catalog.counts() == counts == (1, 1) and second.primary.vectors.index == identity


def test_a_closed_index_cannot_be_used(root: Path) -> None:
    with opened(root) as index:
        pass
    with pytest.raises(sqlite3.ProgrammingError):
        index.catalog.counts()


def test_the_vectors_of_another_model_wait_beside_the_first(root: Path, tmp_path: Path) -> None:
    other = Settings(model=str(converted(tmp_path / "tiny")))
    run_index(root, HashingEncoder())
    with opened(root, other) as index:
        assert index.primary.space.dimensions == DIM and index.primary.vectors.ready() == 0
    run_index(root, HashingEncoder(dimensions=DIM), other)
    for settings in (Settings(), other):
        with opened(root, settings) as index:
            assert index.primary.vectors.ready() == 1
    assert len(list(index_of(root).glob("*.vectors"))) == 2


def test_an_unknown_model_opens_nothing(root: Path) -> None:
    with pytest.raises(ModelError, match="unknown model"), opened(root, Settings(model="all-MiniLM")):
        pass


def test_a_file_that_is_no_database_is_called_damaged(root: Path) -> None:
    folder = index_of(root)
    write(folder, DATABASE, "not a database, but long enough to be looked at " * 20)
    with pytest.raises(DamagedIndexError, match="damaged"), open_index(root, folder, Settings()):
        pass


def test_a_reset_keeps_the_folder_and_its_lock_alone(root: Path) -> None:
    run_index(root, HashingEncoder())
    folder = index_of(root)
    reset(folder)
    assert {path.name for path in folder.iterdir()} <= {"lock", "embedding", "about"}
    assert run_index(root, HashingEncoder()).units == 1


def test_discarding_tells_the_bytes_and_leaves_nothing(root: Path) -> None:
    run_index(root, HashingEncoder())
    folder = index_of(root)
    size = size_on_disk(folder)
    assert size == sum(path.stat().st_size for path in folder.iterdir()) > 0
    assert discard(folder) == size
    assert not folder.exists() and (root / "a.py").is_file()


def test_what_is_not_there_cannot_be_emptied_or_deleted(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot delete"):
        reset(tmp_path / "none")


def test_two_processes_may_make_the_same_index_at_once(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / str(number)
        folder.mkdir()
        start = threading.Barrier(4)
        made: list[str] = []

        def make(folder: Path = folder, start: threading.Barrier = start, made: list[str] = made) -> None:
            start.wait()
            database = Database(folder / DATABASE)
            made.append(database.meta("identity"))
            database.close()

        together(make, 4)
        assert len(made) == 4 and len(set(made)) == 1


def together(work: Callable[[], None], count: int) -> None:
    """Run `work` in several threads at once; the first error of any is raised."""
    with ThreadPoolExecutor(count) as threads:
        for done in [threads.submit(work) for _ in range(count)]:
            done.result()
