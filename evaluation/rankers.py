"""What is compared: BM25, the bare base, and the base with adapters, all through the tool's own engine."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from codesift.encoders import open_encoder
from codesift.errors import CodesiftError, StorageError, UsageError
from codesift.models.adapters import NAME, NO_ADAPTERS, read_adapters
from codesift.models.bases import Base
from codesift.models.spaces import Space, space_for
from evaluation.metrics import RelevantRanks, relevant_ranks
from evaluation.tasks.groups import TEXT, Group, GroupRanks, Measured, Pool, Snippet, Task

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from codesift.types import Encoder, Matrix, Progress

MOST_WINDOWS = 4
"""Windows of one text that are encoded, of 256 tokens each: some hundred lines."""
STEP = 512
"""Texts encoded between two commits: what a crash costs."""
BLOCK = 16_000_000
"""Scores held at once: 64 MB, whatever the corpus."""


class Ranker(Protocol):
    """Something that ranks a corpus."""

    @property
    def name(self) -> str:
        """Its heading in the results."""

    def prepare(self, snippets: Iterable[Snippet]) -> None:
        """Get ready for the pools these belong to."""

    def scores(self, pool: Pool) -> Iterator[Matrix]:
        """Blocks of shape (some queries, corpus), in the order of the queries."""

    def describe(self) -> dict[str, object]:
        """What is known of it in the results."""


@dataclass(frozen=True, slots=True)
class NamedAdapters:
    """`--system NAME=FOLDER`."""

    name: str
    manifest: Path

    @classmethod
    def parse(cls, text: str) -> NamedAdapters:
        """Read the option.

        Raises:
            UsageError: it is not of this form, or there is no manifest.
        """
        name, _, folder = text.partition("=")
        if not name or not folder or "/" in name:
            raise UsageError(f"--system {text} is not NAME=FOLDER")
        path = Path(folder)
        path = path / NAME if path.is_dir() else path
        if not path.is_file():
            raise UsageError(f"--system {name}: there is no {path}")
        return cls(name, path)


class VectorRanker:
    """A base with adapters: the cosine of the best window of a query to the best window of an entry.

    Args:
        name: its heading in the results.
        space: where vectors are compared.
        folder: where they are kept, for this and other systems.
        progress: told of what is being encoded.
    """

    def __init__(self, name: str, space: Space, folder: Path, progress: Progress) -> None:
        self.name, self.space = name, space
        self._folder, self._progress = folder, progress
        self._vectors: dict[Snippet, Matrix] = {}

    @cached_property
    def _encoder(self) -> Encoder:
        return open_encoder(self.space)

    @cached_property
    def _bare(self) -> str:
        return space_for(self.space.base, NO_ADAPTERS).id

    def prepare(self, snippets: Iterable[Snippet]) -> None:
        """Encode what no earlier run has; vectors of other tasks are let go."""
        self._vectors = {}
        by_language: dict[str, list[Snippet]] = defaultdict(list)
        for snippet in dict.fromkeys(snippets):
            by_language[snippet.language].append(snippet)
        for language, some in sorted(by_language.items()):
            windows = {snippet: self._windows(snippet) for snippet in some}
            encoded = self._encoded(language, {text for texts in windows.values() for text in texts})
            for snippet, texts in windows.items():
                self._vectors[snippet] = _stacked(snippet, [encoded[text] for text in texts])

    def _windows(self, snippet: Snippet) -> list[str]:
        windows = self._encoder.windows(snippet.head, snippet.body, 1)[:MOST_WINDOWS]
        return [window.text for window in windows]

    def _encoded(self, language: str, texts: Iterable[str]) -> Mapping[str, Matrix]:
        def encode(some: Sequence[str]) -> Matrix:
            return self._encoder.encode(some, language)

        path = self._cache_of(language)
        try:
            with closing(Cache(path)) as cache:
                return cache.encoded(sorted(texts), encode, lambda *done: self._progress(language, *done))
        except sqlite3.Error as error:
            raise StorageError(f"cannot use {path}: {error}", "delete it if it is damaged") from error

    def _cache_of(self, language: str) -> Path:
        """One file for each set of weights: systems that share an adapter share its vectors."""
        key = f"{self._bare} {self.space.adapter_key(language)}"
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.sqlite"

    def scores(self, pool: Pool) -> Iterator[Matrix]:
        """Blocks of shape (some queries, corpus), in the order of the queries."""
        import numpy as np

        corpus, starts = self._stack(pool.corpus)  # (windows, dim), (corpus,)
        step = max(1, BLOCK // (MOST_WINDOWS * len(corpus)))
        for first in range(0, len(pool.queries), step):
            queries, begins = self._stack(pool.queries[first : first + step])
            products = queries @ corpus.T  # (query windows, windows)
            best = np.maximum.reduceat(products, starts, axis=1)  # (query windows, corpus)
            yield np.maximum.reduceat(best, begins, axis=0)  # (queries, corpus)

    def _stack(self, snippets: Sequence[Snippet]) -> tuple[Matrix, NDArray[np.int64]]:
        """All windows below one another, and where each snippet begins."""
        import numpy as np

        parts = [self._vectors[snippet] for snippet in snippets]
        begins = np.cumsum([0, *(len(part) for part in parts)][:-1])
        return np.concatenate(parts), begins

    def describe(self) -> dict[str, object]:
        """What is known of it in the results."""
        adapters = self.space.adapters.named()
        return {
            "base": Path(self.space.base.name).name if self.space.base.folder else self.space.base.name,
            "space": self.space.id,
            "adapters": {language or "other": adapter.rank for language, adapter in adapters.items()},
        }


def _stacked(snippet: Snippet, vectors: Sequence[Matrix]) -> Matrix:
    """What a snippet is compared by, shape (windows, dim): of a long question the mean, as in the tool."""
    import numpy as np

    from codesift.encoders.unit_vectors import mean_direction

    if snippet.language == TEXT and len(vectors) > 1:
        return mean_direction(vectors)[None]
    return np.stack(vectors)


class Cache:
    """Vectors of one set of weights, in a file: text -> float16 bytes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS vectors (digest BLOB PRIMARY KEY, data BLOB) WITHOUT ROWID"
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def encoded(
        self,
        texts: Sequence[str],
        encode: Callable[[Sequence[str]], Matrix],
        progress: Callable[[int, int], None],
    ) -> dict[str, Matrix]:
        """Text -> its vector, shape (dim,); those that are not in the file are encoded and stored.

        Args:
            texts: each once.
            encode: texts -> shape (texts, dim).
            progress: called with the number done and the total of those that are encoded.
        """
        import numpy as np

        stored = {text: self._get(text) for text in texts}
        # Long ones first: what runs out of memory does so at once, and batches hold texts of a length.
        missing = sorted((text for text, data in stored.items() if data is None), key=lambda t: (-len(t), t))
        for start in range(0, len(missing), STEP):
            some = missing[start : start + STEP]
            vectors = encode(some).astype(np.float16)
            found = {text: row.tobytes() for text, row in zip(some, vectors, strict=True)}
            self._put(found)
            stored |= found
            progress(start + len(some), len(missing))
        return {
            text: np.frombuffer(data, np.float16).astype(np.float32) for text, data in stored.items() if data
        }

    def _get(self, text: str) -> bytes | None:
        row = self._database.execute("SELECT data FROM vectors WHERE digest = ?", (_digest(text),)).fetchone()
        return row[0] if row else None

    def _put(self, vectors: Mapping[str, bytes]) -> None:
        self._database.execute("BEGIN")
        rows = ((_digest(text), data) for text, data in vectors.items())
        self._database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        self._database.execute("COMMIT")


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def rankers(
    base: Base, named: Sequence[NamedAdapters], folder: Path, progress: Callable[[str], Progress]
) -> list[Ranker]:
    """BM25, the bare base, and each named system.

    Args:
        base: what adapters are added to.
        named: systems with adapters.
        folder: where vectors are kept.
        progress: what to tell of a system's encoding, by the system's name.

    Raises:
        CodesiftError: two have the same name, or an adapter cannot be used.
    """
    from evaluation.bm25 import Bm25

    spaces = {"base": space_for(base, NO_ADAPTERS)}
    for each in named:
        if each.name in (*spaces, Bm25.name):
            raise CodesiftError(
                f"--system {each.name} is given twice or is the name of a system there always is"
            )
        spaces[each.name] = space_for(base, read_adapters(each.manifest))
    vectors = [VectorRanker(name, space, folder, progress(name)) for name, space in spaces.items()]
    return [Bm25(), *vectors]


def rank_pools(task: Task, systems: Sequence[Ranker]) -> Measured:
    """Let each system rank all pools of a task."""
    found: dict[str, dict[str, list[RelevantRanks]]] = {group.name: {} for group in task.groups}
    for system in systems:
        system.prepare(
            snippet for group in task.groups for pool in group.pools for snippet in pool.snippets()
        )
        for group in task.groups:
            found[group.name][system.name] = _ranked(group, system)
    rows = {
        group.name: GroupRanks(
            sum(len(pool.corpus) for pool in group.pools), len(group.pools), found[group.name]
        )
        for group in task.groups
    }
    return Measured(task.name, task.about, rows)


def _ranked(group: Group, system: Ranker) -> list[RelevantRanks]:
    found: list[RelevantRanks] = []
    for pool in group.pools:
        first = 0
        for scores in system.scores(pool):
            some = slice(first, first + len(scores))
            found += relevant_ranks(scores, pool.relevant[some], pool.left_out[some])
            first += len(scores)
    return found
