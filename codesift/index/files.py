"""The first stage of an update: changed files are parsed, and their units, words and drafts are stored."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from codesift.config import Settings
from codesift.index.digests import text_digest
from codesift.index.drafts import FileWords
from codesift.index.opening import Index
from codesift.index.plan import Plan
from codesift.models.template import draft_words
from codesift.parsing.units import Entry
from codesift.repository.decoding import Unreadable, read_text
from codesift.system.process import available_threads
from codesift.types import DraftEncoder, Progress, Report, SourceFile

_UNITS_PER_COMMIT = 2000
_RACY_NS = 2_000_000_000
"""Age of a file in nanoseconds below which it may change again without new times; it is read again later."""
_MAX_GIVEN_UP = 30
"""Maximum number of files whose parsing a run gives up; then it splits all but small files into windows.
By then two minutes have been spent on files that were not written to be read."""
_BYTES_PER_PROCESS = 400_000
"""Bytes of source for which starting one more process pays: it takes 0.1 s, in which so much is parsed."""
_FILES_AHEAD = 8
"""Files for each process that are read before they can be stored: their texts are held in memory."""


def store_files(
    plan: Plan,
    index: Index,
    settings: Settings,
    report: Report,
    progress: Progress,
    drafts: Callable[[], DraftEncoder | None],
) -> None:
    """Parse and store changed files, with a bounded number of units in each transaction.

    After an interruption, the next run continues from the last transaction.

    Args:
        plan: the files.
        index: open for writing.
        settings: `max_file_size` and `threads`.
        report: its counts are increased.
        progress: called with the number of files stored.
        drafts: returns the draft encoder of the index's space; called once there are units.
    """
    with index.database.transaction():
        index.catalog.remove_files(plan.removed)
        if not index.catalog.files():
            # All files are stored by this parser version from here on, even if this run is interrupted.
            index.database.set_meta("parsing", plan.parser)
    report.removed = len(plan.removed)
    done, total = 0, len(plan.unsure)
    files = _read_files(plan, settings, report)
    while done < total:
        with index.database.transaction():
            stored: list[FileWords] = []
            while done < total and sum(len(file.words) for file in stored) < _UNITS_PER_COMMIT:
                stored += _store(next(files), index, report)
                done += 1
                progress("parse", done, total)
            encoder = drafts() if stored and index.primary.drafts.encoder else None
            if encoder is not None:
                index.primary.drafts.put(encoder, stored)
    with index.database.transaction():
        if 10 * report.parsed > index.catalog.counts()[0]:  # Fewer files leave few segments to merge.
            with index.database.limited(math.inf):
                index.full_text.merge()
        index.database.set_meta("parser", plan.parser)


@dataclass(frozen=True, slots=True)
class _ReadFile:
    """A file as it is now, ready to be stored."""

    source: SourceFile
    digest: bytes = b""
    entries: list[Entry] | None = None
    """None if the file is unchanged."""
    unreadable: str = ""
    """Why the file cannot be read; empty if it can."""
    gave_up: bool = False


def _read_files(plan: Plan, settings: Settings, report: Report) -> Iterator[_ReadFile]:
    """Read and parse the files of a plan in their order, several at once."""
    wanted = sum(source.size for source in plan.unsure) // _BYTES_PER_PROCESS + 1
    processes = min(settings.threads or available_threads(), wanted)
    if processes == 1:
        yield from (_read_file(source, plan, settings, report) for source in plan.unsure)
        return
    pool = ThreadPoolExecutor(processes)
    running: deque[Future[_ReadFile]] = deque()
    try:
        for source in plan.unsure:
            if len(running) >= _FILES_AHEAD * processes:
                yield running.popleft().result()
            running.append(pool.submit(_read_file, source, plan, settings, report))
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_file(source: SourceFile, plan: Plan, settings: Settings, report: Report) -> _ReadFile:
    """Read one file, and parse it if its content changed."""
    from codesift.parsing.units import SMALL, parse_entries

    row = plan.rows.get(source.path)
    stored = replace(source, mtime_ns=-1) if _is_young(source) else source
    try:
        text = read_text(source, settings)
    except Unreadable as error:
        return _ReadFile(stored, unreadable=error.reason)
    digest = text_digest(text)
    if row and (row.digest, row.language) == (digest, source.language):
        return _ReadFile(stored, digest)
    hasty = report.gave_up >= _MAX_GIVEN_UP and len(text) > SMALL
    entries, gave_up = parse_entries(text, source.language, source.path, windows_only=hasty)
    return _ReadFile(stored, digest, entries, gave_up=gave_up)


def _store(file: _ReadFile, index: Index, report: Report) -> list[FileWords]:
    """Store one file if its content changed; return its words, unless it has no units."""
    path = file.source.path
    if file.unreadable == "vanished":
        index.catalog.remove_files([path])
    elif file.unreadable:
        index.catalog.put_file(file.source, b"", [], file.unreadable)
    elif file.entries is None:
        index.catalog.touch_file(file.source)
    else:
        file_id, first = index.catalog.put_file(file.source, file.digest, file.entries, None, file.gave_up)
        report.gave_up += file.gave_up
        report.parsed += 1
        words = draft_words(path, [entry[5:] for entry in file.entries])
        return [FileWords(file_id, first, words)] if words else []
    return []


def _is_young(source: SourceFile) -> bool:
    """Tell whether a later change of a file might not change its times.

    A modification time far in the future was set by hand, and is ignored.
    """
    now = time.time_ns()
    return source.ctime_ns > now - _RACY_NS or abs(source.mtime_ns - now) < _RACY_NS
