"""Recall@10, speed and size of the hnsw graph against exact search, for a grid of its parameters.

    python -m benchmarks ann [--to FOLDER] [--sizes 10000,30000,100000] [--out FILE.json]

The vectors are those of the indexes in the folder (`speed` makes them), each text once. None is made up: a
size for which there are too few is cut to what there is. Queries are of two kinds: vectors of code that are
kept out of the graph, and first lines of documentation, encoded as a question is.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.indexes import index_folder, open_database
from benchmarks.throughput import default_encoder, evenly, sample_units
from codesift.index.location import DATABASE
from evaluation.corpora import FOLDER
from evaluation.files import write_tables
from evaluation.machine import describe_machine, machine_in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

NEAREST = 10
LINKS, BUILD_WIDTHS, WIDTHS = (8, 12, 16, 24), (100, 200), (50, 100, 200, 400, 800)
"""M, ef_construction and ef. `codesift query` searches with an ef of four times its candidates."""


@dataclass(frozen=True, slots=True)
class GraphMeasurement:
    """One graph, searched with one width; or exact search, with no links."""

    vectors: int
    links: int
    build_width: int
    width: int
    recall_code: float
    recall_text: float
    query_ms: float
    """Mean of one search on one thread."""
    build_s: float
    file_mb: float
    load_ms: float
    """Reading the file, which is in the page cache."""


@dataclass(frozen=True, slots=True)
class Data:
    """What is searched, and for what."""

    vectors: Matrix
    """Shape (vectors, dimensions), rows of length 1."""
    code: Matrix
    """Shape (queries, dimensions)."""
    text: Matrix
    """Shape (queries, dimensions)."""


# -- data -----------------------------------------------------------------------------------------


def stored_vectors(to: Path) -> dict[bytes, bytes]:
    """Digest of a text -> its float16 vector, from all indexes in a folder in their most common space."""
    spaces: dict[str, dict[bytes, bytes]] = {}
    for root in _indexed(to):
        with closing(open_database(root)) as database:
            for name, digest, data in _rows(database):
                spaces.setdefault(name, {})[digest] = data
    return max(spaces.values(), key=len, default={})


def _indexed(to: Path) -> list[Path]:
    """The folders in a folder that have an index."""
    return [root for root in sorted(to.glob("*/")) if (index_folder(root) / DATABASE).is_file()]


def _rows(database: sqlite3.Connection) -> Iterator[tuple[str, bytes, bytes]]:
    yield from database.execute("SELECT name, digest, data FROM vectors JOIN spaces ON spaces.id = space_id")


def gather(to: Path, queries: int) -> Data:
    """Vectors in an order that mixes all corpora, and the queries."""
    import numpy as np

    found = stored_vectors(to)
    rows = [found[digest] for digest in sorted(found)]
    if len(rows) <= queries:
        raise ValueError(
            f"{len(rows)} vectors in the indexes in {to}: run `python -m benchmarks speed` first"
        )
    matrix = np.frombuffer(b"".join(rows), np.float16).reshape(len(rows), -1).astype(np.float32)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    return Data(matrix[queries:], matrix[:queries], _questions(to, queries))


def _questions(to: Path, wanted: int) -> Matrix:
    """First lines of documentation from the corpora, encoded as questions, shape (wanted, dimensions)."""
    import numpy as np

    units = [unit for root in _indexed(to) for _, unit in sample_units(root, 4 * wanted)]
    lines = dict.fromkeys(unit.documentation.strip().split("\n")[0] for unit in units)
    encoder = default_encoder(to)
    return np.stack([encoder.encode_query(line) for line in evenly([x for x in lines if x], wanted)])


# -- measuring ------------------------------------------------------------------------------------


def measure(data: Data, folder: Path) -> Iterator[GraphMeasurement]:
    """Rows for exact search, then for each graph of the grid.

    Args:
        data: what is searched.
        folder: for the files, which are deleted again.
    """
    yield _exact(data, folder / "flat")
    truths = exact_nearest(data.vectors, data.code), exact_nearest(data.vectors, data.text)
    for links, build_width in itertools.product(LINKS, BUILD_WIDTHS):
        yield from _searched(_Built.make(data.vectors, links, build_width, folder / "graph"), data, truths)


@dataclass(frozen=True, slots=True)
class _Built:
    """A graph, and what it took to make it."""

    graph: Any
    links: int
    build_width: int
    build_s: float
    file_mb: float
    load_ms: float

    @classmethod
    def make(cls, vectors: Matrix, links: int, build_width: int, path: Path) -> _Built:
        import hnswlib

        graph = hnswlib.Index("ip", vectors.shape[1])
        started = time.perf_counter()
        graph.init_index(len(vectors), M=links, ef_construction=build_width)
        graph.add_items(vectors)
        build_s = time.perf_counter() - started
        graph.save_index(str(path))

        def load() -> None:
            hnswlib.Index("ip", vectors.shape[1]).load_index(str(path))

        return cls(graph, links, build_width, build_s, path.stat().st_size / 2**20, _milliseconds(load, 3))


def _searched(
    built: _Built, data: Data, truths: tuple[NDArray[Any], NDArray[Any]]
) -> Iterator[GraphMeasurement]:
    def search(queries: Matrix) -> NDArray[Any]:
        labels: NDArray[Any] = built.graph.knn_query(queries, k=NEAREST, num_threads=1)[0]
        return labels

    for width in WIDTHS:
        built.graph.set_ef(width)
        recalls = recall(search(data.code), truths[0]), recall(search(data.text), truths[1])
        query_ms = _milliseconds(lambda: search(data.text), 3) / len(data.text)
        costs = query_ms, built.build_s, built.file_mb, built.load_ms
        yield GraphMeasurement(len(data.vectors), built.links, built.build_width, width, *recalls, *costs)


def exact_nearest(vectors: Matrix, queries: Matrix) -> NDArray[np.int64]:
    """The exact nearest by cosine: rows of `vectors`, shape (queries, 10), in no order."""
    import numpy as np

    found = [np.argpartition(-(vectors @ query), NEAREST)[:NEAREST] for query in queries]
    return np.stack(found).astype(np.int64)


def recall(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Mean share of the true neighbours among those found, both of shape (queries, 10)."""
    shares = [len(set(a.tolist()) & set(b.tolist())) / len(b) for a, b in zip(found, truth, strict=True)]
    return sum(shares) / len(shares)


def _exact(data: Data, path: Path) -> GraphMeasurement:
    """Exact search in a file that is mapped, not read: what a graph has to be better than."""
    import numpy as np

    data.vectors.tofile(path)

    def opened() -> Matrix:
        return np.memmap(path, np.float32, "r", shape=data.vectors.shape)

    load_ms, mapped = _milliseconds(opened, 3), opened()
    query_ms = _milliseconds(lambda: exact_nearest(mapped, data.text), 1) / len(data.text)
    return GraphMeasurement(
        len(data.vectors), 0, 0, 0, 1.0, 1.0, query_ms, 0.0, path.stat().st_size / 2**20, load_ms
    )


def _milliseconds(work: Callable[[], object], times: int) -> float:
    """The shortest of several runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return 1000 * min(taken)


# -- the command ----------------------------------------------------------------------------------


def as_table(rows: Sequence[GraphMeasurement]) -> str:
    """A Markdown table."""
    head = (
        "vectors, M, ef_construction, ef, recall@10 code, recall@10 text, query ms, build s, file MB, load ms"
    )
    names = head.split(", ")
    lines = [f"| {' | '.join(names)} |", "|" + "---:|" * len(names)]
    for row in rows:
        graph = f"{row.links} | {row.build_width} | {row.width}" if row.links else "exact | | "
        lines.append(
            f"| {row.vectors} | {graph} | {row.recall_code:.4f} | {row.recall_text:.4f} | {row.query_ms:.2f} "
            f"| {row.build_s:.1f} | {row.file_mb:.0f} | {row.load_ms:.0f} |"
        )
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Print the table, and write the figures where `--out` says. Returns the exit code."""
    options = _parser().parse_args(arguments)
    # Exact search is compared with one thread of hnswlib; it has to be said before numpy is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        data = gather(options.to, options.queries)
    except ValueError as error:
        sys.stdout.write(f"skipped: {error}\n")
        return 0
    machine, rows = describe_machine(), []
    for size in sorted({min(size, len(data.vectors)) for size in options.sizes}):
        with tempfile.TemporaryDirectory() as folder:
            rows += list(measure(Data(data.vectors[:size], data.code, data.text), Path(folder)))
    sys.stdout.write(f"{machine_in_words(machine)}\n{as_table(rows)}")
    if options.out:
        write_tables(options.out, {"machine": machine, "rows": [asdict(row) for row in rows]})
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks ann", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of the indexed corpora")
    parser.add_argument("--queries", type=int, default=200, help="queries of each kind")
    parser.add_argument("--sizes", type=_sizes, default=[10_000, 30_000, 100_000], help="numbers of vectors")
    parser.add_argument("--out", type=Path, help="JSON file")
    return parser


def _sizes(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]
