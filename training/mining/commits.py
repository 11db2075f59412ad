"""Clones of public repositories -> subjects of their commits with the functions that they changed.

A subject says what somebody wanted to change before the code said it. Like a question to a search, it names
behavior in words of its own; unlike documentation, it does not stand in the code.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from codesift.models.template import unit_text
from codesift.parsing.languages import language_of
from codesift.parsing.units import parse
from codesift.repository import path_roles, rules
from codesift.types import Unit
from evaluation.files import read_rows
from evaluation.records import LANGUAGES
from training.mining.extract import ROWS
from training.mining.splits import DEV, TEST, Exclusions, code_digest, project_of, score

MOST_COMMITS = 600
"""Commits used of one repository, the newest ones first."""
LOG_COMMITS = 12_000
"""Commits looked at."""
MOST_FUNCTIONS = 3
"""Functions a commit may change: of more, none is what its subject is about."""
MOST_OF_ONE = 4
"""Subjects of one function."""
OTHERS = 4
"""Unchanged functions of the same files that are kept beside the changed ones, as wrong answers."""
FEWEST_WORDS, MOST_WORDS = 4, 20
MOST_LINES = 300
MOST_BYTES = 400_000

_SAYS_NOTHING = re.compile(
    r"^(?:merge|revert|release|bump|version|prepare|changelog|update (?:changelog|dependenc|readme|version)|"
    r"upgrade|format|reformat|lint|typo|fix(?:ed)? (?:typo|lint|test|build|ci)|refactor|clean ?up|cleanup|"
    r"rename|move|wip|docs?\b|tests?\b|ci\b|chore|style|build\b|apply|address|remove unused|rubocop|pint)",
    re.IGNORECASE,
)
_ABOUT_CHANGE = re.compile(
    r"\b(?:dependabot|renovate|changelog|copyright|licen[cs]e|typos?|formatting|refactor\w*|readme|"
    r"code style|review comments?|linter|eslint|clang-format|gofmt|rustfmt)\b",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:\[[^\]]{1,40}\]\s*|\w+(?:\([^)]{0,40}\))?!?:\s+|[A-Z]+-\d+:?\s*|#\d+:?\s*)+")
_REFERENCE = re.compile(
    r"\s*(?:\((?:#|gh-|fixes |closes |refs )[^)]*\)|(?:fixes|closes|refs|resolves)?:?\s*#\d+)\.?", re.I
)
_HUNK = re.compile(r"^@@ -(\d+)(?:,(\d+))? ")
_COMMIT = "\x1e"


@dataclass(frozen=True, slots=True)
class Change:
    """A subject with one of the functions its commit changed, as they were before."""

    repo: str
    language: str
    subject: str
    function: str
    """Path and qualified name."""
    texts: list[str]
    """What is encoded for the changed function, and after it for others of the file."""


@dataclass(slots=True)
class _Commit:
    subject: str
    parent: str
    hunks: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """Path -> first and last changed line before the commit."""


def subject_of(line: str) -> str:
    """Return what a commit's first line says of behavior; empty if it says nothing of the kind."""
    if _SAYS_NOTHING.match(line):
        return ""
    prefix = _PREFIX.match(line)
    text = line[prefix.end() :] if prefix else line
    if prefix and re.match(r"(?:docs?|test|tests|ci|chore|style|build|refactor|release)\b", line, re.I):
        return ""
    text = _REFERENCE.sub("", text).strip().rstrip(".")
    if _SAYS_NOTHING.match(text) or _ABOUT_CHANGE.search(text) or not text.isascii():
        return ""
    return text if FEWEST_WORDS <= len(text.split()) <= MOST_WORDS else ""


def changes(clone: Path, repo: str, exclusions: Exclusions) -> Iterator[Change]:
    """Yield subjects and functions of a clone.

    Args:
        clone: a git directory; no hook or setting of it is used.
        repo: name of the repository.
        exclusions: functions that are left out.
    """
    used = 0
    seen: set[str] = set()
    times: Counter[str] = Counter()
    with _Blobs(clone) as blobs:
        for commit in _commits(clone):
            subject = subject_of(commit.subject)
            if not subject or subject.lower() in seen:
                continue
            found = list(_changed(commit, blobs))
            if not 0 < len(found) <= MOST_FUNCTIONS:
                continue
            seen.add(subject.lower())
            kept = 0
            for path, language, units in found:
                place = f"{path} {units[0].qualified_name}"
                if code_digest(units[0].code) in exclusions.hashes or times[place] >= MOST_OF_ONE:
                    continue
                times[place] += 1
                kept += 1
                texts = ["\n".join(part for part in unit_text(path, unit) if part) for unit in units]
                yield Change(repo, language, subject, place, texts)
            used += kept > 0
            if used >= MOST_COMMITS:
                return


def changes_in(work: Path, partition: str, seed: int) -> Iterator[Change]:
    """Read what was written of the repositories that are drawn for `train`, or of those kept from it.

    Args:
        work: the folder of results.
        partition: `train` or `dev`.
        seed: of the draw.
    """
    for path in sorted((work / "commits").glob("*.jsonl.gz")):
        project = project_of(path.name.removesuffix(".jsonl.gz").partition("+")[2])
        if (score(project, seed) >= TEST + DEV) == (partition == "train"):
            yield from (Change(**row) for row in read_rows(path))


def _changed(commit: _Commit, blobs: _Blobs) -> Iterator[tuple[str, str, list[Unit]]]:
    for path, hunks in commit.hunks.items():
        language = _language(path)
        if not language or path_roles.is_test(path) or rules.skip_by_path(path):
            continue
        text = blobs.read(commit.parent, path)
        if not text:
            continue
        units = [unit for unit in parse(text, language_of(path), path) if unit.kind in ("function", "method")]
        touched = [
            unit
            for unit in units
            if any(unit.start_line <= last and first <= unit.end_line for first, last in hunks)
            and unit.end_line - unit.start_line < MOST_LINES
        ]
        others = [unit for unit in units if unit not in touched]
        others.sort(key=lambda unit: code_digest(unit.code))
        for unit in touched:
            yield path, language, [unit, *others[:OTHERS]]


def _commits(clone: Path) -> Iterator[_Commit]:
    """Yield commits with one parent that change at most three files that are no tests, newest first."""
    command = _git(clone, "log", "--no-merges", f"-n{LOG_COMMITS}", "-p", "-U0", "--no-renames", "--no-color")
    command += ["--no-ext-diff", "--no-textconv", f"--format={_COMMIT}%P%x09%s", "--diff-filter=M"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        commit: _Commit | None = None
        hunks: list[tuple[int, int]] = []
        assert process.stdout is not None
        for raw in process.stdout:
            if raw[:1] not in (b"\x1e", b"-", b"@"):
                continue
            line = raw.decode("utf-8", "replace").rstrip("\n")
            if line.startswith(_COMMIT):
                if commit and _is_small(commit):
                    yield commit
                parents, _, subject = line[1:].partition("\t")
                commit = _Commit(subject, parents.partition(" ")[0])
                hunks = []
            elif commit and line.startswith("--- a/"):
                hunks = commit.hunks.setdefault(line[6:], [])
            elif match := _HUNK.match(line):
                first, count = int(match[1]), int(match[2] or 1)
                # Where lines are only added, the line before them and the one after stand for the place.
                hunks.append((first, first + count - 1) if count else (first, first + 1))
        if commit and _is_small(commit):
            yield commit
        process.kill()


def _is_small(commit: _Commit) -> bool:
    files = [path for path in commit.hunks if _language(path) and not path_roles.is_test(path)]
    return bool(commit.parent) and 0 < len(files) <= MOST_FUNCTIONS


def _language(path: str) -> str:
    """The language a file is trained as; empty if it is none of those with an adapter."""
    row = language_of(path)
    language = ROWS.get(row, row)
    return language if language in LANGUAGES else ""


def _git(clone: Path, *arguments: str) -> list[str]:
    safe = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"]
    return ["git", f"--git-dir={clone}", *safe, *arguments]


class _Blobs:
    """Texts of files in commits, read by one `git cat-file`."""

    def __init__(self, clone: Path) -> None:
        command = _git(clone, "cat-file", "--batch")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def __enter__(self) -> _Blobs:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def read(self, commit: str, path: str) -> str:
        """Return a file as it was after a commit; empty if it is missing, too large, or no text."""
        assert self._process.stdin is not None and self._process.stdout is not None
        if "\n" in path:
            return ""
        self._process.stdin.write(f"{commit}:{path}\n".encode())
        self._process.stdin.flush()
        header = self._process.stdout.readline().split()
        if len(header) != 3 or not header[2].isdigit():
            return ""
        data = self._process.stdout.read(int(header[2]) + 1)[:-1]
        if len(data) > MOST_BYTES or b"\0" in data:
            return ""
        return data.decode("utf-8", "replace")
