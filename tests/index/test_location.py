"""Where a repository begins, where its index lies, and that only one process writes it."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from codesift.config import Settings
from codesift.errors import StorageError, UsageError
from codesift.index.location import (
    ABOUT,
    DATABASE,
    cache_place,
    checked_folder,
    find_root,
    holds_index,
    make_index_folder,
    repository_place,
    stored_indexes,
    write_lock,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repo" / "src" / "deep").mkdir(parents=True)
    return (tmp_path / "repo").resolve()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=str(tmp_path / "cache"))


def indexed(root: Path, settings: Settings) -> Path:
    """The folder of an index of `root`, with a file in the place of its database."""
    folder = make_index_folder(cache_place(root, settings), root)
    (folder / DATABASE).write_bytes(b"12345")
    return folder


def test_the_root_is_the_nearest_folder_with_a_git_repository(root: Path, settings: Settings) -> None:
    (root / ".git").mkdir()
    assert find_root(root / "src" / "deep", settings) == root
    (root / "src" / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    assert find_root(root / "src" / "deep", settings) == root / "src"


def test_a_repository_inside_an_indexed_folder_is_a_repository_of_its_own(
    root: Path, settings: Settings
) -> None:
    indexed(root, settings)
    assert find_root(root / "src" / "deep", settings) == root
    (root / "src" / ".git").mkdir()
    assert find_root(root / "src" / "deep", settings) == root / "src"


def test_a_plain_folder_is_its_own_root(root: Path, settings: Settings) -> None:
    assert find_root(root / "src", settings) == root / "src"


def test_an_index_that_came_with_a_folder_makes_no_root_of_it(root: Path, settings: Settings) -> None:
    (root / ".codesift").mkdir()
    (root / ".codesift" / DATABASE).touch()
    assert find_root(root / "src", settings) == root / "src"
    travelling = replace(settings, index_folder="repository")
    assert find_root(root / "src", travelling) == root


def test_an_empty_index_folder_is_no_index(root: Path, settings: Settings) -> None:
    folder = make_index_folder(cache_place(root, settings), root)
    assert not holds_index(folder) and find_root(root / "src", settings) == root / "src"


def test_a_folder_is_taken_as_given_with_links_resolved(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    assert checked_folder(tmp_path / "link" / "src" / "..") == root


def test_a_file_or_nothing_is_no_root(root: Path, settings: Settings) -> None:
    file = root / "a.py"
    file.touch()
    for find in (checked_folder, lambda path: find_root(path, settings)):
        with pytest.raises(UsageError, match="is not a folder"):
            find(file)
        with pytest.raises(UsageError, match="cannot open"):
            find(root / "missing")
        with pytest.raises(UsageError, match="cannot open"):
            find(Path("a\0b"))


def test_the_index_lies_in_the_cache_and_nothing_in_the_root(root: Path, settings: Settings) -> None:
    folder = indexed(root, settings)
    assert folder.parent == Path(settings.cache_dir) / "indexes" and holds_index(folder)
    assert [path.name for path in root.iterdir()] == ["src"]
    assert folder.stat().st_mode & 0o077 == 0
    assert make_index_folder(cache_place(root, settings), root) == folder


def test_each_path_has_an_index_folder_with_a_readable_name(tmp_path: Path, settings: Settings) -> None:
    names = ["plain", "two words", "x" * 200, "\n\x1b[31m", "caf\udce9"]
    places = [cache_place(tmp_path / name, settings) for name in names]
    places.append(cache_place(tmp_path / "other" / "plain", settings))
    assert len(set(places)) == len(places)
    assert places[0].name.startswith("plain-") and places[1].name.startswith("two_words-")
    assert all(len(place.name) < 80 and place.name.isascii() and place.name.isprintable() for place in places)


def test_an_index_that_travels_lies_in_the_root_and_git_does_not_see_it(root: Path) -> None:
    folder = make_index_folder(repository_place(root), root)
    assert folder == root / ".codesift"
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"


@pytest.mark.parametrize("what", ["link", "file", "dangling link", "pipe"])
def test_what_is_no_folder_of_ours_is_never_an_index(root: Path, tmp_path: Path, what: str) -> None:
    victim = tmp_path / "victim"
    place = root / ".codesift"
    if what == "link":
        victim.mkdir()
    if what.endswith("link"):
        place.symlink_to(victim)
    elif what == "pipe":
        os.mkfifo(place)
    else:
        place.touch()
    with pytest.raises(StorageError, match="no folder of yours"):
        make_index_folder(place, root)
    assert not holds_index(place)
    assert not victim.exists() or not list(victim.iterdir())


@pytest.mark.parametrize("name", [".gitignore"])
def test_a_link_in_an_index_folder_is_not_written_through(root: Path, tmp_path: Path, name: str) -> None:
    (root / ".codesift").mkdir()
    (root / ".codesift" / name).symlink_to(tmp_path / "victim")
    make_index_folder(repository_place(root), root)
    assert not (tmp_path / "victim").exists()


def test_all_indexes_are_known_by_their_repository(root: Path, tmp_path: Path, settings: Settings) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert stored_indexes(settings) == []
    first, second = indexed(root, settings), indexed(other, settings)
    os.utime(first / DATABASE, (1, 1))
    found = stored_indexes(settings)
    assert [(each.folder, each.root) for each in found] == [(second, other), (first, root)]
    assert all(each.size > 5 and not each.is_missing() for each in found)
    other.rmdir()
    assert [each.is_missing() for each in stored_indexes(settings)] == [True, False]


@pytest.mark.parametrize("written", [b"", b"{", b"[1]", b'{"root": 3}', b'{"root": "/elsewhere"}', b"\xff"])
def test_an_index_that_names_no_repository_is_not_called_missing(
    root: Path, settings: Settings, written: bytes
) -> None:
    (indexed(root, settings) / ABOUT).write_bytes(written)
    (found,) = stored_indexes(settings)
    assert found.root is None and not found.is_missing()


def test_one_at_a_time_may_write(root: Path) -> None:
    with write_lock(root, None) as first:
        with write_lock(root, None) as second:
            assert (first, second) == (True, False)
        with write_lock(root, None) as third:
            assert not third
    with write_lock(root, None) as after:
        assert after


def test_the_lock_is_given_back_when_the_work_fails(root: Path) -> None:
    with pytest.raises(ZeroDivisionError), write_lock(root, None):
        raise ZeroDivisionError
    with write_lock(root, None) as mine:
        assert mine


def test_who_waits_says_so_once_and_gets_its_turn(root: Path) -> None:
    said, turn = threading.Event(), threading.Event()

    def wait() -> None:
        with write_lock(root, said.set) as mine:
            assert mine
            turn.set()

    with write_lock(root, None):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert said.wait(10) and not turn.is_set()
    waiting.join(10)
    assert turn.is_set()


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_lock_that_is_no_file_is_neither_followed_nor_waited_for(
    root: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "pipe":
        os.mkfifo(root / "lock")
    else:
        (root / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StorageError, match="not a regular file"), write_lock(root, None):
        pass
    assert not (tmp_path / "victim").exists()
