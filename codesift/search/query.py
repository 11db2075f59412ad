"""Search by text: the units that answer a question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from codesift.config import Settings
from codesift.index.opening import Index
from codesift.index.selection import Selection
from codesift.models.template import windows_of
from codesift.search.answers import answer
from codesift.search.filters import Filter, select
from codesift.search.folding import fold
from codesift.search.nearest import Complete, Near, compared, compared_windows, nearest, vector_of_unit
from codesift.search.ranking import FIELD_WEIGHTS, Ranked, RankingModel, fuse
from codesift.search.signals import MAX_USES, MIN_PREFIX_LENGTH, Evidence, QueryTerms
from codesift.search.sources import Sources
from codesift.types import Answer, Encoder, Hit, Unit
from codesift.words import is_symbol, query_terms, split_identifier, symbol_parts, terms

if TYPE_CHECKING:
    from codesift.types import Matrix

_MAX_TERMS = 64
"""Maximum number of words that a query is searched by. In a pasted snippet or a page of text, more words only
cost time."""

_SPARE_SCORES = 5
"""BM25 scores requested per requested unit. A unit that only the vector search found has its score among
them, or a score too low to matter."""

GetEncoder = Callable[[], Encoder]


@dataclass(frozen=True)
class Question:
    """A query text with its filters and search options."""

    text: str
    limit: int
    lexical: bool = True
    semantic: bool = True
    code: Unit | None = None
    """The text parsed as code, where it is code."""
    language: str = ""
    """Language of the code; empty if it is unknown."""
    filter: Filter = field(default_factory=Filter)
    fold: bool = True
    """Whether near duplicates of a better result are listed with that result instead of ranked themselves."""


def query(
    question: Question,
    index: Index,
    settings: Settings,
    open_encoder: GetEncoder,
    complete: Complete | None = None,
) -> Answer:
    """Return the units that answer a question, best first, with their source text; see `rank`."""
    ranked = rank(question, index, settings, open_encoder, complete=complete)
    sources = Sources(index, settings)
    # A search by words alone reads no vectors, and near duplicates are detected by their vectors.
    hits = ranked.hits
    if question.fold and question.semantic:
        hits = fold(hits, question.limit, vector_of_unit(index), sources.code)
    results = answer(question.text, hits[: question.limit], index, sources)
    return replace(results, judgement=ranked.judgement)


def rank(
    question: Question,
    index: Index,
    settings: Settings,
    open_encoder: GetEncoder,
    model: RankingModel | None = None,
    complete: Complete | None = None,
) -> Ranked:
    """Rank all candidates for a question, best first.

    Args:
        question: text and filters.
        index: the index, which is not refreshed here.
        settings: weights and number of candidates.
        open_encoder: called only if vectors are searched.
        model: the ranking model; the one in the package if None.
        complete: encodes candidates that have no vectors yet; without it, their drafts have to do.
    """
    found = candidates(question, index, settings, open_encoder, complete is not None)
    if complete and found.vectors:
        order = fuse(found.query, found.hits, found.evidence, settings, model).hits
        waiting = [hit.unit_id for hit in order if found.evidence[hit.unit_id].cosine is None]
        if waiting:
            found.add(compared_windows(complete(waiting), found.vectors))
    return fuse(found.query, found.hits, found.evidence, settings, model)


@dataclass(frozen=True)
class Candidates:
    """The candidates for a question, and the evidence of all searches about each."""

    query: QueryTerms
    hits: dict[int, Hit]
    evidence: dict[int, Evidence]
    vectors: list[Matrix]
    """The vectors of the question, each of shape (dimensions,)."""

    def add(self, near: Near) -> None:
        """Add the cosines of more units to the evidence."""
        for unit_id, (cosine, lines) in near.items():
            self.evidence[unit_id] = replace(self.evidence[unit_id], cosine=cosine, best_lines=lines)


def candidates(
    question: Question,
    index: Index,
    settings: Settings,
    open_encoder: GetEncoder,
    can_encode: bool = False,
) -> Candidates:
    """Collect the candidates for a question: those of the words, of the drafts and of the vectors.

    Args:
        question: text and filters.
        index: the index, which is not refreshed here.
        settings: number of candidates.
        open_encoder: called only if vectors are searched.
        can_encode: whether the question's vector is needed even if the index has nothing to compare it with.
    """
    selection = select(index, question.filter)
    catalog, limit = index.catalog, max(settings.candidates, question.limit)
    words = _query_words(question) if question.lexical else []
    by_word = index.full_text.best(words, FIELD_WEIGHTS, limit * _SPARE_SCORES, selection)
    is_comparable = can_encode or index.primary.vectors.any() or index.primary.drafts.any()
    vectors = _query_vectors(question, open_encoder()) if question.semantic and is_comparable else []
    by_vector = nearest(index, vectors, limit, selection)
    for_drafts = _aligned(question, vectors, open_encoder)
    by_draft = [unit_id for unit_id, _ in index.primary.drafts.nearest(for_drafts, limit, selection)]
    named = _named(question.text, index, selection, limit)
    found = dict.fromkeys([*(unit_id for unit_id, _ in by_word[:limit]), *by_vector, *by_draft, *named])
    hits = catalog.hits(found)
    # Each search also scores the candidates of the others, so that every candidate has all evidence.
    bm25 = dict(by_word)
    near = compared(index, vectors, hits)
    drafts = index.primary.drafts.cosines(for_drafts, hits)
    terms_of_query = QueryTerms(question.text, index.full_text.inverse_document_frequencies(words))
    units_by_word = index.full_text.having(hits, words)
    units_by_pair = index.full_text.having(hits, terms_of_query.pairs() if question.code is None else ())
    uses = _uses({hit.name for hit in hits.values()}, index)

    def evidence(unit_id: int) -> Evidence:
        cosine, lines = near.get(unit_id, (None, None))
        return Evidence(
            bm25.get(unit_id),
            _found_in(unit_id, units_by_word),
            cosine,
            lines,
            uses[hits[unit_id].name],
            drafts.get(unit_id),
            _found_in(unit_id, units_by_pair),
        )

    return Candidates(terms_of_query, hits, {unit_id: evidence(unit_id) for unit_id in hits}, vectors)


def _found_in(unit_id: int, units: Mapping[str, Collection[int]]) -> frozenset[str]:
    return frozenset(word for word, having in units.items() if unit_id in having)


def _named(text: str, index: Index, selection: Selection, limit: int) -> list[int]:
    """Find the units that a bare symbol names: neither search is sure to have them among its candidates."""
    parts = symbol_parts(text) if is_symbol(text) else []
    if not parts:
        return []
    exact = index.catalog.named(parts[-1], selection)[:limit]
    if exact or len(parts[-1]) < MIN_PREFIX_LENGTH:
        return exact
    return index.catalog.resembling(parts[-1], selection)[:limit]


def _uses(names: Iterable[str], index: Index) -> dict[str, int]:
    """Count the units that contain each name as a word: name -> number of units, at most `MAX_USES`."""
    joined = {name: "".join(split_identifier(name)) for name in names}
    frequencies = index.full_text.frequencies({word for word in joined.values() if word}, MAX_USES)
    return {name: frequencies.get(word, 0) for name, word in joined.items()}


def _query_words(question: Question) -> list[str]:
    if question.code is None:
        return query_terms(question.text)[:_MAX_TERMS]
    return list(dict.fromkeys(terms(question.code.code)))[:_MAX_TERMS]


def _aligned(question: Question, vectors: list[Matrix], open_encoder: GetEncoder) -> list[Matrix]:
    """Return the vectors that drafts are compared with. Code is compared with drafts as it is."""
    drafts = open_encoder().drafts if vectors and question.code is None else None
    return drafts.aligned(vectors) if drafts else vectors


def _query_vectors(question: Question, encoder: Encoder) -> list[Matrix]:
    if question.code is None:
        return [encoder.encode_query(question.text)]
    texts = [window.text for window in windows_of(encoder, "", question.code)]
    return list(encoder.encode(texts, question.language))
