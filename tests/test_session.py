"""A search finds an index that is there, whole and in step with the files, or says why not."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import HashingEncoder, no_progress, opened, repository_of, run_index, write
from indexes import index_of
from tiny_models import converted

from codesift.config import Settings
from codesift.errors import DamagedIndexError, UsageError
from codesift.index.embed import embed
from codesift.index.location import DATABASE, write_lock
from codesift.index.matrix import MatrixFile
from codesift.index.opening import Index, open_index, reset, writing
from codesift.models.bases import local_base
from codesift.models.spaces import space_for
from codesift.search.filters import Filter
from codesift.session import Repository
from codesift.types import Encoder, Report

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


# -- held open ------------------------------------------------------------------------------------

COUNTING = """
import sys
from collections import Counter
from codesift.index import access
counts = Counter()
def counted(name):
    original = getattr(access, name)
    def call(*arguments, **options):
        counts[name] += 1
        return original(*arguments, **options)
    setattr(access, name, call)
counted("open_index")
counted("plan")
from codesift.__main__ import main
sys.argv = ["codesift", *sys.argv[1:]]
try:
    main()
finally:
    print("COUNTED", counts["open_index"], counts["plan"], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["query", "tide"], ["query", "tide", "--lexical"], ["similar", "berths/tides.py:tide_at"]]
)
@pytest.mark.parametrize("changed", [False, True])
def test_one_command_opens_the_index_once_and_plans_once(
    own_harbour: Path, arguments: list[str], changed: bool
) -> None:
    if changed:
        write(own_harbour, "berths/new.py", "def moor(boat):\n    return boat.rope\n")
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, *arguments],
        cwd=own_harbour,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr.splitlines()[-1] == "COUNTED 1 1", done.stderr


def test_a_repository_held_open_sees_what_others_wrote(indexed: Desk) -> None:
    with indexed.open(settings=AS_IT_IS) as held:
        assert names_in(held) == ["tide"]
        write(indexed.root, "b.py", "def ebb():\n    return 'sand'\n")
        run_index(indexed.root, HashingEncoder())
        assert names_in(held) == ["tide", "ebb"]
        assert held.on_index(lambda index: index.primary.vectors.ready()) == 2


def test_a_repository_held_open_follows_an_index_built_again(indexed: Desk) -> None:
    with indexed.open(settings=AS_IT_IS) as held:
        assert names_in(held) == ["tide"]
        write(indexed.root, "a.py", "def ebb():\n    return 'sand'\n")
        (index_of(indexed.root) / DATABASE).write_bytes(b"garbage" * 1000)
        run_index(indexed.root, HashingEncoder())
        assert names_in(held) == ["ebb"]


def test_vectors_registered_by_another_process_are_seen_by_a_reader_held_open(indexed: Desk) -> None:
    run_index(indexed.root, HashingEncoder())
    reset(index_of(indexed.root))
    with indexed.open(HashingEncoder()) as first:
        first.refresh("words")
        with indexed.open(HashingEncoder(), AS_IT_IS) as held:
            assert held.query("water of the sea", lexical=False).vectors_ready == 0
            first.refresh("vectors")
            answer = held.query("water of the sea", lexical=False)
            assert [hit.name for hit in answer.hits] == ["tide"] and answer.vectors_ready == 1


def test_several_threads_search_one_repository(root: Path) -> None:
    for number in range(40):
        write(root, f"n{number}.py", f"def tide{number}():\n    return 'water {number}'\n")
    run_index(root, HashingEncoder())
    with repository_of(root, HashingEncoder(), AS_IT_IS) as repository:
        start = threading.Barrier(6)

        def ask(first: int) -> list[str]:
            start.wait()
            found = [repository.query(f"tide{n}", limit=1).hits[0].name for n in range(first, 40, 6)]
            return [*found, repository.similar(f"{root / 'n7.py'}:tide7").hits[0].name]

        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(ask, range(6)))
    assert [name for part in found for name in part[:-1]] == [
        f"tide{n}" for first in range(6) for n in range(first, 40, 6)
    ]
    assert len({part[-1] for part in found}) == 1


def test_an_index_is_refreshed_while_other_threads_search_it(root: Path) -> None:
    run_index(root, HashingEncoder())
    stop = threading.Event()
    with repository_of(root, HashingEncoder(), AS_IT_IS) as repository:

        def search() -> int:
            count = 0
            while not stop.is_set():
                assert repository.query("tide", limit=1).hits[0].name == "tide"
                count += 1
            return count

        with ThreadPoolExecutor(3) as threads:
            searching = [threads.submit(search) for _ in range(3)]
            for number in range(10):
                write(root, f"n{number}.py", f"def ebb{number}():\n    return 'sand {number}'\n")
                assert repository.refresh().parsed == 1
            stop.set()
            assert all(each.result() for each in searching)
        assert len(names_in(repository)) == 11


def names_in(repository: Repository) -> list[str]:
    """The names of all units, as a search sees them."""
    return repository.on_index(
        lambda index: [h.name for row in index.catalog.files() for h in index.catalog.units_of(row.path)]
    )


# -- errors that are no damage --------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("no such module: fts5"),
        sqlite3.ProgrammingError("SQLite objects created in a thread can only be used in that same thread"),
        sqlite3.OperationalError("no such function: json_each"),
        sqlite3.IntegrityError("UNIQUE constraint failed: files.path"),
    ],
)
def test_an_unforeseen_error_of_sqlite_is_a_bug_and_deletes_nothing(
    indexed: Desk, error: sqlite3.Error
) -> None:
    before = (index_of(indexed.root) / DATABASE).stat().st_ino

    def work(index: Index) -> str:
        with index.database.errors():
            raise error

    with pytest.raises(type(error)), indexed.open() as repository:
        repository.on_index(work)
    assert (index_of(indexed.root) / DATABASE).stat().st_ino == before and indexed.said == []
    assert run_index(indexed.root, HashingEncoder()).embedded == 0


def test_an_unforeseen_error_ends_the_command_with_the_exit_code_of_a_bug(own_harbour: Path) -> None:
    broken = (
        "import sqlite3, sys\n"
        "from codesift.index.catalog import Catalog\n"
        "def counts(self): raise sqlite3.OperationalError('no such module: fts5')\n"
        "Catalog.counts = counts\n"
        "from codesift.__main__ import main\n"
        "sys.argv = ['codesift', 'query', 'tide']\n"
        "main()\n"
    )
    database = index_of(own_harbour) / DATABASE
    before = database.stat().st_ino
    done = subprocess.run(
        [sys.executable, "-c", broken], cwd=own_harbour, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 3 and "this is a bug in codesift: OperationalError" in done.stderr
    assert "again" not in done.stderr and database.stat().st_ino == before


# -- the public interface -------------------------------------------------------------------------


def test_the_package_opens_a_repository(harbour: Path) -> None:
    import codesift

    said: list[str] = []
    with codesift.open(harbour / "berths", settings={"results": 3}, notify=said.append) as repository:
        assert repository.root == harbour
        found = repository.query("height of the tide between two readings")
        assert 0 < len(found.hits) <= 3 and found.hits[0].path == "berths/tides.py"
        only = codesift.Filter(languages=("go",))
        assert {hit.language for hit in repository.query("tide", only=only).hits} <= {"go"}
        assert repository.status()["stale_files"] == 0
    assert said == []


def test_wrong_arguments_are_errors_of_the_package(tmp_path: Path) -> None:
    import codesift

    with pytest.raises(codesift.CodesiftError, match="cannot open the folder"):
        codesift.open(tmp_path / "nowhere")
    with pytest.raises(codesift.CodesiftError, match="results"):
        codesift.open(tmp_path, settings={"results": 0})
    with pytest.raises(codesift.CodesiftError, match="resuts"):
        codesift.open(tmp_path, settings={"resuts": 3})
    with pytest.raises(AttributeError):
        codesift.nothing  # noqa: B018


def test_an_index_holds_several_spaces_at_once(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    small = local_base(converted(tmp_path_factory.mktemp("models") / "tiny"))
    space = space_for(small)
    run_index(root, HashingEncoder())
    folder, settings = index_of(root), Settings()
    with open_index(root, folder, settings, more=[space]) as index, writing(index):
        full, other = index.spaces
        assert (full.vectors.ready(), other.vectors.ready()) == (1, 0)
        encoder = HashingEncoder(dimensions=space.dimensions)
        embed(index, settings, Report(), no_progress, lambda space: encoder, member=other)
        assert (full.vectors.ready(), other.vectors.ready()) == (1, 1)
        for member, dimensions in ((full, 384), (other, space.dimensions)):
            member.neighbors.sync(no_progress)
            (vector,) = member.vectors.of_unit(1)
            assert vector.shape == (dimensions,)
            assert member.neighbors.search(vector, 1)[0][1] == pytest.approx(1, abs=1e-3)


# -- closed, deleted or replaced while others use it ----------------------------------------------

CLOSING = """
import os, shutil, sys, threading, time
from pathlib import Path
import codesift
root, how = Path(sys.argv[1]), sys.argv[2]
repository = codesift.open(root, settings={"refresh": False})
database = Path(repository.status()["index"]) / "index.db"
stop = time.monotonic() + 2.5
errors, counts = [], [0] * 4
def search(number):
    while time.monotonic() < stop:
        try:
            repository.query("tide height", lexical=True, semantic=False)
            counts[number] += 1
        except Exception as error:
            errors.append(repr(error))
threads = [threading.Thread(target=search, args=(n,)) for n in range(4)]
[thread.start() for thread in threads]
while time.monotonic() < stop - 0.5:
    time.sleep(0.1)
    if how == "close":
        repository.close()
    else:
        copy = database.with_name("copy.db")
        shutil.copy(database, copy)
        os.replace(copy, database)
[thread.join() for thread in threads]
print(min(counts) > 0, sorted(set(errors)))
"""


@pytest.mark.parametrize("how", ["close", "replace"])
def test_an_index_closed_or_replaced_while_threads_search_it_is_opened_again(
    own_harbour: Path, how: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", CLOSING, own_harbour, how],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "True []\n"), done


def test_embedding_some_units_deletes_no_vector_that_others_need(root: Path) -> None:
    for number in range(12):
        write(root, f"n{number}.py", f"def tide{number}():\n    return 'water {number}'\n")
    run_index(root, HashingEncoder())
    for number in range(12):
        write(root, f"n{number}.py", f"\n\ndef tide{number}():\n    return 'water {number}'\n")
    with repository_of(root, HashingEncoder(), AS_IT_IS) as repository:
        repository.refresh("words")
        first = repository.on_index(lambda index: index.catalog.units_of("n0.py")[0].unit_id)
        # Their text is the same, so the update itself gave the units their vectors.
        report = repository.embed([first])
        assert (report.embedded, report.reused, report.units, report.vectors_ready) == (0, 0, 13, 13)
        assert repository.refresh().embedded == 0


def test_a_search_in_a_callback_of_an_update_does_not_wait_for_itself(root: Path) -> None:
    found: list[list[str]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "parse" and not found:
            found.append([])
            found.append([hit.name for hit in repository.query("tide", semantic=False).hits])

    repository = Repository(root, Settings(), None, progress, lambda space: HashingEncoder())
    with repository:
        assert repository.refresh().units == 1
    assert len(found) == 2


@pytest.mark.parametrize("place", ["cache", "repository"])
def test_an_index_deleted_while_an_update_waits_for_the_lock_is_made_again(root: Path, place: str) -> None:
    settings = Settings(index_folder=place)
    with repository_of(root, HashingEncoder(), settings) as repository:
        repository.refresh()
        folder = Path(repository.status()["index"])
        with ThreadPoolExecutor(1) as pool:
            with write_lock(folder, None):
                waiting = pool.submit(repository.refresh)
                time.sleep(0.5)
                (folder / DATABASE).unlink()
            assert waiting.result(timeout=60).units == 1


def test_an_index_of_somebody_else_put_in_place_of_ones_own_is_not_read(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write(other, "a.py", "def evil():\n    return 'water'\n")
    for each in (root, other):
        run_index(each, HashingEncoder(), Settings(index_folder="repository"))
    settings = Settings(index_folder="repository", refresh=False)
    said: list[str] = []
    with repository_of(root, HashingEncoder(), settings, said.append) as held:
        assert names_in(held) == ["tide"]
        (other / ".codesift" / DATABASE).replace(root / ".codesift" / DATABASE)
        with pytest.raises(UsageError):
            names_in(held)
    assert len(said) == 1 and "not as your codesift left it" in said[0]


def test_arguments_of_searches_are_checked(root: Path) -> None:
    run_index(root, HashingEncoder())
    with repository_of(root, HashingEncoder(), AS_IT_IS) as repository:
        for only in (Filter(languages=("pythonn",)), Filter(kinds=("func",)), Filter(kinds=("\ud800",))):
            with pytest.raises(UsageError, match="unknown"):
                repository.query("tide", only=only)
        assert repository.query("tide", only=Filter(languages=("py",))).hits
        assert repository.query("tide", only=Filter(paths=(str(root),))).hits
        assert not repository.query("tide", only=Filter(paths=(f"!{root}",))).hits
        for limit in (0, -1):
            with pytest.raises(UsageError, match="limit"):
                repository.query("tide", limit=limit)
    write(root, "caf\udce9.py", "def tide_at():\n    return 'high water'\n")
    before = (index_of(root) / DATABASE).stat().st_ino
    with repository_of(root, HashingEncoder()) as repository:
        assert repository.similar(f"{root}/caf\udce9.py:tide_at").hits[0].name == "tide"
    assert (index_of(root) / DATABASE).stat().st_ino == before


def test_without_an_index_nothing_can_be_embedded(root: Path) -> None:
    with repository_of(root, HashingEncoder()) as repository, pytest.raises(UsageError, match="no index"):
        repository.embed()
    assert not index_of(root).exists()


def test_a_full_disk_under_the_matrix_does_not_keep_a_search_from_its_results(
    indexed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(indexed.root, "b.py", "def ebb():\n    return 'sand'\n")

    def full(self: MatrixFile, path: Path, blocks: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(MatrixFile, "_write", full)
    for neighbors in index_of(indexed.root).glob("*.vectors*"):
        neighbors.unlink()
    with indexed.open(HashingEncoder()) as repository:
        assert {hit.name for hit in repository.query("sand").hits} == {"ebb", "tide"}
    assert len(indexed.said) == 1 and "searching what is ready" in indexed.said[0]
