"""Models, adapters and manifests that somebody else has damaged or made to harm: one line each, and soon."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hostile_models
import numpy as np
import pytest
from fakes import write
from hostile_models import HUGE, Case, mutated
from repositories import Done, failed
from tiny_models import adapters, converted, in_torch, transformers_folder

from codesift.encoders import open_encoder
from codesift.encoders.unit_vectors import check_finite
from codesift.errors import ModelError
from codesift.models.adapters import Adapters, read_adapters
from codesift.models.bases import BASES, DEFAULT, Base, local_base
from codesift.models.hub import file_digest
from codesift.models.overview import list_models
from codesift.models.spaces import space_for

Run = Callable[..., Done[str]]
CODE = ["def parse ( x ) : return json", "open file"]
LONG = "\n".join(f"x = foo{n}" for n in range(200))


@pytest.fixture(autouse=True)
def nothing_is_only_warned_of() -> object:
    """A warning of numpy would be a second line on the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a converted base, its adapters and the same model as transformers saves it."""
    folder = tmp_path_factory.mktemp("sound")
    converted(folder / "tiny")
    adapters(folder / "adapters", folder / "tiny", ["text", "python", ""])
    bert = transformers_folder(folder / "bert")
    modules = [{"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling")]
    (bert / "modules.json").write_text(json.dumps(modules))
    (bert / "sentence_bert_config.json").write_text('{"max_seq_length": 64}')
    (bert / "1_Pooling").mkdir()
    (bert / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    return folder


def copied(sound: Path, name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound / name, tmp_path / name))


def named(case: Case) -> str:
    return case.name[:80]


def refused(work: Callable[[], object]) -> str:
    """The one line of the error that `work` must end with."""
    with pytest.raises(ModelError) as failure:
        work()
    line = str(failure.value)
    assert "\n" not in line and len(line) < 5000, line
    return line


def encode_all(base: Base, found: Adapters) -> None:
    """Everything an encoder does: windows, texts, a short and a long query, each with an adapter."""
    encoder = open_encoder(space_for(base, found), threads=1)
    encoder.windows("head", LONG, 1)
    for language in ("text", "python", "go"):
        assert np.isfinite(encoder.encode(CODE, language)).all()
    for text in ("open file", LONG):
        assert np.isfinite(encoder.encode_query(text)).all()


# -- through the parts ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", hostile_models.manifests(), ids=named)
def test_a_hostile_manifest_is_refused_when_it_is_read(sound: Path, tmp_path: Path, case: Case) -> None:
    folder = copied(sound, "adapters", tmp_path)
    case.change(folder)
    refused(lambda: read_adapters(folder))


@pytest.mark.parametrize("kind", ["tiny", "bert"])
@pytest.mark.parametrize("case", hostile_models.adapters(), ids=named)
def test_a_hostile_adapter_is_refused_before_it_encodes(
    sound: Path, tmp_path: Path, case: Case, kind: str
) -> None:
    if kind == "bert":
        pytest.importorskip("torch")
    folder = copied(sound, "adapters", tmp_path)
    case.change(folder)
    base = local_base(sound / kind)

    def encode() -> object:
        return open_encoder(space_for(base, read_adapters(folder)), threads=1).encode(CODE, "text")

    def ask() -> object:
        return open_encoder(space_for(base, read_adapters(folder)), threads=1).encode_query("open file")

    refused(encode)
    refused(ask)


@pytest.mark.parametrize("case", hostile_models.converted(), ids=named)
def test_a_hostile_converted_base_is_refused(sound: Path, tmp_path: Path, case: Case) -> None:
    folder = copied(sound, "tiny", tmp_path)
    case.change(folder)
    refused(lambda: open_encoder(local_base(folder), threads=1).encode(CODE))
    refused(lambda: open_encoder(local_base(folder), threads=1).encode_query(CODE[0]))


@pytest.mark.parametrize("case", hostile_models.converted(), ids=named)
def test_torch_refuses_a_hostile_converted_base(sound: Path, tmp_path: Path, case: Case) -> None:
    pytest.importorskip("torch")
    folder = copied(sound, "tiny", tmp_path)
    case.change(folder)
    refused(lambda: in_torch(local_base(folder)).encode(CODE))


@pytest.mark.parametrize("case", hostile_models.folders(), ids=named)
def test_a_folder_of_wrong_descriptions_is_refused(sound: Path, tmp_path: Path, case: Case) -> None:
    folder = copied(sound, "bert", tmp_path)
    case.change(folder)
    refused(lambda: local_base(folder))


@pytest.mark.parametrize("case", hostile_models.weights_of_folders(), ids=named)
def test_a_folder_of_wrong_weights_is_refused(sound: Path, tmp_path: Path, case: Case) -> None:
    pytest.importorskip("torch")
    folder = copied(sound, "bert", tmp_path)
    case.change(folder)
    refused(lambda: encode_all(local_base(folder), Adapters()))


def test_code_beside_a_model_is_not_run(sound: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = copied(sound, "bert", tmp_path)
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for name, kind in (("config.json", "AutoModel"), ("tokenizer_config.json", "AutoTokenizer")):
        content = json.loads((folder / name).read_text())
        for mapped in ("evil.Model", ["evil.Model", "evil.Model"]):
            content["auto_map"] = {kind: mapped, "AutoConfig": "evil.Model"}
            (folder / name).write_text(json.dumps(content))
            soundly(lambda: encode_all(local_base(folder), Adapters()))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("name", ["adapters.json", "text.safetensors"])
def test_mutated_adapters_are_refused_or_give_finite_vectors(
    sound: Path, tmp_path: Path, name: str, seed: int
) -> None:
    folder = copied(sound, "adapters", tmp_path)
    (folder / name).write_bytes(mutated((folder / name).read_bytes(), seed))
    soundly(lambda: encode_all(local_base(sound / "tiny"), read_adapters(folder)))


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "tokenizer.json"])
def test_mutated_bases_are_refused_or_give_finite_vectors(
    sound: Path, tmp_path: Path, name: str, seed: int
) -> None:
    folder = copied(sound, "tiny", tmp_path)
    (folder / name).write_bytes(mutated((folder / name).read_bytes(), seed))
    soundly(lambda: encode_all(local_base(folder), Adapters()))


@pytest.mark.parametrize("seed", range(20))
def test_torch_refuses_mutated_weights_or_gives_finite_vectors(
    sound: Path, tmp_path: Path, seed: int
) -> None:
    pytest.importorskip("torch")
    folder = copied(sound, "tiny", tmp_path)
    path = folder / "weights.safetensors"
    path.write_bytes(mutated(path.read_bytes(), seed))
    soundly(lambda: np.isfinite(in_torch(local_base(folder)).encode(CODE)).all() or pytest.fail())


def soundly(work: Callable[[], object]) -> None:
    """Call `work`, which may end with a ModelError of one line and with no other error."""
    try:
        work()
    except ModelError as error:
        assert "\n" not in str(error)


def test_a_file_that_is_another_one_than_its_digest_says_is_refused(sound: Path, tmp_path: Path) -> None:
    folder = copied(sound, "adapters", tmp_path)
    found = read_adapters(folder)
    assert found.text
    wrong = replace(found.text, sha256=file_digest(sound / "adapters" / "python.safetensors"))
    space = space_for(local_base(sound / "tiny"), replace(found, text=wrong))
    assert "damaged" in refused(lambda: open_encoder(space).encode_query("x"))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_no_encoder_returns_what_is_not_finite(number: float) -> None:
    base = BASES[DEFAULT]
    sound = np.eye(3, dtype=np.float32)
    assert check_finite(sound, base, None) is sound and check_finite(sound[:0], base, None).shape == (0, 3)
    broken = sound.copy()
    broken[1, 1] = number
    assert base.name in refused(lambda: check_finite(broken, base, None))
    refused(lambda: check_finite(broken[1], base, None))
    refused(lambda: check_finite(np.zeros((1, 3), np.float32), base, None))


def test_numbers_that_overflow_while_encoding_are_one_line(sound: Path, tmp_path: Path) -> None:
    """Each number is within its limit, but all together leave the range of float32."""
    from safetensors.numpy import load_file, save_file

    folder = copied(sound, "tiny", tmp_path)
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    for name in tensors:
        if name.endswith((".scales", "LayerNorm.weight")):
            tensors[name] = np.full_like(tensors[name], 700 if name.endswith(".scales") else 60_000)
    save_file(tensors, path)
    soundly(lambda: encode_all(local_base(folder), Adapters()))


# -- through the command --------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path, "repo/quay.py", "def moor():\n    return 'rope'\n\n\ndef cast():\n    return 'off'\n")
    return tmp_path / "repo"


def chosen(cases: list[Case], *parts: str) -> list[Case]:
    """The first case for each part of a name."""
    return [next(case for case in cases if part in case.name) for part in parts]


MANIFESTS = chosen(
    hostile_models.manifests(),
    "adapters.json is a pipe", "adapters.json is a zero", "adapters.json holds deep", "base is nan",
    "figures.base is infinite", "safetensors is a pipe", "safetensors is a sparse", "has a list", "has depth",
)  # fmt: skip
CONVERTED = chosen(
    hostile_models.converted(),
    "heads is zero", "10**9 layers", "dimensions is text", "weights is zero", "no layers", "has 60000",
    "tokenizer.json is a sparse", "weights.safetensors is a pipe", "words from 1000000",
)  # fmt: skip


@pytest.mark.parametrize("case", MANIFESTS, ids=named)
def test_the_command_refuses_hostile_adapters(
    codesift: Run, sound: Path, repository: Path, tmp_path: Path, case: Case
) -> None:
    folder = copied(sound, "adapters", tmp_path)
    case.change(folder)
    environment = {**os.environ, "CODESIFT_ADAPTERS": str(folder), "CODESIFT_MODEL": str(sound / "tiny")}
    failed(codesift("query", "rope", "--quiet", cwd=repository, env=environment, timeout=60))
    failed(codesift("models", cwd=repository, env=environment, timeout=60))


@pytest.mark.parametrize("case", hostile_models.adapters()[1:9], ids=named)
def test_the_command_stores_nothing_of_an_adapter_that_is_not_finite(
    codesift: Run, sound: Path, repository: Path, tmp_path: Path, case: Case
) -> None:
    folder = copied(sound, "adapters", tmp_path)
    case.change(folder)
    (folder / "python.safetensors").write_bytes((folder / "text.safetensors").read_bytes())
    environment = {**os.environ, "CODESIFT_ADAPTERS": str(folder), "CODESIFT_MODEL": str(sound / "tiny")}
    failed(codesift("index", "--quiet", cwd=repository, env=environment, timeout=60), "not finite")
    failed(codesift("query", "rope", "--json", "--quiet", cwd=repository, env=environment, timeout=60))


@pytest.mark.parametrize("case", CONVERTED, ids=named)
def test_the_command_refuses_a_hostile_base(
    codesift: Run, sound: Path, repository: Path, tmp_path: Path, case: Case
) -> None:
    folder = copied(sound, "tiny", tmp_path)
    case.change(folder)
    arguments = ("--model", folder, "--quiet")
    failed(codesift("query", "rope", *arguments, cwd=repository, timeout=60))
    failed(codesift("index", *arguments, cwd=repository, timeout=60))


@pytest.mark.parametrize("name", ["a" * 100_000, "a/" * 5000, "~nobody-of-this-name", "\x1b[31m", "a\nb"])
@pytest.mark.parametrize("variable", ["CODESIFT_MODEL", "CODESIFT_ADAPTERS"])
def test_any_name_of_a_model_is_answered_in_one_line(
    codesift: Run, repository: Path, variable: str, name: str
) -> None:
    done = codesift(
        "query", "rope", "--quiet", cwd=repository, env={**os.environ, variable: name}, timeout=60
    )
    failed(done)
    assert "\x1b" not in done.stderr and len(done.stderr) < 6000


def test_a_huge_adapter_takes_no_memory(codesift: Run, sound: Path, repository: Path, tmp_path: Path) -> None:
    import resource

    folder = copied(sound, "adapters", tmp_path)
    with (folder / "text.safetensors").open("r+b") as file:
        file.truncate(HUGE)
    environment = {**os.environ, "CODESIFT_ADAPTERS": str(folder), "CODESIFT_MODEL": str(sound / "tiny")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    failed(codesift("query", "rope", "--quiet", cwd=repository, env=environment, timeout=60), "larger than")
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= max(before, 300_000)


def test_figures_are_printed_as_json_of_finite_numbers(
    codesift: Run, sound: Path, repository: Path, tmp_path: Path
) -> None:
    folder = copied(sound, "adapters", tmp_path)
    content = json.loads((folder / "adapters.json").read_text())
    content["text"] = {"file": "text.safetensors", "figures": {"metric": "MRR", "base": 0.5, "adapter": 0.75}}
    (folder / "adapters.json").write_text(json.dumps(content))
    environment = {**os.environ, "CODESIFT_ADAPTERS": str(folder), "CODESIFT_MODEL": str(sound / "tiny")}
    done: subprocess.CompletedProcess[str] = codesift("models", "--json", cwd=repository, env=environment)
    assert done.returncode == 0 and '"adapter": 0.75' in done.stdout
    json.loads(done.stdout, parse_constant=pytest.fail)


def test_a_base_that_is_not_here_is_listed_and_not_fetched(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from codesift.config import Settings

    monkeypatch.setattr("codesift.models.hub.download", lambda hub_id: pytest.fail(f"{hub_id} was fetched"))
    rows = list_models(Settings(model="microsoft/codebert-base"), tmp_path)
    (used,) = [row for row in rows if row["in_use"]]
    assert (used["name"], used["files"], used["size_bytes"]) == ("microsoft/codebert-base", None, None)
