"""BM25 and vectors rank pools, and vectors are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codesift.errors import UsageError
from codesift.models.adapters import NO_ADAPTERS
from codesift.models.bases import BASES, DEFAULT
from codesift.models.spaces import space_for
from evaluation.bm25 import Bm25
from evaluation.metrics import RelevantRanks
from evaluation.rankers import Cache, NamedAdapters, VectorRanker, rank_pools
from evaluation.tasks.groups import TEXT, Group, Pool, Snippet, Task

CODE = (
    Snippet("tide", "def height_of_tide(station): return station.level", "python"),
    Snippet("radio", "def parseMessage(line): return line.split(',')", "python"),
    Snippet("", "!!", "python"),
)


def test_words_find_the_parts_of_an_identifier() -> None:
    pool = Pool((Snippet("", "parse a message", TEXT), Snippet("", "nowhere", TEXT)), CODE, ((1,), (0,)))
    measured = rank_pools(Task("t", "", (Group("g", (pool,)),)), [Bm25()])
    # A query without a known word ties everything, and ties are against us.
    assert measured.groups["g"].found["bm25"] == [RelevantRanks((1,), 1), RelevantRanks((3,), 1)]


def test_a_text_is_encoded_once_and_a_crash_costs_only_what_was_not_stored(tmp_path: Path) -> None:
    encoded: list[str] = []

    def encode(texts: Sequence[str]) -> Any:
        if "broken" in texts:
            raise RuntimeError
        encoded.extend(texts)
        return np.array([[len(text), 0.5] for text in texts], np.float32)

    def run(*texts: str) -> dict[str, Any]:
        cache = Cache(tmp_path / "vectors" / "x.sqlite")
        try:
            return cache.encoded(texts, encode, lambda done, total: None)
        finally:
            cache.close()

    assert {text: row.tolist() for text, row in run("a", "bbb").items()} == {"a": [1, 0.5], "bbb": [3, 0.5]}
    many = ["a", *("x" * length for length in range(10, 700)), "broken"]
    with pytest.raises(RuntimeError):
        run(*many)
    stored = len(encoded)
    assert stored > 500
    run(*many[:-1])
    assert sorted(encoded) == sorted([*many[:-1], "bbb"])


def test_queries_in_batches_have_the_vectors_the_tool_gives_them(tmp_path: Path) -> None:
    base = BASES[DEFAULT]
    questions = ["height of the tide", "how to parse a message of a radio", "word " * 400]
    system = VectorRanker("base", space_for(base, NO_ADAPTERS), tmp_path, lambda name, done, total: None)
    system.prepare(Snippet("", text, TEXT) for text in questions)
    for text in questions:
        (batched,) = system._vectors[Snippet("", text, TEXT)]
        assert batched @ system._encoder.encode_query(text) > 0.998


@pytest.mark.parametrize("text", ["x", "x=", "=folder", "a/b=folder", "x=nowhere"])
def test_a_system_is_a_name_and_a_folder_that_is_there(text: str) -> None:
    with pytest.raises(UsageError, match="--system"):
        NamedAdapters.parse(text)
