"""Peers that are programs without an index: each question is a fresh process, and that is its time."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks.quality.peers.installing import program, unpack_binary, unpacked
from benchmarks.quality.systems import DEPTH, Ranking, Result, Searcher, ranking
from evaluation.files import files_digest
from evaluation.packages import Package, Unavailable

T = TypeVar("T")
_RIPGREP = Package("debian-binary", "ripgrep", "13.0.0-4+b2")
_PROBE = Package("npm", "@probelabs/probe", "0.6.0-rc325")
_LINES = 40
_STEP = _LINES // 2
"""Windows as BM25 has them."""
_STOP_WORDS = """
    a an and are as at be by do does for from has have how if in into is it its not of on or out so than that
    the then there this to was what when where which who why will with
"""
"""Words nobody greps for; with them ripgrep would find every line."""


class Program:
    """A command that is asked afresh each time."""

    index_seconds = 0.0

    def __init__(self, path: str, repository: Path, search: Callable[[str, Path, str], Ranking]) -> None:
        self._path, self._repository, self._search = path, repository, search

    def ask(self, query: str) -> Ranking:
        return self._search(self._path, self._repository, query)

    def alike(self, source: Result) -> Ranking | None:
        return None

    def cold_seconds(self, query: str) -> float | None:
        return self.ask(query).seconds


class Ripgrep:
    """Words or-ed; files by number of matches, windows of lines by their distinct words, then matches."""

    name = "ripgrep"
    about = f"{_RIPGREP.version} `-i -o -F` with the question's words, without stop words; a process each"

    def __init__(self, peers: Path) -> None:
        self._peers = peers
        self.version = f"{_RIPGREP.version} {files_digest(Path(__file__))}"

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        folder = unpacked(_RIPGREP, self._peers / _RIPGREP.folder)
        return work(Program(program(folder, "rg"), repository, ripgrep))


class Probe:
    """As its package runs it, with the options it has by default."""

    name = "probe"
    about = (
        f"`{_PROBE.name}` {_PROBE.version} `search QUERY -o json`, its defaults, by the score it prints; "
        "a process each"
    )

    def __init__(self, peers: Path) -> None:
        self._peers = peers
        self.version = f"{_PROBE.version} {files_digest(Path(__file__))}"

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        folder = unpacked(_PROBE, self._peers / _PROBE.folder, unpack_binary)
        return work(Program(program(folder / "native", "probe"), repository, probe))


# -- ripgrep --------------------------------------------------------------------------------------


def ripgrep(path: str, repository: Path, query: str) -> Ranking:
    """Ask ripgrep for all of a question's words at once."""
    words = grep_words(query)
    patterns = [part for word in words for part in ("-e", word)]
    options = [
        "--no-config",
        "--null",
        "--line-number",
        "--only-matching",
        "--ignore-case",
        "--fixed-strings",
    ]
    started = time.perf_counter()
    output = _run([path, *options, *patterns, "."], repository) if words else ""
    seconds = time.perf_counter() - started
    return from_matches(list(_matches(output)), len(words), seconds)


def grep_words(query: str) -> list[str]:
    """The words of a question that are worth looking for."""
    words = dict.fromkeys(word.lower() for word in re.findall(r"\w+", query))
    left_out = _STOP_WORDS.split()
    return [word for word in words if word not in left_out and len(word) > 1]


def _matches(output: str) -> Iterator[tuple[str, int, str]]:
    for line in output.splitlines():
        path, _, rest = line.partition("\0")
        number, _, word = rest.partition(":")
        yield path.removeprefix("./"), int(number), word.lower()


def from_matches(matches: Sequence[tuple[str, int, str]], words: int, seconds: float) -> Ranking:
    """Files and windows, best first.

    Args:
        matches: (path, line, word that was found).
        words: how many were looked for. The share of them in the best window is the confidence.
        seconds: what it took.
    """
    files = Counter(path for path, _, _ in matches)
    ranked = sorted(files, key=lambda path: (-files[path], path))
    windows: Mapping[tuple[str, int], list[str]] = _windows(matches)
    best = sorted(windows, key=lambda place: (-len(set(windows[place])), -len(windows[place]), place))[:DEPTH]
    results = tuple(Result(path, start, start + _LINES - 1) for path, start in best)
    surest = len(set(windows[best[0]])) / words if best else None
    return Ranking(results, surest, seconds, not results, tuple(ranked[:DEPTH]))


def _windows(matches: Sequence[tuple[str, int, str]]) -> Mapping[tuple[str, int], list[str]]:
    """(path, first line) of each window -> the words found in it; each line lies in two windows."""
    windows = defaultdict(list)
    for path, line, word in matches:
        step = (line - 1) // _STEP
        for start in {max(step - 1, 0), step}:
            windows[path, start * _STEP + 1].append(word)
    return windows


# -- probe ----------------------------------------------------------------------------------------


def probe(path: str, repository: Path, query: str) -> Ranking:
    """Ask probe; its results are syntax nodes that contain matches."""
    started = time.perf_counter()
    output = _run([path, "search", "-o", "json", "--max-results", str(DEPTH), "--", query, "."], repository)
    seconds = time.perf_counter() - started
    return from_probe(output, repository, seconds)


def from_probe(output: str, repository: Path, seconds: float) -> Ranking:
    """What probe printed, by its own score: it picks the best by that, but prints them by their paths."""
    start = output.find("{")
    found = json.loads(output[start:])["results"] if start >= 0 else []
    found = sorted(found, key=lambda row: -(row.get("score") or 0.0))
    places = [(_below(repository, row["file"]), *row["lines"]) for row in found]
    return ranking(places, [row.get("score") or 0.0 for row in found], seconds)


def _below(repository: Path, path: str) -> str:
    absolute = repository.resolve() / path
    return absolute.relative_to(repository.resolve()).as_posix()


def _run(command: Sequence[str], folder: Path) -> str:
    """What a program prints; 1 is how both say that nothing was found.

    Raises:
        Unavailable: it does not run here.
    """
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError as error:
        raise Unavailable(str(error)) from error
    if done.returncode not in (0, 1):
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise Unavailable(f"exit code {done.returncode}: {said[-1]}")
    return done.stdout.decode(errors="replace")
