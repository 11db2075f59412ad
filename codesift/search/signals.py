"""What speaks for a unit and against it, as numbers: the input of the ranking."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
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


Measure = Callable[[Hit], float]
"""The value of one signal for one candidate."""


def measure(
    asked: Asked,
    hits: Mapping[int, Hit],
    found: Mapping[int, Evidence],
    wanted: Collection[str] = SIGNALS,
) -> dict[int, dict[str, float]]:
    """Compute the signals of all candidates: unit id -> signal -> value.

    Args:
        asked: the query.
        hits: unit id -> the unit, for every candidate.
        found: unit id -> what the searches found for it, at least for the candidates.
        wanted: the signals to compute, all of `SIGNALS` by default; the others cost nothing.
    """
    measures = {
        **_Contents(asked, hits, found).measures(),
        **_name_measures(asked),
        **_path_measures(asked),
    }
    chosen = [(name, measures[name]) for name in SIGNALS if name in wanted]
    return {unit_id: {name: value_of(hit) for name, value_of in chosen} for unit_id, hit in hits.items()}


class _Contents:
    """The signals that come from the words and the vectors of the candidates."""

    def __init__(self, asked: Asked, hits: Mapping[int, Hit], found: Mapping[int, Evidence]) -> None:
        self._asked, self._hits, self._found = asked, hits, found
        shares = {has: asked.share(has) for has in {found[unit_id].has for unit_id in hits}}
        self._coverage = {unit_id: shares[found[unit_id].has] for unit_id in hits}
        bm25 = {unit_id: (found[unit_id].bm25 or 0.0) * self._coverage[unit_id] ** 0.5 for unit_id in hits}
        best = max(bm25.values(), default=0.0) or 1.0
        self._words = {unit_id: value / best for unit_id, value in bm25.items()}
        cosines = (found[unit_id].cosine for unit_id in hits)
        self._spread = _Spread([cosine for cosine in cosines if cosine is not None])

    def measures(self) -> dict[str, Measure]:
        return {
            "words": lambda hit: self._words[hit.unit_id],
            "coverage": lambda hit: self._coverage[hit.unit_id],
            "meaning": lambda hit: self._spread.standard(self._found[hit.unit_id].cosine),
            "cosine": lambda hit: self._spread.known(self._found[hit.unit_id].cosine),
            "file": lambda hit: self._file_support[hit.path],
            "file_coverage": lambda hit: self._file_coverage[hit.path],
            "common": lambda hit: math.log1p(self._found[hit.unit_id].uses),
        }

    @cached_property
    def _file_support(self) -> dict[str, float]:
        spread = self._spread
        return _file_support(
            (hit, self._words[unit_id] + spread.scaled(self._found[unit_id].cosine))
            for unit_id, hit in self._hits.items()
        )

    @cached_property
    def _file_coverage(self) -> dict[str, float]:
        together: dict[str, set[str]] = defaultdict(set)
        for unit_id, hit in self._hits.items():
            together[hit.path] |= self._found[unit_id].has
        return {path: self._asked.share(has) for path, has in together.items()}


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


class _RelatedWords:
    """The words of the query, held against the words of names and paths."""

    def __init__(self, asked: Asked) -> None:
        self._words = list(asked.rarity)
        self._related: dict[str, frozenset[str]] = {}

    def share(self, words: Iterable[str]) -> float:
        """Share of the query's words that are related to at least one of `words`."""
        if not self._words:
            return 0.0
        return len(frozenset().union(*map(self._to, words))) / len(self._words)

    def share_asked(self, words: Sequence[str]) -> float:
        """Share of `words` that are related to a word of the query."""
        return sum(bool(self._to(word)) for word in words) / len(words) if words else 0.0

    def _to(self, word: str) -> frozenset[str]:
        """The query's words that a word is related to."""
        if word not in self._related:
            self._related[word] = frozenset(asked for asked in self._words if related(word, asked))
        return self._related[word]


def _name_measures(asked: Asked) -> dict[str, Measure]:
    """The signals that come from a unit's name, kind and length."""
    words = _RelatedWords(asked)
    mentions = [parts[-1] for parts in mentioned(asked.text)] if asked.rarity else []
    folded_mentions = {_folded(name) for name in mentions}
    symbol = symbol_parts(asked.text) if is_symbol(asked.text) else []

    def for_definitions(value_of: Measure) -> Measure:
        return lambda hit: value_of(hit) if hit.kind not in ("module", "text") else 0.0

    return {
        "name_words": for_definitions(lambda hit: words.share(split_identifier(hit.name))),
        "mention": for_definitions(lambda hit: float(hit.name in mentions)),
        "mention_folded": for_definitions(lambda hit: float(_folded(hit.name) in folded_mentions)),
        "symbol": for_definitions(lambda hit: symbol_match(symbol, hit) if symbol else 0.0),
        "module": lambda hit: _LEFTOVER.get(hit.kind, 0.0),
        "short": lambda hit: 1 / (1 + hit.lines()),
    }


def _path_measures(asked: Asked) -> dict[str, Measure]:
    """The signals that come from a unit's path, each computed once for a path."""
    words = _RelatedWords(asked)
    plain = query_terms(asked.text)
    no_tests = TEST_WORDS.isdisjoint(plain)
    no_examples = EXAMPLE_WORDS.isdisjoint(plain)
    no_legacy = LEGACY_WORDS.isdisjoint(plain)

    def once_a_path(value_of: Callable[[str], float]) -> Measure:
        cached = cache(value_of)
        return lambda hit: cached(hit.path)

    return {
        "path_words": once_a_path(lambda path: words.share([*_folder_words(path), *_file_words(path)])),
        "file_words": once_a_path(lambda path: words.share(_file_words(path))),
        "file_whole": once_a_path(lambda path: words.share_asked(_file_words(path))),
        "test": once_a_path(lambda path: float(no_tests and is_test(path))),
        "example": once_a_path(lambda path: float(no_examples and is_example(path))),
        "legacy": once_a_path(lambda path: float(no_legacy and is_legacy(path))),
        "depth": once_a_path(lambda path: float(path.count("/"))),
    }


def _folder_words(path: str) -> list[str]:
    return [word for folder in path.split("/")[:-1] for word in split_identifier(folder)]


def _file_words(path: str) -> list[str]:
    """The words of the file's name, or of its folder's where the name says nothing, as `index.js`."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0] or name
    return split_identifier("".join(folders[-1:]) if stem in _ENTRIES else stem)


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
