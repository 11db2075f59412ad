"""Full-text search over the words of units: matching units, document frequencies and BM25."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from codesift.index.database import Database, parts
from codesift.index.selection import EVERYTHING, Selection

_MAX_SCORED_UNITS = 10_000
"""Maximum number of units that BM25 is computed for: a unit takes 2 microseconds (2 cores of a Zen 4), and
words that occur in a large fraction of the units discriminate little."""
_MAX_SCORED_FRACTION = 0.1
"""The same maximum as a fraction of all units; the larger of the two applies."""
_MIN_UNITS_PER_RESULT = 4
"""Minimum number of matching units per requested unit, as long as there are search words left."""
_MAX_CACHED_COUNTS = 200_000
"""Maximum number of cached counts; the cache is cleared when it is exceeded."""


class _CountCache(threading.local):
    """The counts that one thread has computed, and the version of the database that they are valid for."""

    def __init__(self) -> None:
        self.version = (-1, -1, -1)
        self.counts: dict[tuple[str, tuple[Any, ...]], int] = {}


class FullText:
    """Searches the full-text table that `Catalog` fills.

    Counts are cached until a transaction ends, here or in another process; inside one they may be stale.

    Args:
        database: the open database.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._cache = _CountCache()

    def merge(self) -> None:
        """Merge the segments of the full-text table, so that a word is looked up in only one.

        This takes half a second for 35,000 units (2 cores of a Zen 4) and halves the time of later counts.
        """
        self._db.run("INSERT INTO words (words) VALUES ('optimize')")

    def best(
        self,
        words: Sequence[str],
        weights: Sequence[float],
        limit: int,
        selection: Selection = EVERYTHING,
    ) -> list[tuple[int, float]]:
        """Search units by BM25, best first.

        If too many units match, only units with one of the rarer words are returned, and a common word adds
        the score of one occurrence in a unit of average length.

        Args:
            words: search terms; a unit matches if it contains any of them.
            weights: weights of the columns name, path, documentation, body.
            limit: maximum number of units.
            selection: units to search.

        Returns:
            pairs (unit id, BM25 score); a higher score is better.
        """
        if not selection.fraction:
            return []
        # A selection is assumed to contain the same fraction of the units with a word as of all units.
        rare = self._rarest(words, round(_MIN_UNITS_PER_RESULT * limit / selection.fraction))
        if not rare:
            return []
        inside, selected = selection.condition("words.rowid")
        rows = self._db.all(
            f"SELECT rowid, bm25(words, ?, ?, ?, ?) AS s FROM words WHERE words MATCH ?{inside} "
            "ORDER BY s, rowid LIMIT ?",
            (*weights, " OR ".join(map(_quoted, rare)), *selected, limit),
        )
        common = [word for word in words if word not in rare]
        if not common:
            return [(unit_id, -score) for unit_id, score in rows]
        scores = {unit_id: -score for unit_id, score in rows}
        idf = self.inverse_document_frequencies(common)
        for word, matches in self.having(scores, common).items():
            for unit_id in matches:
                scores[unit_id] += idf[word]
        return sorted(scores.items(), key=lambda row: (-row[1], row[0]))

    def _rarest(self, words: Sequence[str], min_units: int) -> list[str]:
        """Choose the rarest words: few enough that all matching units can be scored.

        They occur in at least `min_units` units together, if all words do.
        """
        max_units = max(_MAX_SCORED_UNITS, min_units, round(_MAX_SCORED_FRACTION * self.units()))
        rarest: list[str] = []
        total = 0
        for word, frequency in sorted(self.frequencies(words).items(), key=lambda row: (row[1], row[0])):
            if total >= min_units and total + frequency > max_units:
                break
            rarest.append(word)
            total += frequency
        return rarest

    def inverse_document_frequencies(self, words: Iterable[str]) -> dict[str, float]:
        """Return word -> inverse document frequency of BM25 (Robertson and Zaragoza 2009), at least 0."""
        units = self.units()
        return {
            word: math.log(1 + (units - frequency + 0.5) / (frequency + 0.5))
            for word, frequency in self.frequencies(words).items()
        }

    def having(self, unit_ids: Iterable[int], words: Iterable[str]) -> dict[str, set[int]]:
        """Return word -> ids of the units that contain it, from among `unit_ids`."""
        matches: dict[str, set[int]] = {word: set() for word in words}
        for part in parts(list(unit_ids)):
            # The plus keeps SQLite from passing the ids to FTS5, which takes 30 to 50 times as long.
            rows = f"SELECT rowid FROM words WHERE words MATCH ? AND +rowid IN ({','.join('?' * len(part))})"
            for word, units in matches.items():
                units.update(unit_id for (unit_id,) in self._db.all(rows, (_quoted(word), *part)))
        return matches

    def frequencies(self, words: Iterable[str], limit: int = -1) -> dict[str, int]:
        """Return word -> number of units that contain it; counts stop at `limit`, unless it is negative."""
        self._drop_stale_counts()
        rows = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        return {word: self._count(rows, (_quoted(word), limit)) for word in words}

    def units(self) -> int:
        """Return the number of units."""
        self._drop_stale_counts()
        return self._count("SELECT count(*) FROM units", ())

    def _drop_stale_counts(self) -> None:
        """Clear the cache if the index has changed since, or if the cache is full."""
        version = self._db.version()
        if version != self._cache.version or len(self._cache.counts) > _MAX_CACHED_COUNTS:
            self._cache.counts = {}
            self._cache.version = version

    def _count(self, rows: str, values: tuple[Any, ...]) -> int:
        counts = self._cache.counts
        if (rows, values) not in counts:
            counts[rows, values] = int(self._db.value(rows, values))
        return counts[rows, values]


def _quoted(word: str) -> str:
    """Quote a word for FTS5, whatever characters it contains."""
    return '"' + word.replace('"', '""') + '"'
