"""The two searches, on an index whose vectors come from words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import HashingEncoder, opened, refuse, run_index, write

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.search.filters import Filter, select
from codesift.search.lookup import Origin, unit_of_code
from codesift.search.query import Question, candidates, query
from codesift.search.similar import similar
from codesift.types import Answer, Hit

SETTINGS = Settings()
FILES = {
    "sea/tide.py": '''
def height(hour):
    """How high the water stands."""
    return hour * 2


class Buoy:
    """Floats and rings a bell."""

    def ring(self):
        return "bell"
''',
    "sea/tide.js": "export function height(hour) {\n  // how high the water stands\n  return hour * 2;\n}\n",
    "radio/ais.go": "package r\n\n// Checksum of a line.\nfunc Checksum(s string) int { return len(s) }\n",
    "tests/test_tide.py": "def test_height():\n    assert height(2) == 4  # water\n",
    "notes.md": "The bell of a buoy rings in high water.\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sea")
    for path, text in FILES.items():
        write(root, path, text)
    run_index(root, HashingEncoder())
    return root


@pytest.fixture
def index(root: Path) -> Iterator[Index]:
    with opened(root) as index:
        yield index


def ask(index: Index, text: str, limit: int = 10, **question: object) -> Answer:
    asked = Question(text, limit, **question)  # type: ignore[arg-type]
    return query(asked, index, SETTINGS, HashingEncoder)


def places(answer: Answer) -> list[str]:
    return [f"{hit.path}:{hit.qualified_name}" for hit in answer.hits]


def origin_of(index: Index, path: str, name: str) -> Origin:
    hit = next(hit for hit in index.catalog.units_of(path) if hit.qualified_name == name)
    lines = hit.start_line, hit.end_line
    return Origin(f"{path}:{name}", hit.language, index.primary.vectors.of_unit(hit.unit_id), path, lines)


# -- query ----------------------------------------------------------------------------------------


def test_an_answer_says_what_was_asked_and_of_how_much(index: Index) -> None:
    answer = ask(index, "checksum of a line")
    assert places(answer)[0] == "radio/ais.go:Checksum"
    assert (answer.query, answer.root) == ("checksum of a line", str(index.root))
    assert answer.units == answer.vectors_ready == index.catalog.counts()[1]


def test_a_search_by_words_opens_no_encoder(index: Index) -> None:
    answer = query(Question("checksum", 5, semantic=False), index, SETTINGS, refuse)
    assert places(answer)[0] == "radio/ais.go:Checksum"
    assert all(not {"meaning", "cosine"} & set(hit.signals) for hit in answer.hits)


def test_a_search_by_meaning_uses_vectors_alone(index: Index) -> None:
    answer = ask(index, "the height in an hour", lexical=False)
    assert {*places(answer)[:2]} == {"sea/tide.py:height", "sea/tide.js:height"}
    assert all(not {"words", "coverage", "path_words"} & set(hit.signals) for hit in answer.hits)


def test_both_together_give_each_unit_once_with_both_shares(index: Index) -> None:
    answer = ask(index, "how high does the water stand")
    assert len(set(places(answer))) == len(places(answer))
    assert {"words", "meaning"} <= set(answer.hits[0].signals)


def test_the_limit_cuts_the_ranking_and_does_not_change_it(index: Index) -> None:
    assert places(ask(index, "water", limit=2)) == places(ask(index, "water"))[:2]


def test_words_nobody_wrote_find_nothing(index: Index) -> None:
    assert ask(index, "zeppelin", semantic=False).hits == ()


def test_a_snippet_is_compared_as_code(index: Index) -> None:
    code = "def height(hour):\n    return hour * 2\n"
    answer = ask(index, code, code=unit_of_code(code, "python"))
    assert places(answer)[0] == "sea/tide.py:height"


def test_a_query_without_a_vector_in_the_index_is_answered_by_words(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "def tide(): return 1\n")
    with opened(tmp_path) as empty:
        assert query(Question("tide", 5), empty, SETTINGS, refuse).hits == ()


# -- filters --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        (Filter(), {*FILES}),
        (Filter(languages=("go",)), {"radio/ais.go"}),
        (Filter(languages=("go", "javascript")), {"radio/ais.go", "sea/tide.js"}),
        (Filter(paths=("sea/",)), {"sea/tide.py", "sea/tide.js"}),
        (Filter(paths=("*.py",)), {"sea/tide.py", "tests/test_tide.py"}),
        (Filter(paths=("*.py", "!tests/")), {"sea/tide.py"}),
        (Filter(paths=("!sea",)), {"radio/ais.go", "tests/test_tide.py", "notes.md"}),
        (Filter(paths=("/sea/*.js", "*.go")), {"sea/tide.js", "radio/ais.go"}),
        (Filter(tests=False), {*FILES} - {"tests/test_tide.py"}),
        (Filter(other_than="python"), {"sea/tide.js", "radio/ais.go", "notes.md"}),
        (Filter(languages=("python",), tests=False), {"sea/tide.py"}),
        (Filter(paths=("nowhere/",)), set()),
    ],
)
@pytest.mark.parametrize("signals", [(True, False), (False, True), (True, True)])
def test_only_what_passes_the_filter_is_found(
    index: Index, wanted: Filter, paths: set[str], signals: tuple[bool, bool]
) -> None:
    lexical, semantic = signals
    answer = ask(index, "height water bell checksum", 50, lexical=lexical, semantic=semantic, filter=wanted)
    assert {hit.path for hit in answer.hits} == paths


def test_kinds_are_filtered(index: Index) -> None:
    answer = ask(index, "buoy bell ring", 50, filter=Filter(kinds=("class", "method")))
    assert {hit.kind for hit in answer.hits} == {"class", "method"}


def test_a_filter_selects_a_fraction_of_the_units(index: Index) -> None:
    assert select(index, Filter()).is_everything()
    assert 0 < select(index, Filter(languages=("go",))).fraction < 1
    assert not select(index, Filter(paths=("*",))).is_everything()
    assert select(index, Filter(paths=("nowhere",))).fraction == 0


def test_a_narrow_filter_finds_all_it_can_in_a_large_index(tmp_path: Path) -> None:
    for number in range(40):
        body = "".join(f"def water_{number}_{n}():\n    return 'high water'\n\n\n" for n in range(10))
        write(tmp_path, f"far/f{number}.py", body)
    write(tmp_path, "near.py", "def dry():\n    return 'sand'\n")
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        answer = ask(index, "high water", 10, lexical=False, filter=Filter(paths=("near.py",)))
    assert places(answer) == ["near.py:dry"]


# -- results --------------------------------------------------------------------------------------


def hit_of(answer: Answer, name: str) -> Hit:
    return next(hit for hit in answer.hits if hit.qualified_name == name)


def test_a_hit_carries_its_lines_of_the_file_and_the_line_that_fits_best(index: Index) -> None:
    hit = hit_of(ask(index, "how high the water stands", filter=Filter(languages=("python",))), "height")
    assert hit.code == FILES["sea/tide.py"].split("\n", 1)[1].split("\n\n")[0]
    assert (hit.start_line, hit.end_line, hit.focus_line) == (2, 4, 3)


def test_the_best_lines_of_a_long_unit_are_those_of_its_best_window(tmp_path: Path) -> None:
    lines = [f"    pad_{n} = {n}" for n in range(60)]
    lines[40] = "    lighthouse = lamp + mirror"
    write(tmp_path, "long.py", "def long():\n" + "\n".join(lines) + "\n")
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        (hit,) = ask(index, "lighthouse lamp mirror").hits
    first, last = hit.best_lines
    assert first <= 42 <= last and last - first < 15 and hit.focus_line == 42
    assert (hit.start_line, hit.end_line) == (1, 61)


def test_a_file_that_is_gone_is_still_a_hit_without_code(tmp_path: Path) -> None:
    file = write(tmp_path, "a.py", "def tide():\n    return 'water'\n")
    run_index(tmp_path, HashingEncoder())
    file.unlink()
    with opened(tmp_path) as index:
        (hit,) = ask(index, "water").hits
    assert hit.code == "" and hit.path == "a.py"


# -- similar --------------------------------------------------------------------------------------


def test_the_most_similar_comes_first_and_never_the_unit_itself(index: Index) -> None:
    answer = similar(origin_of(index, "sea/tide.py", "height"), index, SETTINGS, 10, Filter())
    assert places(answer)[0] == "sea/tide.js:height" and "sea/tide.py:height" not in places(answer)
    assert answer.query == "sea/tide.py:height"


def test_a_similar_hit_is_scored_by_its_cosine_and_its_tokens(index: Index) -> None:
    origin = origin_of(index, "sea/tide.py", "height")
    for hit in similar(origin, index, SETTINGS, 3, Filter()).hits:
        cosine = float(np.max(np.array(index.primary.vectors.of_unit(hit.unit_id)) @ origin.vectors[0]))
        assert hit.signals == {"meaning": pytest.approx(cosine, abs=1e-3), "tokens": hit.common_tokens}
        assert min(hit.signals.values()) <= hit.score <= max(hit.signals.values())


def test_other_languages_alone_can_be_asked_for(index: Index) -> None:
    origin = origin_of(index, "sea/tide.py", "height")
    answer = similar(origin, index, SETTINGS, 10, Filter(other_than="python"))
    assert places(answer)[0] == "sea/tide.js:height"
    assert "python" not in {hit.language for hit in answer.hits}


def test_similar_obeys_limit_and_filters(index: Index) -> None:
    origin = origin_of(index, "sea/tide.py", "height")
    assert len(similar(origin, index, SETTINGS, 2, Filter()).hits) == 2
    tests = similar(origin, index, SETTINGS, 10, Filter(paths=("tests/",)))
    assert {hit.path for hit in tests.hits} == {"tests/test_tide.py"}


def test_a_unit_with_several_windows_is_one_result(tmp_path: Path) -> None:
    body = "".join(f"    water_{n} = high\n" for n in range(50))
    write(tmp_path, "a.py", f"def one():\n{body}")
    write(tmp_path, "b.py", f"def two():\n{body}")
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        assert places(similar(origin_of(index, "a.py", "one"), index, SETTINGS, 10, Filter())) == ["b.py:two"]


def test_each_search_is_asked_about_what_only_the_other_found(index: Index) -> None:
    settings = Settings(candidates=1)
    result = candidates(Question("checksum of a sentence", 1), index, settings, HashingEncoder)
    hits, found = result.hits, result.evidence
    assert 1 <= len(hits) <= 2
    assert all(each.cosine is not None for each in found.values())
    assert any(each.bm25 is not None for each in found.values())


def test_an_answer_says_how_sure_it_is(index: Index) -> None:
    sure = ask(index, "checksum")
    assert sure.judgement is not None
    assert sure.judgement.answerable >= sure.judgement.confidence == pytest.approx(sure.hits[0].score)
    assert sure.matches


def test_a_name_that_very_many_units_have_brings_no_more_candidates_than_are_wanted(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "".join(f"def test_{n}():\n    return {n}\n\n\n" for n in range(60)))
    run_index(tmp_path, HashingEncoder())
    with opened(tmp_path) as index:
        hits = candidates(Question("tes", 5), index, Settings(candidates=10), HashingEncoder).hits
    assert len(hits) <= 30
