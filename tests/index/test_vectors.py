"""Vectors by digest of their text, and the windows of the units they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import unit

from codesift.index.catalog import Catalog
from codesift.index.database import Database
from codesift.index.selection import EVERYTHING, Selection
from codesift.index.vectors import Match, Vectors, WindowRow
from codesift.parsing.units import entry_of
from codesift.types import SourceFile


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Two files: a.py with units 1 and 2, b.py with unit 3."""
    opened = Database(tmp_path / "index.db")
    catalog = Catalog(opened)
    catalog.put_file(
        SourceFile("a.py", "a.py", "python", 1, 1, 1), b"", [entry_of(unit("f")), entry_of(unit("g"))], None
    )
    catalog.put_file(
        SourceFile("b.py", "b.py", "python", 1, 1, 1), b"", [entry_of(unit("h", kind="class"))], None
    )
    yield opened
    opened.close()


@pytest.fixture
def vectors(database: Database) -> Vectors:
    made = Vectors(database, "space one")
    made.register()
    return made


def data(*values: float) -> bytes:
    return np.array(values, np.float16).tobytes()


def store(vectors: Vectors, unit_id: int, *rows: tuple[bytes, bytes]) -> list[int]:
    """Store a unit whose windows have these (digest, data)."""
    vectors.put(rows)
    ids = [vectors.ids([digest])[digest] for digest, _ in rows]
    vectors.put_windows(WindowRow(unit_id, n, ids[n], 10 * n + 1, 10 * n + 10) for n in range(len(rows)))
    return ids


def used(vectors: Vectors, selection: Selection = EVERYTHING) -> list[int]:
    return [int(i) for ids, _ in vectors.blocks(selection=selection) for i in ids]


def test_a_vector_is_kept_by_the_digest_of_its_text(vectors: Vectors) -> None:
    vectors.put([(b"one", data(1, 0)), (b"two", data(0, 1))])
    assert vectors.data([b"one", b"none"]) == {b"one": data(1, 0)}
    assert set(vectors.ids([b"one", b"two", b"none"])) == {b"one", b"two"}


def test_a_text_known_already_keeps_its_first_vector_and_id(vectors: Vectors) -> None:
    vectors.put([(b"one", data(1, 0))])
    before = vectors.ids([b"one"])
    vectors.put([(b"one", data(0, 1))])
    assert vectors.ids([b"one"]) == before and vectors.data([b"one"]) == {b"one": data(1, 0)}


def test_files_wait_until_each_of_their_units_has_windows(vectors: Vectors) -> None:
    assert vectors.pending() == [("a.py", [1, 2], {1, 2}), ("b.py", [3], {3})]
    store(vectors, 1, (b"one", data(1, 0)))
    assert vectors.pending() == [("a.py", [1, 2], {2}), ("b.py", [3], {3})]
    assert vectors.pending([1, 3]) == [("b.py", [3], {3})] and vectors.pending([]) == []
    store(vectors, 2, (b"two", data(1, 0)))
    assert vectors.pending() == [("b.py", [3], {3})]


def test_a_unit_is_ready_once_however_many_windows_it_has(vectors: Vectors) -> None:
    assert vectors.ready() == 0
    store(vectors, 1, (b"one", data(1, 0)), (b"two", data(0, 1)))
    store(vectors, 2, (b"one", data(1, 0)))
    assert vectors.ready() == 2


def test_a_units_vectors_come_in_the_order_of_its_windows(vectors: Vectors) -> None:
    store(vectors, 1, (b"z", data(1, 0)), (b"a", data(0, 1)), (b"m", data(-1, 0)))
    assert [vector.tolist() for vector in vectors.of_unit(1)] == [[1, 0], [0, 1], [-1, 0]]
    assert vectors.of_unit(1)[0].dtype == np.float32
    assert vectors.of_unit(2) == []


def test_one_vector_may_belong_to_several_units(vectors: Vectors) -> None:
    (shared,) = store(vectors, 1, (b"one", data(1, 0)))
    store(vectors, 3, (b"one", data(1, 0)))
    assert sorted(vectors.matches([shared, 999])[shared]) == [Match(1, 1, 10), Match(3, 1, 10)]
    assert used(vectors) == [shared]


def test_only_chosen_units_match_where_that_is_asked(database: Database, vectors: Vectors) -> None:
    (shared,) = store(vectors, 1, (b"one", data(1, 0)))
    (own,) = store(vectors, 2, (b"two", data(1, 0)))
    store(vectors, 3, (b"one", data(1, 0)))
    classes = Catalog(database).select(None, ["class"])
    assert vectors.matches([shared, own], classes) == {shared: [Match(3, 1, 10)]}
    assert used(vectors, classes) == [shared]


def test_blocks_hold_the_vectors_in_use_above_an_id(vectors: Vectors) -> None:
    first, second = store(vectors, 1, (b"one", data(1, 0)), (b"two", data(0, 1)))
    vectors.put([(b"nobody's", data(1, 1))])
    assert used(vectors) == [first, second]
    assert [ids.tolist() for ids, _ in vectors.blocks(after=first)] == [[second]]
    ((ids, block),) = vectors.blocks()
    assert block.shape == (2, 2) and block.dtype == np.float32 and ids.dtype == np.int64
    assert vectors.usage(first) == (1, 1) and vectors.usage(0) == (0, 2)


def test_spaces_do_not_see_each_other(database: Database, vectors: Vectors) -> None:
    other = Vectors(database, "space two")
    other.register()
    store(vectors, 1, (b"one", data(1, 0)))
    assert other.ids([b"one"]) == {} and other.of_unit(1) == [] and other.ready() == 0
    assert used(other) == [] and len(other.pending()) == 2
    (theirs,) = store(other, 1, (b"one", data(0, 1, 0)))
    assert theirs not in used(vectors)
    assert vectors.data([b"one"]) == {b"one": data(1, 0)}


def test_a_space_never_registered_holds_nothing(database: Database) -> None:
    unknown = Vectors(database, "never")
    assert unknown.ready() == 0 and used(unknown) == [] and len(unknown.pending()) == 2


def test_a_space_keeps_its_vectors_when_it_is_opened_again(database: Database, vectors: Vectors) -> None:
    store(vectors, 1, (b"one", data(1, 0)))
    again = Vectors(database, "space one")
    again.register()
    assert again.ready() == 1 and again.index == vectors.index != ""


def test_only_unused_vectors_are_dropped_the_oldest_first(vectors: Vectors) -> None:
    store(vectors, 1, (b"used", data(1, 0)))
    vectors.put([(b"old", data(1, 0)), (b"new", data(1, 0))])
    vectors.drop_unused()
    assert set(vectors.ids([b"used", b"old", b"new"])) == {b"used", b"new"}
    vectors.drop_unused()
    assert set(vectors.ids([b"used", b"old", b"new"])) == {b"used", b"new"}


def test_vectors_that_another_process_registers_later_are_seen(database: Database) -> None:
    reader, writer = Vectors(database, "later"), Vectors(database, "later")
    assert not reader.is_known()
    writer.register()
    store(writer, 1, (b"one", data(1, 0)))
    assert reader.is_known() and reader.ready() == 1 and len(reader.of_unit(1)) == 1


def test_the_vectors_of_a_removed_file_stay_for_who_has_its_text_again(
    database: Database, vectors: Vectors
) -> None:
    (kept,) = store(vectors, 3, (b"one", data(1, 0)))
    Catalog(database).remove_files(["b.py"])
    assert vectors.ids([b"one"]) == {b"one": kept}
    assert vectors.matches([kept]) == {} and used(vectors) == []
