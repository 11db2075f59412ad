"""From mined functions to the pairs of one training run."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.files import read_rows
from evaluation.records import Function
from training.learning.views import QUESTION, VIEWS, Pair, Style, draw, question_pair


def load_functions(work: Path, languages: Sequence[str], partition: str = "train") -> list[Function]:
    """The mined functions of a partition.

    Raises:
        CodesiftError: if a language has not been mined, or its file is damaged.
    """
    found: list[Function] = []
    for language in languages:
        path = work / "mined" / f"{language}.jsonl.gz"
        if not path.is_file():
            raise CodesiftError(f"no mined functions in {path}", f"python -m training mine --work {work}")
        found += functions_in(path, partition)
    return found


def functions_in(path: Path, partition: str = "") -> Iterator[Function]:
    """The functions of a mined file; of one partition if it is named.

    Raises:
        CodesiftError: it cannot be read, or a row is no function.
    """
    try:
        for row in read_rows(path):
            if not partition or row["partition"] == partition:
                yield Function.from_json(row)
    except (KeyError, TypeError) as error:
        raise CodesiftError(f"{path} does not hold mined functions: {error}", "mine again") from error


def draw_pairs(
    functions: Sequence[Function],
    questions: Mapping[str, Sequence[str]],
    mix: Mapping[str, float],
    count: int,
    style: Style,
    seed: int,
) -> list[Pair]:
    """About `count` pairs, each view with its share; packages take turns, so that none dominates.

    A view that has too few functions gives what it has, two pairs a function at most. Of the written
    questions each is used once for every whole number its weight allows.

    Args:
        functions: of one or several languages.
        questions: from `training.written_questions.load_questions`.
        mix: view -> weight, `views.QUESTION` among them.
        count: of pairs over all views.
        style: how texts are changed.
        seed: the same seed draws the same pairs.
    """
    rng = random.Random(seed)
    total = sum(mix.values())
    pairs: list[Pair] = []
    for view in sorted(mix):
        wanted = round(count * mix[view] / total)
        if view == QUESTION:
            pairs += _asked(functions, questions, wanted, style, rng)
        else:
            pairs += _drawn(view, functions, wanted, style, rng)
    rng.shuffle(pairs)
    return pairs


def _drawn(
    view: str, functions: Sequence[Function], wanted: int, style: Style, rng: random.Random
) -> list[Pair]:
    pairs: list[Pair] = []
    for _ in range(2):
        for function in packages_in_turn(functions, rng):
            if len(pairs) >= wanted:
                return pairs
            pair = draw(view, function, style, rng)
            if pair is not None:
                pairs.append(pair)
    return pairs


def _asked(
    functions: Sequence[Function],
    questions: Mapping[str, Sequence[str]],
    wanted: int,
    style: Style,
    rng: random.Random,
) -> list[Pair]:
    asked = [(function, text) for function in functions for text in questions.get(function.sha, ())]
    pairs: list[Pair] = []
    while asked and len(pairs) < wanted and len(pairs) < 2 * len(asked):
        rng.shuffle(asked)
        pairs += (
            question_pair(function, text, style, rng) for function, text in asked[: wanted - len(pairs)]
        )
    return pairs


def packages_in_turn(functions: Iterable[Function], rng: random.Random) -> list[Function]:
    """All functions, shuffled, one of each package after another until none is left."""
    packages: dict[str, list[Function]] = {}
    for function in functions:
        packages.setdefault(f"{function.language} {function.package}", []).append(function)
    for members in packages.values():
        rng.shuffle(members)
    order = list(packages.values())
    rng.shuffle(order)
    ranked = [(place, turn, f) for turn, members in enumerate(order) for place, f in enumerate(members)]
    return [function for _, _, function in sorted(ranked, key=lambda item: item[:2])]


def check_mix(text: str) -> dict[str, float]:
    """Read `documentation=2,comment=1` into view -> weight.

    Raises:
        CodesiftError: an unknown view, or no number.
    """
    mix: dict[str, float] = {}
    for part in text.split(","):
        view, _, weight = part.partition("=")
        if view not in (*VIEWS, QUESTION):
            raise CodesiftError(f"unknown view {view!r}", f"one of {', '.join((*VIEWS, QUESTION))}")
        try:
            mix[view] = float(weight or 1)
        except ValueError as error:
            raise CodesiftError(f"the weight of {view} is not a number: {weight!r}") from error
    return mix
