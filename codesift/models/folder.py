"""Folders with a base model, either converted or in the format of transformers: description, digest,
checks."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from codesift.errors import ModelError
from codesift.models import hub
from codesift.models.files import (
    TEXT_LIMIT,
    WEIGHTS_LIMIT,
    Values,
    is_file,
    read_json,
    read_object,
    reason_of,
    shown,
)

MODEL = "model.json"
CONFIG = "config.json"
MAX_DIMENSIONS = 8192
MAX_WINDOW = 512
"""Maximum number of tokens of a window. Longer texts are cut into windows, as the cost of attention is the
square of the length."""
MIN_WINDOW = 16
"""Minimum number of tokens of a window, which contains special tokens, the head of a unit and some of its
text."""

_LIMITS = {
    "hidden_size": MAX_DIMENSIONS,
    "num_hidden_layers": 128,
    "num_attention_heads": 1024,
    "intermediate_size": 1 << 17,
    "vocab_size": 1 << 21,
    "max_position_embeddings": 1 << 17,
}
"""Sizes in a config.json that determine the required memory -> their maximum."""
_OPTIONAL_LIMITS = {"type_vocab_size": 1024, "embedding_size": MAX_DIMENSIONS}
_MAX_NUMBER = 1 << 21
"""Maximum of every other whole number in a config.json; most of them are ids of tokens."""
_TYPES = (
    "bert", "camembert", "electra", "modernbert", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta",
    "xlm-roberta-xl",
)  # fmt: skip
"""`model_type` of the encoders whose size depends on the keys of `_LIMITS`."""
_IDENTITY = (CONFIG, "tokenizer.json", "vocab.json", "merges.txt", "vocab.txt")
_TEMPLATES = "additional_chat_templates"
"""The only folder inside the folder of a model from which transformers reads."""
_MAX_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Description:
    """The properties of a base that are needed to select it and to open its index."""

    dimensions: int
    window: int
    pooling: str
    license: str


@dataclass(frozen=True, slots=True)
class Converted:
    """The `model.json` of a folder written by `training.convert`."""

    description: Description
    layers: int
    heads: int
    epsilon: float
    """Addend to the variance in each layer norm."""
    weights: Path
    weights_sha256: str
    tokenizer: Path
    tokenizer_sha256: str


def is_converted_folder(folder: Path) -> bool:
    """Return whether the folder is in the format that `training.convert` writes."""
    return is_file(folder / MODEL)


def read_converted(folder: Path) -> Converted:
    """Read the description of a converted base.

    Raises:
        ModelError: it is missing, or a value has a wrong type or range.
    """
    path = folder / MODEL
    model = read_object(path, "install codesift again")
    if model.raw.get("format") != 1:
        raise ModelError(f"{path} is not a model of format 1", "convert it again")
    model.among("architecture", "bert")
    dimensions = model.whole("dimensions", 1, MAX_DIMENSIONS)
    heads = model.whole("heads", 1, 1024)
    if dimensions % heads:
        raise ModelError(f"{path}: {dimensions} dimensions cannot be divided among {heads} heads")
    weights, tokenizer = model.part("weights"), model.part("tokenizer")
    return Converted(
        description=Description(
            dimensions,
            model.whole("window", MIN_WINDOW, MAX_WINDOW),
            model.among("pooling", "mean"),
            model.text("license"),
        ),
        layers=model.whole("layers", 1, 128),
        heads=heads,
        epsilon=model.positive("norm_epsilon", 1),
        weights=weights.inside("file"),
        weights_sha256=weights.digest("sha256"),
        tokenizer=tokenizer.inside("file"),
        tokenizer_sha256=tokenizer.digest("sha256"),
    )


def describe(folder: Path) -> Description:
    """Describe a folder: converted, in the layout of sentence-transformers, or plain transformers (mean
    pooling).

    Raises:
        ModelError: it contains no encoder that can be loaded.
    """
    if is_converted_folder(folder):
        return read_converted(folder).description
    config = _read_config(folder)
    window = _window(config)
    sentence = folder / "sentence_bert_config.json"
    if is_file(sentence) and (values := read_object(sentence)).raw.get("max_seq_length") is not None:
        window = min(window, values.whole("max_seq_length", MIN_WINDOW, 1 << 20))
    return Description(config.raw["hidden_size"], window, _pooling_of(folder), "unknown")


def folder_digest(folder: Path) -> str:
    """Return a digest of all files of a base that affect vectors. A converted base stores it in `model.json`.

    Raises:
        ModelError: a file is missing, unreadable or too large.
    """
    if is_converted_folder(folder):
        model = read_converted(folder)
        return f"{model.weights_sha256} {model.tokenizer_sha256}"
    texts = [folder / name for name in _IDENTITY if is_file(folder / name)]
    digests = [hub.file_digest(path, TEXT_LIMIT) for path in texts]
    return " ".join(
        [*digests, *(hub.file_digest(path, WEIGHTS_LIMIT) for path in checked_weight_files(folder))]
    )


def check_loadable(folder: Path, dimensions: int) -> None:
    """Check that loading a folder with transformers, which trusts its files, neither blocks nor exhausts
    memory.

    Args:
        folder: folder of a model that is not converted.
        dimensions: expected length of a vector.

    Raises:
        ModelError: a file is not regular or is too large, or `config.json` describes a model with other
            dimensions, or a larger model than the weights are.
    """
    for path in _entries(folder):
        _check_file(path)
    config = _read_config(folder)
    if config.raw["hidden_size"] != dimensions:
        raise ModelError(f"{config.path} describes vectors of {config.raw['hidden_size']}, not {dimensions}")
    sizes = [path.stat().st_size for path in checked_weight_files(folder)]
    if _min_parameters(config) > sum(sizes):
        raise ModelError(
            f"cannot load {folder}: its weights have {sum(sizes):,} bytes, too few for the model that "
            f"{CONFIG} describes"
        )
    for index in folder.glob("*.index.json"):
        _check_index(index)


def checked_weight_files(folder: Path) -> list[Path]:
    """Return the files with a model's weights.

    Raises:
        ModelError: there are none, or they are too large together.
    """
    files = hub.weight_files(folder)
    if not files:
        raise ModelError(f"no weights in {folder}", "expected model.safetensors or pytorch_model.bin")
    if sum(path.stat().st_size for path in files if is_file(path)) > WEIGHTS_LIMIT:
        raise ModelError(f"the weights in {folder} are larger than {WEIGHTS_LIMIT:,} bytes")
    return files


def _read_config(folder: Path) -> Values:
    config = read_object(folder / CONFIG)
    if config.raw.get("model_type") not in _TYPES:
        raise ModelError(
            f"{config.path} does not describe a BERT or RoBERTa encoder: model_type is "
            f"{shown(config.raw.get('model_type'))}",
            f"expected one of {', '.join(_TYPES)}",
        )
    for key, high in _LIMITS.items():
        config.whole(key, 1, high)
    for key, value in config.raw.items():
        if key not in _LIMITS and type(value) is int:
            config.whole(key, -_MAX_NUMBER, _OPTIONAL_LIMITS.get(key, _MAX_NUMBER))
    return config


def _window(config: Values) -> int:
    """Return the number of tokens that fit the table of positions."""
    positions = config.whole("max_position_embeddings", 1, _LIMITS["max_position_embeddings"])
    # RoBERTa numbers positions from its padding id + 1.
    roberta = "roberta" in config.raw["model_type"]
    offset = config.whole("pad_token_id", 0, _LIMITS["vocab_size"]) + 1 if roberta else 0
    if positions - offset < MIN_WINDOW:
        raise ModelError(f"{config.path} describes a window of fewer than {MIN_WINDOW} tokens")
    return min(positions - offset, MAX_WINDOW)


def _min_parameters(config: Values) -> int:
    """Compute a lower bound of the parameters: tables, and for each layer four square and two feed-forward
    matrices."""
    hidden, inner = config.raw["hidden_size"], config.raw["intermediate_size"]
    rows = config.raw["vocab_size"]
    if config.raw["model_type"] != "modernbert":  # It rotates queries and keys instead of adding positions.
        rows += config.raw["max_position_embeddings"]
    narrow = config.raw["model_type"] == "electra" and "embedding_size" in config.raw
    table = rows * (config.whole("embedding_size", 1, MAX_DIMENSIONS) if narrow else hidden)
    return int(table + config.raw["num_hidden_layers"] * (4 * hidden * hidden + 2 * hidden * inner))


def _pooling_of(folder: Path) -> str:
    modules = _modules(folder / "modules.json")
    if unknown := set(modules) - {"Transformer", "Pooling", "Normalize"}:
        raise ModelError(f"{folder} has modules codesift cannot load: {shown(', '.join(sorted(unknown)))}")
    path = folder / "1_Pooling" / CONFIG
    pooling = read_object(path) if is_file(path) else Values(path, {})
    switches = {key: on for key, on in pooling.raw.items() if key.startswith("pooling_mode_")}
    if wrong := next((key for key, on in switches.items() if not isinstance(on, bool)), None):
        raise pooling.wrong(wrong, "true or false")
    modes = sorted(key for key, on in switches.items() if on)
    supported = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
    if not modes:
        return pooling.among("pooling_mode", "mean", "cls") if "pooling_mode" in pooling.raw else "mean"
    if len(modes) != 1 or modes[0] not in supported:
        raise ModelError(f"{folder} pools by {shown(', '.join(modes))}", "mean and cls pooling can be loaded")
    return supported[modes[0]]


def _modules(path: Path) -> list[str]:
    """Return the last part of the type of each module of sentence-transformers."""
    rows = read_json(path) if is_file(path) else []
    if not isinstance(rows, list):
        raise ModelError(f"{path} is not a list of modules")
    types = [row.get("type") if isinstance(row, dict) else None for row in rows]
    if not all(isinstance(kind, str) for kind in types):
        raise ModelError(f"{path} is not a list of modules with their types")
    return [str(kind).rsplit(".", 1)[-1] for kind in types]


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the paths in the folder that transformers may open."""
    for place in (folder, folder / _TEMPLATES):
        try:
            with os.scandir(place) as entries:
                paths = [Path(entry.path) for entry in islice(entries, _MAX_FILES + 1)]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ModelError(f"cannot read {place}: {reason_of(error)}") from error
        if len(paths) > _MAX_FILES:
            raise ModelError(f"{place} has more than {_MAX_FILES:,} files")
        yield from paths


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {reason_of(error)}") from error
    if stat.S_ISDIR(status.st_mode):
        return
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"cannot load {path}: not a regular file")
    if path.suffix in (".json", ".txt", ".jinja", ".model") and status.st_size > TEXT_LIMIT:
        raise ModelError(f"cannot load {path}: larger than {TEXT_LIMIT:,} bytes")
    if path.name == "adapter_config.json":
        # transformers would add it to the weights, and the digest of the space would not change.
        raise ModelError(f"{path.parent} holds an adapter of peft", "merge it into the model's weights")


def _check_index(path: Path) -> None:
    """Check that an index of weights in several files names only files of this folder."""
    index = read_object(path).part("weight_map")
    for name in set(map(str, index.raw.values())):
        if Path(name).name != name or not is_file(path.parent / name):
            raise ModelError(f"{path} names {shown(name)}, which is no file of its folder")
