"""Each base from mined functions to a search with its own adapter, and what a run of training promises."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mined_functions import lock_function as function
from tiny_bases import provide
from tiny_models import converted

from codesift.encoders import open_encoder
from codesift.models.adapters import read_adapters
from codesift.models.bases import BASES, DEFAULT
from codesift.models.spaces import space_for
from evaluation.files import read_json, read_rows, write_json, write_rows
from training.__main__ import main

TEXTS = ["def open_gate(lock):\n    return lock.open()", "close the basin", "x", "def f(a): pass\n" * 90]
VERBS = ("open", "close", "drain", "paint", "count", "moor", "tow", "load", "weigh", "lift")
THINGS = ("gate", "basin", "ship", "crane")

Train = Callable[..., int]
Command = Callable[..., tuple[int, str]]


def _mined(work: Path) -> Path:
    """Forty documented functions of four packages."""
    rows = []
    for number, (verb, thing) in enumerate((v, t) for v in VERBS for t in THINGS):
        code = (
            f"def {verb}_{thing}({thing}, crew):\n    # wait for all {number} of them\n    {thing}.{verb}()\n"
        )
        docstring = f"{verb.title()} the {thing} with its crew."
        made = function(f"{verb}_{thing}", f"{thing}s-1.0", code=code, original_string=code)
        changed = replace(made, docstring=docstring, documentation=docstring, comments=(), messages=())
        rows.append(replace(changed, signature=code.split("\n")[0]).to_json())
    write_rows(work / "mined" / "python.jsonl.gz", rows)
    return work


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _mined(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest base there is, for what does not depend on the base."""
    return converted(tmp_path_factory.mktemp("tiny") / "tiny")


@pytest.fixture
def train(work: Path, tiny: Path) -> Train:
    """Train a run on the tiny base; returns the exit status."""

    def run(name: str, *more: str, steps: int = 5) -> int:
        options = ("--languages", "python", "--batch", "8", "--rank", "4", "--mix", "documentation")
        small = ("--model", str(tiny), "--steps", str(steps), "--precision", "fp32", "--log-every", "1")
        return main(["train", "--work", str(work), "--name", name, *options, *small, *more])

    return run


def _adapter(work: Path, name: str) -> dict[str, Any]:
    return _read(work / "runs" / name / "adapter.safetensors")


def _read(path: Path) -> Any:
    # Imported here, as torch is below: a large test process makes larger and slower children.
    from training.learning import lora

    return lora.read(path)


# -- every row of the table of bases --------------------------------------------------------------


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process, which has torch loaded already: exit code and output."""
    from codesift.__main__ import main as codesift

    monkeypatch.setenv("OPENBLAS_NUM_THREADS", os.environ.get("OPENBLAS_NUM_THREADS", "1"))

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["codesift", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            codesift()
        said = capsys.readouterr()
        return int(left.value.code or 0), said.out + said.err

    return run


ROWS = [pytest.param(name, marks=() if name == DEFAULT else pytest.mark.slow) for name in sorted(BASES)]


@pytest.fixture(params=ROWS)
def row(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a row whose model is a tiny one."""
    name: str = request.param
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = provide(BASES[name], tmp_path / "hub", tmp_path / "base")
    if name == DEFAULT:
        monkeypatch.setitem(BASES, name, replace(BASES[name], folder=str(folder)))
    yield name


def test_a_base_is_trained_composed_indexed_and_searched(
    row: str, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = _mined(tmp_path / "work")
    options = ("--languages", "python", "--batch", "8", "--steps", "20", "--learning-rate", "1e-3")
    options += ("--precision", "fp32", "--longest", "32")
    assert main(["train", "--work", str(work), "--name", "python", "--model", row, *options]) == 0
    assert any(pair.abs().max() > 1e-4 for name, pair in _adapter(work, "python").items() if name[-1] == "B")
    parts = ("--text", "python", "--code", "python")
    assert main(["compose", "--work", str(work), "--name", "both", *parts]) == 0
    manifest = work / "systems" / "both" / "adapters.json"
    _check_vectors(row, work / "runs" / "python", manifest)

    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "gates.py").write_text("def open_gate(lock):\n    return lock.open()\n")
    monkeypatch.setenv("CODESIFT_ADAPTERS", str(manifest.parent))
    monkeypatch.chdir(tree)
    asked = ("--model", row)
    code, said = command("index", *asked)
    assert code == 0, said
    code, said = command("query", "open the gate", *asked)
    assert code == 0, said
    assert "gates.py" in said


def _check_vectors(row: str, run: Path, manifest: Path) -> None:
    """The tool's vectors are those of the PEFT model that was trained, and not those of the bare base."""
    space = space_for(BASES[row], read_adapters(manifest))
    ours = open_encoder(space).encode(TEXTS, "python")
    theirs = _peft_vectors(row, run)
    # The default's engine rounds weights and activations to int8; the other bases run in torch.
    lowest = 0.999 if row == DEFAULT else 0.9999
    assert (ours * theirs).sum(axis=1).min() > lowest
    bare = open_encoder(BASES[row]).encode(TEXTS, "python")
    assert (ours * bare).sum(axis=1).min() < lowest


def _peft_vectors(row: str, run: Path) -> Any:
    """Vectors of the model as it was when training ended: the last checkpoint, in float32, not merged."""
    from training.learning import lora
    from training.learning.bases import load_base
    from training.learning.encoder import TextEncoder

    shape = lora.Shape(**read_json(run / "result.json")["shape"])
    bare, tokens = load_base(BASES[row])
    model = lora.attach(bare, shape, seed=1)
    lora.start_from(model, lora.read(run / "checkpoint-20" / "lora.safetensors"), shape.scale)
    encoder = TextEncoder(model.eval(), tokens, BASES[row], BASES[row].window, frozen=True)
    found = encoder(encoder.preprocess(TEXTS))["sentence_embedding"]
    return np.asarray(found)


def test_the_paper_s_share_of_unixcoder_s_parameters_is_reproduced() -> None:
    import torch
    from transformers import RobertaConfig, RobertaModel

    from training.learning import lora

    sizes = {"num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072}
    config = RobertaConfig(vocab_size=51416, max_position_embeddings=1026, type_vocab_size=10, **sizes)
    with torch.device("meta"):
        model = lora.attach(RobertaModel(config), lora.Shape(64, 128, 0.1, ("query", "value")), 0)
    trained, all_of_them = lora.trainable(model)
    assert trained == 12 * 2 * 64 * (768 + 768)
    assert (trained, all_of_them) == model.get_nb_trainable_parameters()
    assert 0.0183 < trained / all_of_them < 0.0185


# -- what a run promises --------------------------------------------------------------------------


def test_a_run_leaves_its_settings_losses_and_result(train: Train, work: Path) -> None:
    assert train("kept", steps=6) == 0
    folder = work / "runs" / "kept"
    settings, result = read_json(folder / "settings.json"), read_json(folder / "result.json")
    assert settings["options"]["name"] == "kept"
    assert settings["preset"]["rank"] == 4
    assert (result["steps"], result["pairs"], result["packages"]) == (6, 80, 4)
    assert 0 < result["share"] == result["trainable"] / result["parameters"]
    losses = list(read_rows(folder / "losses.jsonl"))
    assert [loss["step"] for loss in losses] == [1, 2, 3, 4, 5, 6]
    assert all(np.isfinite(loss["loss"]) and loss["seconds"] >= 0 for loss in losses)


def test_training_lowers_the_loss(train: Train, work: Path) -> None:
    assert train("learns", "--learning-rate", "3e-3", "--dropout", "0", "--soft-labels", "0", steps=40) == 0
    losses = [loss["loss"] for loss in read_rows(work / "runs" / "learns" / "losses.jsonl")]
    assert np.mean(losses[-5:]) < 0.9 * np.mean(losses[:5])


def test_a_finished_run_is_left_alone(train: Train, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("done") == 0
    before = {path: path.stat().st_mtime_ns for path in (work / "runs" / "done").iterdir()}
    assert train("done") == 0
    assert "trained already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in (work / "runs" / "done").iterdir()} == before


def test_other_options_under_the_same_name_are_refused_in_one_line(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("taken") == 0
    capsys.readouterr()
    assert train("taken", "--learning-rate", "1e-5") == 1
    said = capsys.readouterr().err
    assert "taken" in said and "--name" in said and said.count("\n") == 1


@pytest.mark.slow
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(
    train: Train, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--save-every", "4")
    assert train("straight", *options, steps=10) == 0
    with monkeypatch.context() as patched:
        _interrupt_at(6, patched)
        assert train("broken", *options, steps=10) == 130
    folder = work / "runs" / "broken"
    assert (folder / "checkpoint-4").is_dir() and not (folder / "adapter.safetensors").exists()
    assert train("broken", *options, steps=10) == 0
    straight, broken = _adapter(work, "straight"), _adapter(work, "broken")
    assert straight.keys() == broken.keys()
    assert all(float((straight[name] - broken[name]).abs().max()) < 1e-3 for name in straight)
    assert [loss["step"] for loss in read_rows(folder / "losses.jsonl")] == list(range(1, 11))
    rows = zip(
        *(read_rows(work / "runs" / name / "losses.jsonl") for name in ("straight", "broken")), strict=True
    )
    assert all(one["loss"] == pytest.approx(other["loss"], abs=1e-3) for one, other in rows)


def _interrupt_at(step: int, patched: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the loss of a step is logged."""
    from training.learning.trainer import _Losses

    logged = _Losses.on_log

    def on_log(self: Any, args: Any, state: Any, control: Any, **more: Any) -> None:
        if state.global_step == step:
            raise KeyboardInterrupt
        logged(self, args, state, control, **more)

    patched.setattr(_Losses, "on_log", on_log)


def test_an_interrupted_run_refuses_other_options_too(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patched:
        _interrupt_at(4, patched)
        assert train("half", "--save-every", "2") == 130
    assert train("half", "--save-every", "2", "--learning-rate", "1e-5") == 1
    assert "--name" in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_seed_trains_the_same_adapter_and_another_seed_another(train: Train, work: Path) -> None:
    for name, seed in (("one", "7"), ("same", "7"), ("other", "8")):
        assert train(name, "--seed", seed) == 0
    one, same, other = (_adapter(work, name) for name in ("one", "same", "other"))
    assert all(bool((one[name] == same[name]).all()) for name in one)
    assert any(bool((one[name] != other[name]).any()) for name in one)


def _precision(work: Path, name: str) -> str:
    return str(read_json(work / "runs" / name / "settings.json")["options"]["precision"])


def test_a_run_records_the_precision_that_fits_the_machine(train: Train, work: Path) -> None:
    from training.learning.precision import fastest

    assert train("fits", "--precision", "auto") == 0
    assert _precision(work, "fits") == fastest()


def test_a_run_keeps_its_precision_on_another_machine(
    train: Train, work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train("moved", "--precision", "fp32") == 0
    monkeypatch.setattr("training.learning.precision.fastest", lambda: "bf16")
    assert train("moved", "--precision", "auto") == 0
    assert "trained already" in capsys.readouterr().out
    assert _precision(work, "moved") == "fp32"
    assert train("moved", "--precision", "bf16") == 1
    assert "--name" in capsys.readouterr().err


@pytest.mark.parametrize("content", [[], {}, {"options": None}])
def test_a_run_without_its_options_is_refused_in_one_line(
    content: object, train: Train, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "runs" / "damaged" / "checkpoint-2").mkdir(parents=True, exist_ok=True)
    write_json(work / "runs" / "damaged" / "settings.json", content)
    assert train("damaged", "--precision", "auto") == 1
    said = capsys.readouterr().err
    assert "settings.json" in said and said.startswith("error: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    "more",
    [
        ("--query", "base"),
        ("--soft-labels", "0"),
        ("--mini-batch", "4", "--soft-labels", "0"),
        ("--mini-batch", "4", "--soft-labels", "0", "--query", "base"),
        ("--task", "code-to-code"),
        ("--preset", "loracode", "--rank", "16"),
        ("--precision", "auto"),
    ],
    ids=" ".join,
)
def test_each_way_of_training_runs(more: tuple[str, ...], train: Train, work: Path) -> None:
    name = "-".join(more).replace("-", "")
    assert train(name, *more) == 0
    result = read_json(work / "runs" / name / "result.json")
    assert result["steps"] == 5
    assert set(result["views"]) == {"clone" if "code-to-code" in more else "documentation"}
    assert all(np.isfinite(np.asarray(pair)).all() for pair in _adapter(work, name).values())


@pytest.mark.slow
def test_an_adapter_for_text_is_used_and_not_changed(train: Train, work: Path) -> None:
    assert train("text", "--learning-rate", "1e-2") == 0
    file = work / "runs" / "text" / "adapter.safetensors"
    before = file.read_bytes()
    assert train("with-text", "--text", str(file)) == 0
    assert train("without-text", "--query", "base") == 0
    assert file.read_bytes() == before
    one, other = _adapter(work, "with-text"), _adapter(work, "without-text")
    assert any(bool((one[name] != other[name]).any()) for name in one)


@pytest.mark.slow
def test_a_run_starts_from_another_s_adapter(train: Train, work: Path) -> None:
    assert train("start", "--learning-rate", "1e-2") == 0
    file = work / "runs" / "start" / "adapter.safetensors"
    assert train("next", "--init", str(file), "--learning-rate", "1e-9") == 0
    start, after = _adapter(work, "start"), _adapter(work, "next")
    assert all(float((start[name] - after[name]).abs().max()) < 1e-4 for name in start)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--languages", "cobol"), "cobol"),
        (("--languages", "go"), "mine"),
        (("--batch", "64"), "no batch of 64"),
        (("--mix", "gossip"), "gossip"),
        (("--model", "nothing-like-it"), "nothing-like-it"),
        (("--init", "nowhere.safetensors"), "nowhere.safetensors"),
        (("--soft-labels", "0.5", "--mini-batch", "4"), "--soft-labels 0"),
    ],
)
def test_what_cannot_be_trained_is_one_line(
    more: tuple[str, ...], said: str, train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("refused", *more) == 1
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and error.count("error:") == 1


def test_an_adapter_of_another_rank_is_no_start(
    train: Train, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("rank4") == 0
    file = str(work / "runs" / "rank4" / "adapter.safetensors")
    assert train("rank8", "--rank", "8", "--init", file) == 1
    assert "has rank 4" in capsys.readouterr().err


def test_a_system_scales_what_was_trained(train: Train, work: Path) -> None:
    assert train("whole", "--learning-rate", "1e-2") == 0
    assert (
        main(["compose", "--work", str(work), "--name", "scaled", "--code", "whole:0.5", "go=whole:0.25"])
        == 0
    )
    folder = work / "systems" / "scaled"
    described = json.loads((folder / "adapters.json").read_text())
    assert (described["text"], list(described["code"])) == (None, ["python", "go"])
    whole = _adapter(work, "whole")
    for language, factor in {"python": 0.5, "go": 0.25}.items():
        scaled = _read(folder / described["code"][language])
        for name in (name for name in whole if name.endswith(".B")):
            assert np.allclose(scaled[name], whole[name] * factor, atol=1e-4)


def test_a_system_for_an_unknown_language_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compose", "--work", str(work), "--name", "odd", "--code", "cobol=whole"]) == 1
    assert "no language is called 'cobol'" in capsys.readouterr().err
