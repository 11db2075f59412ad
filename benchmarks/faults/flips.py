"""Bits and bytes changed in every file of an index, files cut and grown, their times kept or not."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.faults.children import finish, fork
from benchmarks.faults.contents import Contents, contents, difference
from benchmarks.faults.repositories import QUESTION, TARGET, many
from benchmarks.faults.sandbox import GRAPH, INSIDE, Sandbox, SandboxRepository
from benchmarks.faults.searches import Remembered, encode_questions, search_forked
from benchmarks.faults.trials import Ended, Trial, first_fault, is_partial, same_results, slowest
from benchmarks.processes import Failed
from codesift.index.location import DATABASE

_SIZE = (1, 8, 6)
"""No text twice: units of equal score come in the order of their ids, which are others after healing."""
_CLEAN = "clean"
_INSTALLED_EVERY = 25
"""Of so many trials one runs the installed command; the others run in forks of this process."""
_OTHER = "remove files that are old"
_COMMANDS: Sequence[tuple[str, ...]] = (
    ("query", QUESTION, "--json"),
    ("query", _OTHER, "--json"),
    ("similar", TARGET, "--json"),
    ("query", QUESTION, "--json", "--no-refresh"),
)
_NOT_USED = "it is not used"
"""Words of the line about an index in a repository that is not as this user's codesift signed it."""
_WEIGHTS = {"index.db": 12, "index.db-wal": 4, ".vectors": 3, ".hnsw": 3, ".json": 2}
"""Ending of a file's name -> how often it is chosen; any other file counts as one."""


@dataclass(frozen=True)
class _Bed:
    """A repository with an index, in one of its states."""

    repository: SandboxRepository
    expected: Contents
    answers: dict[tuple[str, ...], list[tuple[Any, ...]]]
    remembered: Remembered

    def ask(self, arguments: tuple[str, ...], installed: bool) -> Ended:
        if installed:
            return self.repository.run(*arguments)
        return search_forked(self.repository, self.remembered, *arguments)


def flips(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: results as before or a line; after `status --check` all is as it was and nothing is said."""
    outside = replace(sandbox.repository("outside", many(*_SIZE)), more=GRAPH)
    inside = replace(sandbox.repository("inside", many(*_SIZE)), more=INSIDE)
    unmerged = sandbox.repository("unmerged", many(*_SIZE))
    unmerged_bed = _bed(unmerged)
    unmerged.drop()
    _leave_log(unmerged)
    # A log that ends early is what a kill leaves, so a search that may not refresh finds less there, rightly.
    beds = [_bed(outside), _bed(inside), unmerged_bed]
    for bed in beds:
        bed.repository.keep(_CLEAN)
    for number in range(trials):
        bed = beds[(0, 0, 0, 1, 2)[number % 5]]
        commands = _COMMANDS[:-1] if bed is unmerged_bed else _COMMANDS
        arguments = commands[number // 5 % len(commands)]
        yield _trial(bed, arguments, number % _INSTALLED_EVERY == _INSTALLED_EVERY - 1, chance)


def _bed(repository: SandboxRepository) -> _Bed:
    repository.must("index")
    found = [(arguments, repository.must(*arguments).results()) for arguments in _COMMANDS]
    answers = {arguments: results for arguments, results in found if results}
    if len(answers) < len(_COMMANDS):
        raise Failed("a search of an undisturbed index finds nothing")
    remembered = encode_questions([QUESTION, _OTHER], repository)
    return _Bed(repository, contents(repository.place), answers, remembered)


def _leave_log(repository: SandboxRepository) -> None:
    """Index, and end before SQLite merges its log into the database."""

    def work() -> int:
        from benchmarks.faults.children import run_command_line
        from codesift import Repository
        from codesift.index.database import Database

        Database.merge_log = lambda database: None  # type: ignore[method-assign, assignment]
        Repository.close = lambda repository: os._exit(0)  # type: ignore[method-assign, assignment]
        return run_command_line(["index"])

    ended = finish(fork(work, repository.root, repository.sandbox.environ()), 120)
    if ended.code or not _has_log(repository.place):
        raise Failed(f"no log was left: {ended.err}")


def _has_log(place: Path) -> bool:
    """Whether SQLite's log holds anything. An empty one stays where a reader could not delete it."""
    log = place / f"{DATABASE}-wal"
    return log.exists() and log.stat().st_size > 0


def _trial(bed: _Bed, arguments: tuple[str, ...], installed: bool, chance: random.Random) -> Trial:
    repository = bed.repository
    repository.restore(_CLEAN)
    if chance.random() < 0.3:  # Then the first command examines the index in passing.
        two_days_ago = time.time() - 2 * 24 * 3600
        os.utime(repository.place / "checked", (two_days_ago, two_days_ago))
    path = _choose(repository.place, chance)
    has_log = _has_log(repository.place)
    name = f"{repository.root.name}/{path.name}: {damage(path, chance)}, then {' '.join(arguments)}"
    first = bed.ask(arguments, installed)
    check = bed.ask(("status", "--check"), installed)
    # What was healed has no vectors until it is indexed again.
    index = repository.run("index", seconds=120)
    again = bed.ask(arguments, installed)
    took = slowest(first, check, again)
    kind, detail = first_fault(index)
    if not kind:
        kind, detail = _wrong(bed, arguments, first, check, again)
    return Trial(name, not kind, kind or _held(path.name, has_log, first, check), detail, took)


def _wrong(
    bed: _Bed, arguments: tuple[str, ...], first: Ended, check: Ended, again: Ended
) -> tuple[str, str]:
    """(what is not as it must be, what shows it); empty if nothing is."""
    kind, detail = first_fault(first, check, again)
    if kind:
        return kind, detail
    same = again.code == 0 and same_results(again, bed.answers[arguments])
    if _NOT_USED in check.err:
        # So it is each time, and with `--no-refresh` there may be no other index.
        return ("", "") if same or again.code == 2 else ("results differ without the index", again.last_line)
    if check.code:
        return "`status --check` fails", check.last_line
    if not same:
        return "results differ after `status --check`", again.last_line
    if unlike := difference(bed.repository.place, bed.expected):
        return "stored contents differ after `status --check`", unlike
    if again.err:
        return "a line after `status --check` as well", again.last_line
    # What is lost with the end of a log is not damage: the answer says how many units have vectors.
    is_silent = not first.err and not is_partial(first)
    if is_silent and not same_results(first, bed.answers[arguments]):
        noticed = "noticed and healed by" if check.err else "not noticed by"
        return f"other results without a word, {noticed} `status --check`", first.out[:200]
    return "", ""


def _held(name: str, has_log: bool, first: Ended, check: Ended) -> str:
    """The kind of outcome, with the file where no word was said of it.

    Args:
        name: of the damaged file.
        has_log: whether all of the database is in a log, so that nothing reads the database.
        first: the search.
        check: `status --check`.
    """
    if _NOT_USED in check.err:
        return "an index in its repository is not used any more, as a line says"
    if first.err and check.err:
        return "said by the search, healed by `status --check`"
    if first.err:
        return "said and healed by the search"
    if check.err:
        return "same results, noticed and healed by `status --check`"
    replaced = has_log and name == DATABASE
    what = "a database that its log replaces" if replaced else re.sub("^[0-9a-f]{16}", "SPACE", name)
    return f"same results, nothing said of {what}"


def _choose(place: Path, chance: random.Random) -> Path:
    files = sorted(path for path in place.iterdir() if path.name != "lock")
    return chance.choices(files, [_weight(path) for path in files])[0]


def _weight(path: Path) -> int:
    if not path.stat().st_size:
        return 1
    return next((weight for ending, weight in _WEIGHTS.items() if path.name.endswith(ending)), 1)


def damage(path: Path, chance: random.Random) -> str:
    """Change a file at random, its time kept in half of the cases; returns what was done."""
    status = path.stat()
    kind = chance.choices(("bit", "byte", "cut", "grown"), (16, 3, 1, 1))[0] if status.st_size else "grown"
    done = _change(path, status.st_size, kind, chance)
    if chance.random() < 0.5:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        done += ", time kept"
    return done


def _change(path: Path, size: int, kind: str, chance: random.Random) -> str:
    if kind == "cut":
        left = chance.randrange(size)
        os.truncate(path, left)
        return f"cut to {left} of {size} bytes"
    if kind == "grown":
        more = chance.randbytes(chance.choice((1, 100, 4096, 50_000)))
        with path.open("ab") as file:
            file.write(more)
        return f"grown by {len(more)} bytes"
    offset = chance.randrange(size)
    mask = 1 << chance.randrange(8) if kind == "bit" else chance.randrange(1, 256)
    flip(path, offset, mask)
    return f"byte {offset} of {size} xor {mask:#04x}"


def flip(path: Path, offset: int, mask: int) -> None:
    """Change bits of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ mask]))
