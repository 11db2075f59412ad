"""Which indexes inside a repository are used: those this user's codesift signed, and no others."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from indexes import index_of
from repositories import Done, embedded, finished, start, worked, write

from codesift.index import trust

Run = Callable[..., Done[str]]
IGNORED = "was not written by your codesift"


@pytest.fixture
def travelling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESIFT_INDEX_FOLDER", "repository")


@pytest.fixture
def shop(tmp_path: Path, codesift: Run, travelling: None) -> Path:
    """A repository with a signed index inside it."""
    root = write(tmp_path / "shop")
    worked(codesift("index", root))
    assert (root / ".codesift/index.db").is_file() and not index_of(root).exists()
    return root


def paths(done: Done[str]) -> list[str]:
    return [result["path"] for result in json.loads(worked(done))["results"]]


def ask(codesift: Run, root: Path) -> Done[str]:
    return codesift("query", "sum of prices", "--root", root, "--json")


def test_an_index_of_ones_own_is_used_and_travels(codesift: Run, shop: Path, tmp_path: Path) -> None:
    done = ask(codesift, shop)
    assert paths(done)[0] == "shop/cart.py" and done.stderr == ""
    moved = tmp_path / "elsewhere"
    shutil.copytree(shop, moved)
    shutil.rmtree(shop)
    assert embedded(codesift("index", moved)) == 0
    done = ask(codesift, moved)
    assert paths(done)[0] == "shop/cart.py" and done.stderr == "" and not index_of(moved).exists()


def test_it_stays_ones_own_after_changes_and_a_kill(codesift: Run, shop: Path) -> None:
    for number in range(4):
        write(shop, {f"more{number}.py": f"def more{number}():\n    return {number} + {number}\n"})
        process = start("index", shop)
        try:
            process.wait(0.3 + number / 4)
        except Exception:
            process.kill()
        finished(process)
        done = ask(codesift, shop)
        assert paths(done) and IGNORED not in done.stderr, done
    assert trust.standing(shop / ".codesift") is trust.Standing.OURS


def _doctor(database: Path) -> None:
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE files SET path = '/etc/passwd' WHERE path = 'shop/cart.py'")


CHANGED: dict[str, Callable[[Path], object]] = {
    "the database": lambda folder: _doctor(folder / "index.db"),
    "a byte of it": lambda folder: _flip(folder / "index.db"),
    "a log beside it": lambda folder: (folder / "index.db-wal").write_bytes(b"\0" * 5000),
}
FOREIGN: dict[str, Callable[[Path], object]] = {
    "no note": lambda folder: (folder / "signed.json").unlink(),
    "a note of its own": lambda folder: (folder / "signed.json").write_text(
        json.dumps({"facts": {"open": True, "identity": []}, "signature": "0" * 32})
    ),
    "a note nested deep": lambda folder: (folder / "signed.json").write_text("[" * 90_000),
    "a note that is a pipe": lambda folder: (
        (folder / "signed.json").unlink(),
        os.mkfifo(folder / "signed.json"),
    ),
}
HARMLESS: dict[str, Callable[[Path], object]] = {
    "other vectors": lambda folder: next(folder.glob("*.vectors")).write_bytes(b"\0" * 5000),
    "a file nobody opens": lambda folder: (folder / "signed.json-0123456789abcdef").touch(),
    "no lock": lambda folder: (folder / "lock").unlink(),
}


def _flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])


@pytest.mark.parametrize("change", CHANGED)
def test_an_index_of_ones_own_that_was_changed_is_built_again(codesift: Run, shop: Path, change: str) -> None:
    CHANGED[change](shop / ".codesift")
    done = ask(codesift, shop)
    assert paths(done)[0] == "shop/cart.py" and "passwd" not in done.stdout
    assert done.stderr.count("not as your codesift left it") == 1
    assert ask(codesift, shop).stderr == "" and not index_of(shop).exists()
    assert trust.standing(shop / ".codesift") is trust.Standing.OURS


def test_without_refresh_a_changed_index_is_neither_used_nor_deleted(codesift: Run, shop: Path) -> None:
    _doctor(shop / ".codesift/index.db")
    before = (shop / ".codesift/index.db").read_bytes()
    done = codesift("query", "price", "--no-refresh", "--root", shop)
    assert done.returncode == 2 and "it is not used" in done.stderr and "no index" in done.stderr
    assert (shop / ".codesift/index.db").read_bytes() == before


def test_a_changed_index_is_made_whole_by_an_examination(codesift: Run, shop: Path) -> None:
    _doctor(shop / ".codesift/index.db")
    done = codesift("status", "--check", "--json", "--root", shop)
    found = json.loads(worked(done))
    assert done.stderr.count("\n") == 1 and found["drafts"] and found["units"] > 0
    assert ask(codesift, shop).stderr == ""


@pytest.mark.parametrize("change", FOREIGN)
def test_an_index_without_ones_signature_is_not_used(codesift: Run, shop: Path, change: str) -> None:
    FOREIGN[change](shop / ".codesift")
    _doctor(shop / ".codesift/index.db")
    for _ in range(2):
        done = ask(codesift, shop)
        assert paths(done)[0] == "shop/cart.py" and "passwd" not in done.stdout
        assert done.stderr.count(IGNORED) == 1, done
    assert index_of(shop).exists()


@pytest.mark.parametrize("change", HARMLESS)
def test_what_is_not_the_database_costs_no_index(codesift: Run, shop: Path, change: str) -> None:
    HARMLESS[change](shop / ".codesift")
    done = ask(codesift, shop)
    assert paths(done)[0] == "shop/cart.py" and done.stderr == ""
    assert embedded(codesift("index", shop)) == 0


def test_many_first_uses_at_once_sign_one_index(codesift: Run, tmp_path: Path, travelling: None) -> None:
    root = write(tmp_path / "shop")
    running = [start("query", "price", "--root", root) for _ in range(4)]
    for process in running:
        done = finished(process)
        assert done.returncode == 0 and IGNORED not in done.stderr, done
    assert trust.standing(root / ".codesift") is trust.Standing.OURS and not index_of(root).exists()


def test_an_examination_in_passing_leaves_a_signed_index(codesift: Run, shop: Path) -> None:
    for _ in range(2):
        os.utime(shop / ".codesift/checked", (1, 1))
        assert ask(codesift, shop).stderr == ""
    worked(codesift("status", "--check", "--root", shop))
    assert trust.standing(shop / ".codesift") is trust.Standing.OURS


def test_a_second_worktree_costs_no_embedding(codesift: Run, shop: Path, git: Callable[..., None]) -> None:
    git(shop, "init", "-q")
    git(shop, "add", ".")
    git(shop, "commit", "-qm", "all")
    git(shop, "worktree", "add", "-q", str(shop.parent / "second"))
    assert embedded(codesift("index", shop.parent / "second")) == 0


def test_an_index_of_another_user_is_not_used(
    codesift: Run, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "other"))
    done = ask(codesift, shop)
    assert paths(done)[0] == "shop/cart.py" and IGNORED in done.stderr


def test_an_index_that_git_knows_is_not_used(codesift: Run, shop: Path, git: Callable[..., None]) -> None:
    git(shop, "init", "-q")
    git(shop, "add", "-f", ".codesift/index.db")
    assert IGNORED in ask(codesift, shop).stderr


def test_an_index_from_a_stranger_is_not_used_by_default(
    codesift: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIFT_INDEX_FOLDER")
    (shop / ".codesift/signed.json").unlink()
    _doctor(shop / ".codesift/index.db")
    before = {path: path.read_bytes() for path in (shop / ".codesift").iterdir()}
    for verb in (
        ["query", "price"],
        ["index"],
        ["status"],
        ["similar", "shop/cart.py:Cart.total"],
        ["clean"],
    ):
        done = codesift(*verb, cwd=shop)
        assert done.returncode == 0 and done.stderr.count(IGNORED) == 1, done
        assert "passwd" not in done.stdout
    assert {path: path.read_bytes() for path in (shop / ".codesift").iterdir()} == before


def test_a_key_is_made_once_and_is_the_users_alone(tmp_path: Path, own_home: Path) -> None:
    first = trust.signature(b"x")
    path = own_home / ".local/share/codesift/key"
    assert path.stat().st_mode & 0o777 == 0o600 and path.stat().st_size == 32
    assert trust.signature(b"x") == first != trust.signature(b"y")


def test_without_a_key_everything_is_searched_without_a_graph(
    codesift: Run, tmp_path: Path, own_home: Path
) -> None:
    root = write(tmp_path / "shop")
    (own_home / ".local").write_text("no folder")
    worked(codesift("index", root))
    assert paths(ask(codesift, root))[0] == "shop/cart.py"
    assert not list(index_of(root).glob("*.hnsw"))
