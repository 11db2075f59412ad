"""The records that pass between the layers, and the ports the core is written against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

KINDS = ("function", "method", "class", "module", "text")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file the walk decided to index."""

    path: str
    """Path from the root, with forward slashes."""
    absolute: str
    """Path to open the file with."""
    language: str
    """Name of a row of `languages.LANGUAGES`."""
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True, slots=True)
class Unit:
    """What is found and shown as one result: a function, a method, the head of a class, ..."""

    kind: str
    """One of `KINDS`."""
    name: str
    """`close`"""
    qualified_name: str
    """Within its file: `Connection.close`"""
    start_line: int
    """First line of the definition, decorators included, counted from 1."""
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
    """A file the walk left out, and why."""

    path: str
    reason: str
    """A key of `rules.REASONS`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a unit is, for what is named but not shown."""

    path: str
    start_line: int
    end_line: int
    qualified_name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search, best part included."""

    unit_id: int
    path: str
    language: str
    kind: str
    name: str
    qualified_name: str
    start_line: int
    end_line: int
    score: float
    """Of `query`, the probability that it answers, see `ranking.Ranked`; of `similar`, a mean of its
    signals."""
    signals: dict[str, float]
    """Of `query`, what each signal adds to the value it was ranked by; of `similar`, each signal."""
    best_lines: tuple[int, int]
    """The lines of the window that matched best; the whole unit where it is one window."""
    focus_line: int = 0
    """The line inside `best_lines` that shares most words with the query, counted from 1."""
    code: str = ""
    """The file's lines `start_line` to `end_line`; empty if the file could not be read again."""
    common_tokens: float | None = None
    """Share of the tokens in common with what it was compared with, see `overlap`; None for `query`."""
    more: tuple[Place, ...] = ()
    """Worse hits of nearly the same code, folded into this one."""

    def place(self) -> Place:
        """Where it is."""
        return Place(self.path, self.start_line, self.end_line, self.qualified_name)

    def lines(self) -> int:
        """How many lines it has."""
        return self.end_line - self.start_line + 1


class Judgement(NamedTuple):
    """How sure a ranking is."""

    confidence: float
    """That the first result answers the query, as a probability."""
    answerable: float
    """That anything does, as a probability."""
    matches: bool
    """False where hardly any question that has an answer looks like this."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What `query` and `similar` found."""

    query: str
    """The text asked for, or the place `similar` started from."""
    root: str
    units: int
    """Units in the index."""
    vectors_ready: int
    """Units whose vectors are in the index; fewer than `units` while it is being built."""
    hits: tuple[Hit, ...]
    judgement: Judgement | None = None
    """None for `similar`."""

    @property
    def matches(self) -> bool:
        """False where most likely nothing answers the query: the hits are only the closest there is."""
        return self.judgement is None or self.judgement.matches


@dataclass(frozen=True, slots=True)
class Cluster:
    """Units that are nearly the same code."""

    hits: tuple[Hit, ...]
    """The one that all others were compared with, then those, the most alike first; `score` is the cosine of
    the vectors of the two units, `common_tokens` the share of their tokens."""

    def saved_lines(self) -> int:
        """The lines of all but the longest: what could go if there were one instead of them."""
        lines = [hit.lines() for hit in self.hits]
        return sum(lines) - max(lines)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What `similar --all` found."""

    root: str
    units: int
    """Units in the index."""
    vectors_ready: int
    """Units whose vectors are in the index."""
    least: float
    """The cosine asked for."""
    found: int
    """Clusters found; `clusters` may be the first of them."""
    clusters: tuple[Cluster, ...]


@dataclass(slots=True)
class Report:
    """What one `index` run did."""

    root: str = ""
    files: int = 0
    units: int = 0
    parsed: int = 0
    """Files parsed in this run."""
    embedded: int = 0
    """Windows that went through the encoder in this run."""
    reused: int = 0
    """Windows whose vector was already known."""
    removed: int = 0
    """Files that left the index."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Reason -> number of files."""
    seconds: float = 0.0
    gave_up: int = 0
    """Files that took too long to parse in this run."""


class Encoder(Protocol):
    """Turns text into unit-length vectors. Implementations live in `codesift.encoders`."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut `body` into overlapping windows that each fit the encoder together with `head`."""

    def encode(self, texts: Sequence[str], language: str = "") -> Vectors:
        """Encode code, with the adapter of its language if there is one.

        Args:
            texts: code in one language. Going to and fro between languages costs time at each change.
            language: a row of `languages.LANGUAGES` (`text` is prose); empty for code of unknown language.

        Returns:
            Shape (len(texts), dimensions), rows of length 1.
        """

    def prepare_query(self) -> None:
        """Load what `encode_query` needs, which else happens at its first call."""

    def encode_query(self, text: str) -> Vectors:
        """Encode one query, with the adapter for text. Returns shape (dimensions,), length 1."""


Progress = Callable[[str, int, int], None]
"""Called as (stage, done, total); stages are `walk`, `parse`, `embed`, `graph`."""
