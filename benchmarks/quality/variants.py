"""codesift and its variants: each is one row of `VARIANTS`."""

from __future__ import annotations

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import codesift
from benchmarks.processes import codesift as command
from benchmarks.quality.cold import cold
from benchmarks.quality.systems import DEPTH, HIDDEN, Ranking, Result, Searcher, System
from codesift.config import load_settings
from codesift.encoders import open_encoder
from codesift.index.opening import Index
from codesift.search.query import Question, rank
from codesift.search.ranking import RankingModel, shipped_model
from codesift.types import Encoder, Hit, Window
from evaluation.files import copy_tree, files_digest
from evaluation.folds import FOLDS, folds
from evaluation.repositories.bench import Bench

T = TypeVar("T")


def _shipped(index: Index) -> RankingModel:
    """The weights in the package."""
    return shipped_model()


def _without(*signals: str) -> Callable[[Index], RankingModel]:
    """Those with signals taken away and the other weights as they are."""
    return lambda index: shipped_model().without(*signals)


def _validated(index: Index) -> RankingModel:
    """Weights that were not fitted on this repository: the shipped ones where none were."""
    return folds().get(index.root.name, shipped_model())


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run codesift."""

    name: str
    about: str
    lexical: bool = True
    semantic: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What differs from the defaults, by name of the setting."""
    index: str = "shipped"
    """Variants with the same value share their indexes; another one where settings change what is stored."""
    model: Callable[[Index], RankingModel] = _shipped
    """The weights an index is searched with: the tool's own, or those with something taken away."""
    first_windows: bool = False
    """Whether of each unit only what fits the encoder at once is encoded."""
    ablation: bool = False
    """Asked only if it is named, or with `--ablations`."""


ABLATED = {
    "bm25": ("words", "coverage", "file_coverage"),
    "cosine": ("meaning", "cosine"),
    "file": ("file",),
    "names": ("name_words", "path_words", "file_words", "file_whole"),
    "mentions": ("mention", "mention_folded"),
    "symbol": ("symbol",),
    "size": ("module", "short"),
    "tests": ("test", "example", "legacy"),
    "depth": ("depth",),
    "common": ("common",),
}
"""What is taken away together -> its signals."""

VARIANTS = (
    Variant("codesift", "words and vectors"),
    Variant("codesift-words", "words alone", semantic=False),
    Variant("codesift-vectors", "vectors alone", lexical=False),
    Variant(
        "codesift-base", "no language adapters", settings={"adapters": False}, index="base", ablation=True
    ),
    Variant(
        "codesift-no-windows",
        "one window of each unit: what does not fit the encoder is not encoded",
        index="first-windows",
        first_windows=True,
        ablation=True,
    ),
    Variant("codesift-validated", "weights fitted on all other repositories", model=_validated),
    *(
        Variant(
            f"codesift-no-{name}", f"without {', '.join(signals)}", model=_without(*signals), ablation=True
        )
        for name, signals in ABLATED.items()
    ),
)


class FirstWindows:
    """An encoder that cuts off what does not fit its window."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """The first of the encoder's windows."""
        return self._encoder.windows(head, body, first_line)[:1]


class VariantSearcher:
    """A variant with the index of one repository open."""

    def __init__(self, variant: Variant, bench: Bench, index: Index, index_seconds: float) -> None:
        self._variant, self.bench, self.index = variant, bench, index
        self.index_seconds = index_seconds

    def ask(self, query: str) -> Ranking:
        question = Question(query, 0, self._variant.lexical, self._variant.semantic)
        started = time.perf_counter()
        ranked = rank(
            question, self.index, self.bench.settings, self._encoder, self._variant.model(self.index)
        )
        seconds = time.perf_counter() - started
        return _ranking(ranked.hits, ranked.judgement.confidence, seconds, not ranked.judgement.matches)

    def _encoder(self) -> Encoder:
        return self.bench.encoder(self.index.primary.space)

    def alike(self, source: Result) -> Ranking | None:
        if not self._variant.semantic:
            return None
        started = time.perf_counter()
        row = {"path": source.path, "start_line": source.start_line, "end_line": source.end_line}
        hits = self.bench.alike(self.index, row, self._variant.model(self.index).similar)
        seconds = time.perf_counter() - started
        return _ranking(hits, hits[0].score if hits else None, seconds)

    def cold_seconds(self, query: str) -> float | None:
        if self._variant != VARIANTS[0]:
            return None
        return cold(command("query", "--plain", "--", query), self.index.root)


class Codesift:
    """A variant as a system; its indexes lie in copies of the repositories below the work folder."""

    def __init__(
        self, variant: Variant, work: Path, opening: Callable[[Any], Encoder] = open_encoder
    ) -> None:
        self._variant, self._work = variant, work
        self._opening = (lambda space: FirstWindows(opening(space))) if variant.first_windows else opening
        self.name, self.about = variant.name, f"codesift, {variant.about}; in this process, index open"

    @property
    def version(self) -> str:
        asking = files_digest(Path(__file__), Path(inspect.getfile(Bench)), FOLDS)
        return f"{codesift.__version__} {_sources()} {asking}"

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        corpora = self._work / "codesift" / self._variant.index
        folder = corpora / repository.name
        copy_tree(repository, folder, HIDDEN)
        bench = Bench(corpora, load_settings(corpora, {}, self._variant.settings), opening=self._opening)
        seconds = self._prepare(bench, folder)
        found: T = bench.on(
            repository.name, lambda index: work(VariantSearcher(self._variant, bench, index, seconds))
        )
        return found

    def _prepare(self, bench: Bench, folder: Path) -> float:
        """Seconds of the full index, noted beside the copy: later it is only brought up to date."""
        note = folder.with_name(f"{folder.name}.index.json")
        if note.is_file():
            return float(json.loads(note.read_text(encoding="utf-8"))["seconds"])
        started = time.perf_counter()
        bench.on(folder.name, lambda index: None)
        seconds = time.perf_counter() - started
        note.write_text(json.dumps({"seconds": round(seconds, 3)}) + "\n", encoding="utf-8")
        return seconds


def variants(work: Path) -> list[tuple[System, bool]]:
    """Every variant, and whether it is an ablation."""
    return [(Codesift(variant, work), variant.ablation) for variant in VARIANTS]


def _ranking(hits: Sequence[Hit], confidence: float | None, seconds: float, nothing: bool = False) -> Ranking:
    results = tuple(Result(hit.path, hit.start_line, hit.end_line) for hit in hits[:DEPTH])
    return Ranking(results, confidence if results else None, seconds, nothing or not results)


@cache
def _sources() -> str:
    """Stands for the package as it is now, uncommitted changes and adapters included."""
    root = Path(codesift.__file__).parent
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    state = hashlib.sha256()
    for path in files:
        state.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return state.hexdigest()[:12]
