"""Named cases of hostile adapters, manifests and model folders.

Each case changes a folder that was sound; whoever uses it must get one ModelError, and soon.
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load_file, save_file

HUGE = 40 * 10**9
"""Bytes of a sparse file: more than there is memory, next to nothing on the disk."""
DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
DIGITS = b'{"format": ' + b"9" * 6000 + b"}"
VALUES: dict[str, Any] = {
    "null": None, "true": True, "text": "x", "empty": "", "list": [1, 2], "object": {"a": 1}, "minus": -1,
    "zero": 0, "fraction": 0.5, "huge": 10**30, "infinite": float("inf"), "nan": float("nan"),
    "long": "x" * 100_000, "up": "../../../etc/passwd", "root": "/etc/passwd", "nul": "a\0b",
    "surrogate": "\ud800", "nested": [[[[[[]]]]]],
}  # fmt: skip
"""What is put in the place of a value."""


class Case(NamedTuple):
    """One hostile change."""

    name: str
    change: Callable[[Path], object]
    """Called with the folder of the model or of the adapters."""


# -- any file -------------------------------------------------------------------------------------


def places(name: str) -> Iterator[Case]:
    """Something other than a bearable regular file in the place of `name`."""
    for kind, put in {
        "pipe": os.mkfifo,
        "folder": Path.mkdir,
        "socket": _socket,
        "zero": lambda path: path.symlink_to("/dev/zero"),
        "loop": lambda path: path.symlink_to(path),
        "sparse": _sparse,
    }.items():
        yield Case(f"{name} is a {kind}", _replaced(name, put))


def contents(name: str) -> Iterator[Case]:
    """Bytes in the place of `name` that are no object of JSON."""
    for kind, content in {
        "nothing": b"",
        "a list": b"[1]",
        "null": b"null",
        "deep": DEEP,
        "digits": DIGITS,
        "no text": b"\xff\xfe\x00\xd8",
        "infinite": b'{"format": Infinity}',
        "overflow": b'{"format": 1e999}',
        "cut": b'{"format": 1, "ba',
        "2 MB": b'{"a": "' + b"x" * 2_000_000 + b'"}',
    }.items():
        yield Case(f"{name} holds {kind}", _written(name, content))


def _replaced(name: str, put: Callable[[Path], object]) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        put(folder / name)

    return change


def _written(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(HUGE)


def _socket(path: Path) -> None:
    # The name of a socket may have 100 bytes at most, so it is given from inside its folder.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


# -- JSON -----------------------------------------------------------------------------------------


def values(name: str, *keys: str, kinds: tuple[str, ...], missing: bool = True) -> Iterator[Case]:
    """Wrong values in the place of one value of a JSON file, and its absence.

    Args:
        name: of the file.
        keys: the way to the value.
        kinds: keys of `VALUES` that are wrong there.
        missing: whether the value's absence is wrong as well.
    """
    for kind in kinds:
        yield Case(f"{name}: {'.'.join(keys)} is {kind}", _set(name, keys, VALUES[kind]))
    if missing:
        yield Case(f"{name}: no {'.'.join(keys)}", _set(name, keys, _ABSENT))


_ABSENT = object()


def _set(name: str, keys: tuple[str, ...], value: object) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / name
        content = json.loads(path.read_text(encoding="utf-8"))
        place = content
        for key in keys[:-1]:
            if not isinstance(place.get(key), dict):
                place[key] = {"file": place[key]} if isinstance(place.get(key), str) else {}
            place = place[key]
        if value is _ABSENT:
            place.pop(keys[-1], None)
        else:
            place[keys[-1]] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


_NO_NUMBER = (
    "null",
    "true",
    "text",
    "list",
    "object",
    "minus",
    "zero",
    "fraction",
    "huge",
    "infinite",
    "nan",
)
_NO_FILE = ("null", "true", "empty", "list", "object", "zero", "long", "up", "root", "nul")
_NO_DIGEST = ("true", "text", "empty", "list", "object", "zero", "long")
_NO_OBJECT = ("null", "true", "text", "list", "zero")


# -- safetensors ----------------------------------------------------------------------------------


def heads(name: str) -> Iterator[Case]:
    """Heads of a safetensors file that describe no tensors."""
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    rows: dict[str, Any] = {
        "a list": [1],
        "a list for a tensor": {"x.A": [1]},
        "no type": {"x.A": tensor | {"dtype": None}},
        "an unknown type": {"x.A": tensor | {"dtype": "F5"}},
        "a type that is a list": {"x.A": tensor | {"dtype": ["F32"]}},
        "bfloat16": {"x.A": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]}},
        "no shape": {"x.A": tensor | {"shape": None}},
        "a shape of texts": {"x.A": tensor | {"shape": ["1"]}},
        "a shape of truths": {"x.A": tensor | {"shape": [True]}},
        "a negative shape": {"x.A": tensor | {"shape": [-1, -1]}},
        "a huge shape": {"x.A": tensor | {"shape": [2**62, 2**62]}},
        "a thousand dimensions": {"x.A": tensor | {"shape": [1] * 1000}},
        "an empty tensor": {"x.A": tensor | {"shape": [0, 4], "data_offsets": [0, 0]}},
        "no place": {"x.A": tensor | {"data_offsets": None}},
        "a place beyond the end": {"x.A": tensor | {"data_offsets": [2**60, 2**60 + 4]}},
        "a place before the start": {"x.A": tensor | {"data_offsets": [-4, 0]}},
        "a place that ends before it starts": {"x.A": tensor | {"data_offsets": [4, 0]}},
        "two tensors in one place": {"x.A": tensor, "x.B": tensor},
        "a gap": {"x.A": tensor | {"data_offsets": [2, 6]}},
    }
    for kind, head in rows.items():
        yield Case(f"the head of {name} has {kind}", _head(name, json.dumps(head).encode(), b"\0" * 4))
    for kind, content in {
        "depth": DEEP,
        "digits": DIGITS,
        "no text": b"\xff" * 9,
        "nan": b'{"a": NaN}',
    }.items():
        yield Case(f"the head of {name} has {kind}", _head(name, content, b""))
    for length in (2**63, 2**64 - 1, 10**9):
        yield Case(
            f"the head of {name} has {length} bytes", _written(name, length.to_bytes(8, "little") + b"{}")
        )
    yield Case(f"{name} has 3 bytes", _written(name, b"abc"))


def _head(name: str, head: bytes, numbers: bytes) -> Callable[[Path], object]:
    return _written(name, len(head).to_bytes(8, "little") + head + numbers)


def tensors(name: str, kinds: dict[str, Callable[[dict[str, Any]], object]]) -> Iterator[Case]:
    """Changes of the tensors of a safetensors file.

    Args:
        name: of the file.
        kinds: what each change is called, and a function that changes the tensors by name.
    """

    def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
        def run(folder: Path) -> None:
            found = load_file(folder / name)
            change(found)
            save_file(found, folder / name)

        return run

    for kind, change in kinds.items():
        yield Case(f"{name} has {kind}", changed(change))


def _filled(part: str, number: float, kind: type = np.float32) -> Callable[[dict[str, Any]], object]:
    """Every tensor whose name ends with `part` full of one number."""

    def change(found: dict[str, Any]) -> None:
        for name in [name for name in found if name.endswith(part)]:
            found[name] = np.full(found[name].shape, number, kind)

    return change


def _one(part: str, number: float) -> Callable[[dict[str, Any]], object]:
    """One number in the first tensor whose name ends with `part`."""

    def change(found: dict[str, Any]) -> None:
        name = next(name for name in sorted(found) if name.endswith(part))
        found[name] = found[name].copy()
        found[name].flat[-1] = number

    return change


def _reshaped(part: str, *shape: int) -> Callable[[dict[str, Any]], object]:
    def change(found: dict[str, Any]) -> None:
        name = next(name for name in sorted(found) if name.endswith(part))
        found[name] = np.ones(shape, found[name].dtype)

    return change


# -- the cases ------------------------------------------------------------------------------------

TEXT = "text.safetensors"


def manifests() -> list[Case]:
    """Changes of a folder with an adapters.json that `read_adapters` must refuse."""
    name = "adapters.json"
    return [
        *places(name),
        *contents(name),
        *values(name, "format", kinds=("null", "text", "list", "zero", "huge", "nan")),
        *values(name, "base", kinds=("null", "true", "list", "object", "zero", "long")),
        *values(name, "code", kinds=("null", "true", "text", "list", "zero"), missing=False),
        *values(name, "code", "python", kinds=("true", "text", "list", "zero", "long"), missing=False),
        *values(name, "code", "x" * 100_000, kinds=("text",), missing=False),
        *values(name, "text", "file", kinds=(*_NO_FILE, "surrogate")),
        *values(name, "text", "sha256", kinds=_NO_DIGEST, missing=False),
        *values(name, "text", "rank", kinds=_NO_NUMBER[1:], missing=False),
        *values(name, "text", "figures", kinds=_NO_OBJECT[1:], missing=False),
        *values(
            name,
            "text",
            "figures",
            "base",
            kinds=("huge", "infinite", "nan", "nested", "long"),
            missing=False,
        ),
        *places(TEXT),
        # Numbers of 2 bytes that numpy has no type for are refused when they are read.
        *(case for case in heads(TEXT) if "bfloat16" not in case.name),
    ]


def adapters() -> list[Case]:
    """Changes of an adapter's file that must be refused before or when it is loaded."""
    ones = np.ones
    return [
        *(case for case in heads(TEXT) if "bfloat16" in case.name),
        *tensors(
            TEXT,
            {
                "NaN in one place": _one(".A", np.nan),
                "infinity in one place": _one(".B", np.inf),
                "minus infinity in one place": _one(".B", -np.inf),
                "only NaN": _filled("", np.nan),
                "only infinity": _filled("", np.inf),
                "3e38": _filled("", 3e38),
                "1e30": _filled("", 1e30),
                "60000 in float16": _filled("", 60000, np.float16),
                "infinity times zero": lambda t: (_filled(".A", np.inf)(t), _filled(".B", 0)(t)),
                "half of a pair": lambda t: t.pop(next(iter(t))),
                "no tensor": lambda t: t.clear(),
                "another matrix": lambda t: t.update({"x.A": ones((1, 4), "f4"), "x.B": ones((4, 1), "f4")}),
                "other shapes": _reshaped(".A", 4, 7),
                "three dimensions": _reshaped(".A", 4, 4, 2),
                "integers": lambda t: t.update({name: ones(t[name].shape, np.int64) for name in t}),
            },
        ),
    ]


def converted() -> list[Case]:
    """Changes of a folder that `training.convert` wrote, which must be refused before anything is encoded."""
    name, weights, words = "model.json", "weights.safetensors", "word_embeddings.weight"
    return [
        *contents(name),
        *values(name, "format", kinds=("null", "text", "list", "zero", "huge")),
        *values(name, "architecture", kinds=("null", "text", "list")),
        *values(name, "dimensions", kinds=_NO_NUMBER),
        *values(name, "layers", kinds=_NO_NUMBER),
        *values(name, "heads", kinds=_NO_NUMBER),
        *values(name, "window", kinds=_NO_NUMBER),
        *values(name, "norm_epsilon", kinds=("null", "true", "text", "list", "minus", "zero", "huge", "nan")),
        *values(name, "pooling", kinds=("null", "true", "text", "list")),
        *values(name, "license", kinds=("null", "true", "list", "long")),
        *values(name, "weights", kinds=_NO_OBJECT),
        *values(name, "weights", "file", kinds=_NO_FILE),
        *values(name, "weights", "sha256", kinds=_NO_DIGEST),
        *values(name, "tokenizer", kinds=_NO_OBJECT),
        *values(name, "tokenizer", "file", kinds=(*_NO_FILE, "surrogate")),
        Case(f"{name}: 10**9 dimensions", _set(name, ("dimensions",), 10**9)),
        Case(f"{name}: 10**9 layers", _set(name, ("layers",), 10**9)),
        Case(f"{name}: 7 heads", _set(name, ("heads",), 7)),
        Case(f"{name}: one layer too many", _set(name, ("layers",), 3)),
        Case(f"{name}: half the layers", _set(name, ("layers",), 1)),
        Case(f"{name}: twice the dimensions", _set(name, ("dimensions",), 64)),
        Case(f"{name}: a longer window", _set(name, ("window",), 128)),
        *places("weights.safetensors"),
        *places("tokenizer.json"),
        *heads("weights.safetensors"),
        *tensors(
            weights,
            {
                "NaN in a norm": _one("LayerNorm.weight", np.nan),
                "infinity in a bias": _one(".bias", np.inf),
                "NaN in a scale": _one(".scales", np.nan),
                "infinity in a scale": _filled(".scales", np.inf, np.float16),
                "60000 in a scale": _filled(".scales", 60000, np.float16),
                "3e38 in a norm": _filled("LayerNorm.weight", 3e38),
                "only zeros": lambda t: [t.update({key: np.zeros_like(t[key])}) for key in t],
                "no words": lambda t: t.pop(f"embeddings.{words}"),
                "no scales": lambda t: t.pop(f"embeddings.{words}.scales"),
                "scales of another shape": _reshaped(".scales", 3, 1),
                "scales in float32": _filled(".scales", 1, np.float32),
                "a word table in float16": _filled(words, 1, np.float16),
                "a bias of two dimensions": _reshaped(".bias", 2, 2),
                "fewer positions than its window": _reshaped("position_embeddings.weight", 8, 32),
                "fewer words than its tokenizer": lambda t: t.update(
                    {
                        f"embeddings.{words}": np.ones((3, 32), np.int8),
                        f"embeddings.{words}.scales": np.ones((3, 1), np.float16),
                    }
                ),
                "one tensor more": lambda t: t.update(other=np.ones(9, np.float32)),
            },
        ),
        *tokenizers(),
    ]


def tokenizers() -> Iterator[Case]:
    """Contents of a tokenizer.json that cannot be used with its model."""
    name = "tokenizer.json"
    yield from contents(name)
    yield from values(name, "model", kinds=_NO_OBJECT)
    yield from values(name, "model", "vocab", kinds=("null", "text", "list", "zero"))
    yield from values(name, "added_tokens", kinds=("text", "zero", "object"), missing=False)
    yield Case(f"{name} knows no word", _set(name, ("model", "vocab"), {}))
    for first in (10**6, 2**31, 2**32):
        yield Case(f"{name} numbers words from {first}", _vocabulary(first))
    yield Case(f"{name} numbers no special token", _set(name, ("post_processor", "special_tokens"), {}))
    cut = {"type": "Sequence", "pretokenizers": [{"type": "FixedLength", "length": 0}]}
    yield Case(f"{name} cuts parts of length 0", _set(name, ("pre_tokenizer",), cut))
    special = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}] * 100
    text = [{"Sequence": {"id": "A", "type_id": 0}}]
    yield Case(f"{name} fills the window", _set(name, ("post_processor", "single"), [*special, *text]))


def _vocabulary(first: int) -> Callable[[Path], object]:
    """The words after the special tokens are numbered from `first`."""

    def run(folder: Path) -> None:
        path = folder / "tokenizer.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        words = content["model"]["vocab"]
        words |= {word: first + number for word, number in words.items() if number > 3}
        path.write_text(json.dumps(content), encoding="utf-8")

    return run


def folders() -> list[Case]:
    """Changes of a folder in the layout of sentence-transformers, which transformers would load."""
    config, sentence, modules, pooling = (
        "config.json",
        "sentence_bert_config.json",
        "modules.json",
        "1_Pooling/config.json",
    )
    return [
        *places(config),
        *contents(config),
        *(case for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size",
                           "intermediate_size", "max_position_embeddings")
          for case in values(config, key, kinds=_NO_NUMBER)),
        *values(config, "model_type", kinds=("null", "true", "text", "list", "long")),
        *values(config, "type_vocab_size", kinds=("huge",), missing=False),
        *contents(sentence),
        *values(sentence, "max_seq_length", kinds=_NO_NUMBER[1:], missing=False),
        *(case for case in contents(modules) if "a list" not in case.name),
        Case(f"{modules} holds numbers", _written(modules, b"[1, 2]")),
        Case(f"{modules} holds types of numbers", _written(modules, b'[{"type": 5}]')),
        *(case for case in contents(pooling) if "no text" not in case.name),
        *(Case(f"{pooling} pools by {kind}",
               _written(pooling, json.dumps({"pooling_mode": VALUES[kind]}).encode()))
          for kind in ("null", "true", "list", "zero", "long")),
        *values(pooling, "pooling_mode_mean_tokens", kinds=("null", "text", "list", "zero"), missing=False),
    ]  # fmt: skip


def weights_of_folders() -> list[Case]:
    """Changes of the same folder that are refused when its weights are looked for or loaded."""
    config, weights = "config.json", "model.safetensors"
    return [
        *places(weights),
        *(case for case in places("tokenizer.json")),
        Case("no weights", lambda folder: (folder / weights).unlink()),
        *heads(weights),
        Case(f"{config}: more layers", _set(config, ("num_hidden_layers",), 100)),
        Case(f"{config}: more words", _set(config, ("vocab_size",), 2_000_000)),
        Case(f"{config}: padding that is no word", _set(config, ("pad_token_id",), 10**6)),
        Case(f"{config}: one layer more", _set(config, ("num_hidden_layers",), 3)),
        Case(f"{config}: 7 heads", _set(config, ("num_attention_heads",), 7)),
        Case("an adapter of peft", _written("adapter_config.json", b'{"base_model_name_or_path": "x/y"}')),
        Case("an index of foreign files", _written(
            "model.safetensors.index.json", b'{"weight_map": {"x": "../../other.safetensors"}}')),
        Case("a pipe beside its files", lambda folder: os.mkfifo(folder / "special_tokens_map.json")),
        *tensors(
            weights,
            {
                "NaN in a norm": _one("LayerNorm.weight", np.nan),
                "infinity in a matrix": _one("query.weight", np.inf),
                "3e38 in its norms": _filled("LayerNorm.weight", 3e38),
                "no words": lambda t: t.pop("embeddings.word_embeddings.weight"),
                "no layer": lambda t: [t.pop(key) for key in list(t) if "layer.0" in key],
                "a matrix of another shape": _reshaped("query.weight", 3, 3),
            },
        ),
    ]  # fmt: skip


def mutated(content: bytes, seed: int) -> bytes:
    """A copy of a file with a few bytes changed, cut out or repeated."""
    draw = random.Random(seed)
    changed = bytearray(content)
    for _ in range(draw.randint(1, 8)):
        if not changed:
            break
        place = draw.randrange(len(changed))
        length = draw.choice((1, 1, 4, 64))
        kind = draw.randrange(3)
        if kind == 0:
            changed[place] = draw.randrange(256)
        elif kind == 1:
            del changed[place : place + length]
        else:
            changed[place:place] = changed[place : place + length] * draw.choice((1, 2, 100))
    return bytes(changed)
