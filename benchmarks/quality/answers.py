"""Every question asked of every system, the answers kept so that a second run asks only what is new."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.quality.systems import Ranking, Result, Searcher, System
from evaluation.files import read_json, write_tables
from evaluation.machine import load_average
from evaluation.packages import Unavailable
from evaluation.repositories.questions import NOTHING, PARTS, SIMILAR, RepositoryQuestions, questions_digest


@dataclass(frozen=True, slots=True)
class Answers:
    """What one system answered on one repository, and the time it took."""

    rankings: Mapping[str, tuple[Ranking, ...]]
    """Part -> one for each of its questions; `SIMILAR` is missing where the system cannot tell."""
    index_seconds: float
    cold_seconds: float | None
    """Of the first question in a fresh process."""
    load: float | None
    """Processes that wanted to run when it was asked: above the number of cores, times are too long."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept in a file."""
        rankings = {part: [each.to_json() for each in some] for part, some in self.rankings.items()}
        times = {"index_seconds": self.index_seconds, "cold_seconds": self.cold_seconds, "load": self.load}
        return {**times, "rankings": rankings}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Answers:
        """From what `to_json` wrote."""
        rankings = {part: tuple(map(Ranking.from_json, some)) for part, some in kept["rankings"].items()}
        return cls(rankings, kept["index_seconds"], kept["cold_seconds"], kept["load"])


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """All answers of the systems that could be asked, and why the others could not."""

    answers: Mapping[str, Mapping[str, Answers]]
    """System -> repository -> answers; each has all repositories."""
    unavailable: Mapping[str, str]
    """System -> reason."""


def ask_all(
    systems: Iterable[System],
    repositories: Mapping[str, Path],
    asked: Mapping[str, RepositoryQuestions],
    kept: Path,
) -> AnswerSet:
    """Ask all systems about one repository after another, so that noise of the machine hits all.

    Args:
        systems: what is asked.
        repositories: name -> folder.
        asked: name of a repository -> its questions.
        kept: folder of the answers there are already.
    """
    left = {system.name: system for system in systems}
    answers: dict[str, dict[str, Answers]] = {name: {} for name in left}
    unavailable = {}
    for repo, folder in repositories.items():
        for name, system in tuple(left.items()):
            try:
                answers[name][repo] = answers_of(system, folder, asked[repo], kept / name / f"{repo}.json")
            except Unavailable as error:
                unavailable[name] = f"on {repo}: {error}"
                del left[name], answers[name]
                sys.stderr.write(f"left out {name} {unavailable[name]}\n")
    return AnswerSet(answers, unavailable)


def answers_of(system: System, repository: Path, asked: RepositoryQuestions, kept: Path) -> Answers:
    """The answers of one system on one repository, from a file if it answered the same questions before.

    Raises:
        Unavailable: the system cannot be had here.
    """
    key = {"system": system.name, "version": system.version, "questions": questions_digest(asked)}
    if (found := _kept(kept, key)) is not None:
        return found
    sys.stderr.write(f"asking {system.name} about {repository.name}\n")
    found = system.on(repository, lambda searcher: _ask(searcher, asked))
    write_tables(kept, {**key, **found.to_json()})
    return found


def _kept(path: Path, key: Mapping[str, str]) -> Answers | None:
    if not path.is_file():
        return None
    row = read_json(path)
    return Answers.from_json(row) if all(row[name] == value for name, value in key.items()) else None


def _ask(searcher: Searcher, asked: RepositoryQuestions) -> Answers:
    texts = {part: [row["query"] for row in asked.get(part, ())] for part in PARTS if part != SIMILAR}
    first = next((some[0] for some in texts.values() if some), None)
    if first is not None:
        searcher.ask(first)  # Models and files that are loaded at the first question are not its time.
    rankings = {part: tuple(map(searcher.ask, some)) for part, some in texts.items()}
    cold = searcher.cold_seconds(first) if first is not None else None
    return Answers({**rankings, **_alike(searcher, asked)}, searcher.index_seconds, cold, load_average())


def _alike(searcher: Searcher, asked: RepositoryQuestions) -> dict[str, tuple[Ranking, ...]]:
    sources = [row["source"] for row in asked.get(SIMILAR, ())]
    places = [Result(row["path"], row["start_line"], row["end_line"]) for row in sources]
    found = [ranking for place in places if (ranking := searcher.alike(place)) is not None]
    return {SIMILAR: tuple(found)} if len(found) == len(places) else {}


def confidences(answers: Iterable[Answers], parts: Iterable[str]) -> list[float]:
    """Of all questions of some parts; without a result there is no confidence at all."""
    wanted = tuple(parts)
    rankings = (each for some in answers for part in wanted for each in some.rankings[part])
    return [float("-inf") if each.confidence is None else each.confidence for each in rankings]


def called_nothing(answers: Iterable[Answers], parts: Iterable[str] = (NOTHING,)) -> float:
    """Share of the questions of some parts for which the system says that nothing matches."""
    wanted = tuple(parts)
    said = [each.nothing for some in answers for part in wanted for each in some.rankings[part]]
    return sum(said) / max(len(said), 1)
