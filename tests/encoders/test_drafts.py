"""Drafts: sums of the vectors of word pieces, near the vectors of the encoder."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from codesift.encoders import open_encoder
from codesift.encoders.drafts import StaticDrafts
from codesift.encoders.weights import read_table
from codesift.errors import ModelError
from codesift.models.bases import BASES, DEFAULT
from codesift.models.drafts import SCALE, DraftFiles, draft_files
from codesift.models.spaces import space_for
from codesift.models.template import draft_words
from codesift.parsing.units import entry_of
from codesift.types import Unit

CODE = {
    "parse_json": "def parse_json(text):\n    return json.loads(text)\n",
    "close_socket": "def close_socket(connection):\n    connection.shutdown()\n    connection.close()\n",
    "sort_rows": "def sort_rows(table, key):\n    return sorted(table.rows, key=key, reverse=True)\n",
}


@pytest.fixture(scope="module")
def files() -> DraftFiles:
    found = draft_files(space_for(BASES[DEFAULT]))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def drafts() -> StaticDrafts:
    encoder = open_encoder(space_for(BASES[DEFAULT])).drafts
    assert isinstance(encoder, StaticDrafts)
    return encoder


def words(name: str) -> list[str]:
    entry = entry_of(Unit("function", name, name, 1, 2, 0, 1, "", "", CODE[name]))
    return draft_words("a.py", [entry[5:]])[0]


def test_the_default_space_has_drafts_of_at_most_12_mb(files: DraftFiles) -> None:
    assert sum(file.path.stat().st_size for file in (files.pieces, files.questions)) <= 12_000_000


def test_a_space_that_they_were_not_fitted_to_has_none() -> None:
    space = space_for(BASES[DEFAULT])
    assert draft_files(dataclasses.replace(space, id="0" * 32)) is None


def test_a_draft_is_the_sum_of_its_pieces_weighted_by_the_root_of_their_counts(
    files: DraftFiles, drafts: StaticDrafts
) -> None:
    table = read_table(files.pieces).dense()
    units = [["socket", "close", "socket"], [], ["parsejson"]]
    found = drafts.encode(units)
    tokenizer = drafts._get_tokenizer()
    for row, unit in zip(found, units, strict=True):
        pieces = Counter(
            piece for word in unit for piece in tokenizer.encode(word, add_special_tokens=False).ids
        )
        expected = sum((count**0.5 * table[piece] for piece, count in pieces.items()), np.zeros(384))
        length = np.linalg.norm(expected) or 1.0
        assert np.abs(row - expected / length * SCALE).max() <= 0.51


def test_a_draft_depends_on_its_own_words_alone(drafts: StaticDrafts) -> None:
    alone = drafts.encode([words("sort_rows")])
    among = drafts.encode([words(name) for name in CODE])
    assert (alone[0] == among[-1]).all()


def test_a_draft_is_nearest_to_the_vector_of_its_own_code(drafts: StaticDrafts) -> None:
    encoder = open_encoder(space_for(BASES[DEFAULT]))
    vectors = encoder.encode_few(list(CODE.values()), "python")
    cosines = drafts.encode([words(name) for name in CODE]) @ vectors.T / SCALE
    assert (cosines.argmax(axis=1) == np.arange(len(CODE))).all()
    assert np.diagonal(cosines).min() > 0.5


def test_a_few_texts_have_the_vectors_that_many_have() -> None:
    encoder = open_encoder(space_for(BASES[DEFAULT]))
    texts = list(CODE.values())
    few, many = encoder.encode_few(texts, "python"), encoder.encode(texts, "python")
    assert (few * many).sum(axis=1).min() > 0.998


@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: b"x" + content[1:]])
@pytest.mark.parametrize("name", ["pieces", "questions"])
def test_a_damaged_table_is_named(files: DraftFiles, tmp_path: Path, name: str, change: object) -> None:
    file = getattr(files, name)
    path = tmp_path / "table.safetensors"
    path.write_bytes(change(file.path.read_bytes()))  # type: ignore[operator]
    with pytest.raises(ModelError, match="damaged"):
        read_table(dataclasses.replace(file, path=path))


def test_the_vector_of_a_question_is_moved_by_a_linear_map(files: DraftFiles, drafts: StaticDrafts) -> None:
    encoder = open_encoder(space_for(BASES[DEFAULT]))
    questions = [encoder.encode_query(text) for text in ("hang up a connection", "order rows by a column")]
    moved = drafts.aligned(questions)
    assert np.linalg.norm(moved, axis=1) == pytest.approx([1, 1])
    matrix = read_table(files.questions).dense()
    for before, after in zip(questions, moved, strict=True):
        expected = before + matrix @ before
        assert after == pytest.approx(expected / np.linalg.norm(expected), abs=1e-6)
    answers = drafts.encode([words("close_socket"), words("sort_rows")])
    assert (np.stack(moved) @ answers.T).argmax(axis=1).tolist() == [0, 1]
