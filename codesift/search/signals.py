"""Signals: numbers that speak for or against a candidate, the input of the ranking."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise
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
    "words": "BM25 by field, times the root of `coverage`, as a fraction of the best",
    "coverage": "fraction of the query's words that the unit has, weighted by idf",
    "meaning": "cosine of the best window, in standard deviations of the candidates",
    "cosine": "the same cosine as it is",
    "draft": "cosine of the draft, in standard deviations of the candidates",
    "file_draft": "mean of `draft` over the best three candidates of its file",
    "phrase": "fraction of the query's pairs of neighbouring words that are neighbours in the unit",
    "file": "sum over the best five units of its file, as a fraction of the best file's",
    "file_coverage": "fraction of the query's words among the candidates of its file, weighted by idf",
    "name_words": "fraction of the query's words that are in its name, weighted by idf",
    "class_words": "the same for what is before the name: its class or module",
    "path_words": "fraction of the query's words that are in its path",
    "file_words": "fraction of the query's words that are in the file's name",
    "file_whole": "fraction of the file name's words that are in the query",
    "mention": "the query names it",
    "mention_folded": "the query names it but for letter case and underscores",
    "symbol": "the query is its name, perhaps in words, and nothing else; see `ranking.DEFINITION_WEIGHT`",
    "module": "it is what is left of a file: imports, constants, macros; 1.5 for prose",
    "short": "1 / (1 + lines)",
    "test": "it is a test and the query does not ask for tests",
    "example": "it is an example, a benchmark or a script, and the query does not ask for them",
    "legacy": "it is an old version or code from elsewhere, and the query does not ask for it",
    "depth": "folders above its file",
    "common": "log of 1 + the number of units that use a word like its name, at most `MAX_USES`",
}
"""Name -> description. Other values than 0 to 1 have only `meaning`, `draft`, `file_draft`, `module`, `depth`
and `common`."""
PENALTY_SIGNALS = ("module", "short", "test", "example", "legacy", "depth", "common")
"""Signals whose weights are at most 0; all other weights are at least 0. Without these bounds, questions that
were written to share few words with their answers would teach that a matching name is a bad sign."""
MAX_USES = 100
MAX_PAIRS = 24
SPELLED = 0.3
"""Value of `symbol` for a definition whose name is the query in words: `read_file` for `read file`."""
MIN_PREFIX_LENGTH = 3
"""Minimum length for prefix matching of a bare symbol when no exact name exists."""
DRAFT_LINE = (0.8, 0.05)
"""Slope and offset of a line from the cosine of a question and a draft to that of the vector."""
_MIN_PAIRS = 8
"""Minimum number of units with both cosines for a line of their own."""
_MAX_SLOPE = 1.5
_FILE_UNITS = 5
_FILE_DRAFTS = 3
_MODULE_VALUES = {"module": 1.0, "text": 1.5}
"""Kind -> value of `module`. Prose about code ranks below code. By how much was not measured: the
repositories of the questions hold code alone."""
_ENTRY_FILES = ("mod", "lib", "index", "__init__", "main")
"""Stems of files that are named for their place in a folder: the folder's name describes their content."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the searches found for one unit."""

    bm25: float | None = None
    """BM25 score; None where the unit has none of the words, or words were not searched."""
    terms: frozenset[str] = frozenset()
    """Words of the query that the unit has."""
    cosine: float | None = None
    """Cosine of the best window; None where the unit has no vector yet, or vectors were not searched."""
    best_lines: tuple[int, int] | None = None
    """Lines of that window."""
    uses: int = 0
    """Number of units that have the words of its name as one term, at most `MAX_USES`."""
    draft: float | None = None
    """Cosine of its draft; None where it has none, or vectors were not searched."""
    phrases: frozenset[str] = frozenset()
    """Those of `QueryTerms.pairs` that the unit has."""


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """A query with the weights of its words."""

    text: str
    idf: Mapping[str, float]
    """Word -> inverse document frequency; empty where words are not searched."""

    def is_stop_words_only(self) -> bool:
        """Return whether the query has words, and all of them are stop words."""
        return bool(self.idf) and STOP_WORDS.issuperset(self.idf)

    def coverage(self, words: Iterable[str]) -> float:
        """Return the fraction of the query's words that are among `words`, weighted by idf.

        Args:
            words: words of the query, each once.
        """
        total = sum(self.idf.values())
        return sum(self.idf[word] for word in words) / total if total else 0.0

    def pairs(self) -> dict[str, float]:
        """Return the pairs of neighbouring words, each as `first second` -> the sum of their idf.

        Of more than `MAX_PAIRS` the last ones are left out: each is looked up.
        """
        pairs = [pair for pair in pairwise(self.idf) if not STOP_WORDS.issuperset(pair)][:MAX_PAIRS]
        return {f"{first} {second}": self.idf[first] + self.idf[second] for first, second in pairs}


Measure = Callable[[Hit], float]
"""Computes the value of one signal for one candidate."""


def measure(
    query: QueryTerms,
    hits: Mapping[int, Hit],
    evidence: Mapping[int, Evidence],
    wanted: Collection[str] = SIGNALS,
) -> dict[int, dict[str, float]]:
    """Compute the signals of all candidates: unit id -> signal -> value.

    Args:
        query: the query.
        hits: unit id -> the unit, for every candidate.
        evidence: unit id -> what the searches found for it, at least for the candidates.
        wanted: the signals to compute, all of `SIGNALS` by default; the others cost nothing.
    """
    measures = {
        **_ContentMeasures(query, hits, evidence).by_signal(),
        **_name_measures(query),
        **_path_measures(query),
    }
    chosen = [(name, measures[name]) for name in SIGNALS if name in wanted]
    return {unit_id: {name: value_of(hit) for name, value_of in chosen} for unit_id, hit in hits.items()}


class _ContentMeasures:
    """The signals that come from the words and the vectors of the candidates."""

    def __init__(self, query: QueryTerms, hits: Mapping[int, Hit], evidence: Mapping[int, Evidence]) -> None:
        self._query, self._hits, self._evidence = query, hits, evidence
        by_terms = {terms: query.coverage(terms) for terms in {evidence[unit_id].terms for unit_id in hits}}
        self._coverage = {unit_id: by_terms[evidence[unit_id].terms] for unit_id in hits}
        lexical = {
            unit_id: (evidence[unit_id].bm25 or 0.0) * self._coverage[unit_id] ** 0.5 for unit_id in hits
        }
        best = max(lexical.values(), default=0.0) or 1.0
        self._words = {unit_id: value / best for unit_id, value in lexical.items()}
        self._cosine_of = estimated_cosines({unit_id: evidence[unit_id] for unit_id in hits})
        self._cosines = _Cosines([cosine for cosine in self._cosine_of.values() if cosine is not None])
        drafts = {unit_id: evidence[unit_id].draft for unit_id in hits}
        self._draft_of = drafts
        self._drafts = _Cosines([draft for draft in drafts.values() if draft is not None])

    def by_signal(self) -> dict[str, Measure]:
        return {
            "words": lambda hit: self._words[hit.unit_id],
            "coverage": lambda hit: self._coverage[hit.unit_id],
            "meaning": lambda hit: self._cosines.standardized(self._cosine_of[hit.unit_id]),
            "cosine": lambda hit: self._cosines.filled(self._cosine_of[hit.unit_id]),
            "draft": self._draft,
            "file_draft": lambda hit: self._file_draft[hit.path],
            "phrase": lambda hit: sum(map(self._pairs.__getitem__, self._evidence[hit.unit_id].phrases)),
            "file": lambda hit: self._file_support[hit.path],
            "file_coverage": lambda hit: self._file_coverage[hit.path],
            "common": lambda hit: math.log1p(self._evidence[hit.unit_id].uses),
        }

    def _draft(self, hit: Hit) -> float:
        return self._drafts.standardized(self._draft_of[hit.unit_id])

    @cached_property
    def _pairs(self) -> dict[str, float]:
        """Pair of words -> its share of the value of all pairs."""
        pairs = self._query.pairs()
        total = sum(pairs.values()) or 1.0
        return {pair: value / total for pair, value in pairs.items()}

    @cached_property
    def _file_draft(self) -> dict[str, float]:
        by_path: dict[str, list[float]] = defaultdict(list)
        for hit in self._hits.values():
            by_path[hit.path].append(self._draft(hit))
        return {path: fmean(sorted(values)[-_FILE_DRAFTS:]) for path, values in by_path.items()}

    @cached_property
    def _file_support(self) -> dict[str, float]:
        """Path -> sum over its best units, as a fraction of the best file's."""
        by_path: dict[str, list[float]] = defaultdict(list)
        for unit_id, hit in self._hits.items():
            value = self._words[unit_id] + self._cosines.scaled(self._cosine_of[unit_id])
            by_path[hit.path].append(value * hit.lines() / (hit.lines() + 1))
        sums = {path: sum(sorted(values)[-_FILE_UNITS:]) for path, values in by_path.items()}
        highest = max(sums.values(), default=0.0) or 1.0
        return {path: value / highest for path, value in sums.items()}

    @cached_property
    def _file_coverage(self) -> dict[str, float]:
        """Path -> coverage of the query by all candidates of the file together."""
        by_path: dict[str, set[str]] = defaultdict(set)
        for unit_id, hit in self._hits.items():
            by_path[hit.path] |= self._evidence[unit_id].terms
        return {path: self._query.coverage(terms) for path, terms in by_path.items()}


def estimated_cosines(evidence: Mapping[int, Evidence]) -> dict[int, float | None]:
    """Return unit id -> cosine; where there is only that of the draft, an estimate from it.

    The estimate is a line through the units that have both cosines; with too few of those, a line that was
    fitted on many questions.
    """
    both = [
        (each.draft, each.cosine)
        for each in evidence.values()
        if each.draft is not None and each.cosine is not None
    ]
    slope, offset = _line(both) if len(both) >= _MIN_PAIRS else DRAFT_LINE

    def cosine(each: Evidence) -> float | None:
        if each.cosine is not None or each.draft is None:
            return each.cosine
        return slope * each.draft + offset

    return {unit_id: cosine(each) for unit_id, each in evidence.items()}


def _line(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Fit a line through points by least squares: slope, offset. The slope is neither negative nor steep."""
    mean_x, deviation = _moments([x for x, _ in pairs])
    mean_y = fmean(y for _, y in pairs)
    covariance = fmean((x - mean_x) * (y - mean_y) for x, y in pairs)
    slope = covariance / deviation**2 if deviation > 1e-6 else DRAFT_LINE[0]
    slope = min(max(slope, 0.0), _MAX_SLOPE)
    return slope, mean_y - slope * mean_x


class _Cosines:
    """The distribution of the candidates' cosines; a missing cosine counts as the lowest one."""

    def __init__(self, cosines: Sequence[float]) -> None:
        self._low, self._high = (min(cosines), max(cosines)) if cosines else (0.0, 0.0)
        self._mean, self._deviation = _moments(cosines) if cosines else (0.0, 0.0)

    def filled(self, cosine: float | None) -> float:
        """The cosine, or the lowest one where it is missing."""
        return self._low if cosine is None else cosine

    def scaled(self, cosine: float | None) -> float:
        """The cosine scaled to 0 for the lowest and 1 for the highest."""
        span = self._high - self._low
        return (self.filled(cosine) - self._low) / span if span > 0 else 0.0

    def standardized(self, cosine: float | None) -> float:
        """The cosine in standard deviations from the mean."""
        return (self.filled(cosine) - self._mean) / self._deviation if self._deviation > 0 else 0.0


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation. (`statistics` computes the latter in exact fractions, five times
    slower.)"""
    mean = fmean(values)
    return mean, math.sqrt(fmean((value - mean) ** 2 for value in values))


class _WordMatcher:
    """Matches the words of names and paths with related words of the query."""

    def __init__(self, query: QueryTerms) -> None:
        self._query, self._query_words = query, list(query.idf)
        self._related: dict[str, frozenset[str]] = {}

    def query_fraction(self, words: Iterable[str]) -> float:
        """Fraction of the query's words that are related to at least one of `words`."""
        if not self._query_words:
            return 0.0
        return len(frozenset().union(*map(self._related_to, words))) / len(self._query_words)

    def coverage(self, words: Iterable[str]) -> float:
        """The same, weighted by idf."""
        return self._query.coverage(frozenset().union(*map(self._related_to, words)))

    def fraction(self, words: Sequence[str]) -> float:
        """Fraction of `words` that are related to a word of the query."""
        return sum(bool(self._related_to(word)) for word in words) / len(words) if words else 0.0

    def _related_to(self, word: str) -> frozenset[str]:
        """The query's words that a word is related to."""
        if word not in self._related:
            self._related[word] = frozenset(each for each in self._query_words if related(word, each))
        return self._related[word]


def _name_measures(query: QueryTerms) -> dict[str, Measure]:
    """The signals that come from a unit's name, kind and length."""
    matcher = _WordMatcher(query)
    mentions = [parts[-1] for parts in mentioned(query.text)] if query.idf else []
    folded_mentions = {_folded(name) for name in mentions}
    symbol = symbol_parts(query.text) if is_symbol(query.text) else []
    spelled = query.text.lower().split()

    def as_symbol(hit: Hit) -> float:
        if symbol:
            return symbol_match(symbol, hit)
        return SPELLED if len(spelled) > 1 and split_identifier(hit.name) == spelled else 0.0

    def for_definitions(value_of: Measure) -> Measure:
        return lambda hit: value_of(hit) if hit.kind not in ("module", "text") else 0.0

    return {
        "name_words": for_definitions(lambda hit: matcher.coverage(split_identifier(hit.name))),
        "class_words": for_definitions(lambda hit: matcher.coverage(split_identifier(_qualifier(hit)))),
        "mention": for_definitions(lambda hit: float(hit.name in mentions)),
        "mention_folded": for_definitions(lambda hit: float(_folded(hit.name) in folded_mentions)),
        "symbol": for_definitions(as_symbol),
        "module": lambda hit: _MODULE_VALUES.get(hit.kind, 0.0),
        "short": lambda hit: 1 / (1 + hit.lines()),
    }


def _path_measures(query: QueryTerms) -> dict[str, Measure]:
    """The signals that come from a unit's path; each is computed once for a path."""
    matcher = _WordMatcher(query)
    words = query_terms(query.text)
    no_tests = TEST_WORDS.isdisjoint(words)
    no_examples = EXAMPLE_WORDS.isdisjoint(words)
    no_legacy = LEGACY_WORDS.isdisjoint(words)

    def by_path(value_of: Callable[[str], float]) -> Measure:
        cached = cache(value_of)
        return lambda hit: cached(hit.path)

    return {
        "path_words": by_path(lambda path: matcher.query_fraction(_folder_words(path) + _file_words(path))),
        "file_words": by_path(lambda path: matcher.query_fraction(_file_words(path))),
        "file_whole": by_path(lambda path: matcher.fraction(_file_words(path))),
        "test": by_path(lambda path: float(no_tests and is_test(path))),
        "example": by_path(lambda path: float(no_examples and is_example(path))),
        "legacy": by_path(lambda path: float(no_legacy and is_legacy(path))),
        "depth": by_path(lambda path: float(path.count("/"))),
    }


def _qualifier(hit: Hit) -> str:
    return hit.qualified_name.removesuffix(hit.name)


def _folder_words(path: str) -> list[str]:
    return [word for folder in path.split("/")[:-1] for word in split_identifier(folder)]


def _file_words(path: str) -> list[str]:
    """The words of a file's name; those of its folder's name for a file like `index.js`."""
    *folders, name = path.split("/")
    stem = name.rpartition(".")[0] or name
    return split_identifier("".join(folders[-1:]) if stem in _ENTRY_FILES else stem)


def _folded(name: str) -> str:
    return name.lower().replace("_", "")


def symbol_match(symbol: Sequence[str], hit: Hit) -> float:
    """Rate how well a unit's name matches a bare symbol, from 0 to 1.

    It is 1 for a class of that name, 0.95 for another definition, 0.7 if the letter case differs, 0.6 if only
    the last part of a qualified name is the same, 0.5 if the name begins with the symbol or is one typing
    error away from it.
    """
    name_parts = symbol_parts(hit.qualified_name)[-len(symbol) :]
    if name_parts == list(symbol):
        return 1.0 if hit.kind == "class" else 0.95
    if [part.lower() for part in name_parts] == [part.lower() for part in symbol]:
        return 0.7
    name, last = hit.name.lower(), symbol[-1].lower()
    if name == last:
        return 0.6
    return 0.5 * (len(last) >= MIN_PREFIX_LENGTH and (name.startswith(last) or is_slip(name, last)))
