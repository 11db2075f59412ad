"""What the engines that run in torch have in common: devices, batches, pooling."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from codesift.encoders.batches import batches
from codesift.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codesift.encoders.engine import Floats, Ids

CPU_BUDGET = 4096
"""Tokens of one batch: 8 texts of 512. Larger batches are no faster on a CPU and take more memory."""
GPU_BUDGET = 65_536
"""Tokens of one batch on a GPU: 256 texts of 256, with about 1 GB of activations. This is an estimate: no GPU
was there to measure on."""
LENGTH_STEP = 8
"""Lengths are padded to a multiple of this."""


def find_device(name: str) -> torch.device:
    """The device that a setting means.

    Args:
        name: `auto` (the first CUDA device, else the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        ModelError: this torch has no such device.
    """
    gpus = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    gpus += ["mps"] if torch.backends.mps.is_available() else []
    devices = {"cpu": "cpu", "auto": "cpu"} | {gpu: gpu for gpu in gpus}
    if "cuda:0" in gpus:
        devices |= {"auto": "cuda:0", "cuda": "cuda:0"}
    if name not in devices:
        raise ModelError(
            f"torch {torch.__version__} finds no device {name}, only {', '.join(['cpu', *gpus])}",
            "use --device cpu, or install a torch that knows the device",
        )
    return torch.device(devices[name])


@contextmanager
def device_errors(device: torch.device) -> Iterator[None]:
    """Turn what torch raises where a device fails, such as for lack of memory, into a ModelError."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelError(f"torch cannot encode on {device}: {reason}", "try --device cpu") from error


def token_budget(device: torch.device) -> int:
    """Tokens that a batch may have on a device, padding included."""
    return CPU_BUDGET if device.type == "cpu" else GPU_BUDGET


@torch.inference_mode()
def in_batches(
    texts: Sequence[Ids],
    dimensions: int,
    device: torch.device,
    forward: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    padding: int = 0,
) -> Floats:
    """Encode texts in batches of nearly the same length.

    Args:
        texts: token ids of each text, shape (tokens,).
        dimensions: length of a vector.
        device: where batches are computed.
        forward: called with ids and mask, each of shape (batch, tokens); returns shape (batch, dimensions).
        padding: the id padding is filled with.

    Returns:
        Shape (len(texts), dimensions), rows of length 1.
    """
    vectors = np.empty((len(texts), dimensions), dtype=np.float32)
    for batch in batches(texts, token_budget(device), LENGTH_STEP, padding):
        ids, mask = (torch.from_numpy(part).long().to(device) for part in (batch.ids, batch.mask))
        rows = torch.nn.functional.normalize(forward(ids, mask), dim=-1)
        vectors[batch.rows] = rows.cpu().numpy()
    return vectors


def mean_of_tokens(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean pooling: (batch, tokens, dim), (batch, tokens) -> (batch, dim)."""
    column = mask.unsqueeze(-1).to(hidden.dtype)  # (batch, tokens, 1)
    return (hidden * column).sum(1) / column.sum(1)
