"""Questions about mined functions, and their vectors by the full encoder: what drafts are trained on."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from evaluation.records import Function
from training.drafts.contrast import Pairs
from training.drafts.fitting import features
from training.learning.pairs import draw_pairs, load_functions
from training.learning.views import TYPED, Pair, Style
from training.mining.commits import changes_in
from training.written_questions import load_questions

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from codesift.types import Encoder, Matrix

MIX = {
    "question": 2.0,
    "documentation": 3.0,
    "comment": 2.0,
    "message": 1.0,
    "test": 0.5,
    "name": 1.5,
    "symbol": 0.5,
}
"""View -> weight, see `training.learning.views`."""
PAIRS = 50_000
"""Pairs of each language, as far as there are so many."""
CHUNK = 8192
"""Questions that are encoded and written at once: what an interruption costs."""


COMMITS = 2
"""How often a commit counts, relative to another pair: there are fewer of them, and they resemble what is
asked of a search more than the others do."""


def read_pairs(
    work: Path, languages: Sequence[str], encoder: Encoder, tokenizer: Tokenizer, seed: int
) -> Pairs:
    """Draw the pairs of all languages from what `mine` and `commits` left, and encode their questions.

    Args:
        work: the folder of results.
        languages: to draw from.
        encoder: whose vectors the questions get.
        tokenizer: of the draft encoder.
        seed: the same seed draws the same pairs.

    Raises:
        CodesiftError: a language has not been mined.
    """
    from scipy.sparse import vstack

    vectors, code = [], []
    packages: list[str] = []
    functions: list[str] = []
    folder = work / "drafts" / "questions"
    for language in languages:
        pairs = drawn(load_functions(work, [language]), PAIRS, seed)
        vectors.append(encoded([pair.query for pair in pairs], encoder, folder))
        code.append(features([pair.text for pair in pairs], tokenizer))
        packages += [f"{language} {pair.function.package}" for pair in pairs]
        functions += [f"{pair.function.package}/{pair.function.sha}" for pair in pairs]
    counts = [0] * len(functions)
    past = [each for each in changes_in(work, "train", seed) if each.language in languages]
    subjects = encoded([each.subject for each in past], encoder, folder)
    changed = features([each.texts[0] for each in past], tokenizer)
    for turn in range(COMMITS):
        vectors.append(subjects)
        code.append(changed)
        packages += [f"{turn} {each.repo}" for each in past]
        functions += [f"{each.repo} {each.function}" for each in past]
        counts += [len(each.texts) - 1 for each in past]
    others = features([text for each in past for text in each.texts[1:]], tokenizer)
    return Pairs(
        np.concatenate(vectors),
        vstack(code).tocsr(),
        packages,
        functions,
        vstack([others] * COMMITS).tocsr(),
        np.concatenate([[0], np.cumsum(counts)]),
    )


def drawn(functions: Sequence[Function], count: int, seed: int, style: Style = TYPED) -> list[Pair]:
    """Draw pairs from the functions of one language."""
    language = functions[0].language if functions else ""
    return draw_pairs(functions, load_questions([language]), MIX, count, style, seed)


def encoded(questions: Sequence[str], encoder: Encoder, folder: Path) -> Matrix:
    """Return the vectors of questions, shape (questions, dimensions), as search encodes a query.

    What was encoded before is read from `folder`, where a file is named by the digest of its questions.
    """
    if not questions:
        return np.empty((0, encoder.dimensions), np.float32)
    distinct = sorted(set(questions), key=lambda question: (len(question), question))
    rows = {question: row for row, question in enumerate(distinct)}
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        path = (
            folder / f"{hashlib.sha256(chr(0).join(chunk).encode('utf-8', 'replace')).hexdigest()[:32]}.npy"
        )
        if not path.is_file():
            vectors = encoder.encode(chunk, "text").astype(np.float16)
            partial = path.with_suffix(".partial")
            with partial.open("wb") as stream:
                np.save(stream, vectors)
            partial.replace(path)
            sys.stdout.write(f"questions: {min(start + CHUNK, len(distinct))} of {len(distinct)}\n")
        parts.append(np.load(path))
    matrix: Matrix = np.concatenate(parts)[[rows[question] for question in questions]].astype(np.float32)
    return matrix
