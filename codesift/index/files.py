"""The first stage of an update: changed files are parsed, and their units and words are stored."""

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
"""Age of a file in nanoseconds below which it may change again without new times; it is read again later."""
_MAX_GIVEN_UP = 30
"""Maximum number of files whose parsing a run gives up; then it splits all but small files into windows.
By then two minutes have been spent on files that were not written to be read."""


def store_files(plan: Plan, index: Index, settings: Settings, report: Report, progress: Progress) -> None:
    """Parse and store changed files, with a bounded number of units in each transaction.

    After an interruption, the next run continues from the last transaction.
    """
    with index.database.transaction():
        index.catalog.remove_files(plan.removed)
        if not index.catalog.files():
            # All files are stored by this parser version from here on, even if this run is interrupted.
            index.database.set_meta("parsing", plan.parser)
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
        if 10 * report.parsed > index.catalog.counts()[0]:  # Fewer files leave few segments to merge.
            with index.database.limited(math.inf):
                index.full_text.merge()
        index.database.set_meta("parser", plan.parser)


def _store_file(source: SourceFile, plan: Plan, index: Index, settings: Settings, report: Report) -> int:
    """Store one file if its content changed; return its number of units."""
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
    """Tell whether a later change of a file might not change its times.

    A modification time far in the future was set by hand, and is ignored.
    """
    now = time.time_ns()
    return source.ctime_ns > now - _RACY_NS or abs(source.mtime_ns - now) < _RACY_NS
