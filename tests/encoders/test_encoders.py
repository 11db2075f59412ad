"""Encoders: the same vectors from every path, windows that leave nothing out."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from interpreters import python
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tiny_models import DIM, TEXTS, WINDOW, bert_source, converted, roberta_folder, transformers_folder

from codesift.encoders import open_encoder
from codesift.encoders.batches import batches
from codesift.encoders.encoder import MAX_NUMPY_WINDOWS
from codesift.encoders.numpy_engine import gelu
from codesift.encoders.weights import load_weights
from codesift.encoders.windows import MAX_CHARACTERS, MAX_WINDOWS
from codesift.errors import ModelError
from codesift.models.adapters import Adapter, Adapters
from codesift.models.bases import BASES, DEFAULT, local_base
from codesift.models.hub import file_digest
from codesift.models.spaces import Space
from codesift.types import Encoder, Window

HEAD = "path words  Parser.read  def read(self)"
MATRIX = "encoder.layer.1.intermediate.dense.weight"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    return open_encoder(local_base(converted(tmp_path_factory.mktemp("tiny"))))


@pytest.fixture(scope="module")
def default() -> Encoder:
    return open_encoder(BASES[DEFAULT])


def test_rows_have_length_one_and_keep_the_order(tiny: Encoder) -> None:
    together = tiny.encode(TEXTS)
    assert together.shape == (len(TEXTS), DIM) == (len(TEXTS), tiny.dimensions)
    assert together.dtype == np.float32
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, row in zip(TEXTS, together, strict=True):
        assert tiny.encode([text])[0] @ row > 0.999


def test_encoding_nothing_gives_no_rows(tiny: Encoder) -> None:
    assert tiny.encode([]).shape == (0, DIM)


def test_the_same_texts_give_the_same_vectors(default: Encoder) -> None:
    texts = [f"def read_{n}(path): return open(path).read()" * (n % 5 + 1) for n in range(40)]
    assert np.array_equal(default.encode(texts), default.encode(texts))


@pytest.mark.parametrize(
    "text",
    [
        "parse json from a file",
        "def close(self):\n    self.stream.close()",
        "how to read a csv file in python line by line without pandas",
        "for (int i = 0; i < n; ++i) { total += values[i]; }\n" * 9,
    ],
)
def test_the_query_path_agrees_with_the_engine(default: Encoder, text: str) -> None:
    query = default.encode_query(text)
    assert query.shape == (384,)
    assert np.linalg.norm(query) == pytest.approx(1, abs=1e-5)
    assert default.encode([text])[0] @ query > 0.998


def test_similar_meaning_is_nearer_than_other_meaning(default: Encoder) -> None:
    code = default.encode(
        ["def load(path):\n    return json.loads(open(path).read())", "def area(r):\n    return 3.14 * r * r"]
    )
    near, far = code @ default.encode_query("parse json from a file")
    assert near > far + 0.2


def test_a_long_query_is_the_mean_of_its_windows(tiny: Encoder) -> None:
    text = "\n".join(f"x = foo{n}" for n in range(200))
    parts = [window.text for window in tiny.windows("", text, 1)]
    assert len(parts) > MAX_NUMPY_WINDOWS
    mean = tiny.encode(parts).mean(axis=0)
    assert tiny.encode_query(text) @ mean / np.linalg.norm(mean) > 0.999
    short = "\n".join(text.split("\n")[:20])
    assert 1 < len(tiny.windows("", short, 1)) <= MAX_NUMPY_WINDOWS
    mean = tiny.encode([window.text for window in tiny.windows("", short, 1)]).mean(axis=0)
    assert tiny.encode_query(short) @ mean / np.linalg.norm(mean) > 0.99


def test_the_numpy_gelu_is_exact_to_float_precision() -> None:
    from math import erf

    x = np.linspace(-8, 8, 1001, dtype=np.float32)
    exact = [value * (1 + erf(value / 2**0.5)) / 2 for value in x.tolist()]
    assert np.abs(gelu(x) - exact).max() < 1e-6


def test_converted_vectors_are_those_of_the_original_model(tmp_path: Path, tiny: Encoder) -> None:
    torch_encoder = open_encoder(local_base(_original(tmp_path)))
    originals = torch_encoder.encode(TEXTS)
    assert (tiny.encode(TEXTS) * originals).sum(axis=1).min() > 0.99
    assert min(tiny.encode_query(t) @ torch_encoder.encode_query(t) for t in TEXTS[:3]) > 0.998


def test_an_adapter_is_added_to_the_weights(tmp_path: Path) -> None:
    base = local_base(converted(tmp_path / "tiny"))
    a, b = _change()
    adapter = _adapter(tmp_path, {MATRIX + ".A": a, MATRIX + ".B": b})
    plain, changed = load_weights(Path(base.folder)), load_weights(Path(base.folder), adapter)
    wanted = plain.matrices[MATRIX].dense() + b @ a
    scales = changed.matrices[MATRIX].scales.astype(np.float32)
    assert np.all(np.abs(changed.matrices[MATRIX].dense() - wanted) <= 0.57 * scales)
    space = Space("id", DIM, base, Adapters(None, {"": adapter}))
    assert open_encoder(space).encode(TEXTS[:1])[0] @ open_encoder(base).encode(TEXTS[:1])[0] < 0.999


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.json", "model.json"])
def test_a_file_cut_in_half_is_named(tmp_path: Path, name: str) -> None:
    base = local_base(converted(tmp_path))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match=name):
        open_encoder(base).encode_query("x")


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = np.random.default_rng(0).integers(0, 256, 500)
    texts = [np.full(length, 7, np.int32) for length in lengths]
    made = list(batches(texts, budget=1024, step=8))
    assert sorted(np.concatenate([batch.rows for batch in made])) == list(range(500))
    for batch in made:
        assert batch.ids.size <= 1024
        assert batch.ids.shape[1] % 8 == 0
        assert np.array_equal(batch.mask.sum(axis=1), lengths[batch.rows])
        assert np.array_equal(batch.ids, 7 * batch.mask)
    assert len({batch.ids.shape[1] for batch in made}) <= 32


def test_a_short_unit_is_one_window_with_its_head(default: Encoder) -> None:
    assert default.windows(HEAD, "a = 1\nb = 2\n", 10) == [Window(f"{HEAD}\na = 1\nb = 2\n", 10, 11)]
    assert default.windows(HEAD, "", 3) == [Window(HEAD, 3, 3)]
    assert default.windows("", "", 1) == [Window("", 1, 1)]


BODIES = {
    "lines": "".join(f"    value_{n} = compute(value_{n - 1}, {n})\n" for n in range(400)),
    "blank lines": "\n\n\n".join(f"call({n});" for n in range(900)) + "\n\n\n",
    "windows line ends": "".join(f"  if (x{n}) return {n};\r\n" for n in range(300)),
    "one line": " ".join(f"item{n}" for n in range(3000)),
    "no spaces": "".join(f"a{n}=b[{n}];" for n in range(900)),
    "not ascii": "".join(f"名前{n} = 'größe'  # привет\n" for n in range(200)),
    "long lines": "\n".join(" ".join(f"w{n}" for n in range(k)) for k in (300, 2, 500, 1, 90)),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("head", [HEAD, "", "long head " * 200], ids=["head", "no head", "long head"])
def test_windows_cover_every_character_and_fit(default: Encoder, head: str, body: str) -> None:
    windows = default.windows(head, body, 7)
    lines = body.split("\n")
    assert len(windows) > 1
    assert windows[0].start_line == 7
    assert windows[-1].end_line == 7 + body.count("\n") - body.endswith("\n")
    start = covered = 0
    for window in windows:
        shown, part = _split(window, head)
        assert default._loaded.tokens.ids([window.text])[0].size <= 256  # type: ignore[attr-defined]
        assert len(default._loaded.tokens.tokenizer.encode(window.text)) <= 256  # type: ignore[attr-defined]
        assert head.startswith(shown)
        start = body.index(part, start)
        assert start <= covered
        covered = start + len(part)
        assert window.start_line == 7 + body.count("\n", 0, start)
        assert part.split("\n")[0] in lines[window.start_line - 7]
        assert window.end_line == window.start_line + part.count("\n") - part.endswith("\n")
    assert covered == len(body)


def test_windows_begin_at_lines_and_overlap(default: Encoder) -> None:
    windows = default.windows(HEAD, BODIES["lines"], 1)
    for before, after in pairwise(windows):
        assert _split(after, HEAD)[1].startswith("    value_")
        assert before.start_line < after.start_line <= before.end_line


@pytest.mark.parametrize("unit", ["x = compute(y)\n", "x=1;", "a", "\n", " ", "字"], ids=repr)
@pytest.mark.slow
def test_time_is_linear_in_the_length(default: Encoder, unit: str) -> None:
    def seconds(size: int) -> float:
        begin = time.process_time()
        default.windows(HEAD, unit * (size // len(unit)), 1)
        return time.process_time() - begin

    seconds(20_000)
    assert seconds(400_000) < 60 * seconds(40_000) + 0.5


GENERATED = {
    "lines": "".join(f"    table[{n}] = {n * 7919 % 1000}\n" for n in range(20_000)),
    "one line": "".join(f"{n * 7919 % 1000}," for n in range(100_000)),
    "brackets": "([{" * 100_000,
    "blanks": "".join(" " * depth + "f(x)\n" for depth in range(1_000)),
    "one word": "a" * 300_000,
}


@pytest.mark.parametrize("body", GENERATED.values(), ids=GENERATED.keys())
def test_a_very_long_unit_has_a_bounded_number_of_windows(default: Encoder, body: str) -> None:
    windows = default.windows(HEAD, body, 1)
    assert len(windows) <= MAX_WINDOWS
    assert sum(len(window.text) for window in windows) < 2 * MAX_CHARACTERS


def test_the_windows_of_a_very_long_unit_are_the_first_of_all(
    default: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [body * 30 for body in BODIES.values()]
    first = [default.windows(HEAD, body, 3) for body in bodies]
    monkeypatch.setattr("codesift.encoders.windows.MAX_WINDOWS", 10_000)
    monkeypatch.setattr("codesift.encoders.windows.MAX_CHARACTERS", 10_000_000)
    monkeypatch.setattr("codesift.encoders.windows.FIRST_CHARACTERS", 10_000_000)
    for windows, body in zip(first, bodies, strict=True):
        everything = default.windows(HEAD, body, 3)
        assert len(everything) > len(windows) == MAX_WINDOWS
        assert everything[:MAX_WINDOWS] == windows


def test_a_query_loads_no_engine() -> None:
    heavy = ("torch", "openvino", "transformers", "huggingface_hub")
    code = (
        "import sys\nfrom codesift.encoders import open_encoder\n"
        "from codesift.models.bases import BASES, DEFAULT\nfrom codesift.models.spaces import space_for\n"
        "open_encoder(space_for(BASES[DEFAULT])).encode_query('parse json')\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    assert python(code) == "[]"


def test_encoding_opens_no_socket_and_reports_to_nobody() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket = refuse\n"
        "from codesift.encoders import open_encoder\nfrom codesift.models.bases import *\n"
        "open_encoder(BASES[DEFAULT]).encode(['parse json'])\n"
        "print([m for m in sys.modules if 'telemetry' in m or m in ('torch', 'urllib.request')])\n"
        "import openvino.tools"
    )
    assert python(code) == "[]"


@pytest.mark.slow
def test_engines_end_while_their_threads_are_busy(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nfrom codesift.encoders import open_encoder\n"
        "from codesift.models.bases import local_base\n"
        f"base = local_base(Path({str(converted(tmp_path))!r}))\n"
        "for _ in range(20): open_encoder(base).encode(['parse json file'] * 300)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_transformers_bert_can_be_a_base(tmp_path: Path, pooling: str) -> None:
    pytest.importorskip("torch")
    encoder = open_encoder(replace(local_base(transformers_folder(tmp_path)), pooling=pooling))
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), DIM)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    alone = np.array([encoder.encode([text])[0] for text in TEXTS])
    assert np.allclose(vectors, alone, atol=1e-5)


def test_unixcoders_prefix_is_put_before_the_text(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    base = local_base(roberta_folder(tmp_path))
    assert base.window == WINDOW
    unixcoder = BASES["microsoft/unixcoder-base"]
    encoder = open_encoder(replace(base, prefix=unixcoder.prefix))
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    text = tokenizer.convert_tokens_to_ids(tokenizer.tokenize("def f(x)"))
    ids = torch.tensor([[0, 4, 2, *text, 2]])
    model = transformers.AutoModel.from_pretrained(tmp_path)
    with torch.no_grad():
        hidden = model(ids).last_hidden_state[0].mean(0)
    wanted = (hidden / hidden.norm()).numpy()
    assert np.allclose(encoder.encode(["y" * 50, "def f(x)"])[1], wanted, atol=1e-5)
    assert np.allclose(encoder.encode_query("def f(x)"), wanted, atol=1e-5)


def test_windows_of_a_byte_level_tokenizer_fit(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    encoder = open_encoder(local_base(roberta_folder(tmp_path)))
    body = "".join(f"def f{n}(é):\n    return '{n}'\n" for n in range(30))
    windows = encoder.windows("h", body, 1)
    room = encoder._loaded.tokens.room  # type: ignore[attr-defined]
    tokenizer = encoder._loaded.tokens.tokenizer  # type: ignore[attr-defined]
    assert max(len(tokenizer.encode(w.text, add_special_tokens=False)) for w in windows) <= room
    assert windows[-1].end_line == 60
    assert len(encoder.windows("", "é" * 1000, 1)) > 30


def test_special_tokens_a_tokenizer_lacks_are_added(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base = replace(local_base(roberta_folder(tmp_path)), added=("<sep>", "<cls>"), prefix=("<cls>",))
    assert np.isfinite(open_encoder(base).encode(["def"])).all()
    with pytest.raises(ModelError, match="no token <other>"):
        open_encoder(replace(base, prefix=("<other>",)))


def test_a_damaged_torch_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    base = local_base(transformers_folder(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(ModelError, match="cannot load") as failure:
        open_encoder(base)
    assert "\n" not in str(failure.value)


def test_torch_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = local_base(transformers_folder(tmp_path))
    monkeypatch.delitem(sys.modules, "codesift.encoders.transformers_base", raising=False)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"pip install 'codesift\[torch\]'"):
        open_encoder(base)


@pytest.mark.slow
def test_loading_a_torch_model_prints_nothing(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    transformers_folder(tmp_path)
    code = (
        "from codesift.encoders import open_encoder\nfrom codesift.models.bases import local_base\n"
        f"from pathlib import Path\nopen_encoder(local_base(Path({str(tmp_path)!r})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout + done.stderr == ""


def _original(folder: Path) -> Path:
    pytest.importorskip("torch")
    base = transformers_folder(folder)
    assert set(load_file(folder / "model.safetensors")) and bert_source().window == WINDOW
    (folder / "sentence_bert_config.json").write_text(f'{{"max_seq_length": {WINDOW}}}')
    return base


def _change() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    random = np.random.default_rng(0)
    shapes = (2, DIM), (4 * DIM, 2)
    return random.standard_normal(shapes[0], np.float32), random.standard_normal(shapes[1], np.float32)


def _adapter(folder: Path, tensors: dict[str, NDArray[np.float32]]) -> Adapter:
    path = folder / "adapter.safetensors"
    save_file(tensors, path)
    return Adapter("test", "", 2, str(path), file_digest(path))


def _split(window: Window, head: str) -> tuple[str, str]:
    """The head as it stands in the window, and the part of the body."""
    if not head:
        return "", window.text
    shown, _, part = window.text.partition("\n")
    return shown, part
