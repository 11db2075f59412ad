"""Update of an index to its repository, in stages that can be resumed and run separately."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from codesift.config import Settings
from codesift.index.files import store_files
from codesift.index.opening import Index
from codesift.index.plan import Plan
from codesift.types import Progress, Report

if TYPE_CHECKING:
    from codesift.index.embed import OpenEncoder

Stage = Literal["words", "vectors"]
"""The last stage of an update: afterwards, searches by words, or by vectors as well, are possible."""


@dataclass(frozen=True)
class Update:
    """Carries out a plan stage by stage; the caller holds the write lock.

    After an interruption, the next update continues from the last transaction.
    """

    index: Index
    settings: Settings
    progress: Progress
    open_encoder: OpenEncoder

    def embed_alone(self, unit_ids: Iterable[int] | None) -> Report:
        """Compute the missing vectors of units, and make them available to searches.

        Nothing is deleted: units that still wait may need vectors that no unit uses at the moment.

        Args:
            unit_ids: ids of units; None means all units.
        """
        started = time.monotonic()
        report = Report(root=str(self.index.root))
        self.embed(report, unit_ids)
        self._sync(bool(report.embedded or report.reused))
        report.files, report.units = self.index.catalog.counts()
        report.seconds = time.monotonic() - started
        return report

    def run(self, plan: Plan, until: Stage) -> Report:
        """Carry out all stages up to `until`; stages without work are skipped."""
        started = time.monotonic()
        report = Report(root=str(self.index.root))
        if plan.has_files(self.index):
            store_files(plan, self.index, self.settings, report, self.progress)
        if until == "vectors":
            if self.index.primary.vectors.ready() < self.index.catalog.counts()[1]:
                self.embed(report)
            self.tidy(report)
        report.files, report.units = self.index.catalog.counts()
        report.skipped = plan.skipped(self.index)
        report.seconds = time.monotonic() - started
        return report

    def embed(self, report: Report, unit_ids: Iterable[int] | None = None) -> None:
        """Compute the missing vectors of units.

        Args:
            report: its counts `embedded` and `reused` are increased.
            unit_ids: ids of units; None means all units.
        """
        from codesift.index.embed import embed

        embed(self.index, self.settings, report, self.progress, self.open_encoder, unit_ids)

    def tidy(self, report: Report) -> None:
        """Delete old vectors that no unit uses, and update the files that are searched."""
        changed = bool(report.parsed or report.removed or report.embedded or report.reused)
        vectors = self.index.primary.vectors
        # A unit that waits, as after an interrupt or a file that changed meanwhile, may need one of them.
        if changed and vectors.ready() == self.index.catalog.counts()[1]:
            with self.index.database.transaction():
                vectors.drop_unused()
        self._sync(changed)

    def _sync(self, changed: bool) -> None:
        for member in self.index.spaces:
            member.neighbors.sync(self.progress, changed)
