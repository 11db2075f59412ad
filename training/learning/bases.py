"""Base models as torch modules, ready to be trained: the very weights and tokens the tool encodes with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer

from codesift.encoders.tokens import Tokens
from codesift.encoders.weights import load_weights, read_model
from codesift.models.bases import Base, is_converted, locate


def load_base(base: Base) -> tuple[Any, Tokens]:
    """The model in float32, without dropout, and its tokenizer with the base's window and special tokens.

    Dropout inside the base multiplies the time of a step on a CPU by six, and LoRA has its own.

    Raises:
        ModelError: if the base's files are missing or cannot be read.
    """
    model, tokenizer = _from_converted(base) if is_converted(base) else _from_transformers(base)
    tokens = Tokens(tokenizer, base)
    size = tokens.tokenizer.get_vocab_size()
    if size > model.get_input_embeddings().num_embeddings:
        model.resize_token_embeddings(size, mean_resizing=False)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model.float(), tokens


def _from_transformers(base: Base) -> tuple[Any, Tokenizer]:
    folder = locate(base)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(
        folder,
        local_files_only=True,
        trust_remote_code=False,
        attn_implementation="sdpa",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return model, tokenizer.backend_tokenizer


def _from_converted(base: Base) -> tuple[Any, Tokenizer]:
    """The converted form back as torch's: each matrix is its integers times their scales."""
    folder = Path(base.folder)
    described, weights = read_model(folder), load_weights(folder)
    tensors = {name: matrix.dense() for name, matrix in weights.matrices.items()} | weights.vectors
    words = tensors["embeddings.word_embeddings.weight"]
    config = transformers.BertConfig(
        vocab_size=words.shape[0],
        hidden_size=words.shape[1],
        num_hidden_layers=weights.layers,
        num_attention_heads=weights.heads,
        intermediate_size=tensors["encoder.layer.0.intermediate.dense.weight"].shape[0],
        max_position_embeddings=tensors["embeddings.position_embeddings.weight"].shape[0],
        layer_norm_eps=weights.epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=0,
    )
    config._attn_implementation = "sdpa"
    model = transformers.BertModel(config, add_pooling_layer=False)
    state = {name: torch.tensor(tensor) for name, tensor in tensors.items()}
    model.load_state_dict(state, strict=False)
    tokenizer = Tokenizer.from_str((folder / described["tokenizer"]["file"]).read_text(encoding="utf-8"))
    return model, tokenizer
