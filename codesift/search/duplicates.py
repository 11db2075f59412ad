"""Clusters of near-duplicates in a repository, from the stored vectors; no model is loaded.

Two units are near-duplicates if both the cosine of their vectors and the Jaccard index of their tokens are
high. The vectors select the pairs to compare, exactly and block by block; the tokens decide.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.index.opening import Index
from codesift.search.filters import Filter, select
from codesift.search.nearest import Complete
from codesift.search.overlap import NEAR_DUPLICATE_JACCARD, Bag, bag_of, jaccard
from codesift.search.sources import lines_of
from codesift.types import Cluster, Duplicates, Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Matrix

    Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
    """Rows of one side, rows of the other, cosines; each of shape (pairs,)."""

DEFAULT_MIN_COSINE = 0.9
"""Default minimum cosine. Lower values added pairs that have nothing but the subject in common, in the
repositories that `overlap.NEAR_DUPLICATE_JACCARD` names."""
COMPARED_KINDS = ("function", "method")
"""Kinds compared by default: the heads of classes, imports and prose are alike by custom."""
_MIN_LINES = 4
_MIN_TOKENS = 40
"""Minimum size of a unit that is compared. Shorter units (getters, delegation) are alike by their nature, and
nobody would merge them."""
_BLOCK_ROWS = 2048
"""Rows of a tile, which is compared at once with as many columns: 16 MB of cosines for each thread."""
_MAX_PAIRS = 5_000_000
"""Maximum number of pairs, which take about 300 MB with all that is derived from them. At the default cosine
a unit is in about one pair; a low `min_cosine` or a folder of thousands of copies gives many more."""


def duplicates(
    index: Index,
    settings: Settings,
    min_cosine: float,
    only: Filter,
    limit: int,
    complete: Complete | None = None,
) -> Duplicates:
    """Find clusters of near-duplicates, those with the most lines to save first.

    While units lack vectors, all are compared by their drafts, and the members of clusters are then compared
    again by their vectors, as far as these can be computed.

    Args:
        index: it is not refreshed.
        settings: `threads` and `max_file_size` are used.
        min_cosine: minimum cosine of two units, each the mean of its windows, for comparing their tokens.
        only: the units to compare; functions and methods if it names no kinds.
        limit: maximum number of clusters returned.
        complete: encodes units that have no vectors yet.

    Raises:
        UsageError: `min_cosine` lets too many pairs through.
    """
    selection = select(index, only if only.kinds else replace(only, kinds=COMPARED_KINDS))
    ready, (_, total) = index.primary.vectors.ready(), index.catalog.counts()
    by_draft = ready < total and index.primary.drafts.any()
    ids, vectors = (index.primary.drafts.matrix if by_draft else index.primary.vectors.means)(selection)
    hits = index.catalog.hits(ids.tolist())
    rows = [row for row, unit_id in enumerate(ids.tolist()) if _is_long(hits.get(unit_id))]
    units = [hits[unit_id] for unit_id in ids[rows].tolist()]
    pairs = near_pairs(vectors[rows], min_cosine, settings.threads)
    clusters = list(_clusters(units, pairs, index, settings))
    if by_draft:
        pairs = _compared_again(units, pairs, clusters, index, min_cosine, complete)
        clusters = list(_clusters(units, pairs, index, settings))
        ready = index.primary.vectors.ready()
    clusters.sort(key=_most_lines_first)
    return Duplicates(str(index.root), total, ready, min_cosine, len(clusters), tuple(clusters[:limit]))


def _compared_again(
    units: Sequence[Hit],
    pairs: Pairs,
    clusters: Iterable[Cluster],
    index: Index,
    min_cosine: float,
    complete: Complete | None,
) -> Pairs:
    """Compare pairs of units that are in clusters by their vectors, where both have them.

    Returns:
        Those pairs of which both units are in clusters and whose cosine is high enough.
    """
    import numpy as np

    ids = [hit.unit_id for cluster in clusters for hit in cluster.hits]
    vectors: dict[int, Matrix] = {}
    sources = [index.primary.vectors.of_units(ids)]
    if complete:
        known = set(index.primary.vectors.with_vectors(ids))
        sources.append(iter(complete([unit_id for unit_id in ids if unit_id not in known])))
    for source in sources:
        for matches, data in source:
            for match, row in zip(matches, data, strict=True):
                vectors[match.unit_id] = vectors.get(match.unit_id, 0) + row
    members = np.isin([unit.unit_id for unit in units], ids)
    kept = members[pairs[0]] & members[pairs[1]]
    one, other, cosines = pairs[0][kept], pairs[1][kept], pairs[2][kept]
    for at, (left, right) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
        pair = [vectors.get(units[row].unit_id) for row in (left, right)]
        if pair[0] is not None and pair[1] is not None:
            cosines[at] = pair[0] @ pair[1] / (np.linalg.norm(pair[0]) * np.linalg.norm(pair[1]))
    near = cosines >= min_cosine
    return one[near], other[near], cosines[near]


def _is_long(unit: Hit | None) -> bool:
    """Return whether a unit is worth comparing; None is a unit that another process has just removed."""
    return unit is not None and unit.lines() >= _MIN_LINES


def _most_lines_first(cluster: Cluster) -> tuple[int, str, int]:
    return -cluster.saved_lines(), cluster.hits[0].path, cluster.hits[0].start_line


# -- by vectors -----------------------------------------------------------------------------------


def near_pairs(vectors: Matrix, min_cosine: float, threads: int = 0) -> Pairs:
    """Find all pairs of rows with a cosine of at least `min_cosine`, each once.

    Args:
        vectors: shape (n, dimensions), rows of length 1.
        min_cosine: minimum cosine of a pair.
        threads: number of threads; 0 for as many as there are processors.

    Raises:
        UsageError: there are more than `_MAX_PAIRS`.
    """
    import numpy as np

    starts = range(0, len(vectors), _BLOCK_ROWS)
    tiles = [(row, column) for row in starts for column in starts if row <= column]
    parts, count = [_no_pairs()], 0
    # numpy multiplies in one thread (see `__main__`) and releases the interpreter lock meanwhile.
    pool = ThreadPoolExecutor(threads or os.cpu_count())
    try:
        for part in pool.map(lambda tile: _near_in_tile(vectors, min_cosine, *tile), tiles):
            parts.append(part)
            count += len(part[0])
            if count > _MAX_PAIRS:
                raise UsageError(f"more than {_MAX_PAIRS:,} pairs are that near", "give a higher --min")
    finally:
        pool.shutdown(cancel_futures=True)
    rows, columns, cosines = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(cosines)


def _near_in_tile(vectors: Matrix, min_cosine: float, row: int, column: int) -> Pairs:
    import numpy as np

    cosines = vectors[row : row + _BLOCK_ROWS] @ vectors[column : column + _BLOCK_ROWS].T  # (rows, columns)
    one, other = np.nonzero(cosines >= min_cosine)
    values = cosines[one, other]
    one, other = one + row, other + column
    above = one < other
    return one[above].astype(np.int32), other[above].astype(np.int32), values[above]


def _no_pairs() -> Pairs:
    import numpy as np

    return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)


# -- by tokens ------------------------------------------------------------------------------------


def _clusters(units: Sequence[Hit], pairs: Pairs, index: Index, settings: Settings) -> Iterator[Cluster]:
    """Group units around leaders: every member is a near-duplicate of the leader itself.

    Single linkage would join unlike code through a chain of small steps. Here two members are at most twice
    as far from each other as from the leader. Units become leaders in the order of their number of neighbors,
    as the middle of a group has more neighbors than its edge.
    """
    bags = _bags(units, {int(unit) for side in pairs[:2] for unit in side}, index, settings)
    near = _Neighbors(pairs, bags, len(units))
    taken: set[int] = set()
    for leader in sorted(bags, key=lambda unit: (-near.count(unit), -bags[unit].total(), unit)):
        if leader not in taken:
            free = [pair for pair in near.of(leader) if pair[0] not in taken]
            members = list(_members(leader, free, units, bags))
            if members:
                taken.update([leader, *(unit for unit, _ in members)])
                alike = sorted((hit for _, hit in members), key=_most_alike_first)
                yield Cluster((replace(units[leader], score=1.0, common_tokens=1.0), *alike))


class _Neighbors:
    """The neighbors of each unit; units without a bag are left out.

    Args:
        pairs: each pair once.
        bags: row of a unit -> its tokens.
        count: number of units.
    """

    def __init__(self, pairs: Pairs, bags: Mapping[int, Bag], count: int) -> None:
        import numpy as np

        compared = np.zeros(count, bool)
        compared[list(bags)] = True
        kept = compared[pairs[0]] & compared[pairs[1]]
        one, other, cosines = (side[kept] for side in pairs)
        order = np.concatenate([one, other]).argsort(kind="stable")
        self._others = np.concatenate([other, one])[order]
        self._cosines = np.concatenate([cosines, cosines])[order]
        counts = np.bincount(one, minlength=count) + np.bincount(other, minlength=count)
        self._ends: list[int] = [0, *counts.cumsum().tolist()]

    def count(self, unit: int) -> int:
        """Return the number of neighbors of a unit."""
        return self._ends[unit + 1] - self._ends[unit]

    def of(self, unit: int) -> list[tuple[int, float]]:
        """Return (unit, cosine) for each neighbor, the nearest first."""
        part = slice(self._ends[unit], self._ends[unit + 1])
        near = zip(self._others[part].tolist(), self._cosines[part].tolist(), strict=True)
        return sorted(near, key=lambda pair: (-pair[1], pair[0]))


def _members(
    leader: int, near: Iterable[tuple[int, float]], units: Sequence[Hit], bags: Mapping[int, Bag]
) -> Iterator[tuple[int, Hit]]:
    """Yield the neighbors that are near-duplicates of the leader and have no lines in common with a
    member."""
    inside = [units[leader]]
    for unit, cosine in near:
        overlap = jaccard(bags[leader], bags[unit])
        if overlap >= NEAR_DUPLICATE_JACCARD and not any(
            _share_lines(units[unit], other) for other in inside
        ):
            inside.append(units[unit])
            yield unit, replace(units[unit], score=cosine, common_tokens=overlap)


def _most_alike_first(hit: Hit) -> tuple[float, str, int]:
    return -(hit.common_tokens or 0.0), hit.path, hit.start_line


def _share_lines(one: Hit, other: Hit) -> bool:
    """Return whether two units have lines in common, as one is inside the other."""
    return one.path == other.path and one.start_line <= other.end_line and other.start_line <= one.end_line


def _bags(units: Sequence[Hit], chosen: set[int], index: Index, settings: Settings) -> dict[int, Bag]:
    """Map the rows of units that are worth comparing to their tokens. Each file is read once."""
    bags: dict[int, Bag] = {}
    for path, rows in groupby(sorted(chosen, key=lambda row: units[row].path), lambda row: units[row].path):
        lines = lines_of(path, index, settings)
        for row in rows:
            code = "\n".join(lines[units[row].start_line - 1 : units[row].end_line])
            bag = bag_of(code, units[row].language)
            if bag.total() >= _MIN_TOKENS and not _is_stub(code):
                bags[row] = bag
    return bags


def _is_stub(code: str) -> bool:
    """Return whether code is a mere declaration: a prototype, or an overload of a typed function."""
    ending = code.rstrip()
    return ending.endswith("...") or (ending.endswith(";") and "{" not in code)
