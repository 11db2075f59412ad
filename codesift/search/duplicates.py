"""Clusters of nearly the same code in a repository, from the stored vectors; no model is loaded.

Two units are near-duplicates if the vectors say that they mean the same, and the tokens that they say it in
the same words. The vectors choose whom to compare, exactly, block by block; the tokens decide.
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
from codesift.search.overlap import ALIKE, Bag, bag_of, share
from codesift.search.sources import lines_of
from codesift.types import Cluster, Duplicates, Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Vectors as Matrix

    Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
    """Rows of one side, rows of the other, cosines; each of shape (pairs,)."""

DEFAULT_LEAST = 0.9
"""Cosine. Lower ones brought pairs that share the subject only, in the repositories `overlap.ALIKE` names."""
KINDS = ("function", "method")
"""Compared unless kinds are asked for: the heads of classes, imports and prose are alike by custom."""
_LEAST_LINES = 4
_LEAST_TOKENS = 40
"""Shorter units (getters, delegation) are alike by their nature: nobody would merge them."""
_BLOCK = 2048
"""Rows compared at once with as many others: 16 MB of cosines a thread."""
_MOST_PAIRS = 5_000_000
"""Pairs held, some 300 MB with what is made of them. At the default a unit has about one; many with a low
`least`, or in a folder of thousands of copies."""


def duplicates(index: Index, settings: Settings, least: float, only: Filter, limit: int) -> Duplicates:
    """Clusters of near-duplicates, those with the most lines to save first.

    Args:
        index: searched as it is; units without vectors are left out.
        settings: `threads`, and what reading files needs.
        least: cosine of two units, each the mean of its windows, from which they are compared by tokens.
        only: which units are compared; without kinds, functions and methods.
        limit: at most this many clusters.

    Raises:
        UsageError: `least` lets too many pairs through.
    """
    selection = select(index, only if only.kinds else replace(only, kinds=KINDS))
    ids, vectors = index.primary.vectors.means(selection)
    hits = index.catalog.hits(ids.tolist())
    rows = [row for row, unit_id in enumerate(ids.tolist()) if _is_long(hits.get(unit_id))]
    units = [hits[unit_id] for unit_id in ids[rows].tolist()]
    pairs = near_pairs(vectors[rows], least, settings.threads)
    found = sorted(_clusters(units, pairs, index, settings), key=_most_lines_first)
    _, total = index.catalog.counts()
    ready = index.primary.vectors.ready()
    return Duplicates(str(index.root), total, ready, least, len(found), tuple(found[:limit]))


def _is_long(unit: Hit | None) -> bool:
    """Whether it is worth comparing; None is a unit that another process has just removed."""
    return unit is not None and unit.lines() >= _LEAST_LINES


def _most_lines_first(cluster: Cluster) -> tuple[int, str, int]:
    return -cluster.saved_lines(), cluster.hits[0].path, cluster.hits[0].start_line


# -- by vectors -----------------------------------------------------------------------------------


def near_pairs(vectors: Matrix, least: float, threads: int = 0) -> Pairs:
    """All pairs of rows with a cosine of `least` or more, each once.

    Args:
        vectors: shape (n, dimensions), rows of length 1.
        least: a cosine.
        threads: 0 for as many as there are processors.

    Raises:
        UsageError: there are more than can be held.
    """
    import numpy as np

    starts = range(0, len(vectors), _BLOCK)
    tiles = [(row, column) for row in starts for column in starts if row <= column]
    parts, count = [_no_pairs()], 0
    # numpy is told to use one thread (see `__main__`), and lets others run meanwhile.
    pool = ThreadPoolExecutor(threads or os.cpu_count())
    try:
        for part in pool.map(lambda tile: _near_in_tile(vectors, least, *tile), tiles):
            parts.append(part)
            count += len(part[0])
            if count > _MOST_PAIRS:
                raise UsageError(f"more than {_MOST_PAIRS:,} pairs are that near", "give a higher --min")
    finally:
        pool.shutdown(cancel_futures=True)
    rows, columns, cosines = zip(*parts, strict=True)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(cosines)


def _near_in_tile(vectors: Matrix, least: float, row: int, column: int) -> Pairs:
    import numpy as np

    cosines = vectors[row : row + _BLOCK] @ vectors[column : column + _BLOCK].T  # (rows, columns)
    one, other = np.nonzero(cosines >= least)
    values = cosines[one, other]
    one, other = one + row, other + column
    above = one < other
    return one[above].astype(np.int32), other[above].astype(np.int32), values[above]


def _no_pairs() -> Pairs:
    import numpy as np

    return np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32)


# -- by tokens ------------------------------------------------------------------------------------


def _clusters(units: Sequence[Hit], pairs: Pairs, index: Index, settings: Settings) -> Iterator[Cluster]:
    """Group units around leaders: every member was compared with the leader itself.

    With single linkage, a chain of small steps would join unlike code into one blob. Here two members are at
    most twice as far from each other as either is from the leader. The unit with the most neighbours leads
    first, as the middle of a group has more of them than its edge.
    """
    bags = _bags(units, {int(unit) for side in pairs[:2] for unit in side}, index, settings)
    near = _Neighbours(pairs, bags, len(units))
    taken: set[int] = set()
    for leader in sorted(bags, key=lambda unit: (-near.count(unit), -bags[unit].total(), unit)):
        if leader not in taken:
            free = [pair for pair in near.of(leader) if pair[0] not in taken]
            members = list(_members(leader, free, units, bags))
            if members:
                taken.update([leader, *(unit for unit, _ in members)])
                alike = sorted((hit for _, hit in members), key=_most_alike_first)
                yield Cluster((replace(units[leader], score=1.0, common_tokens=1.0), *alike))


class _Neighbours:
    """The units near to each unit, those without a bag left out.

    Args:
        pairs: each once.
        bags: unit -> its tokens.
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
        """How many there are."""
        return self._ends[unit + 1] - self._ends[unit]

    def of(self, unit: int) -> list[tuple[int, float]]:
        """(unit, cosine), the nearest first."""
        part = slice(self._ends[unit], self._ends[unit + 1])
        found = zip(self._others[part].tolist(), self._cosines[part].tolist(), strict=True)
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def _members(
    leader: int, near: Iterable[tuple[int, float]], units: Sequence[Hit], bags: Mapping[int, Bag]
) -> Iterator[tuple[int, Hit]]:
    """Those near units that share enough tokens with the leader and no lines with another member."""
    inside = [units[leader]]
    for unit, cosine in near:
        common = share(bags[leader], bags[unit])
        if common >= ALIKE and not any(_overlap(units[unit], other) for other in inside):
            inside.append(units[unit])
            yield unit, replace(units[unit], score=cosine, common_tokens=common)


def _most_alike_first(hit: Hit) -> tuple[float, str, int]:
    return -(hit.common_tokens or 0.0), hit.path, hit.start_line


def _overlap(one: Hit, other: Hit) -> bool:
    """Whether two units share lines: one is inside the other."""
    return one.path == other.path and one.start_line <= other.end_line and other.start_line <= one.end_line


def _bags(units: Sequence[Hit], chosen: set[int], index: Index, settings: Settings) -> dict[int, Bag]:
    """Row of a unit -> its tokens, for those that are worth comparing; each file is read once."""
    bags: dict[int, Bag] = {}
    for path, rows in groupby(sorted(chosen, key=lambda row: units[row].path), lambda row: units[row].path):
        lines = lines_of(path, index, settings)
        for row in rows:
            code = "\n".join(lines[units[row].start_line - 1 : units[row].end_line])
            bag = bag_of(code, units[row].language)
            if bag.total() >= _LEAST_TOKENS and not _is_stub(code):
                bags[row] = bag
    return bags


def _is_stub(code: str) -> bool:
    """Whether this is a declaration, such as a prototype or one of the overloads of a typed function."""
    ending = code.rstrip()
    return ending.endswith("...") or (ending.endswith(";") and "{" not in code)
