"""Indexes that are damaged, foreign, gone, or lie where nothing can be written."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from indexes import copy_with_index, index_of
from repositories import (
    SHOP_UNITS,
    Done,
    clean_shop,
    failed,
    same_index,
    units,
    worked,
    write,
)

from codesift.config import Settings
from codesift.index.opening import open_index
from codesift.search.query import Question, query

Run = Callable[..., Done[str]]
NEEDLE = "def needle():\n    return 'hay'\n"


def paths(done: Done[str]) -> list[str]:
    return [result["path"] for result in json.loads(worked(done))["results"]]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An indexed repository nothing happened to."""
    return clean_shop(tmp_path_factory.mktemp("index"))


@pytest.fixture
def shop(clean: Path, tmp_path: Path) -> Path:
    """A copy of it, index included."""
    return copy_with_index(clean, tmp_path / "shop")


# -- another version ------------------------------------------------------------------------------


@pytest.mark.slow
def test_an_index_of_another_version_is_built_again(codesift: Run, shop: Path, clean: Path) -> None:
    for verb in (["index", shop], ["query", "price", "--root", shop, "--json"]):
        with closing(sqlite3.connect(index_of(shop) / "index.db")) as database:
            database.execute("PRAGMA user_version = 99")
        failed(codesift("status", "--root", shop), "another version", "codesift clean")
        failed(codesift("query", "price", "--no-refresh", "--root", shop), "another version")
        done = codesift(*verb)
        worked(done)
        assert done.stderr.count("\n") == 1 and "indexing all files again" in done.stderr
        same_index(shop, clean)


def test_a_database_of_somebody_else_is_replaced(codesift: Run, shop: Path, clean: Path) -> None:
    path = index_of(shop) / "index.db"
    for old in path.parent.glob("index.db*"):
        old.unlink()
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url)")
    assert paths(codesift("query", "sum of prices", "--root", shop, "--json"))[0] == "shop/cart.py"
    same_index(shop, clean)


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


@pytest.mark.parametrize(
    ("verb", "damage"),
    [
        ("index", _cut),
        ("index", _overwrite_middle),
        ("query", _cut),
        ("query", _empty),
        ("query", _overwrite_head),
        ("query", _overwrite_middle),
    ],
)
@pytest.mark.slow
def test_a_damaged_database_is_built_again(
    codesift: Run, shop: Path, clean: Path, damage: Callable[[Path], None], verb: str
) -> None:
    damage(index_of(shop) / "index.db")
    write(shop, {"needle.py": NEEDLE})
    if verb == "index":
        worked(codesift("index", shop))
    else:
        assert "needle.py" in paths(codesift("query", "needle", "--root", shop, "--json"))
    (shop / "needle.py").unlink()
    worked(codesift("index", shop))
    same_index(shop, clean)


def test_a_damaged_database_is_no_bug_of_any_verb(codesift: Run, shop: Path) -> None:
    _overwrite_middle(index_of(shop) / "index.db")
    for verb in (
        ["status"],
        ["query", "price", "--no-refresh"],
        ["similar", "shop/cart.py:total", "--no-refresh"],
    ):
        done = codesift(*verb, cwd=shop)
        assert done.returncode in (0, 1, 2), done
        assert "Traceback" not in done.stderr
    worked(codesift("clean", cwd=shop))
    assert not index_of(shop).exists()


@pytest.mark.parametrize("name", ["index.db-wal", "index.db-shm", "index.db-journal"])
def test_files_left_beside_the_database_do_no_harm(codesift: Run, shop: Path, clean: Path, name: str) -> None:
    (index_of(shop) / name).write_bytes(random.Random(3).randbytes(40_000))
    assert paths(codesift("query", "sum of prices", "--root", shop, "--json"))[0] == "shop/cart.py"
    worked(codesift("index", shop))
    same_index(shop, clean)


@pytest.mark.parametrize(
    ("suffix", "damages"),
    [
        (".vectors.json", [_cut, _overwrite_head, Path.unlink]),
        (".vectors", [_cut, _empty, _overwrite_middle, Path.unlink]),
        (".hnsw", [_cut, _empty, _overwrite_middle, Path.unlink]),
    ],
)
@pytest.mark.slow
def test_damaged_vectors_or_a_damaged_graph_change_no_answer(
    codesift: Run,
    shop: Path,
    suffix: str,
    damages: list[Callable[[Path], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CODESIFT_ANN_FROM", "1")
    worked(codesift("index", shop))
    asked = ("query", "put an article into the basket", "--semantic", "--root", shop, "--json")
    before = worked(codesift(*asked))
    (path,) = index_of(shop).glob("*" + suffix)
    for damage in damages:
        damage(path)
        assert worked(codesift(*asked)) == before
        worked(codesift("index", shop))
        assert path.stat().st_size
    assert worked(codesift(*asked)) == before


def test_an_index_folder_that_is_a_file_is_said(codesift: Run, tmp_path: Path) -> None:
    write(tmp_path)
    index_of(tmp_path).parent.mkdir(parents=True)
    index_of(tmp_path).touch()
    failed(codesift("index", tmp_path), "no folder of yours", index_of(tmp_path).name)


def test_an_index_folder_that_is_a_link_is_not_followed(codesift: Run, tmp_path: Path) -> None:
    root = write(tmp_path / "shop")
    victim = write(tmp_path / "victim", {"index.db": "mine", "letter": "mine too"})
    (root / ".codesift").symlink_to(victim)
    assert units(codesift("index", root)) == SHOP_UNITS
    worked(codesift("clean", "--root", root))
    assert sorted(path.read_text() for path in victim.iterdir()) == ["mine", "mine too"]


# -- deleted meanwhile ----------------------------------------------------------------------------


@pytest.mark.slow
def test_an_index_deleted_under_a_running_query_is_searched_to_the_end(
    codesift: Run, shop: Path, clean: Path
) -> None:
    question = Question("sum of prices", limit=3, semantic=False)
    with open_index(shop, index_of(shop), Settings()) as index:
        shutil.rmtree(index_of(shop))
        answer = query(question, index, Settings(), lambda: pytest.fail("no encoder is needed"))
        vector = index.primary.vectors.of_unit(answer.hits[0].unit_id)[0]
        found = index.primary.neighbors.search(vector, 3)
    assert answer.hits[0].qualified_name == "Cart.total"
    assert found[0][1] == pytest.approx(1, abs=1e-3)
    worked(codesift("index", shop))
    same_index(shop, clean)


def test_an_index_of_the_version_before_is_taken_over_with_its_vectors(codesift: Run, tmp_path: Path) -> None:
    shop = write(tmp_path / "shop")
    worked(codesift("index", shop))
    with closing(sqlite3.connect(index_of(shop) / "index.db", isolation_level=None)) as database:
        database.execute("DROP TABLE drafts")
        database.execute("PRAGMA user_version = 2")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    done = codesift("query", "price", "--budget", "0", "--json", "--root", shop)
    found = json.loads(worked(done))["index"]
    assert done.stderr.count("\n") == 1 and "another version" in done.stderr
    assert found["vectors_ready"] == found["units"] == SHOP_UNITS
