"""What is said about clusters of near-duplicates, and about what is not among them."""

from __future__ import annotations

import io

from codesift.terminal import render
from codesift.types import Cluster, Duplicates, Hit


def member(path: str, lines: int, jaccard: float = 1.0, cosine: float = 1.0) -> Hit:
    return Hit(
        1, path, "python", "function", "f", "A\x1b.f", 3, 2 + lines, cosine, {}, (3, 4), 0, "", jaccard
    )


CLUSTER = Cluster((member("a.py", 1200), member("b.py", 1000, 0.999, 0.9512)))


def result(*clusters: Cluster, count: int = 0, ready: int = 9) -> Duplicates:
    return Duplicates("/srv", 9, ready, 0.9, count or len(clusters), clusters)


def test_all_but_the_longest_are_lines_to_save_and_nearly_all_is_not_all() -> None:
    out = io.StringIO()
    render.show_duplicates(result(CLUSTER), render.View(mode="plain"), out)
    assert out.getvalue() == (
        "2 alike, 1,000 lines to save\n"
        "a.py:3: A\\x1b.f  (function, 1,200 lines)\n"
        "b.py:3: A\\x1b.f  (function, 1,000 lines, 99% same tokens, cosine 0.95)\n"
    )


def test_missing_vectors_and_further_clusters_are_told() -> None:
    err = io.StringIO()
    render.show_extent(result(CLUSTER), err)
    assert err.getvalue() == ""
    render.show_extent(result(CLUSTER, count=1200, ready=5), err)
    assert err.getvalue() == (
        "codesift: compared by meaning, for which only 5 of 9 units are ready so far\n"
        "codesift: 1 of 1,200 clusters; -k N shows more\n"
    )


def test_editors_and_programs_get_no_sentence_where_there_is_nothing() -> None:
    for mode in ("vimgrep", "files"):
        out, err = io.StringIO(), io.StringIO()
        render.show_duplicates(result(), render.View(mode=mode), out, err)  # type: ignore[arg-type]
        assert out.getvalue() == err.getvalue() == ""
