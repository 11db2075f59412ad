"""Words of units: who has them, how many do, and the order they give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from catalogs import EQUAL, names, put
from fakes import unit

from codesift.index.catalog import Catalog
from codesift.index.database import Database
from codesift.index.full_text import FullText


def test_words_are_found_in_name_path_documentation_and_body(catalog: Catalog, full_text: FullText) -> None:
    put(
        catalog, "quay/fees.py", unit("mooringFee", documentation="what ships pay", code="return tonnage * 2")
    )
    for word in ("mooring", "mooringfee", "quay", "ships", "tonnage"):
        assert names(catalog, full_text, word) == ["mooringFee"], word
    assert names(catalog, full_text, "submarine") == []


def test_inflected_words_meet(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", unit("f", documentation="retries failed requests"))
    assert (
        names(catalog, full_text, "retry")
        == names(catalog, full_text, "failing")
        == names(catalog, full_text, "request")
        == ["f"]
    )


def test_the_weights_of_the_columns_decide_the_order(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", unit("tide", code="pass"), unit("level", code="tide"))
    heavy_name, heavy_body = (100.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 100.0)
    ids = {hit.name: hit.unit_id for hit in catalog.units_of("a.py")}
    assert full_text.best(["tide"], heavy_name, 2)[0][0] == ids["tide"]
    assert full_text.best(["tide"], heavy_body, 2)[0][0] == ids["level"]


def test_scores_fall_and_the_limit_holds(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide " * (n % 7 + 1) + "sea " * n) for n in range(20)))
    found = full_text.best(["tide"], EQUAL, 5)
    assert len(found) == 5
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize(
    "word", ['"', "a OR b", "NEAR(", "name:f", "f*", "*", "-f", "'; DROP TABLE words", "AND"]
)
def test_words_with_search_syntax_are_only_words(catalog: Catalog, full_text: FullText, word: str) -> None:
    put(catalog, "a.py", unit("f", code="plain"))
    assert names(catalog, full_text, word, "plain") == ["f"]


def test_a_search_can_be_limited_to_files_and_kinds(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", unit("tide"), unit("Tide", kind="class"))
    put(catalog, "b.py", unit("tide_b"))
    first = catalog.file("a.py")
    assert first is not None
    one = catalog.select([first.id], ["function"])
    both = catalog.select(None, ["function"])
    none = catalog.select([], [])
    assert (one.fraction, both.fraction, none.fraction) == (1 / 3, 2 / 3, 0)
    assert names(catalog, full_text, "tide", selection=one) == ["tide"]
    assert sorted(names(catalog, full_text, "tide", selection=both)) == ["tide", "tide_b"]
    assert names(catalog, full_text, "tide", selection=none) == []
    assert len(names(catalog, full_text, "tide")) == 3


def test_units_that_have_a_word_are_known_and_counted(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", unit("tide"), unit("level", code="tides"), unit("quay"))
    ids = {hit.name: hit.unit_id for hit in catalog.units_of("a.py")}
    having = full_text.having([ids["tide"], ids["quay"]], ["tide", "zeppelin"])
    assert having == {"tide": {ids["tide"]}, "zeppelin": set()}
    assert full_text.frequencies(["tide", "zeppelin"]) == {"tide": 2, "zeppelin": 0}


def test_counting_the_units_of_a_word_stops_where_it_is_told(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide") for n in range(5)))
    assert full_text.frequencies(["tide", "ebb"], 3) == {"tide": 3, "ebb": 0}
    assert full_text.frequencies(["tide"]) == {"tide": 5}


def test_counts_are_taken_again_when_anyone_changes_the_index(
    tmp_path: Path, database: Database, catalog: Catalog, full_text: FullText
) -> None:
    def known() -> int:
        return full_text.frequencies(["tide"])["tide"]

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


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """BM25 for 20 units at most, unless that is less than is wanted."""
    monkeypatch.setattr("codesift.index.full_text._MAX_SCORED_UNITS", 20)


def put_many(catalog: Catalog, database: Database) -> None:
    """100 units with `tide`, 10 with `quay`, of which 2 have both."""
    with database.transaction():
        put(catalog, "a.py", *(unit(f"tide{n}", code="tide") for n in range(98)))
        put(catalog, "b.py", *(unit(f"pier{n}", code="quay rope") for n in range(8)))
        put(catalog, "c.py", *(unit(f"both{n}", code="tide quay") for n in range(2)))


@pytest.mark.usefixtures("few_rows")
def test_words_that_very_many_units_have_only_add_to_the_scores_of_others(
    database: Database, catalog: Catalog, full_text: FullText, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_many(catalog, database)
    monkeypatch.setattr("codesift.index.full_text._MIN_UNITS_PER_RESULT", 1)
    found = names(catalog, full_text, "tide", "quay", limit=10)
    assert {name[:4] for name in found[2:]} == {"pier"}
    assert set(found[:2]) == {"both0", "both1"}


@pytest.mark.usefixtures("few_rows")
def test_they_are_searched_where_the_rarer_words_do_not_find_enough(
    database: Database, catalog: Catalog, full_text: FullText
) -> None:
    put_many(catalog, database)
    assert len(names(catalog, full_text, "tide", "zeppelin", limit=5)) == 5
    assert len(names(catalog, full_text, "tide", "quay", limit=50)) == 50
    assert len(names(catalog, full_text, "tide")) == 10


@pytest.mark.usefixtures("few_rows")
def test_a_filter_that_leaves_few_units_lets_all_words_be_searched(
    database: Database, catalog: Catalog, full_text: FullText
) -> None:
    put_many(catalog, database)
    only = catalog.file("a.py")
    assert only is not None
    selection = replace(catalog.select([only.id], []), fraction=0.1)
    assert len(names(catalog, full_text, "tide", "quay", selection=selection, limit=2)) == 2


def test_thousands_of_units_are_looked_through_for_a_word(
    database: Database, catalog: Catalog, full_text: FullText
) -> None:
    with database.transaction():
        put(catalog, "a.py", *(unit(f"f{n}", code="tide" * (n % 2)) for n in range(2000)))
    ids = [hit.unit_id for hit in catalog.units_of("a.py")]
    assert full_text.having(ids, ["tide"]) == {"tide": set(ids[1::2])}


def test_merging_changes_no_answer(database: Database, catalog: Catalog, full_text: FullText) -> None:
    put_many(catalog, database)
    before = full_text.best(["tide", "quay"], EQUAL, 200)
    with database.transaction():
        full_text.merge()
    assert full_text.best(["tide", "quay"], EQUAL, 200) == before
    assert database.value("SELECT count(DISTINCT segid) FROM words_idx") == 1


def test_a_word_is_worth_more_the_rarer_it_is(catalog: Catalog, full_text: FullText) -> None:
    put(catalog, "a.py", *(unit(f"f{n}", code="tide") for n in range(5)), unit("g", code="tide quay"))
    idf = full_text.inverse_document_frequencies(["tide", "quay", "zeppelin"])
    assert 0 < idf["tide"] < idf["quay"] < idf["zeppelin"]
