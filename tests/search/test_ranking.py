"""What holds of every ranking, whatever its weights are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from codesift.config import Settings
from codesift.search import signals
from codesift.search.confidence import FEATURE_SIGNALS, confidence_features
from codesift.search.ranking import Ranked, by_score, fuse, shipped_model
from codesift.search.signals import PENALTY_SIGNALS, SIGNALS, Evidence, QueryTerms
from codesift.types import Hit
from codesift.words import query_terms

SETTINGS = Settings()


def hit(unit_id: int, name: str = "f", path: str = "a.py", line: int = 1, kind: str = "function") -> Hit:
    short = name.rpartition(".")[2]
    return Hit(unit_id, path, "python", kind, short, name, line, line + 4, 0.0, {}, (line, line + 4))


def at(
    words: int | None = None, meaning: int | None = None, lines: tuple[int, int] | None = None
) -> Evidence:
    """Evidence of a unit at these places, 0 the best, of the two searches."""
    return Evidence(
        None if words is None else 20 / (1 + words),
        frozenset() if words is None else frozenset(("tide", "level")),
        None if meaning is None else 0.9 - 0.005 * meaning,
        lines,
    )


def asked(query: str) -> QueryTerms:
    """A query whose words are all as rare."""
    return QueryTerms(query, dict.fromkeys(["tide", "level", *query_terms(query)], 1.0))


def rank(query: str, found: dict[int, Evidence], *hits: Hit, settings: Settings = SETTINGS) -> list[Hit]:
    return fuse(asked(query), {each.unit_id: each for each in hits}, found, settings).hits


def ids(hits: list[Hit]) -> list[int]:
    return [each.unit_id for each in hits]


@pytest.mark.parametrize("query", ["f", "how is the tide computed", "Quay.release"])
def test_scores_are_probabilities_and_signals_add_up_to_their_log_odds(query: str) -> None:
    found = {n: at(n if n % 3 else None, 9 - n if n % 2 else None) for n in range(1, 10)}
    ranked = rank(query, found, *(hit(n, f"Quay.{'release' if n == 4 else 'f'}") for n in found))
    assert len(ranked) == 9
    best = ranked[0]
    for each in ranked:
        odds = sum(each.signals.values()) - sum(best.signals.values())
        assert each.score == pytest.approx(best.score * math.exp(odds)) and 0 <= each.score <= 1


def test_scores_fall() -> None:
    ranked = rank("tide level", {n: at(n, (n * 7) % 10) for n in range(10)}, *map(hit, range(10)))
    assert [each.score for each in ranked] == sorted((each.score for each in ranked), reverse=True)


def test_what_both_searches_put_first_is_first() -> None:
    found = {1: at(1, 1), 2: at(0, 0), 3: at(2, 2)}
    assert ids(rank("tide level", found, hit(1), hit(2), hit(3))) == [2, 1, 3]


def test_found_by_both_beats_found_by_one_at_the_same_rank() -> None:
    found = {1: at(words=0), 2: at(0, 0), 3: at(meaning=0), 4: at(9, 9)}
    assert ids(rank("tide level", found, hit(1), hit(2), hit(3), hit(4)))[0] == 2


def test_the_order_does_not_depend_on_the_order_of_the_candidates() -> None:
    hits = [hit(1, path="b.py"), hit(2, path="a.py", line=9), hit(3, path="a.py", line=2)]
    found = {n: at(words=0) for n in (1, 2, 3)}
    assert (
        ids(rank("tide level", found, *hits)) == ids(rank("tide level", found, *reversed(hits))) == [3, 2, 1]
    )


@pytest.mark.parametrize("query", ["release", "release()", " Quay.release ", "Quay::release"])
def test_the_definition_of_a_bare_symbol_is_first_though_others_match_better(query: str) -> None:
    others = {n: at(n - 1, n - 1) for n in range(1, 10)}
    hits = [hit(n, f"caller_{n}") for n in others]
    found = {**others, 99: at(10, 40)}
    assert ids(rank(query, found, *hits, hit(99, "Quay.release")))[0] == 99


def test_a_name_in_a_question_is_no_bare_symbol() -> None:
    found = {1: at(0, 0), 2: at(150, 150)}
    assert ids(rank("where do we release a berth", found, hit(1, "free"), hit(2, "release"))) == [1, 2]


def test_a_symbol_in_its_own_letter_case_comes_before_one_in_another() -> None:
    found = {1: at(0, 0), 2: at(1, 1)}
    assert ids(rank("Release", found, hit(1, "release"), hit(2, "Release"))) == [2, 1]


def test_evidence_sets_the_best_lines_and_without_it_they_are_the_whole_unit() -> None:
    found = {1: at(0, 0, (3, 4)), 2: at(words=1)}
    first, second = rank("tide level", found, hit(1), hit(2))
    assert first.best_lines == (3, 4) and second.best_lines == (1, 5)


def test_a_weight_of_nothing_silences_its_signal() -> None:
    settings = Settings(lexical_weight=0.0)
    found = {1: at(0, 1), 2: at(1, 0)}
    ranked = rank("tide level", found, hit(1), hit(2), settings=settings)
    assert ids(ranked) == [2, 1] and "words" not in ranked[0].signals


def test_without_any_weight_there_is_an_order_still() -> None:
    settings = Settings(lexical_weight=0.0, semantic_weight=0.0)
    assert ids(rank("tide level", {1: at(0, 0), 2: at(1)}, hit(1), hit(2), settings=settings))


def test_a_unit_with_more_of_the_words_beats_one_with_a_higher_bm25() -> None:
    few, all_of_them = frozenset(("tide",)), frozenset(("tide", "level", "noon"))
    found = {1: Evidence(10.0, few), 2: Evidence(8.0, all_of_them)}
    assert ids(rank("tide level at noon", found, hit(1), hit(2, path="b.py"))) == [2, 1]


def test_tests_stand_back_unless_they_are_asked_for() -> None:
    found = {1: at(0, 0), 2: at(0, 0)}
    hits = [hit(1, path="tests/tide.py"), hit(2, path="water/tide.py")]
    assert ids(rank("tide level", found, *hits)) == [2, 1]
    assert all("test" not in each.signals for each in rank("test of the tide level", found, *hits))


def test_leftovers_of_a_module_and_one_line_wrappers_stand_back() -> None:
    found = {1: at(0, 0), 2: at(0, 0), 3: at(0, 0)}
    one_line = Hit(3, "c.py", "python", "function", "h", "h", 7, 7, 0.0, {}, (7, 7))
    assert ids(rank("tide level", found, hit(1, kind="module"), hit(2, path="b.py"), one_line))[0] == 2


def test_a_file_with_several_answers_lifts_each_of_them() -> None:
    found = {1: at(1, 1), 2: at(1, 1), 3: at(1, 1), 4: at(0, 0)}
    hits = [hit(1, path="b.py"), hit(2, path="a.py"), hit(3, path="b.py", line=20), hit(4, path="c.py")]
    assert ids(rank("tide level", found, *hits)).index(1) < ids(rank("tide level", found, *hits)).index(2)


def test_of_overlapping_windows_of_a_text_only_the_best_is_shown() -> None:
    windows = [hit(n, path="README.md", line=line, kind="text") for n, line in enumerate((1, 4, 30))]
    assert ids(rank("tide level", {0: at(1, 1), 1: at(0, 0), 2: at(2, 2)}, *windows)) == [1, 2]


def test_nothing_found_ranks_to_nothing() -> None:
    assert rank("f", {}) == []


def test_ties_go_by_path_and_line() -> None:
    hits = [hit(1, path="b.py"), hit(2, path="a.py", line=5), hit(3, path="a.py", line=1)]
    assert ids(sorted(hits, key=by_score)) == [3, 2, 1]


def test_every_weight_has_a_signal_and_the_sign_it_may_have() -> None:
    weights = shipped_model().weights
    assert set(weights) == set(SIGNALS) - {"symbol"}
    assert all(weight <= 0 if name in PENALTY_SIGNALS else weight >= 0 for name, weight in weights.items())


def test_a_signal_that_is_taken_away_changes_the_order() -> None:
    found = {1: at(0, 0), 2: at(0, 0)}
    hits = {1: hit(1, path="tests/tide.py"), 2: hit(2, path="water/tide.py")}
    with_all = fuse(asked("tide level"), hits, found, SETTINGS)
    without = fuse(asked("tide level"), hits, found, SETTINGS, shipped_model().without("test"))
    assert (ids(with_all.hits), ids(without.hits)) == ([2, 1], [1, 2])


def test_only_the_signals_that_count_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {1: at(0, 0), 2: at(1, 1)}
    hits = {n: hit(n, path=f"v1/{n}.py") for n in found}
    expected = fuse(
        asked("tide level"), hits, found, SETTINGS, shipped_model().without("legacy", "name_words")
    )

    def refuse(path: str) -> bool:
        raise AssertionError("computed, although it has no weight")

    monkeypatch.setattr(signals, "is_legacy", refuse)
    zero = {**shipped_model().weights, "legacy": 0.0, "name_words": 0.0}
    network = shipped_model().network
    assert network is not None
    silenced = replace(shipped_model(), weights=zero, network=network.without(["legacy", "name_words"]))
    assert fuse(asked("tide level"), hits, found, SETTINGS, silenced) == expected
    with pytest.raises(AssertionError, match="no weight"):
        fuse(asked("tide level"), hits, found, SETTINGS)


def test_the_fit_gets_every_signal_and_the_ranking_what_its_features_need() -> None:
    found = {1: at(0, 0), 2: at(1, 1)}
    hits = {n: hit(n) for n in found}
    everything = signals.measure(asked("tide level"), hits, found)
    assert all(set(values) == set(SIGNALS) for values in everything.values())
    needed = signals.measure(asked("tide level"), hits, found, FEATURE_SIGNALS)
    assert confidence_features(list(needed.values()), 0.0, 0.0) == confidence_features(
        list(everything.values()), 0.0, 0.0
    )
    assert all(set(values) == FEATURE_SIGNALS for values in needed.values())


def judged(cosine: float, words: frozenset[str]) -> Ranked:
    found = {n: Evidence(9.0 - n, words, cosine - 0.02 * n) for n in range(1, 30)}
    hits = {n: hit(n, f"f{n}", f"{n}.py") for n in found}
    return fuse(asked("tide level"), hits, found, SETTINGS)


def test_what_has_neither_words_nor_meaning_of_the_query_does_not_match() -> None:
    strange, fitting = judged(0.15, frozenset()), judged(0.8, frozenset(("tide", "level")))
    assert not strange.judgement.matches and fitting.judgement.matches
    assert 0 < strange.judgement.confidence < 0.3 < 0.6 < fitting.judgement.confidence < 1


def test_nothing_found_is_no_match() -> None:
    nothing = fuse(asked("tide level"), {}, {}, SETTINGS)
    assert (nothing.hits, nothing.judgement.confidence, nothing.judgement.matches) == ([], 0.0, False)


@pytest.mark.parametrize("query", ["relea", "relaese", "releasse"])
def test_the_beginning_of_a_symbol_and_a_slip_find_it(query: str) -> None:
    found = {1: at(0, 0), 2: at(3, 3)}
    assert ids(rank(query, found, hit(1, "free"), hit(2, "release", "b.py")))[0] == 2


def test_a_class_comes_before_its_constructor() -> None:
    found = {1: at(0, 0), 2: at(0, 0)}
    hits = [hit(1, "Quay.Quay", kind="method"), hit(2, "Quay", "b.py", kind="class")]
    assert ids(rank("Quay", found, *hits)) == [2, 1]


def test_old_code_and_examples_stand_back_unless_they_are_asked_for() -> None:
    found = {n: at(0, 0) for n in (1, 2, 3)}
    hits = [hit(1, path="v1/tide.py"), hit(2, path="examples/tide.py"), hit(3, path="new/tide.py")]
    assert ids(rank("tide level", found, *hits))[0] == 3
    by_id = {each.unit_id: each for each in rank("example of the deprecated tide level", found, *hits)}
    assert not {"example", "legacy"} & (by_id[1].signals.keys() | by_id[2].signals.keys())


def test_a_single_result_is_no_surer_for_being_alone() -> None:
    alone = fuse(asked("zeppelin"), {1: hit(1)}, {1: Evidence(None, frozenset(), 0.15)}, SETTINGS)
    assert alone.judgement.confidence < 0.3 and not alone.judgement.matches


def test_words_that_nothing_has_count_against_an_answer() -> None:
    strange = QueryTerms("zqxv", {"zqxv": 9.0})
    found = {n: Evidence(None, frozenset(), 0.3 - 0.001 * n) for n in range(1, 30)}
    ranked = fuse(strange, {n: hit(n, f"f{n}") for n in found}, found, SETTINGS)
    assert ranked.features["unknown"] == 1 and not ranked.judgement.matches


@pytest.mark.parametrize("query", ["a", "re"])
def test_one_or_two_letters_are_no_beginning_of_a_symbol(query: str) -> None:
    (ranked,) = rank(query, {1: at(0, 0)}, hit(1, "release"))
    assert "symbol" not in ranked.signals


@pytest.mark.parametrize("query", ["examples of tides", "benchmarks of tides", "tools for tides"])
def test_examples_are_asked_for_in_the_plural_too(query: str) -> None:
    (ranked,) = rank(query, {1: at(0, 0)}, hit(1, path="examples/tide.py"))
    assert "example" not in ranked.signals


def test_neighbouring_words_count_where_they_are_neighbours() -> None:
    query = QueryTerms(
        "close the idle connection of it", {"close": 2.0, "idle": 1.0, "connection": 3.0, "it": 1.0}
    )
    assert query.pairs() == {"close idle": 3.0, "idle connection": 4.0, "connection it": 4.0}
    assert QueryTerms("of it", {"of": 1.0, "it": 1.0}).pairs() == {}
    found = {1: Evidence(phrases=frozenset(["idle connection"])), 2: Evidence()}
    measured = signals.measure(query, {n: hit(n) for n in found}, found, ["phrase"])
    assert measured[1]["phrase"] == pytest.approx(4 / 11) and measured[2]["phrase"] == 0


def test_rare_words_in_a_name_say_more_than_common_ones() -> None:
    query = QueryTerms("cookie of session", {"cookie": 3.0, "session": 1.0})
    hits = {1: hit(1, "Session.read_cookie"), 2: hit(2, "CookieJar.read")}
    measured = signals.measure(query, hits, {1: Evidence(), 2: Evidence()}, ["name_words", "class_words"])
    assert measured == {
        1: {"name_words": 0.75, "class_words": 0.25},
        2: {"name_words": 0.0, "class_words": 0.75},
    }


def test_a_file_is_as_near_as_its_best_three_drafts() -> None:
    drafts = {1: 0.9, 2: 0.5, 3: 0.4, 4: 0.1, 5: 0.6}
    hits = {n: hit(n, path="b.py" if n == 5 else "a.py", line=10 * n) for n in drafts}
    found = {n: Evidence(draft=draft) for n, draft in drafts.items()}
    measured = signals.measure(asked("tide"), hits, found, ["draft", "file_draft"])
    near = sorted((measured[n]["draft"] for n in (1, 2, 3)), reverse=True)
    assert measured[4]["file_draft"] == pytest.approx(sum(near) / 3)
    assert measured[5]["file_draft"] == measured[5]["draft"]


def test_a_definition_whose_name_is_the_query_in_words_comes_first() -> None:
    found = {1: at(3), 2: at(0, 0), 3: at(1, 1)}
    hits = {1: hit(1, "Gauge.tide_level"), 2: hit(2, "measure"), 3: hit(3, "read_level")}
    assert ids(fuse(asked("tide level"), hits, found, SETTINGS).hits)[0] == 1
    longer = fuse(asked("tide level of today"), hits, found, SETTINGS).hits
    assert all("symbol" not in each.signals for each in longer)
