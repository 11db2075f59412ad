"""The second stage of an update: the missing vectors of all or of some units are computed."""

from __future__ import annotations

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, NamedTuple

from codesift.config import Settings
from codesift.errors import StorageError
from codesift.index import trust
from codesift.index.database import Database
from codesift.index.digests import text_digest
from codesift.index.location import DATABASE, cache_place, repository_place, stored_indexes
from codesift.index.opening import Index, SpaceIndex
from codesift.index.vectors import Match, PendingFile, Vectors, WindowRow
from codesift.models.spaces import Space
from codesift.models.template import windows_of
from codesift.repository.decoding import Unreadable, read_stored
from codesift.repository.git import other_worktrees
from codesift.repository.path_roles import is_example, is_legacy, is_test
from codesift.system import interrupts
from codesift.types import Encoder, Progress, Report, Window

if TYPE_CHECKING:
    from codesift.types import Matrix

_WINDOWS_AT_ONCE = 2048
"""Windows that are prepared together, so that texts of similar length can be encoded together."""
_WINDOWS_PER_STEP = 64
"""Windows that are encoded between two looks at the clock."""
_COMMIT_SECONDS = 3.0
"""Seconds after which finished vectors are stored: an interruption costs so many, and one step."""
_MIN_REUSED = 200
"""Number of windows of which at least one must have a stored vector for further ones to be looked up."""
_MAX_SIBLINGS = 16
"""Maximum number of other indexes whose vectors are reused, most recently written first: opening one takes a
millisecond."""
_FEW_UNITS_PER_STEP = 2
"""Units that are encoded during a search between two looks at the clock."""
_MAX_FEW_WINDOWS = 4
"""Maximum number of windows of a unit that is encoded during a search; a longer one takes the time of
several others."""

OpenEncoder = Callable[[Space], Encoder]
Writing = Callable[[], AbstractContextManager[object]]
"""Makes a context in which the index may be written, for a moment."""


class WaitingWindow(NamedTuple):
    """A window that is not stored yet."""

    unit_id: int
    ordinal: int
    window: Window
    digest: bytes


Fresh = dict[bytes, bytes]
"""Digest of a text -> its vector as float16 bytes."""


def embed(
    index: Index,
    settings: Settings,
    report: Report,
    progress: Progress,
    open_encoder: OpenEncoder,
    unit_ids: Iterable[int] | None = None,
    member: SpaceIndex | None = None,
    writing: Writing = nullcontext,
    is_stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Encode units that have no vectors yet, and store their vectors every few seconds.

    Vectors of the same text in this index, or in other indexes of this user, are reused. Memory is bounded,
    whatever the size of the repository. After an interruption, what was stored stays stored.

    Args:
        index: the index.
        settings: `max_file_size`, and where other indexes are.
        report: its counts `embedded` and `reused` are increased.
        progress: called with the number of finished units.
        open_encoder: called if any unit has no vectors.
        unit_ids: ids of units; None means all units.
        member: the space of the vectors; the primary one if None.
        writing: makes a context for writing.
        is_stopped: tells after each step whether to end early.
    """
    member = member or index.primary
    waiting = member.vectors.pending(unit_ids)
    if waiting:
        encoder = open_encoder(member.space)
        _Embedding(index, member, settings, report, encoder, writing).run(waiting, progress, is_stopped)


def reuse(
    index: Index, settings: Settings, report: Report, open_encoder: OpenEncoder, seconds: float
) -> None:
    """Give units the vectors that are stored for the same text, in this index or in another one of this user.

    Nothing is encoded. It ends early if none of the first texts has a vector.

    Args:
        index: open for writing.
        settings: `max_file_size`, and where other indexes are.
        report: its count `reused` is increased.
        open_encoder: returns the encoder of a space, which cuts the windows.
        seconds: maximum duration.
    """
    member = index.primary
    with _siblings(index, member.space, settings) as siblings:
        waiting = member.vectors.pending() if siblings or member.vectors.has_unused() else []
        if waiting:
            embedding = _Embedding(
                index, member, settings, report, open_encoder(member.space), nullcontext, siblings
            )
            embedding.reuse(waiting, time.monotonic() + seconds)


def encode_few(
    index: Index, settings: Settings, encoder: Encoder, unit_ids: Sequence[int], seconds: float
) -> tuple[list[WaitingWindow], Fresh]:
    """Encode some units without vectors in the primary space, as many as the time allows; nothing is stored.

    Args:
        index: the index.
        settings: `max_file_size`.
        encoder: the encoder of the space.
        unit_ids: ids of units, the most important ones first.
        seconds: maximum duration. A step that has begun is finished; none is begun if less time is left than
            half of what the last one took, which for the first includes loading.

    Returns:
        The windows of the encoded units, and a vector for each.
    """
    import numpy as np

    until = time.monotonic() + seconds
    vectors = index.primary.vectors
    cutter = _Cutter(index, index.primary.space, settings, encoder)
    files = {unit_id: file for file in vectors.pending(unit_ids) for unit_id in file.waiting}
    ordered = [unit_id for unit_id in unit_ids if unit_id in files]
    windows: list[WaitingWindow] = []
    fresh: Fresh = {}
    for start in range(0, len(ordered), _FEW_UNITS_PER_STEP):
        began = time.monotonic()
        by_language: dict[str, list[WaitingWindow]] = defaultdict(list)
        for unit_id in ordered[start : start + _FEW_UNITS_PER_STEP]:
            if time.monotonic() > until:
                break
            language, of_unit = cutter.unit(files[unit_id], unit_id)
            if len(of_unit) <= _MAX_FEW_WINDOWS:
                by_language[language] += of_unit
        for language, some in by_language.items():
            fresh |= vectors.data(each.digest for each in some)
            texts = {each.digest: each.window.text for each in some if each.digest not in fresh}
            if texts:
                encoded = encoder.encode_few(list(texts.values()), language).astype(np.float16)
                fresh |= {digest: row.tobytes() for digest, row in zip(texts, encoded, strict=True)}
            windows += some
        now = time.monotonic()
        if now + (now - began) / 2 > until:
            break
    return windows, fresh


def store(
    index: Index, vectors: Vectors, windows: Sequence[WaitingWindow], fresh: Mapping[bytes, bytes]
) -> None:
    """Store vectors, and the windows of units that use them; call it with the index open for writing.

    Units that another process has removed, and units whose text has no stored vector any more, stay without.

    Args:
        index: the index.
        vectors: the vectors of the space.
        windows: windows of units, each unit complete.
        fresh: vectors that may not be stored yet.
    """
    database = index.database
    # The database may have been replaced by a repair meanwhile: its units have other ids.
    if database.meta("identity") != vectors.index:
        return
    with database.transaction():
        vectors.register()
        vectors.renew([window.digest for window in windows if window.digest not in fresh])
        vectors.put(fresh.items())
        ids = vectors.ids(window.digest for window in windows)
        existing = index.catalog.existing({window.unit_id for window in windows})
        lacking = {window.unit_id for window in windows if window.digest not in ids}
        vectors.put_windows(
            WindowRow(e.unit_id, e.ordinal, ids[e.digest], e.window.start_line, e.window.end_line)
            for e in windows
            if e.unit_id in existing and e.unit_id not in lacking
        )


def encoded_matches(
    windows: Sequence[WaitingWindow], fresh: Mapping[bytes, bytes]
) -> list[tuple[list[Match], Matrix]]:
    """Return the result of `encode_few` in the form of `Neighbors.of_units`."""
    import numpy as np

    if not windows:
        return []
    matches = [Match(each.unit_id, each.window.start_line, each.window.end_line) for each in windows]
    data = np.frombuffer(b"".join(fresh[each.digest] for each in windows), np.float16)
    return [(matches, data.astype(np.float32).reshape(len(windows), -1))]


class _Cutter:
    """Cuts the units of files into windows."""

    def __init__(self, index: Index, space: Space, settings: Settings, encoder: Encoder) -> None:
        self._index, self._space, self._settings, self._encoder = index, space, settings, encoder
        self._units: dict[str, tuple[str, dict[int, list[WaitingWindow]]]] = {}

    def unit(self, file: PendingFile, unit_id: int) -> tuple[str, list[WaitingWindow]]:
        """Return the language and the windows of one unit; the file is parsed at the first call for it."""
        if file.path not in self._units:
            by_unit: dict[int, list[WaitingWindow]] = defaultdict(list)
            for window in self.file(file):
                by_unit[window.unit_id].append(window)
            row = self._index.catalog.file(file.path)
            self._units[file.path] = row.language if row else "", by_unit
        language, by_unit = self._units[file.path]
        return language, by_unit.get(unit_id, [])

    def file(self, file: PendingFile) -> Iterator[WaitingWindow]:
        """Yield the windows of all waiting units of a file; none if it has changed since it was parsed."""
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
                        yield WaitingWindow(unit_id, ordinal, window, text_digest(window.text, key))


class _Embedding:
    """One pass over the units without vectors."""

    def __init__(
        self,
        index: Index,
        member: SpaceIndex,
        settings: Settings,
        report: Report,
        encoder: Encoder,
        writing: Writing,
        siblings: Sequence[Vectors] = (),
    ) -> None:
        self._index, self._settings, self._report = index, settings, report
        self._space, self._vectors = member.space, member.vectors
        self._encoder, self._writing, self._siblings = encoder, writing, siblings
        self._cutter = _Cutter(index, member.space, settings, encoder)
        self._progress: Progress = _no_progress
        self._is_stopped: Callable[[], bool] = lambda: False
        self._done = self._total = 0
        self._stored_at = time.monotonic()

    def run(self, files: list[PendingFile], progress: Progress, is_stopped: Callable[[], bool]) -> None:
        """Embed the units without vectors in these files, until all are done or `is_stopped`."""
        self._progress, self._is_stopped = progress, is_stopped
        self._total = sum(len(file.waiting) for file in files)
        with _siblings(self._index, self._space, self._settings) as siblings:
            self._siblings = siblings
            for language, group in self._by_adapter(files):
                for batch in self._batches(group):
                    if not is_stopped():
                        self._embed(batch, language)
        interrupts.explain("")

    def reuse(self, files: list[PendingFile], until: float) -> None:
        """Store the units all of whose windows have a vector somewhere, until a point in time."""
        looked_up = 0
        for _, group in self._by_adapter(files):
            for batch in self._batches(group, _MIN_REUSED):
                windows, fresh, _ = self._known(batch)
                self._report.reused += len(windows)
                self._store(windows, fresh)
                looked_up += len(batch)
                if time.monotonic() > until or (looked_up >= _MIN_REUSED and not self._report.reused):
                    return

    def _by_adapter(self, files: list[PendingFile]) -> list[tuple[str, list[PendingFile]]]:
        """Group files by adapter: (one of its languages, its files), most units first.

        Creating the engine of an adapter takes 0.3 s, so all its files are encoded one after another. Files
        that are most likely asked for come first.
        """
        languages = {row.path: row.language for row in self._index.catalog.files()}
        groups: dict[str, tuple[str, list[PendingFile]]] = {}
        for file in sorted(files, key=_least_wanted):
            language = languages.get(file.path, "text")
            group = groups.setdefault(self._space.adapter_key(language), (language, []))
            group[1].append(file)
        return sorted(groups.values(), key=lambda group: -sum(len(file.waiting) for file in group[1]))

    def _batches(
        self, files: list[PendingFile], first: int = _WINDOWS_AT_ONCE
    ) -> Iterator[list[WaitingWindow]]:
        """Yield windows in batches of whole units; the first batch has about `first` windows."""
        batch: list[WaitingWindow] = []
        for file in files:
            for window in self._cutter.file(file):
                batch.append(window)
                if len(batch) > first and window.ordinal == 0:
                    yield batch[:-1]
                    batch, first = [window], _WINDOWS_AT_ONCE
        if batch:
            yield batch

    def _embed(self, batch: list[WaitingWindow], language: str) -> None:
        """Reuse or compute the vector of each window; store what is finished every few seconds."""
        windows, fresh, without = self._known(batch)
        self._report.reused += sum(window.digest not in without for window in batch)
        self._store(windows, fresh)
        known = {window.unit_id for window in windows}
        waiting = [window for window in batch if window.unit_id not in known]
        missing = {window.digest: window.window.text for window in waiting if window.digest in without}
        # Texts of similar length are encoded together.
        digests = sorted(missing, key=lambda digest: (-len(missing[digest]), digest))
        for start in range(0, len(digests), _WINDOWS_PER_STEP):
            step = digests[start : start + _WINDOWS_PER_STEP]
            if self._is_stopped():
                break
            fresh |= self._encode({digest: missing.pop(digest) for digest in step}, language)
            if time.monotonic() - self._stored_at > _COMMIT_SECONDS:
                waiting, fresh = self._store_finished(waiting, fresh, missing)
        self._store_finished(waiting, fresh, missing)

    def _known(self, batch: list[WaitingWindow]) -> tuple[list[WaitingWindow], Fresh, set[bytes]]:
        """Look up vectors in this index and in others.

        Returns:
            The windows of units all of whose windows have a vector, the vectors of other indexes, and the
            digests without a vector.
        """
        stored = self._vectors.ids(waiting.digest for waiting in batch)
        missing = {waiting.digest for waiting in batch if waiting.digest not in stored}
        fresh: Fresh = {}
        for sibling in self._siblings:
            # A damaged index of another worktree does not concern this run.
            with suppress(StorageError, sqlite3.Error):
                fresh |= sibling.data(digest for digest in missing if digest not in fresh)
        without = missing - fresh.keys()
        lacking = {waiting.unit_id for waiting in batch if waiting.digest in without}
        return [waiting for waiting in batch if waiting.unit_id not in lacking], fresh, without

    def _store_finished(
        self, waiting: list[WaitingWindow], fresh: Fresh, missing: Mapping[bytes, str]
    ) -> tuple[list[WaitingWindow], Fresh]:
        """Store all vectors, and the units none of whose windows is missing; return what still waits."""
        unfinished = {window.unit_id for window in waiting if window.digest in missing}
        self._store([window for window in waiting if window.unit_id not in unfinished], fresh)
        return [window for window in waiting if window.unit_id in unfinished], {}

    def _store(self, windows: list[WaitingWindow], fresh: Fresh) -> None:
        if windows or fresh:
            with self._writing():
                store(self._index, self._vectors, windows, fresh)
        self._stored_at = time.monotonic()
        self._done += len({window.unit_id for window in windows})
        self._progress("embed", self._done, self._total)
        if self._total:
            interrupts.explain(
                f"{self._done:,} of {self._total:,} units that had no vectors have them now; "
                "the next run continues there"
            )

    def _encode(self, texts: Mapping[bytes, str], language: str) -> Fresh:
        import numpy as np

        encoded = self._encoder.encode(list(texts.values()), language).astype(np.float16)
        self._report.embedded += len(texts)
        return {digest: row.tobytes() for digest, row in zip(texts, encoded, strict=True)}


def _no_progress(stage: str, done: int, total: int) -> None:
    pass


def _least_wanted(file: PendingFile) -> tuple[bool, bool, str]:
    """Sort key that puts the files last whose units are asked for least: examples, old code, tests."""
    return is_test(file.path), is_example(file.path) or is_legacy(file.path), file.path


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
