"""A function -> functions that solve the same task in another language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evaluation.files import read_rows
from evaluation.tasks.groups import Group, Pool, Snippet, Task, Wanted, reading

_HARNESS = re.compile(r"\n(?:#\[no_mangle\]\n)?[^\n]*\bf_filled\b.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Solution:
    """One program of a parallel corpus."""

    task: str
    """Programs with the same one do the same."""
    language: str
    code: str


def load(wanted: Wanted) -> Iterator[Task]:
    """Each language to each other, and each to all others in one corpus.

    Raises:
        Missing: the data is not there.
    """
    path = wanted.file("code2code", "gfg.jsonl.gz")
    with reading(path):
        solutions = [
            Solution(row["task"], row["language"], without_harness(row["code"])) for row in read_rows(path)
        ]
    yield from tasks("code2code", [each for each in solutions if wanted.wants(each.language)])


def without_harness(code: str) -> str:
    """The solution alone, without the program that tests it.

    TransCoder's C, and the Rust that was translated from it, carry one with the task's own test values:
    those find their counterparts whatever the functions do.
    """
    return _HARNESS.sub("", code).rstrip()


def tasks(name: str, solutions: Sequence[Solution]) -> Iterator[Task]:
    """The two tasks on a parallel corpus; none if it has one language only."""
    languages = sorted({each.language for each in solutions})
    found = tuple(pairs(solutions))
    if found:
        yield Task(name, "function -> the same task in one other language", found)
    mixed = (Group(language, (_mixed(language, solutions),)) for language in languages)
    if len(languages) > 2:
        about = "function -> the same task in any other language, all languages in one corpus"
        yield Task(f"{name}-mixed", about, tuple(group for group in mixed if group.pools[0].queries))


def pairs(solutions: Iterable[Solution]) -> Iterator[Group]:
    """A group for each ordered pair of languages that have a task in common."""
    by_language: dict[str, list[Solution]] = defaultdict(list)
    for each in solutions:
        by_language[each.language].append(each)
    for source in sorted(by_language):
        for target in sorted(set(by_language) - {source}):
            pool = _pair(by_language[source], by_language[target])
            if pool.queries:
                yield Group(f"{source} -> {target}", (pool,))


def _pair(sources: Sequence[Solution], targets: Sequence[Solution]) -> Pool:
    """All functions of the one language that have an answer, ranked against all of the other."""
    places = _places(targets)
    asked = [each for each in sources if each.task in places]
    return Pool(
        tuple(map(_snippet, asked)),
        tuple(map(_snippet, targets)),
        tuple(tuple(places[each.task]) for each in asked),
    )


def _mixed(language: str, solutions: Sequence[Solution]) -> Pool:
    """The query itself and other solutions of its task in its language are not ranked."""
    places = _places(solutions)
    asked, relevant, left_out = [], [], []
    for each in solutions:
        own = [row for row in places[each.task] if solutions[row].language == language]
        others = [row for row in places[each.task] if solutions[row].language != language]
        if each.language == language and others:
            asked.append(_snippet(each))
            relevant.append(tuple(others))
            left_out.append(tuple(own))
    return Pool(tuple(asked), tuple(map(_snippet, solutions)), tuple(relevant), tuple(left_out))


def _places(solutions: Iterable[Solution]) -> dict[str, list[int]]:
    """Task -> the rows that solve it."""
    places: dict[str, list[int]] = defaultdict(list)
    for row, each in enumerate(solutions):
        places[each.task].append(row)
    return places


def _snippet(solution: Solution) -> Snippet:
    return Snippet("", solution.code, solution.language)
