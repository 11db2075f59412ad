"""Damage in an index is noticed, said in one line, and made good."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fakes import HashingEncoder, repository_of, run_index, write
from indexes import KEY, index_of
from repositories import SHOP, worked
from repositories import write as write_shop

from codesift.config import Settings
from codesift.index.database import Database
from codesift.index.examination import examine
from codesift.index.opening import Index
from codesift.index.repair import heal, rebuild
from codesift.index.vectors import Vectors
from codesift.search.query import Question, query

QUESTIONS = ("read the settings", "price of an article", "wait after a failure", "delete old files")


class Ground:
    """An index, a copy of it to go back to, and answers from it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.encoder = HashingEncoder()
        self.said: list[str] = []
        for path, text in SHOP.items():
            write(root, path, text)
        for number in range(6):
            body = "\n".join(f"    tide = tide * {number} + depth_{number}_{line}" for line in range(9))
            write(root, f"sea/tide{number}.py", f"def height{number}(tide):\n{body}\n    return tide\n")
        run_index(root, self.encoder)
        # A file that is young is read again, and the index written: then a new generation begins.
        time.sleep(2.1)
        run_index(root, self.encoder)
        self.clean = root.parent / "clean"
        shutil.copytree(index_of(root), self.clean)
        self.expected = self.answers()
        self.encoder.encoded.clear()

    def renew(self) -> None:
        """Go back to the clean index."""
        shutil.rmtree(index_of(self.root), ignore_errors=True)
        shutil.copytree(self.clean, index_of(self.root))
        self.said.clear()
        self.encoder.encoded.clear()

    def answers(self) -> list[Any]:
        def work(index: Index) -> list[Any]:
            found = [query(Question(q, 5), index, Settings(), lambda: self.encoder).hits for q in QUESTIONS]
            return [
                [(hit.path, hit.start_line, pytest.approx(hit.score, abs=1e-4)) for hit in hits]
                for hits in found
            ]

        return self.on_index(work)

    def on_index(self, work: Callable[[Index], Any], settings: Settings | None = None) -> Any:
        with repository_of(self.root, self.encoder, settings, self.said.append) as repository:
            return repository.on_index(work)

    def check(self) -> None:
        """`codesift status --check`."""
        with repository_of(self.root, self.encoder, None, self.said.append) as repository:
            repository.status(checked=True)

    def index(self) -> None:
        """`codesift index`."""
        with repository_of(self.root, self.encoder, None, self.said.append) as repository:
            repository.refresh()

    def run(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(index_of(self.root) / "index.db")) as database, database:
            assert database.execute(sql, values).rowcount > 0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    folder = tmp_path_factory.mktemp("ground")
    # Apart from other indexes, whose vectors of the same texts are the real encoder's.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        return Ground(folder / "repo")


@pytest.fixture
def ground(built: Ground, session_home: Path, own_home: Path) -> Ground:
    (own_home / KEY).parent.mkdir(parents=True)
    shutil.copy(session_home / KEY, own_home / KEY)
    built.renew()
    return built


def flipped(path: Path, chance: random.Random) -> None:
    """Change one bit of a file and keep its times."""
    status = path.stat()
    at = chance.randrange(status.st_size)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("suffix", ["index.db", ".vectors", ".json", "about", "seal"])
def test_a_flipped_bit_is_noticed_and_made_good(ground: Ground, suffix: str) -> None:
    chance = random.Random(11)
    for _ in range(20 if suffix == "index.db" else 8):
        ground.renew()
        (path,) = (each for each in index_of(ground.root).iterdir() if each.name.endswith(suffix))
        flipped(path, chance)
        first = ground.answers()
        ground.check()
        assert ground.said, "nobody noticed"
        if first != ground.expected:
            assert len(ground.said) == 1
        ground.said.clear()
        ground.index()
        assert ground.answers() == ground.expected
        ground.check()
        assert ground.said == []


DAMAGES: dict[str, tuple[str, tuple[object, ...]]] = {
    "a vector cut short": ("UPDATE vectors SET data = substr(data, 1, 700) WHERE id = 2", ()),
    "a vector that is a text": ("UPDATE vectors SET data = 'text' WHERE id = 2", ()),
    "a vector that is not finite": ("UPDATE vectors SET data = ? WHERE id = 2", (b"\x00\x7e" * 384,)),
    "a window of another unit": (
        "UPDATE windows SET vector_id = 1 + vector_id "
        "WHERE unit_id = (SELECT id FROM units WHERE name = 'add')",
        (),
    ),
    "a line that is a text": (
        "UPDATE windows SET end_line = 'x' WHERE unit_id = (SELECT id FROM units WHERE name = 'add')",
        (),
    ),
    "a name": ("UPDATE units SET qualified_name = 'Cart.remove' WHERE name = 'add'", ()),
    "a line": ("UPDATE units SET start_line = 1 WHERE name = 'add'", ()),
    "a unit that is gone": ("DELETE FROM units WHERE name = 'add'", ()),
    "a word": (
        "UPDATE words_content SET c3 = 'other words' WHERE id = (SELECT id FROM units WHERE name = 'add')",
        (),
    ),
    "a language": ("UPDATE files SET language = 'ruby' WHERE path = 'shop/cart.py'", ()),
    "a path outside": ("UPDATE files SET path = '../../secret.py' WHERE path = 'shop/cart.py'", ()),
    "an absolute path": ("UPDATE files SET path = '/etc/passwd' WHERE path = 'shop/cart.py'", ()),
    "a path that is a number": ("UPDATE files SET path = x'ff00' WHERE path = 'shop/cart.py'", ()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_value_is_noticed_and_its_file_indexed_again(ground: Ground, damage: str) -> None:
    sql, values = DAMAGES[damage]
    ground.run(sql, *values)
    ground.answers()
    ground.check()
    assert len(ground.said) == 1, ground.said
    assert "again" in ground.said[0] or damage == "a language"
    ground.said.clear()
    ground.index()
    assert ground.answers() == ground.expected and ground.said == []
    # Only what was damaged is encoded again.
    assert len(set(ground.encoder.encoded)) <= 7


def test_only_the_damaged_file_is_parsed_again(ground: Ground) -> None:
    ground.run("UPDATE units SET qualified_name = 'x' WHERE name = 'add'")
    folder = index_of(ground.root)
    assert heal(folder) == "shop/cart.py"
    with closing(Database(folder / "index.db", read_only=True)) as database:
        assert database.value("SELECT count(*) FROM files") == len(SHOP) + 6 - 1
        assert not examine(database)


def test_a_whole_index_is_left_as_it_is(ground: Ground) -> None:
    ground.check()
    assert ground.said == [] and heal(index_of(ground.root)) == ""
    assert ground.answers() == ground.expected and ground.encoder.encoded == []


def test_a_rebuilt_index_keeps_its_vectors(ground: Ground) -> None:
    rebuild(index_of(ground.root))
    assert ground.answers() == ground.expected
    assert ground.encoder.encoded == []


def test_damage_is_found_once_a_day_in_passing(ground: Ground) -> None:
    ground.run("UPDATE units SET end_line = end_line + 1 WHERE name = 'add'")
    os.utime(index_of(ground.root) / "checked", (1, 1))
    assert ground.answers() == ground.expected
    assert len(ground.said) == 1
    assert time.time() - os.lstat(index_of(ground.root) / "checked").st_mtime < 600


def test_without_refresh_damage_is_said_and_nothing_is_changed(ground: Ground) -> None:
    from codesift.errors import DamagedIndexError

    ground.run("UPDATE vectors SET data = substr(data, 1, 700) WHERE id = 2")
    before = (index_of(ground.root) / "index.db").read_bytes()

    def work(index: Index) -> Any:
        return query(Question("price", 5), index, Settings(), lambda: ground.encoder)

    with pytest.raises(DamagedIndexError):
        ground.on_index(work, Settings(refresh=False))
    assert (index_of(ground.root) / "index.db").read_bytes() == before


def test_a_real_bug_deletes_nothing(ground: Ground) -> None:
    def work(index: Index) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        ground.on_index(work)
    assert ground.answers() == ground.expected and ground.said == [] and ground.encoder.encoded == []


def test_vectors_that_are_read_are_checked(ground: Ground) -> None:
    from codesift.errors import DamagedIndexError

    ground.run("UPDATE vectors SET data = zeroblob(768) WHERE id = 2")
    with closing(Database(index_of(ground.root) / "index.db", read_only=True)) as database:
        (space,) = database.all("SELECT name FROM spaces WHERE id IN (SELECT space_id FROM vectors)")[0]
        vectors = Vectors(database, space)
        (digest,) = (row[0] for row in database.all("SELECT digest FROM vectors WHERE id = 2"))
        (unit_id,) = (row[0] for row in database.all("SELECT unit_id FROM windows WHERE vector_id = 2"))
        reads: list[Callable[[], object]] = [
            lambda: vectors.of_unit(unit_id),
            lambda: vectors.data([digest]),
            lambda: list(vectors.blocks()),
            lambda: list(vectors.of_units([unit_id])),
        ]
        for read in reads:
            with pytest.raises(DamagedIndexError, match="not as it was stored"):
                read()


# -- through the installed command ----------------------------------------------------------------


@pytest.fixture
def shop(tmp_path: Path, codesift: Callable[..., Any]) -> Iterator[Path]:
    root = write_shop(tmp_path / "shop")
    worked(codesift("index", root))
    yield root


def test_status_check_mends_what_is_damaged(codesift: Callable[..., Any], shop: Path) -> None:
    clean = worked(codesift("query", "price", "--json", "--root", shop))
    assert codesift("status", "--check", "--root", shop).stderr == ""
    with closing(sqlite3.connect(index_of(shop) / "index.db")) as database, database:
        database.execute("UPDATE vectors SET data = zeroblob(768) WHERE id = 2")
        database.execute("UPDATE units SET name = 'x' WHERE id = 2")
    done = codesift("status", "--check", "--root", shop, "--json")
    assert done.returncode == 0 and done.stderr.count("\n") == 1 and "again" in done.stderr
    # What was damaged waits for `codesift index`, or for a search that finds it.
    assert json.loads(done.stdout)["vectors_ready"] == json.loads(done.stdout)["units"] - 1
    worked(codesift("index", shop))
    done = codesift("query", "price", "--json", "--root", shop)
    assert (worked(done), done.stderr) == (clean, "")


@pytest.mark.parametrize("at", [2000, 3000, 3277, 3500, 3900])
def test_a_damaged_schema_is_healed_by_every_verb(codesift: Callable[..., Any], shop: Path, at: int) -> None:
    path = index_of(shop) / "index.db"
    content = path.read_bytes()
    for verb in (["query", "price"], ["index"], ["status", "--check"], ["similar", "--all", "--min", "0.1"]):
        path.write_bytes(content[:at] + b"\xb3" + content[at + 1 :])
        done = codesift(*verb, cwd=shop)
        assert done.returncode in (0, 1) and "bug" not in done.stderr, done
        assert codesift("status", "--check", cwd=shop).stderr == ""


@pytest.mark.parametrize("file", ["database", "graph"])
def test_an_endless_view_and_a_foreign_graph_do_no_harm(
    codesift: Callable[..., Any], shop: Path, file: str
) -> None:
    clean = worked(codesift("query", "price", "--json", "--root", shop))
    folder = index_of(shop)
    if file == "database":
        with closing(sqlite3.connect(folder / "index.db")) as database, database:
            database.execute("DROP TABLE meta")
            database.execute(
                "CREATE VIEW meta AS WITH RECURSIVE n(key) AS (SELECT 1 UNION ALL SELECT key + 1 FROM n) "
                "SELECT key, 'x' AS value FROM n"
            )
    else:
        (graph,) = folder.glob("*.vectors")
        graph.write_bytes(graph.read_bytes()[:40] + b"\xff" * 8 + graph.read_bytes()[48:])
    done = codesift("query", "price", "--json", "--root", shop)
    assert worked(done) == clean
    assert codesift("status", "--check", "--root", shop).returncode == 0
    assert worked(codesift("query", "price", "--json", "--root", shop)) == clean


def test_what_carries_no_checksum_only_costs_another_look_at_the_files(ground: Ground) -> None:
    ground.run("UPDATE files SET size = 'many' WHERE path = 'shop/cart.py'")
    ground.run("UPDATE meta SET value = 'x' WHERE key = 'parser'")
    assert ground.answers() == ground.expected
    assert ground.said == [] and ground.encoder.encoded == []


def test_an_index_damaged_while_it_is_healed_is_built_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.run("UPDATE vectors SET data = substr(data, 1, 700) WHERE id = 2")
    monkeypatch.setattr("codesift.index.repair.heal", lambda folder: "")
    ground.answers()
    ground.index()
    assert ground.answers() == ground.expected
    assert len(ground.said) == 1 and "indexing all files again" in ground.said[0]
    assert len(ground.encoder.encoded) == 1


@pytest.mark.parametrize("name", ["index.db", "index.db-wal", "index.db-shm"])
def test_a_file_with_another_name_elsewhere_is_not_written(ground: Ground, tmp_path: Path, name: str) -> None:
    path, other = index_of(ground.root) / name, tmp_path / "other"
    if not path.exists():
        path.write_bytes(b"mine" * 9000)
    os.link(path, other)
    before = other.read_bytes()
    ground.answers()
    ground.check()
    assert other.read_bytes() == before
    ground.index()
    assert ground.answers() == ground.expected
    if name == "index.db":  # Its vectors are read, and kept.
        assert ground.encoder.encoded == []
