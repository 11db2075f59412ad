"""Signals -> one score. Every weight stands here, beside where it was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from codesift.config import Settings
from codesift.types import Hit
from codesift.words import is_symbol, symbol_parts

FIELD_WEIGHTS = (2.0, 1.5, 1.0, 1.0)
"""BM25 weights of name, path, documentation, body."""
_RANK_OFFSET = 60.0
"""Reciprocal rank fusion's constant (Cormack, Clarke, Buettcher 2009, section 2)."""
_SYMBOL_SHARE = (1.0, 0.9, 0.5)
"""Of all a unit could get without it, for being exactly the symbol asked for, but for letter case, or
another unit of its last name. The definition comes first even where only its name speaks for it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the searches found for one unit."""

    lexical_rank: int | None = None
    """0 is the best by BM25; None: not among the candidates."""
    semantic_rank: int | None = None
    """0 is the best by cosine; None: not among the candidates."""
    best_lines: tuple[int, int] | None = None
    """Lines of the window with the highest cosine."""


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
    wanted = symbol_parts(query) if is_symbol(query) else []
    rest = settings.lexical_weight + settings.semantic_weight
    best = rest * (1 + _SYMBOL_SHARE[0] if wanted else 1)
    ranked = []
    for unit_id, hit in hits.items():
        evidence = found[unit_id]
        signals = {
            "words": settings.lexical_weight * _reciprocal(evidence.lexical_rank),
            "meaning": settings.semantic_weight * _reciprocal(evidence.semantic_rank),
            "symbol": rest * _symbol_match(wanted, hit),
        }
        shares = {name: value / (best or 1.0) for name, value in signals.items() if value}
        lines = evidence.best_lines or hit.best_lines
        ranked.append(replace(hit, score=sum(shares.values()), signals=shares, best_lines=lines))
    return sorted(ranked, key=best_first)


def best_first(hit: Hit) -> tuple[float, str, int]:
    """Sort key: by score, ties in the order of the files."""
    return -hit.score, hit.path, hit.start_line


def _reciprocal(rank: int | None) -> float:
    return 0.0 if rank is None else (_RANK_OFFSET + 1) / (_RANK_OFFSET + 1 + rank)


def _symbol_match(wanted: Sequence[str], hit: Hit) -> float:
    """How well a unit's name is the bare symbol asked for, one of `_SYMBOL_SHARE` or 0."""
    if not wanted or hit.kind in ("module", "text"):
        return 0.0
    have = symbol_parts(hit.qualified_name)
    if have[-len(wanted) :] == list(wanted):
        return _SYMBOL_SHARE[0]
    if [part.lower() for part in have[-len(wanted) :]] == [part.lower() for part in wanted]:
        return _SYMBOL_SHARE[1]
    return _SYMBOL_SHARE[2] * (hit.name.lower() == wanted[-1].lower())
