"""Many texts through OpenVINO, in the precision that is fastest on this CPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from codesift.encoders.batches import batches
from codesift.encoders.graph import build
from codesift.encoders.quiet import openvino as ov

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.batches import Batch, Ids
    from codesift.encoders.weights import Floats, Weights

BUDGET = 1024
"""Tokens of one batch: its activations stay in a core's cache (see benchmarks/engines.py)."""
STEP = 8
"""Lengths are padded to a multiple of this: 32 shapes to compile instead of 256, for 4 % more tokens."""
STREAMS = 8
"""Batches computed at once, at most; each stream holds its own activations, about 20 MB."""
GROUP = 128
"""Activations that share a scale when they are rounded to int8 for a matrix product."""
SHAPES = 1024
"""Compiled operations kept, over all shapes seen."""


class Engine:
    """A compiled graph. Compiling takes about 0.3 s, so an engine is made once and kept."""

    def __init__(self, weights: Weights, threads: int = 0, config: dict[str, object] | None = None) -> None:
        core = ov.Core()
        self._dimensions = weights.matrices["embeddings.word_embeddings.weight"].values.shape[1]
        config = {**settings(core, threads), **(config or {})}
        self._compiled = core.compile_model(build(weights), "CPU", config)
        self._streams = int(self._compiled.get_property("NUM_STREAMS"))

    def __call__(self, texts: Sequence[Ids]) -> Floats:
        """Encode token ids, each of shape (tokens,). Returns shape (len(texts), dimensions) in that order."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)

        def keep(request: ov.InferRequest, batch: Batch) -> None:
            vectors[batch.rows] = request.get_output_tensor().data

        queue = ov.AsyncInferQueue(self._compiled, self._streams)
        queue.set_callback(keep)
        for batch in batches(texts, BUDGET, STEP):
            queue.start_async([batch.ids, batch.mask], batch)
        queue.wait_all()
        return vectors


def settings(core: ov.Core, threads: int) -> dict[str, object]:
    """The plugin's settings for this CPU, chosen by its capabilities.

    The precision outside the matrix products is left to the plugin: bfloat16 where the CPU has instructions
    for it, float32 elsewhere. Measured with benchmarks/engines.py.

    Args:
        threads: how many to use; 0 for all.
    """
    threads = threads or available_threads()
    return {
        "NUM_STREAMS": min(threads, STREAMS),
        "INFERENCE_NUM_THREADS": threads,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP,
        "CPU_RUNTIME_CACHE_CAPACITY": SHAPES,
    }


def available_threads() -> int:
    """The cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
