"""The second stage of an update: the missing vectors of all or of some units are computed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import NamedTuple

from codesift.config import Settings
from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.database import Database
from codesift.index.digests import text_digest
from codesift.index.location import DATABASE, cache_place, repository_place, stored_indexes
from codesift.index.opening import Index, SpaceIndex
from codesift.index.vectors import PendingFile, Vectors, WindowRow
from codesift.models.spaces import Space
from codesift.models.template import windows_of
from codesift.repository.decoding import Unreadable, read_stored
from codesift.repository.git import other_worktrees
from codesift.types import Encoder, Progress, Report, Window

_WINDOWS_PER_COMMIT = 2048
_WINDOWS_PER_STEP = 512
_MAX_SIBLINGS = 16
"""Maximum number of other indexes whose vectors are reused, most recently written first: opening one takes a
millisecond."""

OpenEncoder = Callable[[Space], Encoder]


def embed(
    index: Index,
    settings: Settings,
    report: Report,
    progress: Progress,
    open_encoder: OpenEncoder,
    unit_ids: Iterable[int] | None = None,
    member: SpaceIndex | None = None,
) -> None:
    """Encode units that have no vectors yet, and store their vectors.

    Vectors of the same text in this index, or in other indexes of this user, are reused. Memory is bounded by
    the size of a commit, not of the repository. After an interruption, committed vectors stay stored.

    Args:
        index: open for writing.
        settings: `max_file_size`, and where other indexes are.
        report: its counts `embedded` and `reused` are increased.
        progress: called with the number of finished units.
        open_encoder: called if any unit has no vectors.
        unit_ids: ids of units; None means all units.
        member: the space of the vectors; the primary one if None.
    """
    member = member or index.primary
    waiting = member.vectors.pending(unit_ids)
    if waiting:
        _Embedding(index, member, settings, report, progress, open_encoder(member.space)).run(waiting)


class _WaitingWindow(NamedTuple):
    """A window that is not stored yet."""

    unit_id: int
    ordinal: int
    window: Window
    digest: bytes


class _Embedding:
    """One pass over the units without vectors."""

    def __init__(
        self,
        index: Index,
        member: SpaceIndex,
        settings: Settings,
        report: Report,
        progress: Progress,
        encoder: Encoder,
    ) -> None:
        self._index, self._settings, self._report = index, settings, report
        self._space, self._vectors = member.space, member.vectors
        self._progress, self._encoder = progress, encoder
        self._done = 0
        self._total = 0

    def run(self, files: list[PendingFile]) -> None:
        """Embed the units without vectors in these files."""
        self._total = sum(len(file.waiting) for file in files)
        with self._index.database.transaction():
            self._vectors.register()
        with _siblings(self._index, self._space, self._settings) as siblings:
            for language, group in self._by_adapter(files):
                self._embed(group, language, siblings)

    def _by_adapter(self, files: list[PendingFile]) -> list[tuple[str, list[PendingFile]]]:
        """Group files by adapter: (one of its languages, its files), most units first.

        Creating the engine of an adapter takes 0.3 s, so all its files are encoded one after another.
        """
        languages = {row.path: row.language for row in self._index.catalog.files()}
        groups: dict[str, tuple[str, list[PendingFile]]] = {}
        for file in files:
            language = languages[file.path]
            group = groups.setdefault(self._space.adapter_key(language), (language, []))
            group[1].append(file)
        return sorted(groups.values(), key=lambda group: -sum(len(file.waiting) for file in group[1]))

    def _embed(self, files: list[PendingFile], language: str, siblings: list[Vectors]) -> None:
        batch: list[_WaitingWindow] = []
        for file in files:
            for window in self._windows_of(file):
                batch.append(window)
                if len(batch) >= _WINDOWS_PER_COMMIT and window.ordinal == 0:
                    self._commit(batch[:-1], language, siblings)
                    batch = [window]
        self._commit(batch, language, siblings)

    def _windows_of(self, file: PendingFile) -> Iterator[_WaitingWindow]:
        from codesift.parsing.units import parse_bounded

        row = self._index.catalog.file(file.path)
        if row is None:
            return
        source = row.source(self._index.root)
        with suppress(Unreadable):
            text = read_stored(source, self._index.root, self._settings)
            # The next run handles a file that changed since it was parsed.
            if text_digest(text) != row.digest:
                return
            # A file whose parsing took too long is not parsed again.
            units = parse_bounded(text, source.language, file.path, windows_only=row.gave_up).units
            if len(units) != len(file.unit_ids):
                return
            key = self._space.adapter_key(source.language)
            for unit_id, unit in zip(file.unit_ids, units, strict=True):
                if unit_id in file.waiting:
                    for ordinal, window in enumerate(windows_of(self._encoder, file.path, unit)):
                        yield _WaitingWindow(unit_id, ordinal, window, text_digest(window.text, key))

    def _commit(self, batch: list[_WaitingWindow], language: str, siblings: list[Vectors]) -> None:
        """Reuse or compute the vector of each window, and store all windows in one transaction."""
        if not batch:
            return
        vectors = self._vectors
        stored = vectors.ids(waiting.digest for waiting in batch)
        missing = {waiting.digest: waiting.window.text for waiting in batch if waiting.digest not in stored}
        fresh: dict[bytes, bytes] = {}
        for sibling in siblings:
            # A damaged index of another worktree does not concern this run.
            with suppress(StorageError, sqlite3.Error):
                fresh |= sibling.data(digest for digest in missing if digest not in fresh)
        self._report.reused += sum(waiting.digest in stored or waiting.digest in fresh for waiting in batch)
        units = len({waiting.unit_id for waiting in batch})
        fresh |= self._encode({d: text for d, text in missing.items() if d not in fresh}, language, units)
        with self._index.database.transaction():
            vectors.renew(stored)
            vectors.put(fresh.items())
            ids = vectors.ids(waiting.digest for waiting in batch)
            vectors.put_windows(
                WindowRow(e.unit_id, e.ordinal, ids[e.digest], e.window.start_line, e.window.end_line)
                for e in batch
            )
        self._done += units
        self._progress("embed", self._done, self._total)

    def _encode(self, texts: dict[bytes, str], language: str, units: int) -> dict[bytes, bytes]:
        """Encode texts: digest -> vector as float16 bytes. Texts of similar length are encoded together."""
        import numpy as np

        digests = sorted(texts, key=lambda digest: (-len(texts[digest]), digest))
        fresh: dict[bytes, bytes] = {}
        for start in range(0, len(digests), _WINDOWS_PER_STEP):
            step = digests[start : start + _WINDOWS_PER_STEP]
            encoded = self._encoder.encode([texts[digest] for digest in step], language).astype(np.float16)
            fresh |= {digest: row.tobytes() for digest, row in zip(step, encoded, strict=True)}
            self._report.embedded += len(step)
            self._progress("embed", self._done + units * (start + len(step)) // len(digests), self._total)
        return fresh


@contextmanager
def _siblings(index: Index, space: Space, settings: Settings) -> Iterator[list[Vectors]]:
    """Open the same space in other indexes of this user: of work trees, clones, and moved folders."""
    trees = other_worktrees(index.root)
    worktree_folders = {cache_place(root, settings) for root in trees}
    others = [stored.folder for stored in stored_indexes(settings) if stored.folder != index.folder]
    folders = sorted(others, key=lambda folder: folder not in worktree_folders)[:_MAX_SIBLINGS]
    if settings.index_folder == "repository":
        inside = map(repository_place, trees)
        folders += [place for place in inside if trust.standing(place) is trust.Standing.OURS]
    with ExitStack() as stack:
        siblings = []
        for folder in folders:
            with suppress(StorageError, sqlite3.Error):
                database = stack.enter_context(closing(Database(folder / DATABASE, read_only=True)))
                sibling = Vectors(database, space.id)
                if sibling.is_known():
                    siblings.append(sibling)
        yield siblings
