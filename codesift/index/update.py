"""Bringing an index in step with its repository, in stages that can be resumed and asked for alone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from codesift.config import Settings
from codesift.index.embed import OpenEncoder, embed
from codesift.index.files import store_files
from codesift.index.opening import Index
from codesift.index.plan import Plan
from codesift.types import Progress, Report

Stage = Literal["words", "vectors"]
"""What an index can answer after a stage: searches by words, or by vectors as well."""


@dataclass(frozen=True)
class Update:
    """Carries out a plan, stage by stage; whoever uses this holds the lock.

    Everything stored stays stored if a stage is interrupted; the next update goes on from there.
    """

    index: Index
    settings: Settings
    progress: Progress
    open_encoder: OpenEncoder

    def run(self, plan: Plan, until: Stage) -> Report:
        """Carry out all stages up to one, skipping those with nothing to do."""
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
        """Give units their vectors: all that wait, or those of some units.

        Args:
            report: `embedded` and `reused` are counted up.
            unit_ids: units to look at; None means all.
        """
        embed(self.index, self.settings, report, self.progress, self.open_encoder, unit_ids)

    def tidy(self, report: Report) -> None:
        """Delete old vectors that no unit uses, and bring the files that are searched in step."""
        changed = bool(report.parsed or report.removed or report.embedded or report.reused)
        if changed:
            with self.index.database.transaction():
                self.index.primary.vectors.drop_unused()
        for member in self.index.spaces:
            member.neighbors.sync(self.progress, changed)
