"""Inference engines behind one port, the devices they run on, and an encoder that many threads share."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interpreters import python
from numpy.typing import NDArray
from tiny_models import DIM, TEXTS, adapters, converted, in_torch, transformers_folder

from codesift.encoders import open_encoder
from codesift.encoders.converted_base import ConvertedBase
from codesift.encoders.encoder import MAX_NUMPY_WINDOWS, SpaceEncoder
from codesift.encoders.engine import Engine
from codesift.encoders.numpy_engine import NumpyEngine
from codesift.encoders.openvino_engine import OpenVinoEngine
from codesift.encoders.weight_shapes import POSITIONS
from codesift.encoders.weights import Weights
from codesift.errors import ModelError
from codesift.models.adapters import Adapter, read_adapters
from codesift.models.bases import BASES, DEFAULT, Base, local_base
from codesift.models.spaces import space_for

CODE = [
    "def load(path):\n    return json.loads(open(path).read())",
    "for (int i = 0; i < n; ++i) { total += values[i]; }\n" * 9,
    "class Stream(Reader):\n    def close(self):\n        self.handle.close()",
]
LONG = "\n".join(f"x = foo{n} + call(bar, {n})" for n in range(600))


def numpy_engine(weights: Weights) -> Engine:
    return NumpyEngine(weights, {})


def torch_engine(weights: Weights) -> Engine:
    pytest.importorskip("torch")
    from codesift.encoders.torch_engine import TorchEngine

    return TorchEngine(weights)


ENGINES = [numpy_engine, OpenVinoEngine, torch_engine]
Build = Callable[[Weights], Engine]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return local_base(converted(tmp_path_factory.mktemp("tiny")))


def told(work: Callable[[], object]) -> str:
    """The one line of the error that `work` must end with."""
    with pytest.raises(ModelError) as failure:
        work()
    assert "\n" not in str(failure.value)
    return str(failure.value)


# -- the port -------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", ENGINES)
def test_an_engine_returns_a_unit_vector_for_each_text_in_order(tiny: Base, build: Build) -> None:
    base = ConvertedBase(tiny, build)
    texts = base.tokens.ids(TEXTS)
    vectors = base.engine(None)(texts)
    assert vectors.shape == (len(TEXTS), DIM) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    reference = numpy_engine(base.weights)
    for ids, vector in zip(texts, vectors, strict=True):
        assert reference([ids])[0] @ vector > 0.998


@pytest.mark.parametrize("build", ENGINES)
def test_an_engine_returns_no_rows_for_no_texts(tiny: Base, build: Build) -> None:
    assert ConvertedBase(tiny, build).engine(None)([]).shape == (0, DIM)


@pytest.mark.parametrize("build", ENGINES)
def test_a_text_may_fill_the_table_of_positions(tiny: Base, build: Build) -> None:
    # 61 is no multiple of the length that batches are padded to.
    weights = ConvertedBase(tiny, build).weights
    short = replace(weights, vectors={**weights.vectors, POSITIONS: weights.vectors[POSITIONS][:61]})
    texts = [np.arange(4, 65, dtype=np.int32), np.arange(4, 9, dtype=np.int32)]
    cosines = (build(short)(texts) * numpy_engine(weights)(texts)).sum(axis=1)
    assert cosines.min() > 0.998


@pytest.mark.parametrize("language", [None, "python"])
def test_torch_gives_the_shipped_models_vectors_of_openvino(language: str | None) -> None:
    pytest.importorskip("torch")
    space = BASES[DEFAULT] if language is None else space_for(BASES[DEFAULT])
    openvino, torch = open_encoder(space), in_torch(space)
    texts = [*CODE, *(window.text for window in openvino.windows("", LONG, 1)[:8])]
    vectors = torch.encode(texts, language or "")
    cosines = (openvino.encode(texts, language or "") * vectors).sum(axis=1)
    # OpenVINO rounds to int8, and on some processors to bfloat16 as well.
    assert cosines.mean() > 0.999 and cosines.min() > 0.998
    for text in CODE:
        assert openvino.encode_query(text) @ torch.encode([text], "text")[0] > 0.999
    assert len(openvino.windows("", LONG, 1)) > MAX_NUMPY_WINDOWS
    assert openvino.encode_query(LONG) @ torch.encode_query(LONG) > 0.999


# -- devices --------------------------------------------------------------------------------------


def test_a_gpu_has_larger_batches_than_a_cpu(tiny: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from codesift.encoders import torch_common

    assert torch_common.token_budget(torch.device("cpu")) == 4096
    assert torch_common.token_budget(torch.device("cuda:1")) == 65_536
    assert torch_common.token_budget(torch.device("mps")) == 65_536
    sizes: list[int] = []

    def forward(ids: Any, mask: Any) -> Any:
        sizes.append(ids.numel())
        return torch.ones(len(ids), DIM)

    texts = [np.ones(64, np.int32)] * 100
    assert torch_common.in_batches(texts, DIM, torch.device("cpu"), forward).shape == (100, DIM)
    assert sizes == [4096, 100 * 64 - 4096]
    sizes.clear()
    monkeypatch.setattr(torch_common, "CPU_BUDGET", torch_common.GPU_BUDGET)
    torch_common.in_batches(texts, DIM, torch.device("cpu"), forward)
    assert sizes == [6400]


@pytest.mark.parametrize(
    ("gpus", "mps", "name", "meant"),
    [
        (0, False, "auto", "cpu"),
        (2, False, "auto", "cuda:0"),
        (0, True, "auto", "cpu"),
        (2, True, "cpu", "cpu"),
        (2, False, "cuda", "cuda:0"),
        (2, False, "cuda:1", "cuda:1"),
        (2, False, "cuda:2", None),
        (0, False, "cuda", None),
        (0, True, "mps", "mps"),
        (2, False, "mps", None),
        (2, False, "tpu", None),
    ],
)
def test_the_device_is_the_one_that_is_named(
    monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, name: str, meant: str | None
) -> None:
    torch = pytest.importorskip("torch")
    from codesift.encoders.torch_common import find_device

    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    if meant is None:
        line = told(lambda: find_device(name))
        assert f"finds no device {name}, only cpu" in line and "--device cpu" in line
        assert not gpus or "cuda:0, cuda:1" in line
    else:
        assert str(find_device(name)) == meant


def test_a_device_that_is_missing_is_one_line(tiny: Base, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    encoder = open_encoder(tiny, device="cuda:99")
    assert "finds no device cuda:99" in told(lambda: encoder.encode(["x"]))
    hub = local_base(transformers_folder(tmp_path))
    assert "finds no device cuda:99" in told(lambda: open_encoder(hub, device="cuda:99"))


def test_a_gpu_without_torch_names_the_extra(tiny: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    line = told(lambda: open_encoder(tiny, device="cuda"))
    assert line == "the device cuda needs torch (pip install 'codesift[torch]', or use --device cpu)"
    assert open_encoder(tiny, device="cpu").encode(["x"]).shape == (1, DIM)


def test_what_fails_on_the_device_is_one_line(tiny: Base, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from codesift.encoders.torch_engine import TorchEngine

    def fail(*parts: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate much")

    monkeypatch.setattr(TorchEngine, "_forward", fail)
    line = told(lambda: in_torch(tiny).encode(["x"]))
    assert line == "torch cannot encode on cpu: CUDA out of memory. (try --device cpu)"


def test_a_query_loads_no_torch_on_any_device() -> None:
    code = (
        "import sys\nfrom codesift.encoders import open_encoder\nfrom codesift.models.bases import *\n"
        "from codesift.models.spaces import space_for\n"
        "open_encoder(space_for(BASES[DEFAULT]), device='cuda').encode_query('parse json')\n"
        "print([m for m in ('torch', 'openvino', 'transformers') if m in sys.modules])"
    )
    pytest.importorskip("torch")
    assert python(code) == "[]"


# -- threads --------------------------------------------------------------------------------------


class _Switched:
    """A base with one engine for all adapters, which notices when it is switched in the middle of a call."""

    def __init__(self, tokens: Any) -> None:
        self.tokens, self.words = tokens, 10**6
        self._adapter: Adapter | None = None

    def engine(self, adapter: Adapter | None) -> Engine:
        self._adapter = adapter
        return self._encode

    def query_engine(self, adapter: Adapter | None) -> None:
        return None

    def _encode(self, texts: Sequence[NDArray[np.int32]], /) -> NDArray[np.float32]:
        begun = self._adapter
        time.sleep(0.01)
        assert self._adapter is begun
        return np.ones((len(texts), DIM), np.float32)


def at_once(work: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(work, range(count)))


def test_no_thread_switches_the_engine_under_another(tiny: Base, tmp_path: Path) -> None:
    languages = ["python", "go", "text"]
    found = read_adapters(adapters(tmp_path, Path(tiny.folder), languages))
    encoder = SpaceEncoder(tiny, found, _Switched(ConvertedBase(tiny, OpenVinoEngine).tokens))
    at_once(lambda n: encoder.encode(["x"], languages[n % 3]), 24)
    at_once(lambda n: encoder.encode_query("x") if n % 2 else encoder.encode(["x"], "go"), 12)


@pytest.mark.parametrize("opening", [open_encoder, in_torch])
def test_threads_get_the_vectors_that_one_thread_gets(
    tiny: Base, tmp_path: Path, opening: Callable[[Any], Any]
) -> None:
    if opening is in_torch:
        pytest.importorskip("torch")
    languages = ["python", "go", "text"]
    space = space_for(tiny, read_adapters(adapters(tmp_path, Path(tiny.folder), languages)))
    alone, shared = opening(space), opening(space)
    wanted = {language: alone.encode(TEXTS, language) for language in languages}
    query = alone.encode_query("open file")

    def work(number: int) -> bool:
        language = languages[number % 3]
        same = np.array_equal(shared.encode(TEXTS, language), wanted[language])
        return same and np.array_equal(shared.encode_query("open file"), query)

    assert all(at_once(work, 24))
