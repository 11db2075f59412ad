"""A search finds an index that is there, whole and in step with the files, or says why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import HashingEncoder, opened, repository_of, run_index, write
from indexes import index_of

from codesift.config import Settings
from codesift.errors import DamagedIndexError, UsageError
from codesift.index.location import DATABASE, write_lock
from codesift.index.opening import Index
from codesift.session import Repository
from codesift.types import Encoder

AS_IT_IS = Settings(refresh=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "a.py", "def tide():\n    return 'water'\n")
    return tmp_path


class Desk:
    """Opens the repository for each search and keeps what the user was told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.said: list[str] = []

    def names(self, settings: Settings | None = None, encoder: Encoder | None = None) -> list[str]:
        """The names in the index that a search would see."""

        def work(index: Index) -> list[str]:
            return [h.name for row in index.catalog.files() for h in index.catalog.units_of(row.path)]

        with self.open(encoder, settings) as repository:
            return repository.on_index(work)

    def open(self, encoder: Encoder | None = None, settings: Settings | None = None) -> Repository:
        return repository_of(self.root, encoder, settings, self.said.append)


@pytest.fixture
def desk(root: Path) -> Desk:
    return Desk(root)


@pytest.fixture
def indexed(desk: Desk) -> Iterator[Desk]:
    run_index(desk.root, HashingEncoder())
    yield desk


def test_the_first_search_builds_the_index_and_says_so(desk: Desk) -> None:
    assert desk.names(encoder=HashingEncoder()) == ["tide"]
    assert len(desk.said) == 1 and "building it" in desk.said[0] and str(desk.root) in desk.said[0]


def test_a_fresh_index_is_used_without_a_word_and_without_an_encoder(indexed: Desk) -> None:
    assert indexed.names() == ["tide"] and indexed.said == []


def test_a_search_sees_what_changed_since(indexed: Desk) -> None:
    write(indexed.root, "b.py", "def ebb():\n    return 'sand'\n")
    assert indexed.names(encoder=HashingEncoder()) == ["tide", "ebb"] and indexed.said == []


def test_without_refresh_the_index_is_taken_as_it_is(indexed: Desk) -> None:
    write(indexed.root, "b.py", "def ebb():\n    return 'sand'\n")
    assert indexed.names(AS_IT_IS) == ["tide"]


def test_without_refresh_there_must_be_an_index(desk: Desk) -> None:
    with pytest.raises(UsageError, match="there is no index"):
        desk.names(AS_IT_IS)
    assert not index_of(desk.root).exists()


def test_a_search_beside_an_index_run_answers_from_what_is_ready(indexed: Desk) -> None:
    write(indexed.root, "b.py", "def ebb():\n    return 'sand'\n")
    with write_lock(index_of(indexed.root), None):
        assert indexed.names() == ["tide"]
    assert len(indexed.said) == 1 and "searching what is ready" in indexed.said[0]


def test_a_search_with_nothing_to_do_does_not_ask_for_the_lock(indexed: Desk) -> None:
    indexed.names(encoder=HashingEncoder())
    with write_lock(index_of(indexed.root), None):
        assert indexed.names() == ["tide"]


@pytest.mark.parametrize("command", ["search", "index"])
def test_a_damaged_index_is_built_again(indexed: Desk, command: str) -> None:
    database = index_of(indexed.root) / DATABASE
    database.write_bytes(b"garbage" * 1000)
    if command == "search":
        assert indexed.names(encoder=HashingEncoder()) == ["tide"]
    else:
        with indexed.open(HashingEncoder()) as repository:
            assert repository.refresh().embedded == 1
    assert len(indexed.said) == 1 and indexed.said[0].endswith("indexing all files again")
    assert indexed.names() == ["tide"]


def test_a_damaged_index_that_may_not_be_built_is_left_as_it_is(indexed: Desk) -> None:
    database = index_of(indexed.root) / DATABASE
    database.write_bytes(b"garbage" * 1000)
    with pytest.raises(DamagedIndexError):
        indexed.names(AS_IT_IS)
    assert database.read_bytes() == b"garbage" * 1000


def test_work_that_fails_does_not_cost_the_index(indexed: Desk) -> None:
    def work(index: Index) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), indexed.open() as repository:
        repository.on_index(work)
    assert indexed.names() == ["tide"]


def test_status_tells_what_is_there_and_how_stale(indexed: Desk) -> None:
    before = indexed.open().status()
    assert (before["files"], before["units"], before["vectors_ready"]) == (1, 1, 1)
    assert before["languages"] == {"python": 1} and before["model"] == Settings().model
    assert before["size_bytes"] > 0 and before["index"] == str(index_of(indexed.root))
    write(indexed.root, "b.py", "x = 1\n")
    after = indexed.open().status()
    assert (before["stale_files"], after["stale_files"], after["files"]) == (0, 1, 1)


def test_status_needs_an_index(desk: Desk) -> None:
    with pytest.raises(UsageError, match="there is no index"):
        desk.open().status()
    assert not index_of(desk.root).exists()


def test_a_deleted_index_is_gone_and_its_size_told(indexed: Desk) -> None:
    with indexed.open() as repository:
        folder, freed = repository.delete()
        assert folder == index_of(indexed.root) and freed > 0 and not folder.exists()
        assert repository.delete() == (None, 0)


def test_settings_decide_how_many_are_indexed(root: Path) -> None:
    write(root, "b.js", "function ebb() {}\n")
    run_index(root, HashingEncoder(), Settings(exclude=("*.js",)))
    with opened(root) as index:
        assert [row.path for row in index.catalog.files()] == ["a.py"]
