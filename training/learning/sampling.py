"""Which pairs share a batch: of one package, and of like length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.utils.data import SequentialSampler

WINDOW = 32
"""Batches that are sorted by length together: padding shrinks, and batches still differ between epochs."""


@dataclass(frozen=True, slots=True)
class Trait:
    """What the sampler has to know of a pair."""

    package: str
    length: int
    """Characters of the code's text."""
    keys: tuple[str, str]
    """The function and the query: two pairs that share either are never in one batch."""


class PackageSampler(DefaultBatchSampler):
    """Some batches from one package, as search meets them, the others from anywhere.

    Args:
        traits: one for each row of the dataset.
        share: of the pairs that are batched with others of their package.
    """

    def __init__(self, traits: Sequence[Trait], share: float, batch_size: int, seed: int) -> None:
        super().__init__(SequentialSampler(range(len(traits))), batch_size=batch_size, drop_last=True)
        self._traits, self._share, self._seed = traits, share, seed
        self._length = len(self.plan(0))

    def __len__(self) -> int:
        """Batches of an epoch: pairs that clash to the end are left over, so fewer than pairs would fill."""
        return self._length

    def __iter__(self) -> Iterator[list[int]]:
        yield from self.plan(self.epoch)[: self._length]

    def plan(self, epoch: int) -> list[list[int]]:
        """The full batches of an epoch; epochs may differ by a few."""
        rng = random.Random(f"{self._seed} {epoch}")
        rows = list(range(len(self._traits)))
        rng.shuffle(rows)
        cut = round(len(rows) * self._share)
        batches = self._fill(self._by_package(rows[:cut], rng)) + self._fill(self._by_length(rows[cut:]))
        rng.shuffle(batches)
        return batches

    def _by_package(self, rows: list[int], rng: random.Random) -> list[int]:
        packages: dict[str, list[int]] = {}
        for row in rows:
            packages.setdefault(self._traits[row].package, []).append(row)
        order = list(packages.values())
        rng.shuffle(order)
        size = self.batch_size
        # Whole batches of large packages first; what is left over is filled up with its neighbours.
        whole = [part[i : i + size] for part in order for i in range(0, len(part) // size * size, size)]
        rest = [part[len(part) // size * size :] for part in order]
        return [row for part in whole + rest for row in part]

    def _by_length(self, rows: list[int]) -> list[int]:
        size = WINDOW * self.batch_size
        windows = (rows[start : start + size] for start in range(0, len(rows), size))
        return [row for window in windows for row in sorted(window, key=lambda r: self._traits[r].length)]

    def _fill(self, rows: list[int]) -> list[list[int]]:
        """Cut into full batches; a pair that clashes with its batch waits for the next one."""
        batches: list[list[int]] = []
        batch: list[int] = []
        seen: set[str] = set()
        waiting: list[int] = []
        for row in rows:
            for candidate in (*waiting, row):
                keys = self._traits[candidate].keys
                if len(batch) < self.batch_size and seen.isdisjoint(keys):
                    batch.append(candidate)
                    seen.update(keys)
                    waiting = [other for other in waiting if other != candidate]
                elif candidate not in waiting:
                    waiting.append(candidate)
            if len(batch) == self.batch_size:
                batches.append(batch)
                batch, seen = [], set()
        return batches


def sampler_for(traits: Sequence[Trait], share: float) -> Any:
    """What the trainer's `batch_sampler` takes: a function that makes the sampler."""

    def make(dataset: Any, batch_size: int, seed: int = 0, **_: Any) -> PackageSampler:
        return PackageSampler(traits, share, batch_size, seed)

    return make
