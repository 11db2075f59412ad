"""The first stage of an update: changed files are parsed, and their units and words stored."""

from __future__ import annotations

import math
import time
from dataclasses import replace

from codesift.config import Settings
from codesift.index.digests import text_digest
from codesift.index.opening import Index
from codesift.index.plan import Plan
from codesift.repository.decoding import Unreadable, read_text
from codesift.types import Progress, Report, SourceFile

_UNITS_PER_COMMIT = 2000
_RACY_NS = 2_000_000_000
"""Age of a file in nanoseconds below which it may change again within its clock tick: it is read again."""
_MAX_GIVEN_UP = 30
"""Files whose parsing a run gives up before it cuts all but the smallest into windows: by then two minutes
have gone into files that nobody wrote to be read."""


def store_files(plan: Plan, index: Index, settings: Settings, report: Report, progress: Progress) -> None:
    """Parse what changed and store it, a bounded number of units in each transaction.

    What is stored stays stored if this is interrupted; the next run goes on from there.
    """
    with index.database.transaction():
        index.catalog.remove_files(plan.removed)
        if not index.catalog.files():
            # Whatever is stored from here on is of this parser, even if this run is interrupted.
            index.database.set_meta("parser", plan.parser)
    report.removed = len(plan.removed)
    done = 0
    while done < len(plan.unsure):
        with index.database.transaction():
            units = 0
            while done < len(plan.unsure) and units < _UNITS_PER_COMMIT:
                units += _store_file(plan.unsure[done], plan, index, settings, report)
                done += 1
                progress("parse", done, len(plan.unsure))
    with index.database.transaction():
        if 10 * report.parsed > index.catalog.counts()[0]:  # Fewer files leave few parts to merge.
            with index.database.limited(math.inf):
                index.full_text.merge()
        index.database.set_meta("parser", plan.parser)
        index.database.set_meta("parsed", "yes")


def _store_file(source: SourceFile, plan: Plan, index: Index, settings: Settings, report: Report) -> int:
    """Store one file if its content changed; returns its number of units."""
    from codesift.parsing.units import SMALL, parse_bounded

    row = plan.rows.get(source.path)
    stored = replace(source, mtime_ns=-1) if _is_young(source) else source
    try:
        text = read_text(source, settings)
    except Unreadable as error:
        if error.reason == "vanished":
            index.catalog.remove_files([source.path])
        else:
            index.catalog.put_file(stored, b"", [], error.reason)
        return 0
    digest = text_digest(text)
    if row and (row.digest, row.language) == (digest, source.language):
        index.catalog.touch_file(stored)
        return 0
    hasty = report.gave_up >= _MAX_GIVEN_UP and len(text) > SMALL
    units, gave_up = parse_bounded(text, source.language, source.path, windows_only=hasty)
    index.catalog.put_file(stored, digest, units, None, gave_up)
    report.gave_up += gave_up
    report.parsed += 1
    return len(units)


def _is_young(source: SourceFile) -> bool:
    """Whether a change from now on could leave a file's times as they are.

    A modification time far ahead is one that was set by hand, and says nothing.
    """
    now = time.time_ns()
    return source.ctime_ns > now - _RACY_NS or abs(source.mtime_ns - now) < _RACY_NS
