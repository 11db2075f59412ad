"""Many texts through OpenVINO, in the precision that is fastest on this CPU."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from codesift.encoders.batches import batches
from codesift.encoders.openvino_graph import build
from codesift.encoders.openvino_import import openvino as ov
from codesift.system.process import available_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.batches import Batch
    from codesift.encoders.engine import Floats, Ids
    from codesift.encoders.weights import Weights

BUDGET = 1024
"""Tokens of one batch: its activations stay in a core's cache (see benchmarks/engines.py)."""
LENGTH_STEP = 8
"""Lengths are padded to a multiple of this: 32 shapes to compile instead of 256, for 4 % more tokens."""
MAX_STREAMS = 8
"""Batches computed at once, at most; each stream holds its own activations, about 20 MB."""
QUANTIZATION_GROUP = 64
"""Activations that share a scale when they are rounded to int8 for a matrix product: as fast as 128 within
the noise, and nearer to float32 (see training/README.md)."""
MAX_COMPILED = 1024
"""Compiled operations kept, over all shapes seen."""


class OpenVinoEngine:
    """An `Engine` on the CPU. Compiling its graph takes about 0.3 s, so one is made once and kept.

    Args:
        weights: of the base, with an adapter merged in.
        threads: how many to use; 0 for all.
        config: settings of the plugin that replace those of `plugin_config`.
    """

    def __init__(self, weights: Weights, threads: int = 0, config: dict[str, object] | None = None) -> None:
        core = ov.Core()
        self._dimensions = weights.dimensions
        config = {**plugin_config(threads), **(config or {})}
        self._compiled = core.compile_model(build(weights), "CPU", config)
        streams = int(self._compiled.get_property("NUM_STREAMS"))
        self._requests = [self._compiled.create_infer_request() for _ in range(streams)]

    def __call__(self, texts: Sequence[Ids], /) -> Floats:
        """Encode token ids, each of shape (tokens,). Returns shape (len(texts), dimensions) in that order."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        # Requests in turn and no callbacks: a Python callback on a thread of the engine's can still want the
        # interpreter while the interpreter waits for that thread to end, and then both wait for ever.
        running: deque[tuple[ov.InferRequest, Batch]] = deque()
        for number, batch in enumerate(batches(texts, BUDGET, LENGTH_STEP)):
            if len(running) == len(self._requests):
                _collect(running, vectors)
            request = self._requests[number % len(self._requests)]
            request.start_async([batch.ids, batch.mask])
            running.append((request, batch))
        while running:
            _collect(running, vectors)
        return vectors


def _collect(running: deque[tuple[ov.InferRequest, Batch]], vectors: Floats) -> None:
    """Wait for the request that was started first and put its rows in their places."""
    request, batch = running.popleft()
    request.wait()
    vectors[batch.rows] = request.get_output_tensor().data


def plugin_config(threads: int) -> dict[str, object]:
    """The plugin's settings.

    Left to the plugin, which knows the CPU: the precision outside the matrix products (bfloat16 where there
    are instructions for it, else float32), and whether to round activations to int8 at all (only with VNNI).

    Args:
        threads: how many to use; 0 for all.
    """
    threads = threads or available_threads()
    return {
        "NUM_STREAMS": min(threads, MAX_STREAMS),
        "INFERENCE_NUM_THREADS": threads,
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": QUANTIZATION_GROUP,
        "CPU_RUNTIME_CACHE_CAPACITY": MAX_COMPILED,
    }
