"""One training run: model, loss, checkpoints, and what is kept of it."""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from codesift.encoders import open_encoder
from codesift.errors import CodesiftError
from codesift.models.bases import Base
from evaluation.files import read_rows, write_rows
from training.learning import lora
from training.learning.bases import load_base
from training.learning.encoder import CODE, QUERY, TextEncoder, one_sided, two_sided
from training.learning.presets import Preset
from training.learning.sampling import PackageSampler, Trait, sampler_for
from training.learning.soft import SoftLabelLoss, base_vectors
from training.learning.views import Pair

ADAPTER = "adapter.safetensors"
_STATE = "lora.safetensors"
_TARGETS = ("query", "value")


@dataclass(frozen=True, slots=True)
class _Model:
    whole: SentenceTransformer
    adapted: Any
    """The PEFT model inside."""
    shape: lora.Shape


def train(
    folder: Path, base: Base, pairs: Sequence[Pair], preset: Preset, options: argparse.Namespace
) -> dict[str, Any]:
    """Train, and write `adapter.safetensors` and `losses.jsonl` into `folder`.

    Returns:
        Pairs, steps, seconds, trained parameters and their share of all.
    """
    started = time.monotonic()
    model = _build(base, preset, options)
    trained, all_of_them = lora.trainable(model.adapted)
    print(f"{trained:,} of {all_of_them:,} parameters are trained: {trained / all_of_them:.2%}")
    trainer = _Trainer(
        model=model.whole,
        args=_arguments(folder, pairs, preset, options),
        train_dataset=_dataset(pairs, labelled=preset.soft_labels > 0),
        loss=_loss(model.whole, base, pairs, preset, options),
        callbacks=[_Losses(folder / "losses.jsonl")],
    )
    trainer.adapted = model
    trainer.train(resume_from_checkpoint=_last_checkpoint(folder))
    if trainer.is_world_process_zero():
        described = {"base": base.name, "rank": preset.rank, "alpha": preset.alpha, "format": 1}
        lora.write(folder / ADAPTER, lora.pairs_of(model.adapted, model.shape.scale), described)
    return {
        "pairs": len(pairs),
        "steps": trainer.state.global_step,
        "seconds": round(time.monotonic() - started),
        "trainable": trained,
        "parameters": all_of_them,
        "share": trained / all_of_them,
        "shape": asdict(model.shape),
    }


def _build(base: Base, preset: Preset, options: argparse.Namespace) -> _Model:
    # Read first, so that a damaged file is found before a base is loaded.
    init, text = (lora.read(path) if path else None for path in (options.init, options.text))
    bare, tokens = load_base(base)
    longest = min(preset.longest or base.window, base.window)
    shape = lora.Shape(preset.rank, preset.alpha, preset.dropout, _TARGETS)
    adapted = lora.attach(bare, shape, options.seed)
    if init:
        lora.start_from(adapted, init, shape.scale)
    code = TextEncoder(adapted, tokens, base, longest)
    if preset.two_sided:
        return _Model(two_sided(code), adapted, shape)
    fixed = load_base(base)[0]
    if text:
        fixed = lora.merge(fixed, text)
    query = TextEncoder(fixed, tokens, base, longest, frozen=True)
    return _Model(one_sided(query, code), adapted, shape)


def _last_checkpoint(folder: Path) -> str | None:
    found: str | None = get_last_checkpoint(folder) if folder.is_dir() else None  # type: ignore[no-untyped-call]
    return found


def _dataset(pairs: Sequence[Pair], labelled: bool) -> Dataset:
    columns: dict[str, list[Any]] = {"query": [p.query for p in pairs], "code": [p.text for p in pairs]}
    return Dataset.from_dict(columns | ({"label": list(range(len(pairs)))} if labelled else {}))


def _loss(
    model: SentenceTransformer, base: Base, pairs: Sequence[Pair], preset: Preset, options: argparse.Namespace
) -> torch.nn.Module:
    if preset.soft_labels:
        encoder = open_encoder(base)
        queries = base_vectors(encoder, [pair.query for pair in pairs])
        codes = base_vectors(encoder, [pair.text for pair in pairs])
        return SoftLabelLoss(model, queries, codes, preset.soft_labels)
    if options.mini_batch:
        loss: torch.nn.Module = CachedMultipleNegativesRankingLoss(model, mini_batch_size=options.mini_batch)
        return loss
    return MultipleNegativesRankingLoss(model)


def _arguments(
    folder: Path, pairs: Sequence[Pair], preset: Preset, options: argparse.Namespace
) -> SentenceTransformerTrainingArguments:
    traits = [Trait(p.function.package, len(p.text), (p.function.sha, p.query)) for p in pairs]
    batches = len(PackageSampler(traits, preset.same_package, preset.batch, options.seed))
    if not batches:
        raise CodesiftError(
            f"{len(pairs)} pairs make no batch of {preset.batch} different functions", "mine more, or --batch"
        )
    # Each process of accelerate's launcher takes its share of the batches.
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    steps = options.steps or max(1, math.ceil(batches / processes * preset.epochs))
    cuda = torch.cuda.is_available()
    return SentenceTransformerTrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=preset.batch,
        learning_rate=preset.learning_rate,
        warmup_steps=min(preset.warmup, max(1, steps // 10)),
        lr_scheduler_type=preset.schedule,
        batch_sampler=sampler_for(traits, preset.same_package),
        router_mapping={} if preset.two_sided else {"query": QUERY, "code": CODE},
        bf16=options.precision == "bf16",
        use_cpu=not cuda,
        seed=options.seed,
        logging_steps=preset.log_every,
        save_steps=options.save_every,
        save_total_limit=1,
        report_to="none",
        dataloader_drop_last=True,
    )


class _Trainer(SentenceTransformerTrainer):
    """Checkpoints hold the adapter, not the whole model."""

    adapted: _Model

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        path = Path(str(output_dir or self.args.output_dir)) / _STATE
        lora.write(path, lora.pairs_of(self.adapted.adapted, self.adapted.shape.scale), {}, torch.float32)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        pairs = lora.read(Path(resume_from_checkpoint) / _STATE)
        lora.start_from(self.adapted.adapted, pairs, self.adapted.shape.scale)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """None: the card is written by `export`, from what was measured."""


class _Losses(TrainerCallback):
    """Appends each logged loss to a file; after a resume, what was logged past the checkpoint goes."""

    def __init__(self, path: Path) -> None:
        self._path, self._before, self._started = path, 0.0, time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        rows = list(read_rows(self._path)) if state.global_step and self._path.is_file() else []
        kept = [row for row in rows if row["step"] <= state.global_step]
        self._before = max((row["seconds"] for row in kept), default=0.0)
        write_rows(self._path, kept)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs or not state.is_world_process_zero:
            return
        seconds = round(self._before + time.monotonic() - self._started, 1)
        row = {"step": state.global_step, "loss": float(logs["loss"]), "seconds": seconds}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, "learning_rate": float(logs["learning_rate"])}) + "\n")
