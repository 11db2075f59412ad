"""Searches in forks of this process, for questions that were encoded before.

Opening the encoder takes longer than everything else a search does, and these trials attack the index.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import codesift
from benchmarks.faults.children import SECONDS, finish, fork, run_command_line
from benchmarks.faults.sandbox import SandboxRepository
from benchmarks.faults.trials import Ended
from benchmarks.processes import Failed
from codesift.encoders import open_encoder
from codesift.models.bases import BASES, DEFAULT
from codesift.models.spaces import space_for

if TYPE_CHECKING:
    from codesift.types import DraftEncoder, Matrix


@dataclass(frozen=True)
class Remembered:
    """In place of the encoder, for queries alone: the vectors of texts that were encoded before."""

    vectors: dict[str, Matrix]
    drafts: DraftEncoder | None
    """The draft encoder itself, which is loaded in a moment."""

    def encode_query(self, text: str) -> Matrix:
        """The vector of a text, shape (dimensions,)."""
        return self.vectors[text]


def encode_questions(texts: Sequence[str], repository: SandboxRepository) -> Remembered:
    """Encode questions with the real encoder, in a process of its own.

    Raises:
        Failed: that process did not end well.
    """
    path = repository.sandbox.folder / "questions.npy"

    def work() -> None:
        with codesift.open(repository.root) as opened:
            encoder = opened.query_encoder()
        np.save(path, np.stack([encoder.encode_query(text) for text in texts]))

    ended = finish(fork(work, repository.root, repository.sandbox.environ()), 120)
    if ended.code:
        raise Failed(ended.err)
    drafts = open_encoder(space_for(BASES[DEFAULT])).drafts
    return Remembered(dict(zip(texts, np.load(path), strict=True)), drafts)


def search_forked(
    repository: SandboxRepository, remembered: Remembered, *arguments: str, seconds: float = SECONDS
) -> Ended:
    """Run the command line in a fork, its questions among those remembered; what it indexes is encoded."""

    def work() -> int:
        _encode_with(remembered)
        return run_command_line(arguments)

    return finish(fork(work, repository.root, repository.sandbox.environ(repository.more)), seconds)


def search_repeatedly(
    repository: SandboxRepository,
    remembered: Remembered,
    texts: Sequence[str],
    limit: int,
    seconds: float = SECONDS,
) -> Ended:
    """Search one open index for all texts, so often that the graph is loaded; prints the results."""

    def work() -> int:
        _encode_with(remembered)
        try:
            with codesift.open(repository.root) as opened:
                for text in texts:
                    hits = opened.query(text, limit=limit).hits
                    sys.stdout.write(f"{[(hit.path, hit.start_line, round(hit.score, 3)) for hit in hits]}\n")
        except codesift.CodesiftError as error:  # The command says it like this, too.
            sys.stderr.write(f"codesift: {error}\n")
            return 2
        return 0

    return finish(fork(work, repository.root, repository.sandbox.environ(repository.more)), seconds)


def _encode_with(remembered: Remembered) -> None:
    """Replace the encoder of queries in this process, a fork, and nothing else."""
    codesift.Repository.query_encoder = lambda self: remembered  # type: ignore[method-assign, assignment, return-value]
