"""The encoder against sentence-transformers in fp32, on the texts codesift encodes, in one process.

Run by `speed` as a process of its own, which is where torch may be imported:

    python -m benchmarks.throughput --corpus FOLDER --model FOLDER --units 2000 --rounds 3
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codesift.types import Encoder, Unit

STEP = 128
"""Texts codesift hands to its encoder at once, after sorting a thousand of them by length."""
COMMIT = 1024
PEER_BATCH = 32
"""The default batch of sentence-transformers; it sorts all texts by length itself."""

Encode = Callable[[Sequence[str]], Any]


def sample_units(corpus: Path, wanted: int) -> list[tuple[str, Unit]]:
    """(path, unit) of `wanted` units, spread evenly over a corpus."""
    from evaluation.units import units_in_folder

    return evenly([(file.path, unit) for file, units in units_in_folder(corpus) for unit in units], wanted)


def evenly(items: Sequence[Any], wanted: int) -> list[Any]:
    """`wanted` of the items at equal distances, in their order; all of them if there are fewer."""
    if len(items) <= wanted:
        return list(items)
    return [items[i * len(items) // wanted] for i in range(wanted)]


def default_encoder(root: Path, adapters: bool = True) -> Encoder:
    """The encoder that a search of a repository uses by default, whatever this user's settings are.

    Args:
        root: folder of the repository.
        adapters: encode with the adapters that codesift ships, not with the base alone.
    """
    from codesift import Repository
    from codesift.config import Settings

    return Repository(root.resolve(), Settings(adapters=adapters)).query_encoder()


def window_texts(units: Sequence[tuple[str, Unit]], encoder: Encoder) -> list[str]:
    """The exact texts of all windows of the units, each once."""
    from codesift.models.template import windows_of

    return list(dict.fromkeys(w.text for path, unit in units for w in windows_of(encoder, path, unit)))


def as_indexing_does(encoder: Encoder) -> Encode:
    """Encode as `codesift index` does: a commit at a time, sorted by length, in steps."""

    def encode(texts: Sequence[str]) -> None:
        for start in range(0, len(texts), COMMIT):
            batch = sorted(texts[start : start + COMMIT], key=len, reverse=True)
            for at in range(0, len(batch), STEP):
                encoder.encode(batch[at : at + STEP])

    return encode


def peer(model: Path) -> Encode | None:
    """Encode with sentence-transformers in fp32; None if it is not installed."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return None
    encoder = SentenceTransformer(str(model), device="cpu")
    return lambda texts: encoder.encode(list(texts), batch_size=PEER_BATCH, show_progress_bar=False)


def seconds(encode: Encode, texts: Sequence[str]) -> float:
    """How long it takes to encode the texts."""
    started = time.perf_counter()
    encode(texts)
    return time.perf_counter() - started


def measure(corpus: Path, model: Path | None, units: int, rounds: int) -> dict[str, Any]:
    """Seconds of both, in turn, each warmed up with a few texts before."""
    encoder = default_encoder(corpus, adapters=False)
    chosen = sample_units(corpus, units)
    texts = window_texts(chosen, encoder)
    ours, theirs = as_indexing_does(encoder), peer(model) if model else None
    taken: dict[str, list[float]] = {"codesift": [], "peer": []}
    for name, encode in (("codesift", ours), ("peer", theirs)) * (rounds + 1):
        if encode:
            warm = len(taken[name]) == 0
            taken[name].append(seconds(encode, texts[:STEP] if warm else texts))
    return {"units": len(chosen), "texts": len(texts), **{name: times[1:] for name, times in taken.items()}}


def main(arguments: Sequence[str]) -> int:
    """Print the measurement as JSON. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--units", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(options.corpus, options.model, options.units, options.rounds)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
