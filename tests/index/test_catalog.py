"""Files and units in the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from catalogs import EQUAL, names, put
from fakes import unit

from codesift.index.catalog import Catalog
from codesift.index.full_text import FullText
from codesift.types import SourceFile


def test_an_empty_catalog_answers_everything_with_nothing(catalog: Catalog, full_text: FullText) -> None:
    assert catalog.files() == [] and catalog.file("a.py") is None
    assert catalog.counts() == (0, 0)
    assert catalog.units_of("a.py") == catalog.named("a") == []
    assert full_text.best(["a"], EQUAL, 10) == [] and catalog.hits([1, 2]) == {}


def test_a_file_comes_back_as_it_was_stored(catalog: Catalog) -> None:
    put(catalog, "src/a.py", unit("f"))
    row = catalog.file("src/a.py")
    assert row is not None and catalog.files() == [row]
    assert (row.language, row.size, row.mtime_ns, row.ctime_ns, row.digest) == (
        "python",
        10,
        20,
        30,
        b"digest",
    )
    assert row.source(Path("/root")) == SourceFile("src/a.py", "/root/src/a.py", "python", 10, 20, 30)


def test_units_come_back_in_source_order_with_place_and_names(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("A", 1, 9, "class"), unit("A.run", 3, 9, "method"))
    first, second = catalog.units_of("a.py")
    assert (first.qualified_name, second.qualified_name) == ("A", "A.run")
    assert (second.name, second.kind, second.start_line, second.end_line) == ("run", "method", 3, 9)
    assert (second.path, second.language, second.best_lines) == ("a.py", "python", (3, 9))


def test_a_file_stored_again_replaces_its_units_and_their_words(
    catalog: Catalog, full_text: FullText
) -> None:
    put(catalog, "a.py", unit("old"), unit("older"))
    put(catalog, "a.py", unit("fresh"))
    assert catalog.counts() == (1, 1)
    assert names(catalog, full_text, "old") == [] and names(catalog, full_text, "fresh") == ["fresh"]


def test_an_id_is_never_used_twice(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("f"))
    before = catalog.units_of("a.py")[0].unit_id
    catalog.remove_files(["a.py"])
    put(catalog, "a.py", unit("f"))
    assert catalog.units_of("a.py")[0].unit_id > before


def test_a_removed_file_is_gone_and_an_unknown_one_does_no_harm(
    catalog: Catalog, full_text: FullText
) -> None:
    put(catalog, "a.py", unit("f"))
    put(catalog, "b.py", unit("g"))
    gone = catalog.units_of("a.py")[0].unit_id
    catalog.remove_files(["a.py", "never.py"])
    assert [row.path for row in catalog.files()] == ["b.py"]
    assert catalog.hits([gone]) == {} and names(catalog, full_text, "f") == []


def test_left_out_files_are_remembered_but_not_counted(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("f"))
    put(catalog, "b.bin", skipped="binary")
    put(catalog, "c.bin", skipped="binary")
    assert catalog.counts() == (1, 1)
    assert catalog.skipped() == {"binary": 2}
    assert len(catalog.files()) == 3


def test_a_touched_file_keeps_its_units(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("f"))
    catalog.touch_file(SourceFile("a.py", "/root/a.py", "python", 11, 21, 31))
    row = catalog.file("a.py")
    assert row is not None and (row.size, row.mtime_ns, row.ctime_ns) == (11, 21, 31)
    assert len(catalog.units_of("a.py")) == 1


def test_languages_are_counted_by_files_and_units(catalog: Catalog) -> None:
    put(catalog, "a.go", unit("a"), language="go")
    put(catalog, "a.py", unit("a"), unit("b"))
    put(catalog, "b.py", unit("c"))
    assert catalog.languages() == [("python", 2, 3), ("go", 1, 1)]


def test_a_name_is_found_in_any_letter_case_and_only_whole(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("Quay.release"), unit("Crane.release"), unit("released"))
    found = catalog.hits(catalog.named("RELEASE")).values()
    assert {hit.qualified_name for hit in found} == {"Quay.release", "Crane.release"}


def test_thousands_of_units_are_fetched_at_once(catalog: Catalog) -> None:
    put(catalog, "a.py", *(unit(f"f{n}") for n in range(2500)))
    ids = [hit.unit_id for hit in catalog.units_of("a.py")]
    assert len(catalog.hits(ids)) == 2500


@pytest.mark.parametrize(
    ("written", "found"),
    [("moor", {"mooringFee", "moorings"}), ("berht", {"berth"}), ("berths", {"berth"}), ("xyz", set())],
)
def test_a_beginning_or_a_slip_finds_names(catalog: Catalog, written: str, found: set[str]) -> None:
    put(catalog, "a.py", unit("mooringFee"), unit("moorings"), unit("berth"), unit("bert_h_other"))
    hits = catalog.hits(catalog.resembling(written)).values()
    assert {hit.name for hit in hits} == found
