"""Scans and graphs find what an exact search finds, and are trusted no further than they can be checked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from fakes import no_progress
from numpy.typing import NDArray

from codesift.config import Settings
from codesift.index.database import Database
from codesift.index.exact import Found, exact
from codesift.index.neighbors import TAIL_LIMIT, StoredNeighbors
from codesift.index.selection import Selection
from codesift.index.vectors import Vectors, WindowRow

DIM = 32
Rows = NDArray[np.float32]
SCAN, GRAPH = 10**6, 1
"""Settings of `ann_from`: no graph is ever built, and one is built of any vectors."""
both = pytest.mark.parametrize("ann_from", [SCAN, GRAPH])


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    database = Database(tmp_path / "index.db")
    made = Vectors(database, "0123456789abcdef-space")
    made.register()
    yield made
    database.close()


def neighbors_of(vectors: Vectors, folder: Path, ann_from: int = GRAPH) -> StoredNeighbors:
    return StoredNeighbors(folder, vectors, DIM, Settings(ann_from=ann_from))


def search(neighbors: StoredNeighbors, query: Rows, limit: int) -> Found:
    """Search so often that a graph, if there is one, is used."""
    for _ in range(8):
        found = neighbors.search(query, limit)
    return found


def rows(count: int, seed: int = 0) -> Rows:
    """Unit vectors in clusters, as float16 holds them. Shape (count, DIM)."""
    random = np.random.default_rng(seed)
    near = random.normal(size=(50, DIM))[random.integers(0, 50, count)] + random.normal(size=(count, DIM))
    rows: Rows = near / np.linalg.norm(near, axis=1, keepdims=True)
    return rows.astype(np.float16).astype(np.float32)


def store(vectors: Vectors, matrix: Rows, first_unit: int = 1) -> None:
    """Each row as the one window of its own unit."""
    digests = [f"{first_unit + n}".encode() for n in range(len(matrix))]
    vectors.put((d, row.astype(np.float16).tobytes()) for d, row in zip(digests, matrix, strict=True))
    ids = vectors.ids(digests)
    vectors.put_windows(WindowRow(first_unit + n, 0, ids[d], 1, 1) for n, d in enumerate(digests))


def forget(vectors: Vectors, units: range) -> None:
    vectors._db.run("DELETE FROM windows WHERE unit_id BETWEEN ? AND ?", (units.start, units.stop - 1))


def labels(found: Found) -> list[int]:
    return [label for label, _ in found]


def file_of(folder: Path, ann_from: int = GRAPH) -> Path:
    (file,) = folder.glob("*.vectors" if ann_from == SCAN else "*.hnsw")
    return file


def note_of(file: Path) -> Path:
    return file.with_suffix(".json") if file.suffix == ".hnsw" else file.with_name(f"{file.name}.json")


def files_of(folder: Path) -> list[Path]:
    return [*folder.glob("*.hnsw"), *folder.glob("*.vectors"), *folder.glob("*.json")]


@both
def test_without_vectors_nothing_is_found_or_written(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    assert search(neighbors, rows(1)[0], 10) == [] and not files_of(tmp_path)


def test_exact_search_orders_by_cosine_across_blocks(vectors: Vectors) -> None:
    matrix = rows(9000)
    store(vectors, matrix)
    assert len(list(vectors.blocks())) > 1
    found = exact(vectors.blocks(), matrix[7], 5)
    cosines = matrix @ matrix[7]
    assert [cosine for _, cosine in found] == pytest.approx(np.sort(cosines)[::-1][:5].tolist(), abs=1e-6)
    assert found[0][0] == 8


def test_a_scan_finds_exactly_what_an_exact_search_finds(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(3000))
    neighbors = neighbors_of(vectors, tmp_path, SCAN)
    neighbors.sync(no_progress)
    for query in rows(20, seed=1):
        assert labels(neighbors.search(query, 10)) == labels(exact(vectors.blocks(), query, 10))


def test_a_graph_finds_nearly_all_that_an_exact_search_finds(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(3000))
    neighbors = neighbors_of(vectors, tmp_path)
    neighbors.sync(no_progress)
    queries = rows(50, seed=1)
    shared = [
        len({*labels(search(neighbors, query, 10))} & {*labels(exact(vectors.blocks(), query, 10))})
        for query in queries
    ]
    assert sum(shared) / (10 * len(queries)) >= 0.99


def test_few_vectors_have_no_graph_and_more_get_one(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(100))
    neighbors_of(vectors, tmp_path, 101).sync(no_progress)
    assert not list(tmp_path.glob("*.hnsw"))
    neighbors_of(vectors, tmp_path, 100).sync(no_progress)
    assert list(tmp_path.glob("*.hnsw"))
    neighbors_of(vectors, tmp_path, 101).sync(no_progress)
    assert not list(tmp_path.glob("*.hnsw")) and list(tmp_path.glob("*.vectors"))


@both
def test_scores_are_cosines_and_fall(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    found = search(neighbors, matrix[0], 20)
    assert [cosine for _, cosine in found] == sorted((c for _, c in found), reverse=True)
    assert all(cosine == pytest.approx(float(matrix[n - 1] @ matrix[0]), abs=1e-3) for n, cosine in found)


@both
def test_more_can_be_asked_for_than_there_is(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    store(vectors, rows(20))
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    assert sorted(labels(search(neighbors, rows(1)[0], 1000))) == list(range(1, 21))


@both
def test_a_few_new_vectors_are_found_at_once_and_leave_the_files_alone(
    vectors: Vectors, tmp_path: Path, ann_from: int
) -> None:
    store(vectors, rows(100))
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    before = [file.read_bytes() for file in files_of(tmp_path)]
    added = rows(3, seed=2)
    store(vectors, added, first_unit=101)
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    assert [file.read_bytes() for file in files_of(tmp_path)] == before
    assert [search(neighbors, row, 1)[0][0] for row in added] == [101, 102, 103]


@both
def test_many_new_vectors_extend_the_files(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    store(vectors, rows(100))
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    before = file_of(tmp_path, ann_from).stat().st_size
    added = rows(TAIL_LIMIT + 1, seed=2)
    store(vectors, added, first_unit=101)
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    assert file_of(tmp_path, ann_from).stat().st_size > before
    assert search(neighbors, added[-1], 1)[0][0] == 100 + len(added)


def test_a_graph_behind_its_matrix_is_not_searched(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(100))
    neighbors_of(vectors, tmp_path).sync(no_progress)
    added = rows(TAIL_LIMIT + 1, seed=2)
    store(vectors, added, first_unit=101)
    neighbors = neighbors_of(vectors, tmp_path)
    neighbors._sync_matrix(neighbors.matrix.state())
    assert search(neighbors, added[-1], 1)[0][0] == 100 + len(added)
    assert not neighbors.graph.is_loaded()


@both
def test_files_full_of_dead_vectors_are_written_anew(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    store(vectors, rows(400))
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    whole = file_of(tmp_path, ann_from).stat().st_size
    forget(vectors, range(1, 11))
    neighbors.sync(no_progress)
    assert file_of(tmp_path, ann_from).stat().st_size == whole
    forget(vectors, range(1, 201))
    neighbors.sync(no_progress)
    assert file_of(tmp_path, ann_from).stat().st_size < whole
    assert min(labels(search(neighbors, rows(1)[0], 200))) == 201


@both
def test_the_files_of_an_index_that_lost_all_its_units_are_removed(
    vectors: Vectors, tmp_path: Path, ann_from: int
) -> None:
    store(vectors, rows(10))
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    forget(vectors, range(1, 11))
    neighbors.sync(no_progress)
    assert not files_of(tmp_path) and search(neighbors, rows(1)[0], 5) == []


@both
@pytest.mark.parametrize("damage", ["missing", "cut", "note", "garbage", "header"])
def test_files_that_are_not_whole_are_not_needed_and_written_again(
    vectors: Vectors, tmp_path: Path, ann_from: int, damage: str
) -> None:
    matrix = rows(200)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    file = file_of(tmp_path, ann_from)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "note":
        note_of(file).write_text("{", encoding="utf-8")
    elif damage == "header":
        file.write_bytes(b"\xff" * 20 + content[20:])
    else:
        file.write_bytes(b"\xff" * len(content))
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    assert not neighbors.is_whole()
    assert search(neighbors, matrix[5], 1)[0][0] == 6
    neighbors.sync(no_progress)
    assert file_of(tmp_path, ann_from).stat().st_size == len(content) and neighbors.is_whole()


def test_rows_under_wrong_ids_are_noticed(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(50)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path, SCAN).sync(no_progress)
    file = file_of(tmp_path, SCAN)
    content = bytearray(file.read_bytes())
    ids = len(content) - 8 * 50
    content[ids : ids + 16] = content[ids + 8 : ids + 16] + content[ids : ids + 8]
    file.write_bytes(content)
    assert neighbors_of(vectors, tmp_path, SCAN).search(matrix[0], 1)[0][0] == 1


def test_a_number_that_is_not_finite_is_noticed(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(50)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path, SCAN).sync(no_progress)
    file = file_of(tmp_path, SCAN)
    content = bytearray(file.read_bytes())
    content[64 + 4 * 20 : 64 + 4 * 21] = b"\0\0\xc0\x7f"
    file.write_bytes(content)
    assert neighbors_of(vectors, tmp_path, SCAN).search(matrix[0], 1)[0][0] == 1


@both
def test_the_files_of_another_index_are_not_used(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    store(vectors, rows(50))
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    (tmp_path / "new").mkdir()
    database = Database(tmp_path / "new" / "index.db")
    other = Vectors(database, vectors.space)
    other.register()
    matrix = rows(5, seed=3)
    store(other, matrix)
    for file in files_of(tmp_path):
        file.rename(tmp_path / "new" / file.name)
    assert labels(search(neighbors_of(other, tmp_path / "new", ann_from), matrix[2], 1)) == [3]
    database.close()


@both
def test_a_file_that_is_lost_is_written_again_from_the_vectors(
    vectors: Vectors, tmp_path: Path, ann_from: int
) -> None:
    store(vectors, rows(60))
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    first = json.loads(note_of(file_of(tmp_path, ann_from)).read_text(encoding="utf-8"))
    file_of(tmp_path, ann_from).unlink()
    neighbors_of(vectors, tmp_path, ann_from).sync(no_progress)
    again = json.loads(note_of(file_of(tmp_path, ann_from)).read_text(encoding="utf-8"))
    # Links depend on which thread was faster; what is linked does not.
    assert [again[key] for key in ("last", "count", "index")] == [
        first[key] for key in ("last", "count", "index")
    ]


@pytest.mark.parametrize("value", [b"\0\0\x80\x7f", b"\xff\xff\x7f\x7f", b"\0\0\x20\x41"])
def test_a_number_that_is_too_large_is_noticed(vectors: Vectors, tmp_path: Path, value: bytes) -> None:
    matrix = rows(50)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path, SCAN).sync(no_progress)
    file = file_of(tmp_path, SCAN)
    content = bytearray(file.read_bytes())
    column = int(np.abs(matrix[0]).argmax())
    content[64 + 4 * (DIM + column) : 64 + 4 * (DIM + column + 1)] = value
    file.write_bytes(content)
    assert neighbors_of(vectors, tmp_path, SCAN).search(matrix[0], 1)[0][0] == 1


def test_a_process_that_goes_on_searching_notices_any_change(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(50)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path, SCAN).sync(no_progress)
    file = file_of(tmp_path, SCAN)
    content = bytearray(file.read_bytes())
    row = 64 + 4 * DIM * 3
    content[row + 4 * 8 : row + 4 * DIM] = bytes(4 * (DIM - 8))
    file.write_bytes(content)
    assert search(neighbors_of(vectors, tmp_path, SCAN), matrix[3], 1)[0][0] == 4


def test_a_process_that_goes_on_searching_loads_the_graph(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    neighbors_of(vectors, tmp_path).sync(no_progress)
    neighbors = neighbors_of(vectors, tmp_path)
    first = labels(neighbors.search(matrix[7], 10))
    assert not neighbors.graph.is_loaded()
    assert all(labels(neighbors.search(matrix[7], 10)) == first for _ in range(8))
    assert neighbors.graph.is_loaded()


def test_few_selected_units_are_compared_one_by_one(vectors: Vectors, tmp_path: Path) -> None:
    database = vectors._db
    matrix = rows(100)
    store(vectors, matrix)
    for unit in range(1, 101):
        row = (unit, 1 + unit % 10, "function", "f", "f", 1, 1)
        database.run("INSERT INTO units VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    neighbors = neighbors_of(vectors, tmp_path)
    neighbors.sync(no_progress)
    selected = {unit for unit in range(1, 101) if unit % 10 == 3}
    found = neighbors.search(matrix[0], 100, Selection(file_ids=(4,), fraction=0.1))
    assert {*labels(found)} == selected


@both
def test_several_threads_search_at_once(vectors: Vectors, tmp_path: Path, ann_from: int) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    neighbors = neighbors_of(vectors, tmp_path, ann_from)
    neighbors.sync(no_progress)
    start = threading.Barrier(4)

    def work(first: int) -> list[int]:
        start.wait()
        return [neighbors.search(matrix[number], 1)[0][0] for number in range(first, 300, 4)]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(work, range(4)))
    assert found == [list(range(first + 1, 301, 4)) for first in range(4)]
