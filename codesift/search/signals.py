"""What speaks for a unit and against it, as numbers: the input of the ranking."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from codesift.repository.path_roles import (
    EXAMPLE_WORDS,
    LEGACY_WORDS,
    TEST_WORDS,
    is_example,
    is_legacy,
    is_test,
)
from codesift.types import Hit
from codesift.words import (
    STOP_WORDS,
    is_slip,
    is_symbol,
    mentioned,
    query_terms,
    related,
    split_identifier,
    symbol_parts,
)

SIGNALS: Mapping[str, str] = {
    "words": "BM25 by field, times the root of `coverage`, as a share of the best",
    "coverage": "share of the query's words that the unit has, by how rare they are",
    "meaning": "cosine of the best window, in standard deviations of the candidates",
    "cosine": "the same cosine as it is",
    "file": "what the best five units of its file add up to, as a share of the best file's",
    "file_coverage": "share of the query's words among the candidates of its file",
    "name_words": "share of the query's words that are in its name",
    "path_words": "share of the query's words that are in its path",
    "file_words": "share of the query's words that are in the file's name",
    "file_whole": "share of the file name's words that are in the query",
    "mention": "the query names it",
    "mention_folded": "the query names it but for letter case and underscores",
    "symbol": "the query is its name and nothing else; see `ranking.DEFINITION`",
    "module": "it is what is left of a file: imports, constants, macros; 1.5 for prose",
    "short": "1 / (1 + lines)",
    "test": "it is a test and no test was asked for",
    "example": "it is an example, a benchmark or a script, and none was asked for",
    "legacy": "it is an old version or code from elsewhere, and that was not asked for",
    "depth": "folders above its file",
    "common": "log of 1 + the number of units that use a word like its name, at most `MOST_USES`",
}
"""Name -> what it is. All but `meaning`, `module`, `depth` and `common` lie between 0 and 1."""
AGAINST = ("module", "short", "test", "example", "legacy", "depth", "common")
"""Signals that can only speak against a unit; all others can only speak for it. Without this, questions that
were written to share few words with their answers would teach that a matching name is a bad sign."""
MOST_USES = 100
SHORTEST_PREFIX = 3
"""Letters of a symbol that no unit has for a name, to be taken for the beginning of one."""
_FILE_UNITS = 5
_LEFTOVER = {"module": 1.0, "text": 1.5}
"""Prose about code stands behind it. How far is not measured: the questions' repositories are code alone."""
_ENTRIES = ("mod", "lib", "index", "__init__", "main")
"""Files that are named for their place in a folder: the folder's name says what they are about."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the searches found for one unit."""

    bm25: float | None = None
    """None where it has none of the words, or words were not searched."""
    has: frozenset[str] = frozenset()
    """Words of the query that the unit has."""
    cosine: float | None = None
    """Of its best window; None where it has no vector yet, or vectors were not searched."""
    best_lines: tuple[int, int] | None = None
    """Lines of that window."""
    uses: int = 0
    """Units that have the words of its name as one, at most `MOST_USES`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as the signals need it."""

    text: str
    rarity: Mapping[str, float]
    """Its words -> inverse document frequency; empty where words are not searched."""

    def says_nothing(self) -> bool:
        """Whether it is stop words alone."""
        return bool(self.rarity) and STOP_WORDS.issuperset(self.rarity)

    def share(self, words: Iterable[str]) -> float:
        """Share of the query's words that are among these, by how rare they are."""
        total = sum(self.rarity.values())
        return sum(self.rarity[word] for word in words) / total if total else 0.0


def measure(
    asked: Asked, hits: Mapping[int, Hit], found: Mapping[int, Evidence]
) -> dict[int, dict[str, float]]:
    """Unit id -> its signals, each of `SIGNALS`.

    Args:
        asked: the query.
        hits: unit id -> the unit, for every candidate.
        found: unit id -> what was found for it, at least for those.
    """
    shares = {has: asked.share(has) for has in {found[unit_id].has for unit_id in hits}}
    coverage = {unit_id: shares[found[unit_id].has] for unit_id in hits}
    lexical = {unit_id: (found[unit_id].bm25 or 0.0) * coverage[unit_id] ** 0.5 for unit_id in hits}
    best = max(lexical.values(), default=0.0) or 1.0
    cosines = {unit_id: found[unit_id].cosine for unit_id in hits}
    known = [cosine for cosine in cosines.values() if cosine is not None]
    spread = _Spread(known)
    support = _file_support(
        (hit, lexical[unit_id] / best + spread.scaled(cosines[unit_id])) for unit_id, hit in hits.items()
    )
    together: dict[str, set[str]] = defaultdict(set)
    for unit_id, hit in hits.items():
        together[hit.path] |= found[unit_id].has
    file_coverage = {path: asked.share(has) for path, has in together.items()}
    names = _Names(asked)
    return {
        unit_id: {
            "words": lexical[unit_id] / best,
            "coverage": coverage[unit_id],
            "meaning": spread.standard(cosines[unit_id]),
            "cosine": spread.known(cosines[unit_id]),
            "file": support[hit.path],
            "file_coverage": file_coverage[hit.path],
            "common": math.log1p(found[unit_id].uses),
            **names.of(hit),
        }
        for unit_id, hit in hits.items()
    }


class _Spread:
    """The cosines of the candidates; one without is taken to be as low as the lowest."""

    def __init__(self, known: Sequence[float]) -> None:
        self._low, self._high = (min(known), max(known)) if known else (0.0, 0.0)
        self._mean, self._deviation = _moments(known) if known else (0.0, 0.0)

    def known(self, cosine: float | None) -> float:
        return self._low if cosine is None else cosine

    def scaled(self, cosine: float | None) -> float:
        """From 0 for the lowest to 1 for the highest."""
        span = self._high - self._low
        return (self.known(cosine) - self._low) / span if span > 0 else 0.0

    def standard(self, cosine: float | None) -> float:
        return (self.known(cosine) - self._mean) / self._deviation if self._deviation > 0 else 0.0


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation. (`statistics` has the latter in exact fractions, five times slower.)"""
    mean = fmean(values)
    return mean, math.sqrt(fmean((value - mean) ** 2 for value in values))


def _file_support(scored: Iterable[tuple[Hit, float]]) -> dict[str, float]:
    """Path -> what its best units add up to, as a share of the best file's."""
    by_path: dict[str, list[float]] = defaultdict(list)
    for hit, score in scored:
        by_path[hit.path].append(score * hit.lines() / (hit.lines() + 1))
    sums = {path: sum(sorted(values)[-_FILE_UNITS:]) for path, values in by_path.items()}
    highest = max(sums.values(), default=0.0) or 1.0
    return {path: value / highest for path, value in sums.items()}


class _Names:
    """The signals that lie in names, paths and kinds alone."""

    def __init__(self, asked: Asked) -> None:
        self._words = list(asked.rarity)
        self._mentions = [parts[-1] for parts in mentioned(asked.text)] if asked.rarity else []
        self._folded = {_folded(name) for name in self._mentions}
        self._symbol = symbol_parts(asked.text) if is_symbol(asked.text) else []
        plain = query_terms(asked.text)
        self._no_tests = TEST_WORDS.isdisjoint(plain)
        self._no_examples = EXAMPLE_WORDS.isdisjoint(plain)
        self._no_legacy = LEGACY_WORDS.isdisjoint(plain)
        self._related: dict[str, frozenset[str]] = {}
        self._paths: dict[str, dict[str, float]] = {}

    def of(self, hit: Hit) -> dict[str, float]:
        definition = hit.kind not in ("module", "text")
        if hit.path not in self._paths:
            self._paths[hit.path] = self._of_path(hit.path)
        return {
            "name_words": self._share(split_identifier(hit.name)) if definition else 0.0,
            "mention": float(definition and hit.name in self._mentions),
            "mention_folded": float(definition and _folded(hit.name) in self._folded),
            "symbol": symbol_match(self._symbol, hit) if definition and self._symbol else 0.0,
            "module": _LEFTOVER.get(hit.kind, 0.0),
            "short": 1 / (1 + hit.lines()),
            **self._paths[hit.path],
        }

    def _of_path(self, path: str) -> dict[str, float]:
        *folders, name = path.split("/")
        stem = name.rpartition(".")[0] or name
        words = split_identifier("".join(folders[-1:]) if stem in _ENTRIES else stem)
        return {
            "path_words": self._share([word for part in folders for word in split_identifier(part)] + words),
            "file_words": self._share(words),
            "file_whole": sum(bool(self._asked(word)) for word in words) / len(words) if words else 0.0,
            "test": float(self._no_tests and is_test(path)),
            "example": float(self._no_examples and is_example(path)),
            "legacy": float(self._no_legacy and is_legacy(path)),
            "depth": float(len(folders)),
        }

    def _share(self, words: Iterable[str]) -> float:
        """Share of the query's words that are related to one of these."""
        if not self._words:
            return 0.0
        return len(frozenset().union(*map(self._asked, words))) / len(self._words)

    def _asked(self, word: str) -> frozenset[str]:
        """The query's words that a word is related to."""
        if word not in self._related:
            self._related[word] = frozenset(asked for asked in self._words if related(word, asked))
        return self._related[word]


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def symbol_match(wanted: Sequence[str], hit: Hit) -> float:
    """How well a unit's name is the bare symbol asked for, from 0 to 1.

    1 for a class of that name, 0.95 for another definition, 0.7 but for letter case, 0.6 for the last part of
    a qualified name alone, 0.5 for a name that begins so or is a typing error away.
    """
    have = symbol_parts(hit.qualified_name)[-len(wanted) :]
    if have == list(wanted):
        return 1.0 if hit.kind == "class" else 0.95
    if [part.lower() for part in have] == [part.lower() for part in wanted]:
        return 0.7
    name, last = hit.name.lower(), wanted[-1].lower()
    if name == last:
        return 0.6
    return 0.5 * (len(last) >= SHORTEST_PREFIX and (name.startswith(last) or is_slip(name, last)))
