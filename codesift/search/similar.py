"""Search by code: the units most like one unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.search.answers import answer
from codesift.search.filters import Filter, select
from codesift.search.lookup import Origin
from codesift.search.nearest import Complete, compared, compared_windows, nearest
from codesift.search.overlap import bag_of, jaccard
from codesift.search.ranking import blended, by_score, shipped_model
from codesift.search.signals import Evidence, estimated_cosines
from codesift.search.sources import Sources
from codesift.types import Answer, Hit


def similar(
    origin: Origin,
    index: Index,
    settings: Settings,
    limit: int,
    only: Filter,
    min_cosine: float = -1.0,
    complete: Complete | None = None,
) -> Answer:
    """Return the units most like the origin, best first, with their source text; the origin is left out.

    Args:
        origin: the unit that the search starts from, and its vectors.
        index: the index, which is not refreshed here.
        settings: number of candidates.
        limit: maximum number of results.
        only: which units may be returned.
        min_cosine: minimum cosine of a result to the origin.
        complete: encodes candidates that have no vectors yet; without it, their drafts have to do.
    """
    sources = Sources(index, settings)
    settings = replace(settings, candidates=max(settings.candidates, limit))
    ranked = alike(origin, index, settings, only, sources, complete=complete)
    near = (hit for hit in ranked if hit.signals["meaning"] >= min_cosine)
    return answer(origin.label, islice(near, limit), index, sources)


def alike(
    origin: Origin,
    index: Index,
    settings: Settings,
    only: Filter,
    sources: Sources,
    weights: Mapping[str, float] | None = None,
    complete: Complete | None = None,
) -> list[Hit]:
    """Rank all candidates for `similar`, best first, by their cosine and by the tokens they share.

    Args:
        origin: the unit that the search starts from, and its vectors.
        index: the index, which is not refreshed here.
        settings: number of candidates.
        only: which units may be returned.
        sources: reads the code of units.
        weights: weights of `meaning` and `tokens`; those in the package if None.
        complete: encodes candidates that have no vectors yet; without it, their drafts have to do.
    """
    near = _near(origin, index, settings, only, complete)
    hits = index.catalog.hits(near)
    code = origin.code or "\n".join(sources.lines(origin.path)[origin.lines[0] - 1 : origin.lines[1]])
    origin_tokens = bag_of(code, origin.language)
    weights = weights or shipped_model().similar
    ranked = []
    for unit_id, (cosine, lines) in near.items():
        hit = hits.get(unit_id)
        if hit is not None and not _is_part(hit, origin):
            overlap = jaccard(origin_tokens, bag_of(sources.code(hit), hit.language))
            located = replace(hit, best_lines=lines or hit.best_lines)
            ranked.append(blended(located, cosine, overlap, weights))
    return sorted(ranked, key=by_score)


def _near(
    origin: Origin, index: Index, settings: Settings, only: Filter, complete: Complete | None
) -> dict[int, tuple[float, tuple[int, int] | None]]:
    """Return unit id -> (cosine to the origin, lines of the best window) of the candidates.

    The cosine of a unit without vectors is estimated from its draft, and its best window is unknown.
    """
    selection, limit, drafts = select(index, only), settings.candidates, index.primary.drafts
    by_draft = [unit_id for unit_id, _ in drafts.nearest(origin.vectors, limit, selection)]
    candidates = dict.fromkeys([*nearest(index, origin.vectors, limit, selection), *by_draft])
    near = compared(index, origin.vectors, candidates)
    waiting = [unit_id for unit_id in by_draft if unit_id not in near]
    if waiting and complete:
        near |= compared_windows(complete(waiting), origin.vectors)
    cosines = drafts.cosines(origin.vectors, candidates)
    evidence = {
        unit_id: Evidence(cosine=near[unit_id][0] if unit_id in near else None, draft=cosines.get(unit_id))
        for unit_id in candidates
    }
    return {
        unit_id: (cosine, near[unit_id][1] if unit_id in near else None)
        for unit_id, cosine in estimated_cosines(evidence).items()
        if cosine is not None
    }


def _is_part(hit: Hit, origin: Origin) -> bool:
    """Tell whether a unit is the origin itself, lies inside it, or encloses it."""
    if hit.path != origin.path:
        return False
    first, last = origin.lines
    inside = first <= hit.start_line and hit.end_line <= last
    return inside or (hit.start_line <= first and last <= hit.end_line)
