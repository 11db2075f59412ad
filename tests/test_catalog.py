"""Files, units and words in the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import unit

from codesift.catalog import Catalog
from codesift.database import Database
from codesift.lexicon import MOST_ROWS, Lexicon
from codesift.types import SourceFile, Unit

EQUAL = (1.0, 1.0, 1.0, 1.0)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "index.db")
    yield database
    database.close()


@pytest.fixture
def catalog(database: Database) -> Catalog:
    return Catalog(database)


@pytest.fixture
def lexicon(database: Database) -> Lexicon:
    return Lexicon(database)


def put(
    catalog: Catalog, path: str, *units: Unit, skipped: str | None = None, language: str = "python"
) -> None:
    source = SourceFile(path, f"/root/{path}", language, 10, 20, 30)
    catalog.put_file(source, b"digest", units, skipped)


def names(
    catalog: Catalog, lexicon: Lexicon, *words: str, chosen: bool = False, limit: int = 10
) -> list[str]:
    found = lexicon.best(words, EQUAL, limit, chosen)
    hits = catalog.hits(unit_id for unit_id, _ in found)
    return [hits[unit_id].name for unit_id, _ in found]


def test_an_empty_catalog_answers_everything_with_nothing(catalog: Catalog, lexicon: Lexicon) -> None:
    assert catalog.files() == [] and catalog.file("a.py") is None
    assert catalog.counts() == (0, 0)
    assert catalog.units_of("a.py") == catalog.named("a", False) == []
    assert lexicon.best(["a"], EQUAL, 10, False) == [] and catalog.hits([1, 2]) == {}


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


def test_a_file_stored_again_replaces_its_units_and_their_words(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("old"), unit("older"))
    put(catalog, "a.py", unit("fresh"))
    assert catalog.counts() == (1, 1)
    assert names(catalog, lexicon, "old") == [] and names(catalog, lexicon, "fresh") == ["fresh"]


def test_an_id_is_never_used_twice(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("f"))
    before = catalog.units_of("a.py")[0].unit_id
    catalog.remove_files(["a.py"])
    put(catalog, "a.py", unit("f"))
    assert catalog.units_of("a.py")[0].unit_id > before


def test_a_removed_file_is_gone_and_an_unknown_one_does_no_harm(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("f"))
    put(catalog, "b.py", unit("g"))
    gone = catalog.units_of("a.py")[0].unit_id
    catalog.remove_files(["a.py", "never.py"])
    assert [row.path for row in catalog.files()] == ["b.py"]
    assert catalog.hits([gone]) == {} and names(catalog, lexicon, "f") == []


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


def test_words_are_found_in_name_path_documentation_and_body(catalog: Catalog, lexicon: Lexicon) -> None:
    put(
        catalog, "quay/fees.py", unit("mooringFee", documentation="what ships pay", code="return tonnage * 2")
    )
    for word in ("mooring", "mooringfee", "quay", "ships", "tonnage"):
        assert names(catalog, lexicon, word) == ["mooringFee"], word
    assert names(catalog, lexicon, "submarine") == []


def test_inflected_words_meet(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("f", documentation="retries failed requests"))
    assert (
        names(catalog, lexicon, "retry")
        == names(catalog, lexicon, "failing")
        == names(catalog, lexicon, "request")
        == ["f"]
    )


def test_the_weights_of_the_columns_decide_the_order(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("tide", code="pass"), unit("level", code="tide"))
    heavy_name, heavy_body = (100.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 100.0)
    ids = {hit.name: hit.unit_id for hit in catalog.units_of("a.py")}
    assert lexicon.best(["tide"], heavy_name, 2, False)[0][0] == ids["tide"]
    assert lexicon.best(["tide"], heavy_body, 2, False)[0][0] == ids["level"]


def test_scores_fall_and_the_limit_holds(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide " * (n % 7 + 1) + "sea " * n) for n in range(20)))
    found = lexicon.best(["tide"], EQUAL, 5, False)
    assert len(found) == 5
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize(
    "word", ['"', "a OR b", "NEAR(", "name:f", "f*", "*", "-f", "'; DROP TABLE words", "AND"]
)
def test_words_with_search_syntax_are_only_words(catalog: Catalog, lexicon: Lexicon, word: str) -> None:
    put(catalog, "a.py", unit("f", code="plain"))
    assert names(catalog, lexicon, word, "plain") == ["f"]


def test_a_search_can_be_limited_to_files_and_kinds(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("tide"), unit("Tide", kind="class"))
    put(catalog, "b.py", unit("tide_b"))
    first = catalog.file("a.py")
    assert first is not None
    assert catalog.choose([first.id], ["function"]) == 1
    assert names(catalog, lexicon, "tide", chosen=True) == ["tide"]
    assert catalog.choose(None, ["function"]) == 2
    assert sorted(names(catalog, lexicon, "tide", chosen=True)) == ["tide", "tide_b"]
    assert catalog.choose([], []) == 0
    assert names(catalog, lexicon, "tide", chosen=True) == []
    assert len(names(catalog, lexicon, "tide")) == 3


def test_a_name_is_found_in_any_letter_case_and_only_whole(catalog: Catalog) -> None:
    put(catalog, "a.py", unit("Quay.release"), unit("Crane.release"), unit("released"))
    found = catalog.hits(catalog.named("RELEASE", False)).values()
    assert {hit.qualified_name for hit in found} == {"Quay.release", "Crane.release"}


def test_thousands_of_units_are_fetched_at_once(catalog: Catalog) -> None:
    put(catalog, "a.py", *(unit(f"f{n}") for n in range(2500)))
    ids = [hit.unit_id for hit in catalog.units_of("a.py")]
    assert len(catalog.hits(ids)) == 2500


def test_units_that_have_a_word_are_known_and_counted(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", unit("tide"), unit("level", code="tides"), unit("quay"))
    ids = {hit.name: hit.unit_id for hit in catalog.units_of("a.py")}
    having = lexicon.having([ids["tide"], ids["quay"]], ["tide", "zeppelin"])
    assert having == {"tide": {ids["tide"]}, "zeppelin": set()}
    assert lexicon.frequencies(["tide", "zeppelin"]) == {"tide": 2, "zeppelin": 0}


def test_counting_the_units_of_a_word_stops_where_it_is_told(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide") for n in range(5)))
    assert lexicon.frequencies(["tide", "ebb"], 3) == {"tide": 3, "ebb": 0}
    assert lexicon.frequencies(["tide"]) == {"tide": 5}


@pytest.mark.parametrize(
    ("written", "found"),
    [("moor", {"mooringFee", "moorings"}), ("berht", {"berth"}), ("berths", {"berth"}), ("xyz", set())],
)
def test_a_beginning_or_a_slip_finds_names(catalog: Catalog, written: str, found: set[str]) -> None:
    put(catalog, "a.py", unit("mooringFee"), unit("moorings"), unit("berth"), unit("bert_h_other"))
    hits = catalog.hits(catalog.resembling(written, False)).values()
    assert {hit.name for hit in hits} == found


def test_counts_are_taken_again_when_anyone_changes_the_index(
    tmp_path: Path, database: Database, catalog: Catalog, lexicon: Lexicon
) -> None:
    def known() -> int:
        return lexicon.frequencies(["tide"])["tide"]

    other = Database(tmp_path / "index.db")
    put(catalog, "a.py", unit("tide"))
    assert known() == 1
    with database.transaction():
        put(catalog, "b.py", unit("tide"))
    assert known() == 2
    with other.transaction():
        put(Catalog(other), "c.py", unit("tide"))
    assert known() == 3
    other.close()


def test_words_that_very_many_units_have_are_not_among_the_rarest(catalog: Catalog, lexicon: Lexicon) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide") for n in range(MOST_ROWS)), unit("quay"))
    assert lexicon.rarest(["tide", "quay"]) == ["quay"]
    assert lexicon.rarest(["tide", "zeppelin"]) == ["zeppelin", "tide"]
    assert lexicon.rarest([]) == []
