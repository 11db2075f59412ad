"""LoRA on a base model with PEFT, and the safetensors form in which the tool reads it."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import safe_open
from safetensors.torch import save

from codesift.errors import CodesiftError, ModelError
from evaluation.files import replacing

NAME = "default"
_PREFIX = "base_model.model."


@dataclass(frozen=True, slots=True)
class Shape:
    """The hyperparameters of one adapter (Hu et al., 2021)."""

    rank: int
    alpha: int
    dropout: float
    targets: tuple[str, ...]
    """Last parts of the names of the linear layers that are changed."""

    @property
    def scale(self) -> float:
        """What B A is multiplied by."""
        return self.alpha / self.rank


def attach(model: Any, shape: Shape, seed: int) -> PeftModel:
    """The model with an adapter that changes nothing yet; only the adapter can be trained.

    Raises:
        CodesiftError: if the model has no such layers.
    """
    torch.manual_seed(seed)
    config = LoraConfig(
        r=shape.rank,
        lora_alpha=shape.alpha,
        lora_dropout=shape.dropout,
        target_modules=list(shape.targets),
        bias="none",
    )
    try:
        with warnings.catch_warnings():
            # PEFT asks transformers for a property under a name that will go.
            warnings.simplefilter("ignore", FutureWarning)
            return get_peft_model(model, config)
    except ValueError as error:
        raise CodesiftError(f"the base has no layers named {', '.join(shape.targets)}") from error


def trainable(model: torch.nn.Module) -> tuple[int, int]:
    """(parameters that are trained, all parameters)."""
    sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
    return sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes)


def pairs_of(model: PeftModel, scale: float) -> dict[str, torch.Tensor]:
    """`<matrix>.A` (rank, in) and `<matrix>.B` (out, rank) for each changed matrix, float32.

    Args:
        model: from `attach`.
        scale: what B is multiplied by, so that the change is B A.
    """
    pairs: dict[str, torch.Tensor] = {}
    for name, layer in _layers(model):
        pairs[f"{name}.weight.A"] = layer.lora_A[NAME].weight.detach().float().cpu()
        pairs[f"{name}.weight.B"] = layer.lora_B[NAME].weight.detach().float().cpu() * scale
    return pairs


def start_from(model: PeftModel, pairs: dict[str, torch.Tensor], scale: float) -> None:
    """Set the adapter to pairs as `pairs_of` returns them.

    Raises:
        ModelError: if ranks or layers differ.
    """
    layers = dict(_layers(model))
    if {f"{name}.weight" for name in layers} != {key[:-2] for key in pairs}:
        raise ModelError("the adapter to start from changes other layers")
    with torch.no_grad():
        for name, layer in layers.items():
            a, b = pairs[f"{name}.weight.A"], pairs[f"{name}.weight.B"]
            if a.shape != layer.lora_A[NAME].weight.shape:
                raise ModelError(f"the adapter to start from has rank {len(a)}")
            layer.lora_A[NAME].weight.copy_(a)
            layer.lora_B[NAME].weight.copy_(b / scale)


def merge(model: Any, pairs: dict[str, torch.Tensor]) -> Any:
    """Add B A to each matrix of a bare base.

    Raises:
        ModelError: if a matrix is not the model's.
    """
    parameters = dict(model.named_parameters())
    for name in [key.removesuffix(".A") for key in pairs if key.endswith(".A")]:
        if name not in parameters:
            raise ModelError(f"the adapter's {name} does not fit the base model")
        parameters[name].data += pairs[name + ".B"].float() @ pairs[name + ".A"].float()
    return model


def write(
    path: Path,
    pairs: dict[str, torch.Tensor],
    described: dict[str, Any],
    precision: torch.dtype = torch.float16,
) -> None:
    """Write pairs as safetensors, whole or not at all; the same pairs give the same bytes.

    Args:
        path: where to.
        pairs: see `pairs_of`.
        described: what the file's metadata says of it, under `codesift`.
        precision: of the tensors; checkpoints keep float32.
    """
    tensors = {name: tensor.to(precision).contiguous() for name, tensor in sorted(pairs.items())}
    with replacing(path) as file:
        file.write(save(tensors, {"codesift": json.dumps(described, sort_keys=True)}))


def read(path: Path) -> dict[str, torch.Tensor]:
    """Pairs in float32 from a file that `write` wrote.

    Raises:
        ModelError: if it cannot be read.
    """
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise ModelError(f"cannot read the adapter {path}: {error}") from error


def _layers(model: PeftModel) -> list[tuple[str, Any]]:
    return [
        (name.removeprefix(_PREFIX), layer)
        for name, layer in model.named_modules()
        if hasattr(layer, "lora_A") and NAME in layer.lora_A
    ]
