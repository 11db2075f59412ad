"""The graph finds what an exact search finds, and is never trusted further than it can be checked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import no_progress
from numpy.typing import NDArray

from codesift.config import Settings
from codesift.index.database import Database
from codesift.index.hnsw import TAIL_LIMIT, Found, Graph, exact, scan
from codesift.index.vectors import Vectors, WindowRow

DIM = 32
Rows = NDArray[np.float32]


@pytest.fixture
def vectors(tmp_path: Path) -> Iterator[Vectors]:
    database = Database(tmp_path / "index.db")
    made = Vectors(database, "0123456789abcdef-space")
    made.register()
    yield made
    database.close()


def graph_of(vectors: Vectors, folder: Path) -> Graph:
    return Graph(folder, vectors, DIM, Settings())


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


def file_of(folder: Path) -> Path:
    (file,) = folder.glob("*.hnsw")
    return file


def test_an_empty_graph_finds_nothing(vectors: Vectors, tmp_path: Path) -> None:
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    assert graph.search(rows(1)[0], 10) == [] and not list(tmp_path.glob("*.hnsw"))


def test_exact_search_orders_by_cosine_across_blocks(vectors: Vectors) -> None:
    matrix = rows(9000)
    store(vectors, matrix)
    assert len(list(vectors.blocks())) > 1
    found = exact(vectors.blocks(), matrix[7], 5)
    cosines = matrix @ matrix[7]
    assert [cosine for _, cosine in found] == pytest.approx(np.sort(cosines)[::-1][:5].tolist(), abs=1e-6)
    assert found[0][0] == 8


def test_the_graph_finds_nearly_all_that_an_exact_search_finds(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(3000))
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    queries = rows(50, seed=1)
    shared = [
        len({*labels(graph.search(query, 10))} & {*labels(exact(vectors.blocks(), query, 10))})
        for query in queries
    ]
    assert sum(shared) / (10 * len(queries)) >= 0.99


def test_scores_are_cosines_and_fall(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    found = graph.search(matrix[0], 20)
    assert [cosine for _, cosine in found] == sorted((c for _, c in found), reverse=True)
    assert all(cosine == pytest.approx(float(matrix[n - 1] @ matrix[0]), abs=1e-3) for n, cosine in found)


def test_more_can_be_asked_for_than_there_is(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(20))
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    assert sorted(labels(graph.search(rows(1)[0], 1000))) == list(range(1, 21))


def test_a_few_new_vectors_are_found_at_once_and_leave_the_file_alone(
    vectors: Vectors, tmp_path: Path
) -> None:
    store(vectors, rows(100))
    graph_of(vectors, tmp_path).sync(no_progress)
    before = file_of(tmp_path).read_bytes()
    added = rows(3, seed=2)
    store(vectors, added, first_unit=101)
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    assert file_of(tmp_path).read_bytes() == before
    assert [graph.search(row, 1)[0][0] for row in added] == [101, 102, 103]


def test_many_new_vectors_extend_the_graph(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(100))
    graph_of(vectors, tmp_path).sync(no_progress)
    before = file_of(tmp_path).stat().st_size
    added = rows(TAIL_LIMIT + 1, seed=2)
    store(vectors, added, first_unit=101)
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    assert file_of(tmp_path).stat().st_size > before
    assert graph.search(added[-1], 1)[0][0] == 100 + len(added)


def test_a_graph_full_of_dead_vectors_is_built_anew(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(400))
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    whole = file_of(tmp_path).stat().st_size
    forget(vectors, range(1, 11))
    graph.sync(no_progress)
    assert file_of(tmp_path).stat().st_size == whole
    forget(vectors, range(1, 201))
    graph.sync(no_progress)
    assert file_of(tmp_path).stat().st_size < whole
    assert min(labels(graph.search(rows(1)[0], 200))) == 201


def test_the_graph_of_an_index_that_lost_all_its_units_is_removed(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(10))
    graph = graph_of(vectors, tmp_path)
    graph.sync(no_progress)
    forget(vectors, range(1, 11))
    graph.sync(no_progress)
    assert not list(tmp_path.glob("*.hnsw")) and graph.search(rows(1)[0], 5) == []


@pytest.mark.parametrize("damage", ["missing", "cut", "note", "garbage"])
def test_a_graph_that_is_not_whole_is_not_needed_and_built_again(
    vectors: Vectors, tmp_path: Path, damage: str
) -> None:
    matrix = rows(200)
    store(vectors, matrix)
    graph_of(vectors, tmp_path).sync(no_progress)
    file = file_of(tmp_path)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "note":
        file.with_suffix(".json").write_text("{", encoding="utf-8")
    else:
        file.write_bytes(b"\xff" * len(content))
    graph = graph_of(vectors, tmp_path)
    assert graph.search(matrix[5], 1)[0][0] == 6
    if damage != "garbage":
        graph.sync(no_progress)
        assert file_of(tmp_path).stat().st_size == len(content)


def test_the_graph_of_another_index_is_not_used(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(50))
    graph_of(vectors, tmp_path).sync(no_progress)
    (tmp_path / "new").mkdir()
    database = Database(tmp_path / "new" / "index.db")
    other = Vectors(database, vectors.space)
    other.register()
    matrix = rows(5, seed=3)
    store(other, matrix)
    for file in (file_of(tmp_path), file_of(tmp_path).with_suffix(".json")):
        file.rename(tmp_path / "new" / file.name)
    assert labels(graph_of(other, tmp_path / "new").search(matrix[2], 1)) == [3]
    database.close()


def test_a_graph_that_is_lost_is_built_again_from_the_vectors(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(60))
    graph_of(vectors, tmp_path).sync(no_progress)
    first = json.loads(file_of(tmp_path).with_suffix(".json").read_text(encoding="utf-8"))
    file_of(tmp_path).unlink()
    graph_of(vectors, tmp_path).sync(no_progress)
    again = json.loads(file_of(tmp_path).with_suffix(".json").read_text(encoding="utf-8"))
    # Links depend on which thread was faster; what is linked does not.
    assert [again[key] for key in ("last", "count", "index")] == [
        first[key] for key in ("last", "count", "index")
    ]


def test_a_scan_of_the_graph_file_finds_what_exact_search_finds(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    graph_of(vectors, tmp_path).sync(no_progress)
    found = scan(file_of(tmp_path), 300, matrix[7], 20)
    assert [label for label, _ in found] == [label for label, _ in exact(vectors.blocks(), matrix[7], 20)]
    assert found[0][1] == pytest.approx(1.0, abs=1e-3)


def test_a_file_of_another_layout_is_not_scanned(vectors: Vectors, tmp_path: Path) -> None:
    store(vectors, rows(30))
    graph_of(vectors, tmp_path).sync(no_progress)
    assert scan(file_of(tmp_path), 29, rows(1)[0], 5) == []
    assert scan(file_of(tmp_path), 30, rows(1)[0][:8], 5) == []


def test_a_process_that_goes_on_searching_loads_the_graph(vectors: Vectors, tmp_path: Path) -> None:
    matrix = rows(300)
    store(vectors, matrix)
    graph_of(vectors, tmp_path).sync(no_progress)
    graph = graph_of(vectors, tmp_path)
    first = labels(graph.search(matrix[7], 10))
    assert graph._opened is None
    assert all(labels(graph.search(matrix[7], 10)) == first for _ in range(8))
    assert graph._opened is not None
