"""The words of the units, as a search asks for them: who has a word, how many do, and BM25."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from codesift.database import Database, parts

MOST_ROWS = 5000
"""Units that BM25 is computed for, if the rarest words of a query have so many: it costs 2 microseconds each,
and words that a large share of the units have tell little apart."""
_MOST_KEPT = 200_000


class Lexicon:
    """Searches the full-text table that `Catalog` fills. Counts are kept while the index stays the same.

    Args:
        database: the open database.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._version = (-1, -1)
        self._counts: dict[tuple[str, tuple[Any, ...]], int] = {}

    def best(
        self, words: Sequence[str], weights: Sequence[float], limit: int, chosen: bool
    ) -> list[tuple[int, float]]:
        """Units by BM25, best first.

        Args:
            words: search terms; a unit matches if it has any of them.
            weights: of the columns name, path, documentation, body.
            limit: at most this many.
            chosen: look only at the units picked with `Catalog.choose`.

        Returns:
            (unit id, BM25 score, higher is better).
        """
        if not words:
            return []
        inside = "AND rowid IN (SELECT id FROM chosen)" if chosen else ""
        rows = self._db.all(
            f"SELECT rowid, bm25(words, ?, ?, ?, ?) AS s FROM words WHERE words MATCH ? {inside} "
            "ORDER BY s, rowid LIMIT ?",
            (*weights, " OR ".join(map(_quoted, words)), limit),
        )
        return [(unit_id, -score) for unit_id, score in rows]

    def rarest(self, words: Sequence[str]) -> list[str]:
        """The rarest words, together in up to `MOST_ROWS` units, but at least one that any unit has."""
        kept: list[str] = []
        total = 0
        for word, frequency in sorted(self.frequencies(words).items(), key=lambda row: (row[1], row[0])):
            if total and total + frequency > MOST_ROWS:
                break
            kept.append(word)
            total += frequency
        return kept

    def having(self, unit_ids: Iterable[int], words: Iterable[str]) -> dict[str, set[int]]:
        """Word -> those of the units that have it."""
        found: dict[str, set[int]] = {word: set() for word in words}
        for part in parts(list(unit_ids)):
            # The plus keeps the ids from FTS5, which takes 50 times longer to look for each of them.
            rows = f"SELECT rowid FROM words WHERE words MATCH ? AND +rowid IN ({','.join('?' * len(part))})"
            for word, those in found.items():
                those.update(unit_id for (unit_id,) in self._db.all(rows, (_quoted(word), *part)))
        return found

    def frequencies(self, words: Iterable[str], most: int = -1) -> dict[str, int]:
        """Word -> how many units have it; counting stops at `most`, if that is not negative."""
        self._keep_up()
        rows = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        return {word: self._count(rows, (_quoted(word), most)) for word in words}

    def units(self) -> int:
        """How many units there are."""
        self._keep_up()
        return self._count("SELECT count(*) FROM units", ())

    def _keep_up(self) -> None:
        """Forget all counts if anyone changed the index since."""
        version = self._db.version()
        if version != self._version or len(self._counts) > _MOST_KEPT:
            self._counts.clear()
            self._version = version

    def _count(self, rows: str, values: tuple[Any, ...]) -> int:
        if (rows, values) not in self._counts:
            self._counts[rows, values] = int(self._db.value(rows, values))
        return self._counts[rows, values]


def _quoted(word: str) -> str:
    """A word as FTS5 takes it, whatever is in it."""
    return '"' + word.replace('"', '""') + '"'
