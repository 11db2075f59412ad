"""Records that pass between the rooms, and the ports that the core is written against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float32]
    """One vector in each row: shape (n, dimensions)."""
    Vector = NDArray[np.float32]
    """One vector: shape (dimensions,)."""
    DraftRows = NDArray[np.int8]
    """One draft in each row: shape (n, dimensions)."""

KINDS = ("function", "method", "class", "module", "text")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that the walk selected for indexing."""

    path: str
    """Path from the root, with forward slashes."""
    absolute: str
    """Path for opening the file."""
    language: str
    """Name of a row of `languages.LANGUAGES`."""
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A part of a file that is one result of a search: a function, a method, the head of a class, ..."""

    kind: str
    """One of `KINDS`."""
    name: str
    """For example `close`."""
    qualified_name: str
    """Name within its file, for example `Connection.close`."""
    start_line: int
    """First line of the definition with its decorators, counted from 1."""
    end_line: int
    """Last line, inclusive. For a class the last line of its head."""
    start_byte: int
    end_byte: int
    """Bytes `start_byte:end_byte` of the file hold the definition (for a class: its head)."""
    signature: str
    """The declaration on one line, without body; empty for `module` and `text`."""
    documentation: str
    """Docstring or leading comment, comment marks removed; empty if there is none."""
    code: str
    """Source text of the definition, without the documentation where the two can be told apart."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a unit that fits the encoder."""

    text: str
    """The exact text that is encoded."""
    start_line: int
    end_line: int
    """Lines of the file this window covers, counted from 1, inclusive."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A file that the walk left out, and why."""

    path: str
    reason: str
    """A key of `rules.REASONS`."""


@dataclass(frozen=True, slots=True)
class UnitLocation:
    """Name and place of a unit that is listed without its code."""

    path: str
    start_line: int
    end_line: int
    qualified_name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search, with its best part."""

    unit_id: int
    path: str
    language: str
    kind: str
    name: str
    qualified_name: str
    start_line: int
    end_line: int
    score: float
    """For `query` the probability that it answers, see `ranking.Ranked`; for `similar` a weighted mean of its
    signals."""
    signals: dict[str, float]
    """For `query` the contribution of each signal to the value that the hit was ranked by; for `similar` the
    signals themselves."""
    best_lines: tuple[int, int]
    """The lines of the window that matched best; the whole unit where it is one window."""
    focus_line: int = 0
    """The line inside `best_lines` that has most of the query's words, counted from 1."""
    code: str = ""
    """The file's lines `start_line` to `end_line`; empty if the file could not be read again."""
    common_tokens: float | None = None
    """Jaccard index of its tokens and those of the unit it was compared with; None for `query`."""
    more: tuple[UnitLocation, ...] = ()
    """Locations of the near-duplicates that were folded into this hit."""

    def location(self) -> UnitLocation:
        """Return its path, lines and name."""
        return UnitLocation(self.path, self.start_line, self.end_line, self.qualified_name)

    def lines(self) -> int:
        """Return the number of its lines."""
        return self.end_line - self.start_line + 1


class Judgement(NamedTuple):
    """The confidence of a ranking."""

    confidence: float
    """Probability that the first result answers the query."""
    answerable: float
    """Probability that any result answers the query."""
    matches: bool
    """Whether `answerable` reaches the threshold that nearly all questions with an answer reach."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of `query` and `similar`."""

    query: str
    """The query, or the place that `similar` started from as the user wrote it."""
    root: str
    units: int
    """Units in the index."""
    vectors_ready: int
    """Units whose vectors are in the index; fewer than `units` while it is being built."""
    hits: tuple[Hit, ...]
    judgement: Judgement | None = None
    """None for `similar`."""
    has_drafts: bool = False
    """Whether units without vectors were compared by their drafts."""

    @property
    def matches(self) -> bool:
        """Whether the hits are likely to contain an answer; if not, they are only the closest units."""
        return self.judgement is None or self.judgement.matches


@dataclass(frozen=True, slots=True)
class Cluster:
    """Units that are near-duplicates of each other."""

    hits: tuple[Hit, ...]
    """The leader, which all others were compared with, then the others, the most alike first. `score` is the
    cosine of the vectors of a unit and the leader, `common_tokens` the Jaccard index of their tokens."""

    def saved_lines(self) -> int:
        """Return the lines of all units but the longest: they would be saved if one unit replaced all."""
        lines = [hit.lines() for hit in self.hits]
        return sum(lines) - max(lines)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The result of `similar --all`."""

    root: str
    units: int
    """Units in the index."""
    vectors_ready: int
    """Units whose vectors are in the index."""
    min_cosine: float
    """Minimum cosine of the units in a cluster and its leader."""
    total: int
    """Number of all clusters; `clusters` may hold only the first of them."""
    clusters: tuple[Cluster, ...]


@dataclass(slots=True)
class Report:
    """Summary of one `index` run."""

    root: str = ""
    files: int = 0
    units: int = 0
    parsed: int = 0
    """Files parsed in this run."""
    embedded: int = 0
    """Windows that went through the encoder in this run."""
    reused: int = 0
    """Windows whose vector was already stored."""
    removed: int = 0
    """Files that left the index."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Reason -> number of files."""
    seconds: float = 0.0
    gave_up: int = 0
    """Files that took too long to parse in this run."""
    vectors_ready: int = 0
    """Units whose vectors are in the index."""
    stopped: bool = False
    """Whether another process asked this one to end before all vectors were computed."""
    searchable_seconds: float = 0.0
    """Seconds until all units could be searched by words and drafts."""

    def has_changes(self) -> bool:
        """Tell whether the run changed units or vectors."""
        return bool(self.parsed or self.removed or self.embedded or self.reused)


class Encoder(Protocol):
    """Turns text into unit-length vectors. Implementations live in `codesift.encoders`."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut `body` into overlapping windows that each fit the encoder together with `head`."""

    def encode(self, texts: Sequence[str], language: str = "") -> Matrix:
        """Encode code, with the adapter of its language if there is one.

        Args:
            texts: code in one language. Each change of the language between calls costs time.
            language: a row of `languages.LANGUAGES` (`text` is prose); empty for code of unknown language.

        Returns:
            Shape (len(texts), dimensions), rows of length 1.
        """

    @property
    def drafts(self) -> DraftEncoder | None:
        """The draft encoder of the same space; None if there is none."""

    def encode_few(self, texts: Sequence[str], language: str = "") -> Matrix:
        """Encode a few texts like `encode`, without waiting for an engine that is made for many."""

    def prepare_query(self) -> None:
        """Load what `encode_query` needs, instead of at its first call."""

    def encode_query(self, text: str) -> Vector:
        """Encode one query, with the adapter for text. Returns shape (dimensions,), length 1."""


class DraftEncoder(Protocol):
    """Turns the words of units into drafts: approximations of their vectors, in the same space."""

    @property
    def id(self) -> str:
        """Distinguishes the drafts of two encoders."""

    def encode(self, units: Sequence[Sequence[str]]) -> DraftRows:
        """Encode units by their words, as from `words.terms`; shape (len(units), dimensions)."""

    def aligned(self, vectors: Sequence[Matrix]) -> list[Matrix]:
        """Move the vectors of questions, each of shape (dimensions,), to where the drafts of their answers
        are."""


Progress = Callable[[str, int, int], None]
"""Called as (stage, done, total); stages are `walk`, `parse`, `embed`, `graph`."""
