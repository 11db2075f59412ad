"""Stand-ins for what is slow or outside: an encoder without a model, and an index built with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from indexes import lend
from numpy.typing import NDArray

from codesift.config import Settings
from codesift.encoders.drafts import quantised
from codesift.index.location import cache_place, make_index_folder
from codesift.index.opening import Index, open_index
from codesift.models.drafts import draft_files
from codesift.models.spaces import Space, chosen_space
from codesift.session import Repository
from codesift.types import DraftEncoder, Encoder, Report, Unit, Window
from codesift.words import terms

DIMENSIONS = 384
"""Those of the default model: an index is opened for its space, whoever encodes."""


class HashingEncoder:
    """Texts that share words are near; nothing is learned, and the same text has the same vector everywhere.

    Args:
        lines: lines of a window; windows overlap by one line.
    """

    def __init__(self, lines: int = 12, dimensions: int = DIMENSIONS) -> None:
        self.lines = lines
        self._dimensions = dimensions
        self.encoded: list[str] = []
        """Every text that went through `encode`."""
        self.languages: list[str] = []
        """The language of each call of `encode`."""
        self.queries: list[str] = []
        """Every text that went through `encode_query`."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._dimensions

    def windows(self, head: str, body: str, first_line: int) -> list[Window]:
        """Cut by lines."""
        lines = body.split("\n")
        starts = range(0, max(len(lines) - 1, 1), self.lines - 1)
        return [self._window(head, lines[start : start + self.lines], first_line + start) for start in starts]

    def _window(self, head: str, lines: list[str], first: int) -> Window:
        return Window("\n".join([head, *lines]), first, first + len(lines) - 1)

    def encode(self, texts: Sequence[str], language: str = "") -> NDArray[np.float32]:
        """Shape (len(texts), dimensions), rows of length 1."""
        self.encoded += texts
        self.languages.append(language)
        return np.stack([self._vector(text) for text in texts])

    def encode_few(self, texts: Sequence[str], language: str = "") -> NDArray[np.float32]:
        """As `encode`."""
        return self.encode(texts, language)

    @property
    def drafts(self) -> DraftEncoder | None:
        """Drafts by the same rule, of the words alone."""
        files = draft_files(chosen_space(Settings(), Path()))
        return HashingDrafts(files.id, self) if files else None

    def prepare_query(self) -> None:
        pass

    def encode_query(self, text: str) -> NDArray[np.float32]:
        """Shape (dimensions,), length 1."""
        self.queries.append(text)
        return self._vector(text)

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self._dimensions, 1e-3, np.float32)
        for term in terms(text):
            digest = hashlib.blake2b(term.encode(), digest_size=4).digest()
            vector[int.from_bytes(digest, "little") % self._dimensions] += 1
        unit: NDArray[np.float32] = vector / np.linalg.norm(vector)
        return unit


class HashingDrafts:
    """Drafts of a `HashingEncoder`.

    Args:
        id: of the draft encoder that it stands for.
        encoder: whose rule is used.
    """

    def __init__(self, id: str, encoder: HashingEncoder) -> None:
        self.id = id
        self._encoder = encoder

    def encode(self, units: Sequence[Sequence[str]]) -> NDArray[np.int8]:
        """Shape (len(units), dimensions)."""
        vectors = [self._encoder._vector(" ".join(words)) for words in units]
        return quantised(np.stack(vectors)) if vectors else np.empty((0, DIMENSIONS), np.int8)

    def aligned(self, vectors: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """The same vectors."""
        return list(vectors)


class DraftsOnly(HashingEncoder):
    """An encoder for a part that encodes nothing."""

    def encode(self, texts: Sequence[str], language: str = "") -> NDArray[np.float32]:
        """Fail."""
        raise AssertionError("texts were encoded although nothing needs their vectors")


def no_progress(stage: str, done: int, total: int) -> None:
    """Progress for nobody."""


def refuse(space: Space | None = None) -> Encoder:
    """`open_encoder` where nothing may be encoded."""
    raise AssertionError("an encoder was opened although nothing needs one")


def write(root: Path, path: str, text: str) -> Path:
    """A file of a repository, its folders made."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def run_index(root: Path, encoder: Encoder, settings: Settings | None = None) -> Report:
    """What `codesift index` does, with this encoder."""
    with repository_of(root, encoder, settings) as repository:
        return repository.refresh()


def repository_of(
    root: Path,
    encoder: Encoder | None,
    settings: Settings | None = None,
    notify: Callable[[str], None] | None = None,
) -> Repository:
    """A repository with this encoder; None refuses to open one."""
    opening = (lambda space: encoder) if encoder else refuse
    return Repository(root, settings or Settings(), notify, no_progress, opening)


@contextmanager
def opened(root: Path, settings: Settings | None = None) -> Iterator[Index]:
    """The index of `root` as it is."""
    settings = settings or Settings()
    lend(root)
    with open_index(root, make_index_folder(cache_place(root, settings), root), settings) as index:
        yield index


def unit(name: str, start: int = 1, end: int = 3, kind: str = "function", **parts: str) -> Unit:
    """A unit of which only what a test is about is given.

    Args:
        name: qualified; its last part is the name.
        parts: `signature`, `documentation`, `code`.
    """
    texts = {"signature": "", "documentation": "", "code": ""} | parts
    return Unit(kind, name.rpartition(".")[2], name, start, end, 0, 0, **texts)
