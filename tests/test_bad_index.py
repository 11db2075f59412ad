"""Indexes that are damaged, foreign, gone, or lie where nothing can be written."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from repositories import (
    SHOP_UNITS,
    Done,
    as_ordinary_user,
    embedded,
    failed,
    rows,
    rows_of,
    same_index,
    units,
    worked,
    write,
)

from codesift.config import Settings
from codesift.searching import Question, query
from codesift.store import open_index

Run = Callable[..., Done[str]]
NEEDLE = "def needle():\n    return 'hay'\n"


def paths(done: Done[str]) -> list[str]:
    return [result["path"] for result in json.loads(worked(done))["results"]]


@pytest.fixture
def shop(codesift: Run, tmp_path: Path) -> Path:
    """An indexed repository, and beside it another whose index stays as it is."""
    for name in ("shop", "clean"):
        worked(codesift("index", write(tmp_path / name)))
    return tmp_path / "shop"


# -- another version ------------------------------------------------------------------------------


def test_an_index_of_another_version_is_built_again(codesift: Run, shop: Path) -> None:
    for verb in (["index", shop], ["query", "price", "--root", shop, "--json"]):
        with closing(sqlite3.connect(shop / ".codesift/index.db")) as database:
            database.execute("PRAGMA user_version = 99")
        failed(codesift("status", "--root", shop), "another version", "codesift clean")
        failed(codesift("query", "price", "--no-refresh", "--root", shop), "another version")
        done = codesift(*verb)
        worked(done)
        assert done.stderr.count("\n") == 1 and "building it again" in done.stderr
        same_index(shop, shop.with_name("clean"))


def test_a_database_of_somebody_else_is_replaced(codesift: Run, shop: Path) -> None:
    path = shop / ".codesift/index.db"
    for old in path.parent.glob("index.db*"):
        old.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url)")
    assert paths(codesift("query", "sum of prices", "--root", shop, "--json"))[0] == "shop/cart.py"
    same_index(shop, shop.with_name("clean"))


# -- damage ---------------------------------------------------------------------------------------


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _overwrite_head(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(random.Random(1).randbytes(4096))


def _overwrite_middle(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 4)
        file.write(random.Random(2).randbytes(size // 2))


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [_cut, _empty, _overwrite_head, _overwrite_middle])
@pytest.mark.parametrize("verb", ["index", "query"])
def test_a_damaged_database_is_built_again(
    codesift: Run, shop: Path, damage: Callable[[Path], None], verb: str
) -> None:
    damage(shop / ".codesift/index.db")
    write(shop, {"needle.py": NEEDLE})
    if verb == "index":
        worked(codesift("index", shop))
    else:
        assert "needle.py" in paths(codesift("query", "needle", "--root", shop, "--json"))
    (shop / "needle.py").unlink()
    worked(codesift("index", shop))
    same_index(shop, shop.with_name("clean"))


def test_a_damaged_database_is_no_bug_of_any_verb(codesift: Run, shop: Path) -> None:
    _overwrite_middle(shop / ".codesift/index.db")
    for verb in (
        ["status"],
        ["query", "price", "--no-refresh"],
        ["similar", "shop/cart.py:total", "--no-refresh"],
    ):
        done = codesift(*verb, cwd=shop)
        assert done.returncode in (0, 1, 2), done
        assert "Traceback" not in done.stderr
    worked(codesift("clean", cwd=shop))
    assert not (shop / ".codesift").exists()


@pytest.mark.parametrize("name", ["index.db-wal", "index.db-shm", "index.db-journal"])
def test_files_left_beside_the_database_do_no_harm(codesift: Run, shop: Path, name: str) -> None:
    (shop / ".codesift" / name).write_bytes(random.Random(3).randbytes(40_000))
    assert paths(codesift("query", "sum of prices", "--root", shop, "--json"))[0] == "shop/cart.py"
    worked(codesift("index", shop))
    same_index(shop, shop.with_name("clean"))


@pytest.mark.parametrize("damage", [_cut, _empty, _overwrite_head, Path.unlink, _make_folder])
@pytest.mark.parametrize("suffix", [".json", ".hnsw"])
def test_a_damaged_graph_changes_no_answer(
    codesift: Run, shop: Path, suffix: str, damage: Callable[[Path], None]
) -> None:
    asked = ("query", "put an article into the basket", "--semantic", "--root", shop, "--json")
    before = worked(codesift(*asked))
    (path,) = (shop / ".codesift").glob("*" + suffix)
    if (suffix, damage) == (".hnsw", _overwrite_head):
        damage = _overwrite_middle
    damage(path)
    done = codesift(*asked)
    assert done.returncode in (0, -11)
    assert json.loads(done.stdout)["results"][0] == json.loads(before)["results"][0]
    worked(codesift("index", shop))
    assert worked(codesift(*asked)) == before


def test_an_index_folder_that_is_a_file_is_said(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path, {".codesift": "not a folder"})
    failed(codesift("index", tmp_path), ".codesift")


def test_an_index_folder_that_is_a_link_is_not_followed(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    victim = write(tmp_path / "victim", {"index.db": "mine", "letter": "mine too"})
    (root / ".codesift").symlink_to(victim)
    assert units(codesift("index", root)) == SHOP_UNITS
    worked(codesift("clean", "--root", root))
    assert sorted(path.read_text() for path in victim.iterdir()) == ["mine", "mine too"]


# -- deleted meanwhile ----------------------------------------------------------------------------


def test_an_index_deleted_under_a_running_query_is_searched_to_the_end(codesift: Run, shop: Path) -> None:
    question = Question("sum of prices", limit=3, semantic=False)
    with open_index(shop, shop / ".codesift", Settings()) as index:
        shutil.rmtree(shop / ".codesift")
        answer = query(question, index, Settings(), lambda: pytest.fail("no encoder is needed"))
        vector = index.vectors.of_unit(answer.hits[0].unit_id)[0]
        found = index.graph.search(vector, 3)
    assert answer.hits[0].qualified_name == "Cart.total"
    assert found[0][1] == pytest.approx(1, abs=1e-3)
    worked(codesift("index", shop))
    same_index(shop, shop.with_name("clean"))


# -- where nothing can be written -----------------------------------------------------------------


@contextmanager
def mounted(place: Path, *options: str, undo: bool = True) -> Iterator[Path]:
    """A file system mounted for a while; skips where that is not allowed."""
    place.mkdir(exist_ok=True)
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", *options, place], capture_output=True).returncode
    ):
        pytest.skip("mounting file systems is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@contextmanager
def frozen(root: Path) -> Iterator[None]:
    """Take away the right to write below a folder, for everybody without root's rights."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        yield
    finally:
        for folder in folders:
            folder.chmod(0o755)


def ask(codesift: Run, root: Path, text: str, **options: object) -> Done[str]:
    done = codesift("query", text, "--root", root, "--json", preexec_fn=as_ordinary_user(), **options)
    if done.returncode == 77:
        pytest.skip("root cannot give up its rights here")
    return done


def cached(home: Path) -> list[Path]:
    return list((home / ".cache/codesift/indexes").glob("*/index.db"))


def test_the_index_of_a_read_only_folder_goes_to_the_cache(
    codesift: Run, tmp_path: Path, own_home: Path
) -> None:
    root = write(tmp_path / "shop")
    with frozen(root):
        assert paths(ask(codesift, root, "sum of prices"))[0] == "shop/cart.py"
        done = codesift("index", root, preexec_fn=as_ordinary_user())
        assert (embedded(done), units(done)) == (0, SHOP_UNITS)
        assert not (root / ".codesift").exists()
        assert len(cached(own_home)) == 1
        worked(codesift("clean", "--root", root, preexec_fn=as_ordinary_user()))
        assert not cached(own_home)


def test_the_index_of_a_read_only_file_system_goes_to_the_cache(
    codesift: Run, tmp_path: Path, own_home: Path
) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "tmpfs") as root:
        write(root)
        subprocess.run(["mount", "-o", "remount,ro", root], check=True)
        assert units(codesift("index", root)) == SHOP_UNITS
        assert paths(codesift("query", "sum of prices", "--root", root, "--json"))[0] == "shop/cart.py"
        assert len(cached(own_home)) == 1


def test_no_place_for_an_index_is_said(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    with frozen(root):
        environment = {**os.environ, "CODESIFT_CACHE_DIR": str(root / "cache")}
        done = codesift("index", root, env=environment, preexec_fn=as_ordinary_user())
        if done.returncode == 77:
            pytest.skip("root cannot give up its rights here")
        failed(done, "CODESIFT_CACHE_DIR")


def test_an_index_that_cannot_be_written_is_searched_while_it_is_fresh(
    codesift: Run, shop: Path, own_home: Path
) -> None:
    # Twice, so that no file is too young to be believed.
    while rows(shop, "SELECT 1 FROM files WHERE mtime_ns = -1"):
        worked(codesift("index", shop))
    with frozen(shop):
        assert paths(ask(codesift, shop, "sum of prices"))[0] == "shop/cart.py"
        worked(codesift("status", "--root", shop, preexec_fn=as_ordinary_user()))
        assert not cached(own_home)
    write(shop, {"needle.py": NEEDLE})
    with frozen(shop):
        done = ask(codesift, shop, "needle")
        assert paths(done)[0] == "needle.py"
        assert "cannot be written" in done.stderr
        (place,) = cached(own_home)
        assert rows_of(place.parent, "SELECT count(*) FROM units") == [(SHOP_UNITS + 1,)]
        assert ask(codesift, shop, "needle").stderr == ""
        clean = codesift("clean", "--root", shop, preexec_fn=as_ordinary_user())
        worked(clean)
        assert not cached(own_home)
        failed(codesift("clean", "--root", shop, preexec_fn=as_ordinary_user()), "cannot")


# -- a full disk ----------------------------------------------------------------------------------


def test_a_full_disk_is_said_and_more_space_is_used(codesift: Run, tmp_path: Path) -> None:
    many = {
        f"part_{i}.py": "".join(f"def f{i}_{j}():\n    return {j}\n" for j in range(20)) for i in range(40)
    }
    clean = write(tmp_path / "clean", many)
    worked(codesift("index", clean))
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=4m", "tmpfs") as root:
        write(root, many)
        for spare in (0, 20, 100, 300, 700, 1100, 1500):
            _fill(root, spare * 1024)
            done = codesift("index", root)
            if done.returncode == 0:
                break
            failed(done)
            assert "space" in done.stderr
        (root / "ballast").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", root], check=True)
        worked(codesift("index", root))
        same_index(root, clean)
        assert list((root / ".codesift").glob("*.hnsw"))


def _fill(root: Path, spare: int) -> None:
    """Use up a disk but for some bytes."""
    (root / "ballast").unlink(missing_ok=True)
    free = shutil.disk_usage(root).free - spare
    (root / "ballast").write_bytes(b"\0" * max(free, 0))


def test_a_disk_too_small_for_the_graph_keeps_the_vectors(codesift: Run, tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=16m", "tmpfs") as root:
        write(root)
        worked(codesift("index", root))
        for old in (root / ".codesift").glob("*.hnsw"):
            old.unlink()
        _fill(root, 8 * 1024)
        failed(codesift("index", root), "graph", "space")
        assert paths(codesift("query", "sum of prices", "--no-refresh", "--root", root, "--json"))
        (root / "ballast").unlink()
        assert embedded(codesift("index", root)) == 0
        assert list((root / ".codesift").glob("*.hnsw"))
