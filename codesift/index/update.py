"""Bringing an index in step with its repository: plan what changed, then apply it."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import NamedTuple

from codesift import __version__
from codesift.config import Settings
from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.catalog import FileRow
from codesift.index.database import Database
from codesift.index.location import DATABASE, INDEX_FOLDER, cache_place, repository_place, stored_indexes
from codesift.index.opening import Index
from codesift.index.vectors import Vectors, WindowRow
from codesift.models.spaces import Space
from codesift.models.template import windows_of
from codesift.parsing.languages import UNITS
from codesift.repository.decoding import Unreadable, read_stored, read_text
from codesift.repository.git import other_worktrees
from codesift.repository.walk import walk
from codesift.types import Encoder, Progress, Report, Skip, SourceFile, Window

_UNITS_A_COMMIT = 2000
_WINDOWS_A_COMMIT = 2048
_WINDOWS_A_STEP = 512
_RACY_NS = 2_000_000_000
"""A file this young when it was read may change again within its clock tick: it is read again next time."""
_SPARE_VECTORS = 10_000
"""Unused vectors kept beside as many as are in use: what another branch will ask for."""
_MOST_GIVEN_UP = 30
"""Files whose parsing a run gives up before it cuts all but the smallest into windows: by then two minutes
have gone into files that nobody wrote to be read."""
_MOST_SIBLINGS = 16
"""Other indexes asked for vectors, those written last first: opening one takes a millisecond."""

_UNSAID = (".git/", f"{INDEX_FOLDER}/")
"""What nobody expects to be searched is not worth a line in the summary."""

OpenEncoder = Callable[[Space], Encoder]
_STAT = attrgetter("size", "mtime_ns", "ctime_ns", "language")


@dataclass(frozen=True)
class Plan:
    """The difference between a repository and its index."""

    unsure: list[SourceFile]
    """New files and files whose size or times changed; their content decides."""
    removed: list[str]
    """Paths that left the repository or are ignored now."""
    skips: list[Skip]
    """What the walk left out by path alone."""
    known: dict[str, FileRow] = field(repr=False)
    """Path -> what the index holds, where that is still worth something."""
    warnings: list[str]
    """Lines for the user, such as about wrong patterns in ignore files."""
    parser: str
    """What decides how text becomes units; another one makes every file unsure."""


def plan(index: Index, settings: Settings) -> Plan:
    """Compare the repository with the index, reading no file that looks unchanged."""
    known = {row.path: row for row in index.catalog.files()}
    stats = {path: _STAT(row) for path, row in known.items()}
    found = walk(index.root, settings, known=stats)
    parser = f"{__version__} {UNITS} {settings.max_file_size}"
    current = known if index.database.meta("parser") == parser else {}
    unsure = [source for source in found.files if not _same_stat(source, current.get(source.path))]
    listed = {source.path for source in found.files}
    removed = [path for path in known if path not in listed]
    skips = [skip for skip in found.skips if not skip.path.startswith(_UNSAID)]
    return Plan(unsure, removed, skips, current, found.warnings, parser)


def _same_stat(source: SourceFile, row: FileRow | None) -> bool:
    return row is not None and _STAT(row) == _STAT(source)


def apply(
    plan: Plan, index: Index, settings: Settings, progress: Progress, open_encoder: OpenEncoder
) -> Report:
    """Carry out a plan: parse and store, then embed, then bring the graph in step.

    What is stored stays stored if it is interrupted; the next run goes on from there.
    """
    started = time.monotonic()
    report = Report(root=str(index.root), removed=len(plan.removed))
    if plan.unsure or plan.removed or index.database.meta("parser") != plan.parser:
        _store_files(plan, index, settings, report, progress)
    if index.vectors.ready() < index.catalog.counts()[1]:
        _Embedding(index, settings, report, progress, open_encoder(index.space)).run(index.vectors.pending())
    report.files, report.units = index.catalog.counts()
    changed = bool(report.parsed or report.removed or report.embedded or report.reused)
    if changed:
        with index.database.transaction():
            index.vectors.drop_unused(_SPARE_VECTORS + report.units)
    index.graph.sync(progress, changed)
    report.skipped = skips(plan, index)
    report.seconds = time.monotonic() - started
    return report


def skips(plan: Plan, index: Index) -> dict[str, int]:
    """Reason -> number of files left out, by their path or after a look at their content."""
    return dict(Counter(skip.reason for skip in plan.skips) + Counter(index.catalog.skipped()))


# -- files and units ------------------------------------------------------------------------------


def _store_files(plan: Plan, index: Index, settings: Settings, report: Report, progress: Progress) -> None:
    """Parse what changed and store it, a bounded number of units a transaction."""
    with index.database.transaction():
        index.catalog.remove_files(plan.removed)
    done = 0
    while done < len(plan.unsure):
        with index.database.transaction():
            units = 0
            while done < len(plan.unsure) and units < _UNITS_A_COMMIT:
                units += _store_file(plan.unsure[done], plan, index, settings, report)
                done += 1
                progress("parse", done, len(plan.unsure))
    with index.database.transaction():
        if 10 * report.parsed > index.catalog.counts()[0]:  # Fewer files leave few parts to merge.
            with index.database.limited(math.inf):
                index.lexicon.merge()
        index.database.set_meta("parser", plan.parser)


def _store_file(source: SourceFile, plan: Plan, index: Index, settings: Settings, report: Report) -> int:
    """Store one file if its content changed; returns its number of units."""
    from codesift.parsing.units import SMALL, parse_bounded

    row = plan.known.get(source.path)
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
    hasty = report.gave_up >= _MOST_GIVEN_UP and len(text) > SMALL
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


def text_digest(text: str, adapter_key: str = "") -> bytes:
    """16 bytes that stand for a text, or for its vector by an adapter."""
    content = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16, key=adapter_key.encode()).digest()


# -- vectors --------------------------------------------------------------------------------------


_Files = list[tuple[str, list[int]]]
"""(path, all unit ids of the file in source order)"""


class _Waiting(NamedTuple):
    """A window that has no row yet."""

    unit_id: int
    ordinal: int
    window: Window
    digest: bytes


class _Embedding:
    """One pass over the units that wait. Memory is bounded by the commit, not by the repository."""

    def __init__(
        self, index: Index, settings: Settings, report: Report, progress: Progress, encoder: Encoder
    ) -> None:
        self._index, self._settings, self._report = index, settings, report
        self._progress, self._encoder = progress, encoder
        self._done = 0

    def run(self, waiting: _Files) -> None:
        """Embed all units of these files, as `Vectors.pending` gives them."""
        self._total = sum(len(unit_ids) for _, unit_ids in waiting)
        with self._index.database.transaction():
            self._index.vectors.register()
        with _siblings(self._index, self._settings) as siblings:
            for language, files in self._by_adapter(waiting):
                self._embed(files, language, siblings)

    def _by_adapter(self, waiting: _Files) -> list[tuple[str, _Files]]:
        """The files each adapter encodes with one of their languages, most units first.

        An adapter's engine takes 0.3 s to make, so all its files come one after another.
        """
        languages = {row.path: row.language for row in self._index.catalog.files()}
        groups: dict[str, tuple[str, _Files]] = {}
        for path, unit_ids in waiting:
            language = languages[path]
            group = groups.setdefault(self._index.space.adapter_key(language), (language, []))
            group[1].append((path, unit_ids))
        return sorted(groups.values(), key=lambda group: -sum(len(ids) for _, ids in group[1]))

    def _embed(self, files: _Files, language: str, siblings: list[Vectors]) -> None:
        batch: list[_Waiting] = []
        for path, unit_ids in files:
            for window in self._windows_of(path, unit_ids):
                batch.append(window)
                if len(batch) >= _WINDOWS_A_COMMIT and window.ordinal == 0:
                    self._commit(batch[:-1], language, siblings)
                    batch = [window]
        self._commit(batch, language, siblings)

    def _windows_of(self, path: str, unit_ids: list[int]) -> Iterator[_Waiting]:
        from codesift.parsing.units import parse_bounded

        row = self._index.catalog.file(path)
        if row is None:
            return
        source = row.source(self._index.root)
        with suppress(Unreadable):
            text = read_stored(source, self._index.root, self._settings)
            # A file that changed since it was parsed is left to the next run.
            if text_digest(text) != row.digest:
                return
            # A file that took too long is not parsed a second time.
            units = parse_bounded(text, source.language, path, windows_only=row.gave_up).units
            if len(units) != len(unit_ids):
                return
            key = self._index.space.adapter_key(source.language)
            for unit_id, unit in zip(unit_ids, units, strict=True):
                for ordinal, window in enumerate(windows_of(self._encoder, path, unit)):
                    yield _Waiting(unit_id, ordinal, window, text_digest(window.text, key))

    def _commit(self, batch: list[_Waiting], language: str, siblings: list[Vectors]) -> None:
        """Find or make the vector of each window and store all of them at once."""
        if not batch:
            return
        vectors = self._index.vectors
        known = vectors.ids(each.digest for each in batch)
        missing = {each.digest: each.window.text for each in batch if each.digest not in known}
        fresh: dict[bytes, bytes] = {}
        for sibling in siblings:
            # A damaged index of another worktree is none of this run's business.
            with suppress(StorageError):
                fresh |= sibling.data(digest for digest in missing if digest not in fresh)
        self._report.reused += sum(each.digest in known or each.digest in fresh for each in batch)
        units = len({each.unit_id for each in batch})
        fresh |= self._encode({d: text for d, text in missing.items() if d not in fresh}, language, units)
        with self._index.database.transaction():
            vectors.renew(known)
            vectors.put(fresh.items())
            known = vectors.ids(each.digest for each in batch)
            vectors.put_windows(
                WindowRow(e.unit_id, e.ordinal, known[e.digest], e.window.start_line, e.window.end_line)
                for e in batch
            )
        self._done += units
        self._progress("embed", self._done, self._total)

    def _encode(self, texts: dict[bytes, str], language: str, units: int) -> dict[bytes, bytes]:
        """Digest -> vector as float16 bytes; texts of similar length go through the encoder together."""
        import numpy as np

        digests = sorted(texts, key=lambda digest: (-len(texts[digest]), digest))
        fresh: dict[bytes, bytes] = {}
        for start in range(0, len(digests), _WINDOWS_A_STEP):
            step = digests[start : start + _WINDOWS_A_STEP]
            encoded = self._encoder.encode([texts[digest] for digest in step], language).astype(np.float16)
            fresh |= {digest: row.tobytes() for digest, row in zip(step, encoded, strict=True)}
            self._report.embedded += len(step)
            self._progress("embed", self._done + units * (start + len(step)) // len(digests), self._total)
        return fresh


@contextmanager
def _siblings(index: Index, settings: Settings) -> Iterator[list[Vectors]]:
    """The same space in other indexes of this user: of work trees, clones, folders since moved elsewhere."""
    trees = other_worktrees(index.root)
    near = {cache_place(root, settings) for root in trees}
    stored = [each.folder for each in stored_indexes(settings) if each.folder != index.folder]
    folders = sorted(stored, key=lambda folder: folder not in near)[:_MOST_SIBLINGS]
    if settings.index_folder == "repository":
        inside = map(repository_place, trees)
        folders += [each for each in inside if trust.standing(each) is trust.Standing.OURS]
    with ExitStack() as stack:
        siblings = []
        for folder in folders:
            with suppress(StorageError):
                database = stack.enter_context(closing(Database(folder / DATABASE, read_only=True)))
                sibling = Vectors(database, index.space.id)
                if sibling.is_known():
                    siblings.append(sibling)
        yield siblings
