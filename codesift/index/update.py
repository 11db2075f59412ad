"""Update of an index to its repository, in stages that can be resumed and run separately."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from codesift.config import Settings
from codesift.index.files import store_files
from codesift.index.opening import Index
from codesift.index.plan import Plan
from codesift.types import DraftEncoder, Progress, Report

if TYPE_CHECKING:
    from codesift.index.embed import OpenEncoder, Writing

Stage = Literal["words", "vectors"]
"""The last stage of an update: the words and drafts of all units, or their vectors as well."""
_REUSE_SECONDS = 2.0
"""Maximum time for looking up stored vectors after files were parsed; `embed` looks them up as well."""


@dataclass(frozen=True)
class Update:
    """Carries out a plan stage by stage.

    After an interruption, the next update continues from the last transaction.
    """

    index: Index
    settings: Settings
    progress: Progress
    open_encoder: OpenEncoder

    def words(self, plan: Plan, report: Report) -> None:
        """Store files, units, words and drafts; the caller has opened the index for writing.

        Units whose text has a stored vector get it. Nothing is encoded.
        """
        if plan.has_files(self.index):
            store_files(plan, self.index, self.settings, report, self.progress, self._drafts)
        if self.index.primary.drafts.are_missing():
            encoder = self._drafts()
            if encoder is not None:
                with self.index.database.transaction():
                    self.index.primary.drafts.fill(encoder)
        if report.parsed:
            from codesift.index.embed import reuse

            reuse(self.index, self.settings, report, self.open_encoder, _REUSE_SECONDS)

    def embed(
        self,
        report: Report,
        unit_ids: Iterable[int] | None = None,
        writing: Writing = nullcontext,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Compute the missing vectors of units.

        Args:
            report: its counts `embedded` and `reused` are increased.
            unit_ids: ids of units; None means all units.
            writing: makes a context for writing.
            is_stopped: tells after each step whether to end early.
        """
        from codesift.index.embed import embed

        embed(
            self.index,
            self.settings,
            report,
            self.progress,
            self.open_encoder,
            unit_ids,
            writing=writing,
            is_stopped=is_stopped,
        )

    def tidy(self, report: Report, quick: bool = False) -> None:
        """Delete old vectors that no unit uses, and update the files that are searched.

        Args:
            report: what changed.
            quick: do only what takes less than a second.
        """
        changed = report.has_changes()
        vectors = self.index.primary.vectors
        # A unit that waits, as after an interrupt or a file that changed meanwhile, may need one of them.
        if changed and vectors.ready() == self.index.catalog.counts()[1]:
            with self.index.database.transaction():
                vectors.drop_unused()
        for member in self.index.spaces:
            member.neighbors.sync(self.progress, changed, quick)

    def _drafts(self) -> DraftEncoder | None:
        return self.open_encoder(self.index.primary.space).drafts
