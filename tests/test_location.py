"""Where a repository begins, where its index lies, and that only one process writes it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from codesift.errors import UsageError
from codesift.location import existing_index, find_root, given_root, index_folder, write_lock

SYSFS = Path("/sys/kernel")
"""Linux makes no folder here, not even for root."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repo" / "src" / "deep").mkdir(parents=True)
    return (tmp_path / "repo").resolve()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_the_root_is_the_nearest_folder_with_a_git_repository(root: Path, cache: Path) -> None:
    (root / ".git").mkdir()
    assert find_root(root / "src" / "deep", cache) == root
    (root / "src" / ".git").write_text("gitdir: elsewhere\n", encoding="utf-8")
    assert find_root(root / "src" / "deep", cache) == root / "src"


def test_a_repository_inside_an_indexed_folder_is_a_repository_of_its_own(root: Path, cache: Path) -> None:
    (index_folder(root, cache) / "index.db").touch()
    assert find_root(root / "src" / "deep", cache) == root
    (root / "src" / ".git").mkdir()
    assert find_root(root / "src" / "deep", cache) == root / "src"


def test_a_plain_folder_is_its_own_root(root: Path, cache: Path) -> None:
    assert find_root(root / "src", cache) == root / "src"


def test_an_empty_index_folder_is_no_index(root: Path, cache: Path) -> None:
    index_folder(root, cache)
    (root / "src" / ".git").mkdir()
    assert existing_index(root, cache) is None and find_root(root / "src", cache) == root / "src"


def test_a_folder_is_taken_as_given_with_links_resolved(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root, target_is_directory=True)
    assert given_root(tmp_path / "link" / "src" / "..") == root


def test_a_file_or_nothing_is_no_root(root: Path, cache: Path) -> None:
    file = root / "a.py"
    file.touch()
    for find in (given_root, lambda path: find_root(path, cache)):
        with pytest.raises(UsageError, match="is not a folder"):
            find(file)
        with pytest.raises(UsageError, match="cannot open"):
            find(root / "missing")


def test_the_index_lies_in_the_root_and_git_does_not_see_it(root: Path, cache: Path) -> None:
    folder = index_folder(root, cache)
    assert folder == root / ".codesift"
    assert [(p.name, p.read_text(encoding="utf-8")) for p in folder.iterdir()] == [(".gitignore", "*\n")]
    (folder / "index.db").touch()
    assert existing_index(root, cache) == folder and not cache.exists()


@pytest.mark.skipif(not SYSFS.is_dir(), reason="needs Linux' sysfs")
def test_the_index_of_a_read_only_root_lies_in_the_cache_one_for_each_path(cache: Path) -> None:
    folder = index_folder(SYSFS, cache)
    assert folder.parent == cache / "indexes" and folder.is_dir()
    assert index_folder(SYSFS.parent / "devices", cache) != folder
    assert index_folder(SYSFS, cache) == folder
    (folder / "index.db").touch()
    assert existing_index(SYSFS, cache) == folder and find_root(SYSFS / "mm", cache) == SYSFS


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
