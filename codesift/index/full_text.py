"""The words of the units, as a search asks for them: who has a word, how many do, and BM25."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from typing import Any

from codesift.index.database import Database, parts
from codesift.index.selection import EVERYTHING, Selection

_MOST_ROWS = 10_000
"""Units that BM25 is computed for: each takes 2 microseconds (2 cores of a Zen 4), and words that a large
share of the units have tell little apart."""
_MOST_SHARE = 0.1
"""Of all units, the same: the larger of the two holds."""
_LEAST = 4
"""Times as many units as are wanted must have one of the words searched for, if any have."""
_MOST_KEPT = 200_000
"""Cache size in counts; the cache is cleared when it is exceeded."""


class _Kept(threading.local):
    """Counts that one thread has made, and the version of the database they are of."""

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
        self._kept = _Kept()

    def merge(self) -> None:
        """Join the parts that the full-text table was written in, so that a word is looked up once.

        Half a second for 35,000 units (2 cores of a Zen 4); their counts then take half as long.
        """
        self._db.run("INSERT INTO words (words) VALUES ('optimize')")

    def best(
        self,
        words: Sequence[str],
        weights: Sequence[float],
        limit: int,
        selection: Selection = EVERYTHING,
    ) -> list[tuple[int, float]]:
        """Units by BM25, best first.

        Where very many units match, only those with one of the rarer words are found, and each of the other
        words counts as if a unit of average length had it once.

        Args:
            words: search terms; a unit matches if it has any of them.
            weights: of the columns name, path, documentation, body.
            limit: at most this many.
            selection: units to search.

        Returns:
            (unit id, BM25 score, higher is better).
        """
        # Among the units that have a word, about the same fraction is selected as among all.
        rare = self._rarest(words, round(_LEAST * limit / selection.fraction)) if selection.fraction else []
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
        for word, those in self.having(scores, common).items():
            for unit_id in those:
                scores[unit_id] += idf[word]
        return sorted(scores.items(), key=lambda row: (-row[1], row[0]))

    def _rarest(self, words: Sequence[str], least: int) -> list[str]:
        """The rarest words: together in so few units that all can be scored, but in `least` if possible."""
        most = max(_MOST_ROWS, least, round(_MOST_SHARE * self.units()))
        kept: list[str] = []
        total = 0
        for word, frequency in sorted(self.frequencies(words).items(), key=lambda row: (row[1], row[0])):
            if total >= least and total + frequency > most:
                break
            kept.append(word)
            total += frequency
        return kept

    def inverse_document_frequencies(self, words: Iterable[str]) -> dict[str, float]:
        """Word -> inverse document frequency as in BM25 (Robertson and Zaragoza 2009), never below 0."""
        units = self.units()
        return {
            word: math.log(1 + (units - frequency + 0.5) / (frequency + 0.5))
            for word, frequency in self.frequencies(words).items()
        }

    def having(self, unit_ids: Iterable[int], words: Iterable[str]) -> dict[str, set[int]]:
        """Word -> those of the units that have it."""
        found: dict[str, set[int]] = {word: set() for word in words}
        for part in parts(list(unit_ids)):
            # The plus keeps the ids from FTS5, which takes 30 to 50 times as long to look for each.
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
        if version != self._kept.version or len(self._kept.counts) > _MOST_KEPT:
            self._kept.counts = {}
            self._kept.version = version

    def _count(self, rows: str, values: tuple[Any, ...]) -> int:
        counts = self._kept.counts
        if (rows, values) not in counts:
            counts[rows, values] = int(self._db.value(rows, values))
        return counts[rows, values]


def _quoted(word: str) -> str:
    """A word as FTS5 takes it, whatever is in it."""
    return '"' + word.replace('"', '""') + '"'
