"""Tiny random models for the rows of `models.bases.BASES`: their architecture, tokenizer kind and files.

Vectors have the row's length and positions suffice for its window; only depth and vocabulary are small.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tiny_models import wordpiece

from codesift.models.bases import DEFAULT, Base
from training.convert import PublishedModel, write_model

LAYERS, INNER = 2, 64
_MERGES = [("d", "e"), ("de", "f"), ("o", "p"), ("op", "e"), ("ope", "n"), ("Ġ", "l")]
_ROBERTA = ["<s>", "<pad>", "</s>", "<unk>"]
_TOKENIZERS = {
    # Each with the special tokens in the order of its publisher's vocabulary.
    "microsoft/unixcoder-base": [*_ROBERTA[:3], "<mask0>", "<unk>", "<encoder-only>"],
    "microsoft/graphcodebert-base": [*_ROBERTA, "<mask>"],
    "microsoft/codebert-base": [*_ROBERTA, "<mask>"],
}


def provide(base: Base, hub: Path, folder: Path) -> Path:
    """Write a row's tiny model into the hub's cache, where it is looked for; the default's into `folder`."""
    import torch

    torch.manual_seed(0)
    if base.name == DEFAULT:
        return _converted(base, folder)
    store = hub / ("models--" + base.hub_id.replace("/", "--"))
    snapshot = store / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (store / "refs").mkdir()
    (store / "refs" / "main").write_text("abc")
    if base.name in _TOKENIZERS:
        _roberta(base, snapshot)
    else:
        _starencoder(base, snapshot)
    return snapshot


def _shape(base: Base, positions: int) -> dict[str, Any]:
    return {
        "hidden_size": base.dimensions,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 12,
        "intermediate_size": INNER,
        "max_position_embeddings": positions,
    }


def _converted(base: Base, folder: Path) -> Path:
    """A BERT in the form codesift ships, with a lower-casing WordPiece tokenizer."""
    from safetensors.torch import save
    from transformers import BertConfig, BertModel

    tokenizer = wordpiece()
    config = BertConfig(vocab_size=len(tokenizer["model"]["vocab"]), **_shape(base, 512))
    state = {name: tensor.contiguous() for name, tensor in BertModel(config).state_dict().items()}
    state.pop("embeddings.position_ids", None)
    write_model(PublishedModel(save(state), config.to_dict(), tokenizer, base.window), folder)
    return folder


def _roberta(base: Base, folder: Path) -> None:
    """A RoBERTa with vocab.json, merges.txt and pytorch_model.bin, as Microsoft publishes its models."""
    import torch
    from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

    special = _TOKENIZERS[base.name]
    size = _byte_level(folder, special)
    settings = {"tokenizer_class": "RobertaTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    positions = 1026 if "<encoder-only>" in special else 514
    config = RobertaConfig(vocab_size=size, type_vocab_size=1, **_shape(base, positions))
    # GraphCodeBERT's file is that of the whole language model, with a prefix before each name.
    kind = RobertaForMaskedLM if "graph" in base.name else RobertaModel
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {"architectures": [kind.__name__]}))
    torch.save(kind(config).state_dict(), folder / "pytorch_model.bin")


def _starencoder(base: Base, folder: Path) -> None:
    """A BERT for pre-training, whose byte-level tokenizer knows neither padding nor cls nor sep."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import BertConfig, BertForPreTraining, PreTrainedTokenizerFast

    numbers, merges = _vocabulary(["<|endoftext|>"])
    tokenizer = Tokenizer(models.BPE(numbers, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>"])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|endoftext|>").save_pretrained(folder)
    # Its word table has room for the four tokens its tokenizer lacks.
    config = BertConfig(vocab_size=len(numbers) + len(base.added), **_shape(base, 1024))
    BertForPreTraining(config).save_pretrained(folder)


def _byte_level(folder: Path, special: Iterable[str]) -> int:
    """Write vocab.json and merges.txt of a byte-level BPE; returns the size of the vocabulary."""
    numbers, merges = _vocabulary(special)
    (folder / "vocab.json").write_text(json.dumps(numbers))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(numbers)


def _vocabulary(special: Iterable[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*special, *alphabet, *("".join(pair) for pair in _MERGES)]
    return {token: number for number, token in enumerate(tokens)}, _MERGES
