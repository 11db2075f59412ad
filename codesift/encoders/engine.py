"""Many texts through OpenVINO, in the precision that is fastest on this CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from codesift.encoders.quiet import openvino as ov

from codesift.encoders.batches import batches
from codesift.encoders.graph import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codesift.encoders.batches import Batch, Ids
    from codesift.encoders.weights import Floats, Weights

BUDGET = 4096
STEP = 8


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
    """The plugin's settings for this CPU."""
    chosen: dict[str, object] = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "384",
    }
    if threads:
        chosen["INFERENCE_NUM_THREADS"] = threads
    return chosen
