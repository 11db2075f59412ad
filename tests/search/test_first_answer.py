"""A search never waits for the encoder: drafts answer first, and what is looked at is encoded and kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import DraftsOnly, HashingEncoder, opened, repository_of, run_index, write
from numpy.typing import NDArray

from codesift.config import Settings

NO_TIME = Settings(budget=0.0)


class SlowEncoder(HashingEncoder):
    """Takes a tenth of a second for each text."""

    def encode_few(self, texts: Sequence[str], language: str = "") -> NDArray[np.float32]:
        time.sleep(0.1 * len(texts))
        return super().encode_few(texts, language)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(40):
        write(tmp_path, f"n{number}.py", f"def net{number}():\n    return 'mesh of knot {number}'\n")
    write(tmp_path, "sea.py", "def tide():\n    return 'high water at the quay'\n")
    return tmp_path


def test_a_first_question_is_answered_without_encoding_any_code(root: Path) -> None:
    with repository_of(root, DraftsOnly(), NO_TIME) as repository:
        answer = repository.query("water quay")
    assert answer.hits[0].name == "tide" and answer.hits[0].path == "sea.py"
    assert (answer.vectors_ready, answer.units, answer.has_drafts) == (0, 41, True)


def test_by_meaning_alone_drafts_find_what_has_no_vectors(root: Path) -> None:
    with repository_of(root, DraftsOnly(), NO_TIME) as repository:
        assert repository.query("high water quay", lexical=False).hits[0].name == "tide"


def test_the_best_candidates_are_encoded_and_kept(root: Path) -> None:
    encoder = HashingEncoder()
    with repository_of(root, encoder) as repository:
        answer = repository.query("water quay")
    assert answer.hits[0].name == "tide"
    assert any("high water" in text for text in encoder.encoded)
    assert answer.vectors_ready == len(set(encoder.encoded)) > 0
    again = HashingEncoder()
    with repository_of(root, again) as repository:
        repository.query("water quay")
    assert not set(again.encoded) & set(encoder.encoded)


def test_no_more_is_encoded_than_the_time_allows(root: Path) -> None:
    encoder = SlowEncoder()
    with repository_of(root, encoder, Settings(budget=0.3)) as repository:
        answer = repository.query("mesh of knot")
    assert 0 < len(encoder.encoded) < 20 and answer.vectors_ready == len(encoder.encoded)


def test_an_index_that_is_searched_becomes_the_one_that_index_makes(root: Path, tmp_path: Path) -> None:
    with repository_of(root, HashingEncoder()) as repository:
        for number in range(0, 40, 7):
            repository.query(f"mesh of knot {number}")
        searched = repository.refresh()
    assert searched.vectors_ready == searched.units
    encoder = HashingEncoder()
    assert run_index(root, encoder).embedded == 0


def test_an_edited_file_costs_no_encoding_of_what_stayed_the_same(root: Path) -> None:
    run_index(root, HashingEncoder())
    write(
        root, "sea.py", "def tide():\n    return 'high water at the quay'\n\n\ndef ebb():\n    return 'low'\n"
    )
    encoder = DraftsOnly()
    with repository_of(root, encoder, NO_TIME) as repository:
        answer = repository.query("water quay")
    assert answer.hits[0].name == "tide" and answer.vectors_ready == answer.units - 1


def test_without_drafts_what_the_words_find_is_encoded(root: Path) -> None:
    encoder = HashingEncoder()
    with repository_of(root, encoder, Settings(adapters=False)) as repository:
        answer = repository.query("water quay")
    assert answer.hits[0].name == "tide" and not answer.has_drafts
    assert len(encoder.encoded) == answer.vectors_ready > 0


def test_similar_needs_no_vectors_but_its_own(root: Path) -> None:
    write(root, "sea2.py", "def flood():\n    return 'high water at the quay again'\n")
    encoder = HashingEncoder()
    with repository_of(root, encoder, NO_TIME) as repository:
        answer = repository.similar(f"{root}/sea.py:tide")
    assert answer.hits[0].name == "flood" and len(encoder.encoded) == 1
    with repository_of(root, encoder) as repository:
        kept = repository.similar(f"{root}/sea.py:tide")
    assert kept.hits[0].name == "flood" and kept.vectors_ready > 0


def test_what_another_process_writes_meanwhile_is_not_waited_for(root: Path) -> None:
    from codesift.index.location import write_lock

    with repository_of(root, HashingEncoder(), NO_TIME) as repository:
        repository.query("water quay")
    with opened(root) as index:
        folder = index.folder
    encoder = HashingEncoder()
    with write_lock(folder, None), repository_of(root, encoder) as repository:
        answer = repository.query("water quay")
    # The vectors are used for this answer, and cannot be kept.
    assert answer.hits[0].name == "tide" and encoder.encoded and answer.vectors_ready == 0


def test_progress_tells_of_parsing_alone(root: Path) -> None:
    stages: set[str] = set()
    from codesift.session import Repository

    def progress(stage: str, done: int, total: int) -> None:
        stages.add(stage)

    with Repository(root, Settings(), None, progress, lambda space: HashingEncoder()) as repository:
        repository.query("water quay")
    assert stages == {"parse"}
