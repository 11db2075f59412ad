"""Questions on whole repositories, asked of the tool itself with its index, as `benchmarks quality` does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.files import copy_tree
from evaluation.tasks.groups import GroupRanks, Measured, Wanted, say

if TYPE_CHECKING:
    from codesift.config import Settings
    from codesift.types import Progress
    from evaluation.repositories.bench import Bench, Outcome

BASE, WORDS = "base", "bm25"

_PARTS = {
    "queries": ("file", "question -> files that answer it, as results are reduced to files"),
    "text2fn": ("function", "question with little word overlap -> function"),
}
"""Part of `repositories.questions` -> (its name here, what it is)."""
_MODES = {"vectors": "vectors alone", "hybrid": "words and vectors"}


@dataclass(frozen=True, slots=True)
class Searched:
    """One system as the tool is told of it."""

    name: str
    adapters: bool | str
    """The setting: false, or where the manifest lies."""


def measure(
    wanted: Wanted, model: str, named: Mapping[str, Path], progress: Callable[[str], Progress]
) -> Iterator[Measured]:
    """By file and by function, with vectors alone and with words; and functions like a function.

    Args:
        wanted: what is measured.
        model: the base.
        named: name of a system -> its manifest.
        progress: what to tell of the indexing of a system.

    Raises:
        Missing: the data is not there.
    """
    searched = [Searched(BASE, False), *(Searched(name, str(path.resolve())) for name, path in named.items())]
    found: dict[str, list[Outcome]] = {}
    for each in searched:
        found[each.name] = list(_outcomes(each, wanted, model, progress(each.name)))
    yield from _measured(found)


def _outcomes(system: Searched, wanted: Wanted, model: str, progress: Progress) -> Iterator[Outcome]:
    """All questions asked of one system; of words alone only once, since they are the same for all."""
    from evaluation.repositories.bench import SYSTEMS, outcomes
    from evaluation.repositories.questions import questions

    wanted.file("repos", "queries.jsonl")
    assert wanted.data is not None
    modes = [mode for mode in SYSTEMS if mode != "words" or system.name == BASE]
    for repo, rows in sorted(questions(wanted.data).items()):
        chosen = {part: [row for row in some if wanted.wants(row["language"])] for part, some in rows.items()}
        if any(chosen.values()) and (not wanted.repos or repo in wanted.repos):
            bench = _bench(system, repo, wanted, model, progress)
            yield from outcomes(bench, repo, chosen, modes) if bench else ()


def _bench(system: Searched, repo: str, wanted: Wanted, model: str, progress: Progress) -> Bench | None:
    """The bench of a system's own copy of a repository, whose index is kept; None if it cannot be had."""
    from evaluation.corpora import evaluation_corpora
    from evaluation.repositories.bench import Bench

    assert wanted.data is not None
    source = evaluation_corpora(wanted.data, wanted.work / "corpora") / repo
    corpora = wanted.work / "indexes" / system.name
    if not source.is_dir():
        say(f"repos: no sources of {repo}")
        return None
    copy_tree(source, corpora / repo)
    return Bench(corpora, _settings(corpora, model, system.adapters), progress)


def _settings(root: Path, model: str, adapters: bool | str) -> Settings:
    """The tool's defaults: what a user has set for himself must not change a figure."""
    from codesift.config import load_settings

    return load_settings(root, {}, {"model": model, "adapters": adapters})


# -- outcomes into tables -------------------------------------------------------------------------


def _measured(found: Mapping[str, Sequence[Outcome]]) -> Iterator[Measured]:
    for part, (name, about) in _PARTS.items():
        for mode, how in _MODES.items():
            columns = {WORDS: _chosen(found[BASE], part, "words")}
            columns |= {system: _chosen(rows, part, mode) for system, rows in found.items()}
            yield from _table(f"repos-{name}-{mode}", f"{about}; {how}", columns)
    columns = {system: _chosen(rows, "fn2fn", "vectors") for system, rows in found.items()}
    yield from _table("repos-similar", "function -> its counterparts in the same repository", columns)


def _chosen(rows: Sequence[Outcome], part: str, mode: str) -> list[Outcome]:
    return [row for row in rows if (row.part, row.system) == (part, mode)]


def _table(name: str, about: str, columns: Mapping[str, Sequence[Outcome]]) -> Iterator[Measured]:
    """One group a language."""
    if not columns[BASE]:
        return
    groups: dict[str, dict[str, list[Outcome]]] = defaultdict(lambda: defaultdict(list))
    for system, outcomes in columns.items():
        for outcome in outcomes:
            groups[outcome.language][system].append(outcome)
    yield Measured(name, about, {language: _row(groups[language]) for language in sorted(groups)})


def _row(columns: Mapping[str, Sequence[Outcome]]) -> GroupRanks:
    units = {outcome.repo: outcome.units for outcome in columns[BASE]}
    found = {system: [outcome.found for outcome in outcomes] for system, outcomes in columns.items()}
    return GroupRanks(sum(units.values()), len(units), found)
