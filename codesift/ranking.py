"""Signals -> one score. Every weight stands here, beside where it was measured.

The constants were chosen together, on the 190 + 140 questions of `python -m benchmarks quality`
(22 November 2026), by NDCG@10 by file and MRR by function; single steps are worth 0.005 to 0.03.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from codesift.config import Settings
from codesift.rules import is_test
from codesift.types import Hit
from codesift.words import is_symbol, query_terms, symbol_parts

FIELD_WEIGHTS = (2.0, 1.5, 1.0, 1.0)
"""BM25 weights of name, path, documentation, body."""
_COVERAGE_POWER = 0.5
"""BM25 lets one rare word outweigh the rest of a question; the share of its words present evens that out."""
_KIND_PRIOR = {"module": 0.5, "text": 0.8}
"""Imports, constants and macros mention much and answer little. Prose about code comes behind the code;
that weight is not measured, as the questions' repositories are code alone."""
_TEST_PRIOR = 0.8
"""Unless tests are asked for."""
_SMALL = 1.0
"""A unit of n lines counts n / (n + this): length normalisation would put one-line wrappers first."""
_FILE_SHARE = 0.2
"""How much of the score is that of the unit's file: what its best `_FILE_UNITS` units add up to."""
_FILE_UNITS = 5
_SYMBOL_WEIGHT = 3.0
"""Against 1 for all other signals: the definition comes first even where only its name speaks for it."""
_SYMBOL_MATCH = (1.0, 0.6, 0.3)
"""For being exactly the symbol asked for, but for letter case, or another unit of its last name."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the searches found for one unit; None where a search did not have it among its candidates."""

    bm25: float | None = None
    coverage: float = 0.0
    """Share of the query's words that the unit has."""
    cosine: float | None = None
    """Of its best window."""
    best_lines: tuple[int, int] | None = None
    """Lines of that window."""


def fuse(query: str, hits: Mapping[int, Hit], found: Mapping[int, Evidence], settings: Settings) -> list[Hit]:
    """Rank the candidates of a query, best first.

    Args:
        query: the text asked for; a bare symbol lifts the units of that name.
        hits: unit id -> the unit, for every candidate that still exists.
        found: unit id -> what was found for it.
        settings: `lexical_weight`, `semantic_weight`.

    Returns:
        The hits with scores between 0 and 1 and each signal's share of them.
    """
    signals = _weighted(found, settings)
    wanted = symbol_parts(query) if is_symbol(query) else []
    tests_asked = not {"test", "tests", "spec"}.isdisjoint(query_terms(query))
    own = {
        unit_id: {
            name: value * _prior(hit, bool(wanted), tests_asked) for name, value in signals[unit_id].items()
        }
        for unit_id, hit in hits.items()
    }
    support = _file_support((hit.path, sum(own[unit_id].values())) for unit_id, hit in hits.items())
    ranked = []
    for unit_id, hit in hits.items():
        shares = {name: (1 - _FILE_SHARE) * value for name, value in own[unit_id].items()}
        shares["file"] = _FILE_SHARE * support[hit.path]
        if wanted:
            shares["symbol"] = _SYMBOL_WEIGHT * _symbol_match(wanted, hit)
            shares = {name: value / (1 + _SYMBOL_WEIGHT) for name, value in shares.items()}
        shares = {name: value for name, value in shares.items() if value}
        lines = found[unit_id].best_lines or hit.best_lines
        ranked.append(replace(hit, score=sum(shares.values()), signals=shares, best_lines=lines))
    return list(_without_overlaps(sorted(ranked, key=best_first)))


def _without_overlaps(ranked: Iterable[Hit]) -> Iterator[Hit]:
    """Leave out a window of a text file that shares lines with a better one."""
    kept: dict[str, list[Hit]] = defaultdict(list)
    for hit in ranked:
        if hit.kind == "text":
            if any(hit.start_line <= k.end_line and k.start_line <= hit.end_line for k in kept[hit.path]):
                continue
            kept[hit.path].append(hit)
        yield hit


def best_first(hit: Hit) -> tuple[float, str, int]:
    """Sort key: by score, ties in the order of the files."""
    return -hit.score, hit.path, hit.start_line


def _weighted(found: Mapping[int, Evidence], settings: Settings) -> dict[int, dict[str, float]]:
    """Both searches on a common scale from 0 to 1, weighted; the weight of one that found nothing is 0."""
    words = {
        unit_id: each.bm25 * each.coverage**_COVERAGE_POWER
        for unit_id, each in found.items()
        if each.bm25 is not None
    }
    meaning = {unit_id: each.cosine for unit_id, each in found.items() if each.cosine is not None}
    word_weight = settings.lexical_weight * bool(words)
    meaning_weight = settings.semantic_weight * bool(meaning)
    total = (word_weight + meaning_weight) or 1.0
    words = _scaled(words, 0.0)
    meaning = _scaled(meaning, min(meaning.values(), default=0.0))
    return {
        unit_id: {
            "words": words.get(unit_id, 0.0) * word_weight / total,
            "meaning": meaning.get(unit_id, 0.0) * meaning_weight / total,
        }
        for unit_id in found
    }


def _scaled(values: Mapping[int, float], low: float) -> dict[int, float]:
    """Values from `low` to their highest, moved to 0 to 1."""
    span = max(values.values(), default=low) - low
    return {unit_id: (value - low) / span if span > 0 else 1.0 for unit_id, value in values.items()}


def _prior(hit: Hit, symbol_asked: bool, tests_asked: bool) -> float:
    """What is known of such units before any question is asked, from 0 to 1."""
    lines = hit.end_line - hit.start_line + 1
    # A constant has no unit of its own: its definition is among what is left of the module.
    prior = 1.0 if symbol_asked else _KIND_PRIOR.get(hit.kind, 1.0) * lines / (lines + _SMALL)
    return prior if tests_asked or not is_test(hit.path) else prior * _TEST_PRIOR


def _file_support(scores: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Path -> what its best units add up to, as a share of the best file's."""
    by_path: dict[str, list[float]] = defaultdict(list)
    for path, score in scores:
        by_path[path].append(score)
    sums = {path: sum(sorted(values)[-_FILE_UNITS:]) for path, values in by_path.items()}
    highest = max(sums.values(), default=0.0) or 1.0
    return {path: value / highest for path, value in sums.items()}


def _symbol_match(wanted: Sequence[str], hit: Hit) -> float:
    """How well a unit's name is the bare symbol asked for, one of `_SYMBOL_MATCH` or 0."""
    if hit.kind in ("module", "text"):
        return 0.0
    have = symbol_parts(hit.qualified_name)[-len(wanted) :]
    if have == list(wanted):
        return _SYMBOL_MATCH[0]
    if [part.lower() for part in have] == [part.lower() for part in wanted]:
        return _SYMBOL_MATCH[1]
    return _SYMBOL_MATCH[2] * (hit.name.lower() == wanted[-1].lower())
