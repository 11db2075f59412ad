"""Vectors are kept: of an index of the version before, of clones, of folders that moved."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from indexes import index_of
from repositories import SHOP_UNITS, Done, embedded, units, worked, write

Run = Callable[..., Done[str]]

OLD_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, language TEXT NOT NULL,
size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
ctime_ns INTEGER NOT NULL, digest BLOB NOT NULL, skipped TEXT);
CREATE TABLE spaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE vectors (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (space_id, digest)
);
PRAGMA user_version = 1;
"""


@pytest.fixture
def old(codesift: Run, tmp_path: Path) -> Path:
    """A repository with an index as the version before left it: inside, without checksums, not signed."""
    root = write(tmp_path / "shop")
    worked(codesift("index", root))
    (root / ".codesift").mkdir()
    with closing(sqlite3.connect(root / ".codesift/index.db")) as database, database:
        database.executescript(OLD_SCHEMA)
        database.execute("ATTACH ? AS new", (str(index_of(root) / "index.db"),))
        database.execute("INSERT INTO spaces SELECT * FROM new.spaces")
        database.execute("INSERT INTO vectors SELECT id, space_id, digest, data FROM new.vectors")
        columns = "id, path, language, size, mtime_ns, ctime_ns, digest, skipped"
        database.execute(f"INSERT INTO files SELECT {columns} FROM new.files")
    for name in ("lock", ".gitignore", "0123456789abcdef.hnsw", "0123456789abcdef.json"):
        (root / ".codesift" / name).touch()
    shutil.rmtree(index_of(root))
    return root


def change(root: Path, sql: str) -> None:
    with closing(sqlite3.connect(root / ".codesift/index.db")) as database, database:
        database.executescript(sql)


def test_an_index_of_the_version_before_is_moved_once(codesift: Run, old: Path) -> None:
    done = codesift("index", old)
    assert (embedded(done), units(done)) == (0, SHOP_UNITS)
    assert done.stderr.count("\n") == 1 and "moved the index" in done.stderr
    assert not (old / ".codesift").exists()
    assert codesift("index", old).stderr == ""


def test_what_else_lies_in_the_old_folder_stays(codesift: Run, old: Path) -> None:
    mine = {".codesift/letter.txt": "a", ".codesift/todo.json": "b", ".codesift/notes.json/x": "c"}
    write(old, mine)
    worked(codesift("query", "price", "--root", old))
    assert {str(path.relative_to(old)) for path in (old / ".codesift").rglob("*") if path.is_file()} == set(
        mine
    )


def test_a_move_that_was_cut_short_is_made_again(codesift: Run, old: Path) -> None:
    index_of(old).mkdir(parents=True)
    (index_of(old) / "index.db-0123456789abcdef").write_bytes(b"half")
    done = codesift("index", old)
    assert embedded(done) == 0 and "moved the index" in done.stderr
    assert not (old / ".codesift").exists()


def test_an_old_index_is_moved_where_indexes_are_to_travel(
    codesift: Run, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESIFT_INDEX_FOLDER", "repository")
    assert embedded(codesift("index", old)) == 0
    assert (old / ".codesift/signed.json").is_file()
    assert codesift("query", "price", "--root", old).stderr == ""


FOREIGN = {
    "times of another disk": "UPDATE files SET ctime_ns = ctime_ns + 1",
    "times without nanoseconds": "UPDATE files SET ctime_ns = ctime_ns / 1000000000 * 1000000000",
    "no files": "DELETE FROM files",
    "paths outside": "UPDATE files SET path = '/etc/passwd' || id",
    "only one file of this disk": "UPDATE files SET ctime_ns = ctime_ns + 1 WHERE id > 1",
    "a trigger": "CREATE TRIGGER t AFTER INSERT ON files BEGIN DELETE FROM vectors; END",
    "an endless view": (
        "DROP TABLE files; CREATE VIEW files AS WITH RECURSIVE n(ctime_ns) AS "
        "(SELECT 1 UNION ALL SELECT ctime_ns + 1 FROM n) SELECT 'a' AS path, ctime_ns FROM n"
    ),
    "another version": "PRAGMA user_version = 3",
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_an_old_index_from_elsewhere_is_not_moved(codesift: Run, old: Path, foreign: str) -> None:
    change(old, FOREIGN[foreign])
    before = (old / ".codesift/index.db").read_bytes()
    done = codesift("index", old)
    assert embedded(done) == SHOP_UNITS
    assert done.stderr.count("\n") == 1 and "it is not used" in done.stderr
    assert (old / ".codesift/index.db").read_bytes() == before


def test_an_old_index_that_git_knows_is_not_moved(codesift: Run, old: Path, git: Callable[..., None]) -> None:
    git(old, "init", "-q")
    git(old, "add", "-f", ".codesift")
    assert "it is not used" in codesift("index", old).stderr


def test_vectors_of_an_old_index_are_checked(codesift: Run, old: Path) -> None:
    change(
        old,
        "UPDATE vectors SET data = x'007e' WHERE id = 1; UPDATE vectors SET data = 'text' WHERE id = 2;"
        "UPDATE vectors SET data = substr(data, 1, 7) WHERE id = 3;"
        "UPDATE vectors SET digest = 5 WHERE id = 4;",
    )
    assert embedded(codesift("index", old)) == 4


# -- other indexes of the user --------------------------------------------------------------------


def test_a_folder_that_moved_and_a_clone_cost_no_embedding(codesift: Run, tmp_path: Path) -> None:
    first = write(tmp_path / "first")
    assert embedded(codesift("index", first)) == SHOP_UNITS
    moved = first.rename(tmp_path / "moved")
    assert embedded(codesift("index", moved)) == 0
    shutil.copytree(moved, tmp_path / "clone")
    assert embedded(codesift("index", tmp_path / "clone")) == 0


def test_a_damaged_index_of_another_folder_is_none_of_our_business(codesift: Run, tmp_path: Path) -> None:
    first = write(tmp_path / "first")
    worked(codesift("index", first))
    (index_of(first) / "index.db").write_bytes(b"x" * 9000)
    done = codesift("index", write(tmp_path / "second"))
    assert embedded(done) == SHOP_UNITS and done.stderr == ""


def test_all_indexes_are_listed_and_those_of_missing_repositories_deleted(
    codesift: Run, tmp_path: Path
) -> None:
    kept, gone = write(tmp_path / "kept"), write(tmp_path / "gone")
    for root in (kept, gone):
        worked(codesift("index", root))
    shutil.rmtree(gone)
    listed = json.loads(worked(codesift("status", "--all", "--json")))["indexes"]
    assert {(row["root"], row["missing"]) for row in listed} == {(str(kept), False), (str(gone), True)}
    assert all(row["size_bytes"] > 1000 and Path(row["index"]).is_dir() for row in listed)
    assert str(kept) in worked(codesift("status", "--all"))
    done = codesift("clean", "--missing")
    assert worked(done) == "" and str(gone) in done.stderr and done.stderr.count("\n") == 1
    assert index_of(kept).exists() and not index_of(gone).exists()
    assert "no index of a repository that is gone" in codesift("clean", "--missing").stderr
    worked(codesift("clean", "--all"))
    assert not index_of(kept).exists()
    assert json.loads(worked(codesift("status", "--all", "--json")))["indexes"] == []


@pytest.mark.parametrize(
    "flags", [["--all", "--missing"], ["--all", "--root", "."], ["--missing", "--root", "."]]
)
def test_flags_of_clean_that_contradict_each_other_are_refused(codesift: Run, flags: list[str]) -> None:
    done = codesift("clean", *flags)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
