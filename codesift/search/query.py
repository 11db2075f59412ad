"""The two searches: `query` by text, `similar` by code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.models.template import windows_of
from codesift.search.filters import Filter, choose
from codesift.search.folding import fold
from codesift.search.lookup import Origin
from codesift.search.overlap import bag_of, jaccard
from codesift.search.ranking import (
    FIELD_WEIGHTS,
    Ranked,
    RankingModel,
    blended,
    by_score,
    fuse,
    shipped_model,
)
from codesift.search.signals import MAX_USES, MIN_PREFIX_LENGTH, Evidence, QueryTerms
from codesift.search.sources import Sources
from codesift.types import Answer, Encoder, Hit, Unit
from codesift.words import is_symbol, query_terms, split_identifier, symbol_parts, terms

if TYPE_CHECKING:
    from codesift.index.scan import Found
    from codesift.types import Matrix

_MOST_TERMS = 64
"""A pasted snippet or a page of text is searched by this many of its words: more only cost time."""
_SPARE_FACTOR = 2
"""Vectors asked of the graph for each unit wanted: several windows may belong to one unit."""

_GRAPH_SHARE = 0.3
"""With a smaller share of units passing the filters, all of those are compared instead."""

_MANY_LINES = 2000
"""Lines above which only those that hold a word as it is are taken apart into terms: that takes a tenth."""
_AROUND = 10
"""Lines shown on each side of a line that was found by its words alone."""
_SPARE_SCORES = 5
"""BM25 scores asked for each unit wanted: one that only the vectors found has its score among them, or it is
too low to matter."""

OpenEncoder = Callable[[], Encoder]
Near = dict[int, tuple[float, tuple[int, int]]]
"""Unit id -> (cosine of its best window to the best vector asked, that window's lines)."""


@dataclass(frozen=True)
class Question:
    """What is asked of `query`."""

    text: str
    limit: int
    lexical: bool = True
    semantic: bool = True
    code: Unit | None = None
    """The text parsed as code, where it is code."""
    language: str = ""
    """Of the code; empty where that is not known."""
    filter: Filter = field(default_factory=Filter)
    fold: bool = True
    """Whether results that are nearly the same code as a better one are named there only."""


def query(question: Question, index: Index, settings: Settings, open_encoder: OpenEncoder) -> Answer:
    """Units that answer a question, best first, with their source text; see `rank`."""
    ranked = rank(question, index, settings, open_encoder)
    sources = Sources(index, settings)
    # A search by words alone reads no vectors, and what is nearly the same is not known without.
    hits = ranked.hits
    if question.fold and question.semantic:
        hits = fold(hits, question.limit, index.vectors.mean_of_unit, sources.code)
    found = answer(question.text, hits[: question.limit], index, sources)
    return replace(found, judgement=ranked.judgement)


def rank(
    question: Question,
    index: Index,
    settings: Settings,
    open_encoder: OpenEncoder,
    model: RankingModel | None = None,
) -> Ranked:
    """All candidates for a question, best first.

    Args:
        question: text and filters.
        index: searched as it is; refresh it before.
        settings: weights and number of candidates.
        open_encoder: called only if vectors are searched.
        model: weights other than those of the package.
    """
    return fuse(*candidates(question, index, settings, open_encoder), settings, model)


def candidates(
    question: Question, index: Index, settings: Settings, open_encoder: OpenEncoder
) -> tuple[QueryTerms, dict[int, Hit], dict[int, Evidence]]:
    """The units that may answer a question, and all that the searches know of each: see `fuse`."""
    share = choose(index, question.filter)
    catalog, limit = index.catalog, max(settings.candidates, question.limit)
    words = _query_words(question) if question.lexical else []
    matched = index.lexicon.best(words, FIELD_WEIGHTS, limit * _SPARE_SCORES, share)
    vectors = _query_vectors(question, open_encoder()) if question.semantic and index.vectors.any() else []
    found = nearest(index, vectors, limit, share)
    named = _named(question.text, index, share < 1, limit)
    hits = catalog.hits(dict.fromkeys([*(unit_id for unit_id, _ in matched[:limit]), *found, *named]))
    # Each search is asked about what only the other found, so that both speak of every candidate.
    bm25 = dict(matched)
    near = compared(index, vectors, hits)
    having = index.lexicon.having(hits, words)
    uses = _uses({hit.name for hit in hits.values()}, index)

    def evidence(unit_id: int) -> Evidence:
        has = frozenset(word for word, those in having.items() if unit_id in those)
        cosine, lines = near.get(unit_id, (None, None))
        return Evidence(bm25.get(unit_id), has, cosine, lines, uses[hits[unit_id].name])

    asked = QueryTerms(question.text, index.lexicon.rarities(words))
    return asked, hits, {unit_id: evidence(unit_id) for unit_id in hits}


def _named(text: str, index: Index, chosen: bool, limit: int) -> list[int]:
    """Units that a bare symbol names: neither search is sure to have them among its candidates."""
    parts = symbol_parts(text) if is_symbol(text) else []
    if not parts:
        return []
    exact = index.catalog.named(parts[-1], chosen)[:limit]
    if exact or len(parts[-1]) < MIN_PREFIX_LENGTH:
        return exact
    return index.catalog.resembling(parts[-1], chosen)[:limit]


def _uses(names: Iterable[str], index: Index) -> dict[str, int]:
    """Name -> units that have it as a word."""
    joined = {name: "".join(split_identifier(name)) for name in names}
    known = index.lexicon.frequencies({word for word in joined.values() if word}, MAX_USES)
    return {name: known.get(word, 0) for name, word in joined.items()}


def similar(
    origin: Origin, index: Index, settings: Settings, limit: int, only: Filter, least: float = -1.0
) -> Answer:
    """Units most like one unit, itself left out, best first, with their source text.

    Args:
        origin: the unit and its vectors.
        index: searched as it is.
        settings: number of candidates.
        limit: at most this many results.
        only: which units may be returned.
        least: leave out what has a lower cosine.
    """
    sources = Sources(index, settings)
    settings = replace(settings, candidates=max(settings.candidates, limit))
    near = (hit for hit in alike(origin, index, settings, only, sources) if hit.signals["meaning"] >= least)
    return answer(origin.asked, islice(near, limit), index, sources)


def alike(
    origin: Origin,
    index: Index,
    settings: Settings,
    only: Filter,
    sources: Sources,
    weights: Mapping[str, float] | None = None,
) -> list[Hit]:
    """All candidates for `similar`, best first: by cosine and by the tokens they have in common.

    Args:
        origin: the unit and its vectors.
        index: searched as it is.
        settings: number of candidates.
        only: which units may be returned.
        sources: where code is read.
        weights: of `meaning` and `tokens`, other than those of the package.
    """
    found = nearest(index, origin.vectors, settings.candidates, choose(index, only))
    near = compared(index, origin.vectors, found)
    hits = index.catalog.hits(near)
    code = origin.code or "\n".join(sources.lines(origin.path)[origin.lines[0] - 1 : origin.lines[1]])
    own = bag_of(code, origin.language)
    weights = weights or shipped_model().similar
    ranked = []
    for unit_id, (cosine, lines) in near.items():
        hit = hits.get(unit_id)
        if hit is not None and not _is_part(hit, origin):
            common = jaccard(own, bag_of(sources.code(hit), hit.language))
            ranked.append(blended(replace(hit, best_lines=lines), cosine, common, weights))
    return sorted(ranked, key=by_score)


def _is_part(hit: Hit, origin: Origin) -> bool:
    """Whether a unit is the origin itself, lies inside it, or holds it."""
    if hit.path != origin.path:
        return False
    first, last = origin.lines
    inside = first <= hit.start_line and hit.end_line <= last
    return inside or (hit.start_line <= first and last <= hit.end_line)


def nearest(index: Index, vectors: Sequence[Matrix], limit: int, share: float) -> list[int]:
    """Ids of the units whose best windows are nearest to the best of the given vectors, best first.

    Args:
        index: searched as it is.
        vectors: each of shape (dimensions,), length 1.
        limit: at most this many units.
        share: of the units that pass the filters, from `choose`.
    """
    best: dict[int, float] = {}
    for vector in vectors:
        found = _search(index, vector, limit, share)
        windows = index.vectors.matches([vector_id for vector_id, _ in found], share < 1)
        for vector_id, cosine in found:
            for window in windows.get(vector_id, []):
                best[window.unit_id] = max(cosine, best.get(window.unit_id, -2.0))
    return sorted(best, key=lambda unit_id: (-best[unit_id], unit_id))[:limit]


def compared(index: Index, vectors: Sequence[Matrix], unit_ids: Iterable[int]) -> Near:
    """How near units are; those without a vector are left out.

    The last digits are the same whether the graph, a scan of its file or one of the database found them.
    """
    near: Near = {}
    if vectors:
        import numpy as np

        for windows, data in index.vectors.of_units(unit_ids):
            cosines = (data @ np.stack(vectors).T).max(axis=1)
            for window, cosine in zip(windows, cosines.tolist(), strict=True):
                if window.unit_id not in near or cosine > near[window.unit_id][0]:
                    near[window.unit_id] = cosine, (window.start_line, window.end_line)
    return near


def _search(index: Index, vector: Matrix, limit: int, share: float) -> Found:
    """Vectors near to one vector; exactly where filters leave too few for the graph to find them."""
    limit *= _SPARE_FACTOR
    if share >= _GRAPH_SHARE:
        return index.graph.search(vector, round(limit / share))
    from codesift.index.scan import exact

    return exact(index.vectors.blocks(chosen=True), vector, limit)


def _query_words(question: Question) -> list[str]:
    if question.code is None:
        return query_terms(question.text)[:_MOST_TERMS]
    return list(dict.fromkeys(terms(question.code.code)))[:_MOST_TERMS]


def _query_vectors(question: Question, encoder: Encoder) -> list[Matrix]:
    if question.code is None:
        return [encoder.encode_query(question.text)]
    texts = [window.text for window in windows_of(encoder, "", question.code)]
    return list(encoder.encode(texts, question.language))


# -- results --------------------------------------------------------------------------------------


def answer(asked: str, hits: Iterable[Hit], index: Index, sources: Sources) -> Answer:
    """Results with their source text, read from the files as they are now.

    Raises:
        DamagedIndexError: what the index holds of their files is not as it was stored.
    """
    words = set(terms(asked))
    hits = list(hits)
    index.catalog.verify(hit.path for hit in hits)
    shown = tuple(_with_code(hit, sources.lines(hit.path), words) for hit in hits)
    _, units = index.catalog.counts()
    return Answer(asked, str(index.root), units, index.vectors.ready(), shown)


def _with_code(hit: Hit, lines: Sequence[str], words: set[str]) -> Hit:
    """The hit with its code, and the line of its best window that has most of the words."""
    first, last = hit.best_lines
    focus = _focus(lines, first, last, words)
    if not focus:
        # Of a very long unit only the first windows have vectors; its words may stand behind them.
        focus = _focus(lines, hit.start_line, hit.end_line, words)
        if focus:
            around = max(focus - _AROUND, hit.start_line), min(focus + _AROUND, hit.end_line)
            hit = replace(hit, best_lines=around)
    code = "\n".join(lines[hit.start_line - 1 : hit.end_line])
    return replace(hit, focus_line=focus or first, code=code)


def _focus(lines: Sequence[str], first: int, last: int, words: set[str]) -> int:
    """The line from `first` to `last` that has most of the words; 0 if none has one."""
    best, most = 0, 0
    many = last - first > _MANY_LINES
    for number, line in enumerate(lines[first - 1 : last], first):
        if many and not any(word in line.lower() for word in words):
            continue
        shared = len(words.intersection(terms(line)))
        if shared > most:
            best, most = number, shared
    return best
