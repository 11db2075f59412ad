"""Base models, and what makes two spaces one."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_models import DIM, WINDOW, adapters, converted, transformers_folder

from codesift.errors import ModelError
from codesift.models import bases, spaces
from codesift.models.adapters import NO_ADAPTERS, read_adapters
from codesift.models.bases import BASES, DEFAULT, find_base, local_base, locate
from codesift.models.spaces import space_for


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the model hub."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize("base", BASES.values(), ids=BASES.keys())
def test_every_row_is_complete(base: bases.Base) -> None:
    assert base.hub_id and base.license
    assert base.pooling in ("mean", "cls")
    assert base.window % 8 == 0
    assert find_base(base.name) is find_base(base.hub_id) is base


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("all-minilm-l6", DEFAULT),
        ("unixcoder", "microsoft/unixcoder-base"),
        ("microsoft/codebert", "microsoft/codebert-base"),
        ("starencoder", "bigcode/starencoder"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(ModelError, match=f"did you mean {meant}"):
        find_base(typed)


def test_the_default_space_is_stable_and_needs_no_hashing_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "codesift.models.hub.file_digest", lambda path, limit: pytest.fail(f"{path} was hashed")
    )
    space = space_for(BASES[DEFAULT])
    assert space == space_for(BASES[DEFAULT])
    assert (space.dimensions, len(space.id)) == (384, 32)


def test_without_adapters_there_is_the_space_of_the_bare_base() -> None:
    space = space_for(BASES[DEFAULT], NO_ADAPTERS)
    assert space.adapters.named() == {} and space.adapter_for("python") is None


def test_the_id_of_the_default_space_is_that_of_the_vectors_people_have() -> None:
    # Another id makes every index of the default model be encoded again. It may change with the shipped
    # weights, the adapters, the window, the pooling or the template, and with nothing else.
    assert space_for(BASES[DEFAULT]).id == "955df6ba72dedcdee50437c124b96015"
    assert space_for(BASES[DEFAULT], NO_ADAPTERS).id == "02e75404494581a555a279133e131859"


def test_the_id_changes_with_all_that_changes_a_vector(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = local_base(converted(tmp_path / "one"))
    other = local_base(converted(tmp_path / "two", seed=1))
    ids = {space_for(changed).id for changed in (base, other)}
    ids.add(space_for(replace(base, pooling="cls")).id)
    ids.add(space_for(replace(base, window=32)).id)
    ids.add(space_for(replace(base, prefix=("[CLS]",))).id)
    for number, languages in enumerate((["python"], ["go"], ["text"], [""], ["python", "go"])):
        manifest = adapters(tmp_path / str(number), Path(base.folder), languages)
        ids.add(space_for(base, read_adapters(manifest)).id)
    monkeypatch.setattr(spaces, "TEMPLATE_VERSION", "other")
    ids.add(space_for(base).id)
    assert len(ids) == 11


def test_the_id_does_not_change_with_the_folder(tmp_path: Path) -> None:
    one, two = (local_base(converted(tmp_path / name)) for name in ("one", "two"))
    assert space_for(one).id == space_for(two).id


def test_a_converted_folder_is_a_base(tmp_path: Path) -> None:
    base = find_base(str(converted(tmp_path / "tiny")))
    assert (base.dimensions, base.window, base.pooling) == (DIM, WINDOW, "mean")
    assert bases.is_converted(base)


def test_a_transformers_folder_is_a_base_with_mean_pooling(tmp_path: Path) -> None:
    base = find_base(str(transformers_folder(tmp_path / "tiny")))
    assert (base.dimensions, base.window, base.pooling) == (DIM, 2 * WINDOW, "mean")
    assert not bases.is_converted(base)
    assert space_for(base).id == space_for(base).id


def test_a_sentence_transformers_folder_brings_its_pooling_and_window(tmp_path: Path) -> None:
    folder = transformers_folder(tmp_path / "tiny")
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling")]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 40}))
    (folder / "1_Pooling").mkdir()
    pooling = folder / "1_Pooling" / "config.json"
    pooling.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    assert (local_base(folder).pooling, local_base(folder).window) == ("cls", 40)
    pooling.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(ModelError, match="pooling_mode_max_tokens"):
        local_base(folder)
    (folder / "modules.json").write_text(json.dumps([*modules, {"type": "x.Dense"}]))
    with pytest.raises(ModelError, match="Dense"):
        local_base(folder)


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        find_base(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "resnet"}')
    with pytest.raises(ModelError, match="does not describe"):
        find_base(str(tmp_path))


def test_a_hub_model_is_taken_from_the_local_cache(hub: Path) -> None:
    store = hub / "models--microsoft--codebert-base"
    snapshot = transformers_folder(store / "snapshots" / "abc")
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text("abc\n")
    base = BASES["microsoft/codebert-base"]
    assert locate(base) == snapshot
    before = space_for(base).id
    (snapshot / "model.safetensors").write_bytes(b"other weights")
    assert space_for(base).id != before


def test_the_cache_names_large_files_by_their_digest(hub: Path) -> None:
    store = hub / "models--microsoft--codebert-base"
    snapshot = transformers_folder(store / "snapshots" / "abc")
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text("abc")
    (store / "blobs").mkdir()
    (snapshot / "model.safetensors").rename(store / "blobs" / ("a" * 64))
    (snapshot / "model.safetensors").symlink_to(store / "blobs" / ("a" * 64))
    assert "a" * 64 in bases.weights_digest(BASES["microsoft/codebert-base"])


def test_a_model_that_cannot_be_fetched_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="could not be downloaded") as failure:
        locate(BASES["microsoft/unixcoder-base"])
    assert "\n" not in str(failure.value)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModelError, match=r"pip install 'codesift\[torch\]'"):
        locate(BASES["microsoft/unixcoder-base"])


def test_importing_models_loads_nothing_heavy() -> None:
    code = (
        "import sys, codesift.encoders\n"
        "from codesift.models.bases import BASES, DEFAULT\nfrom codesift.models.spaces import space_for\n"
        "space_for(BASES[DEFAULT])\n"
        "print([m for m in ('numpy', 'torch', 'openvino', 'tokenizers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
