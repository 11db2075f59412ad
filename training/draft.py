"""draft: the fetched packages, mined functions and commits -> a draft encoder of the default space.

The steps leave what is done alone. `collect` parses the packages and draws windows, `encode` computes their
vectors with the adapters of their languages, a ridge regression is solved, and its result trained further on
pairs of questions and code. The projects that `mine` draws for dev and test, and those of the evaluation
data, are not fitted on.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from codesift.config import Settings
from codesift.encoders import open_encoder
from codesift.models.bases import BUNDLED, find_base
from codesift.models.drafts import SHIPPED
from codesift.models.spaces import space_for
from evaluation.machine import describe_machine, machine_summary
from evaluation.records import LANGUAGES
from training.drafts.contrast import STEPS, Recipe, train
from training.drafts.fitting import cosines, features, ridge
from training.drafts.pairs import read_pairs
from training.drafts.shipping import ship
from training.drafts.texts import CHUNK, Text, collect, encode_chunk, texts_of
from training.languages import languages_of
from training.mining.splits import DEV, TEST, Exclusions, score
from training.mining.unpacked import packages_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix
    from tokenizers import Tokenizer

    from codesift.models.spaces import Space
    from codesift.types import Matrix

ROUNDS = 20
"""Chunks of each language that are encoded: 10,240 windows, as far as there are so many."""
CHUNKS_AT_ONCE = 4
"""Chunks of one language that are encoded after another, as changing the adapter takes 0.3 s."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m training draft`."""
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="separated by commas; default: all")
    parser.add_argument(
        "--exclude",
        type=Path,
        default=os.environ.get("CODESIFT_EVAL"),
        help="folder whose exclude_sha1.txt.gz and exclude_projects.txt name what is not trained on "
        "(default: CODESIFT_EVAL)",
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"chunks of {CHUNK} windows of a language")
    parser.add_argument("--steps", type=int, default=STEPS, help="of training on pairs; 0: none")
    parser.add_argument("--jobs", type=int, default=2, help="packages read at once")
    parser.add_argument("--to", type=Path, default=SHIPPED, help="folder of the draft encoders")


def run(options: argparse.Namespace) -> None:
    """Collect, encode, fit and write.

    Raises:
        CodesiftError: a language is unknown, or nothing was fetched.
    """
    languages = languages_of(options.languages)
    texts, vectors = (options.work / "drafts" / name for name in ("texts", "vectors"))
    exclusions = Exclusions.read(Path(options.exclude)) if options.exclude else Exclusions()
    space = space_for(find_base(Settings().model))
    for language, packages in packages_of(options.work / "packages", languages).items():
        collect(packages, exclusions, texts / language, options.jobs)
    found = {language: texts_of(texts, language)[: CHUNK * options.rounds] for language in languages}
    encode(found, vectors, space)
    tokenizer = _tokenizer()
    inputs, outputs = read(found, vectors, tokenizer)
    rows = [text for of_language in found.values() for text in of_language]
    fitted = np.array([score(text.project, options.seed) >= TEST + DEV for text in rows])
    table = ridge(inputs[fitted], outputs[fitted], progress=_show)
    shift: Matrix = np.zeros((table.shape[1], table.shape[1]), np.float32)
    data: dict[str, object] = {"windows": int(fitted.sum()), "projects": _projects(rows, fitted.tolist())}
    if options.steps:
        pairs = read_pairs(options.work, languages, open_encoder(space), tokenizer, options.seed)
        data |= {"pairs": len(pairs.functions), "packages of pairs": len(set(pairs.packages))}
        recipe = Recipe(steps=options.steps, seed=options.seed)
        table, shift = train(table, pairs, inputs[fitted], outputs[fitted], recipe, _show_loss)
    held_out = [text for text, is_fitted in zip(rows, fitted, strict=True) if not is_fitted]
    about = {
        "made with": _command(options),
        "data": data,
        "held out": _measured(held_out, cosines(inputs[~fitted] @ table, outputs[~fitted])),
    }
    folder = ship(table, shift, space, about, options.to)
    sys.stdout.write(f"{folder}: cosine {about['held out']['cosine']:.4f} on projects not fitted on\n")


def _tokenizer() -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUNDLED / Settings().model / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _command(options: argparse.Namespace) -> dict[str, object]:
    machine = describe_machine()
    return {
        "command": f"python -m training draft --exclude FOLDER --seed {options.seed}",
        "commit": machine["commit"],
        "date": machine["date"],
        "machine": machine_summary(),
    }


def encode(found: dict[str, list[Text]], folder: Path, space: Space) -> None:
    """Write the vectors that are missing, the languages in turn, so that an early end leaves all of them."""
    encoder = open_encoder(space)
    chunks = {
        language: [texts[start : start + CHUNK] for start in range(0, len(texts), CHUNK)]
        for language, texts in found.items()
    }
    for first in range(0, max(map(len, chunks.values()), default=0), CHUNKS_AT_ONCE):
        for language, of_language in chunks.items():
            for number in range(first, min(first + CHUNKS_AT_ONCE, len(of_language))):
                path = folder / language / f"{number:04d}.npy"
                if not path.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    encode_chunk(encoder, of_language[number], path)
                    sys.stdout.write(f"{language}: {number + 1} of {len(of_language)} chunks\n")


def read(found: dict[str, list[Text]], folder: Path, tokenizer: Tokenizer) -> tuple[csr_matrix, Matrix]:
    """Return the word pieces of all windows, see `fitting.features`, and their vectors."""
    paths = [
        folder / language / f"{number:04d}.npy"
        for language, of_language in found.items()
        for number in range(-(-len(of_language) // CHUNK))
    ]
    vectors: Matrix = np.concatenate([np.load(path) for path in paths]).astype(np.float32)
    texts = [text.text for of_language in found.values() for text in of_language]
    return features(texts, tokenizer), vectors


def _measured(texts: Sequence[Text], cosines: NDArray[np.float32]) -> dict[str, Any]:
    languages = np.array([text.language for text in texts])
    return {
        "windows": len(texts),
        "projects": len({text.project for text in texts}),
        "cosine": round(float(cosines.mean()), 4),
        **{
            name: round(float(cosines[languages == name].mean()), 3)
            for name in sorted(set(languages.tolist()))
        },
    }


def _projects(texts: Sequence[Text], chosen: Sequence[bool]) -> int:
    return len({text.project for text, is_chosen in zip(texts, chosen, strict=True) if is_chosen})


def _show(done: int, total: int) -> None:
    sys.stdout.write(f"fit: step {done} of {total}\n")


def _show_loss(step: int, loss: float, kept: float) -> None:
    if step % 100 == 99:
        sys.stdout.write(f"pairs: step {step + 1}, loss {loss:.3f}, distance from the encoder {kept:.3f}\n")
