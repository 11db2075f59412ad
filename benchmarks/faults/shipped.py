"""Doctored indexes that come with a repository in `.codesift`, tracked by git or not."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.faults.repositories import QUESTION, SHOP, TARGET
from benchmarks.faults.sandbox import INSIDE, Sandbox, SandboxRepository, delete
from benchmarks.faults.trials import Ended, Trial, first_fault, same_results, slowest
from codesift.index.location import repository_place

_SECRET = "the-secret-of-this-user"
_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "
_NOT_USED = "is not used"
_QUERY = ("query", QUESTION, "--json")

Doctor = Callable[[sqlite3.Connection, Path], object]


def _sql(statement: str) -> Doctor:
    return lambda database, secret: database.executescript(statement)


def _endless(table: str, columns: str) -> Doctor:
    made = f"CREATE VIEW {table} AS {_ENDLESS}{columns} FROM n"
    return _sql(f"ALTER TABLE {table} RENAME TO old_{table}; {made}")


def _path(write: Callable[[Path], str]) -> Doctor:
    return lambda database, secret: database.execute(
        "UPDATE files SET path = ? WHERE path = 'shop/cart.py'", (write(secret),)
    )


def _version_one(database: sqlite3.Connection, secret: Path) -> None:
    """The version before, which kept its index here; its times are those of another machine."""
    database.executescript("UPDATE files SET ctime_ns = ctime_ns + 1000000007")
    database.executescript("PRAGMA user_version = 1; PRAGMA application_id = 0")


_DOCTORS: Mapping[str, Doctor] = {
    "as another user wrote it": _sql("SELECT 1"),
    "an absolute path": _path(str),
    "a path with ..": _path(lambda secret: f"../{secret.name}"),
    "a path through a linked folder": _path(lambda secret: f"linked/{secret.name}"),
    "an endless view as files": _endless("files", "i AS id, 'shop/cart.py' AS path, 'python' AS language"),
    "an endless view as units": _endless("units", "i AS id, 1 AS file_id, 'function' AS kind"),
    "an endless view as meta": _endless("meta", "'parser' AS key, 'x' AS value"),
    "an endless view as vectors": _endless("vectors", "i AS id, 1 AS space_id, x'00' AS digest"),
    "a trigger": _sql("CREATE TRIGGER t AFTER INSERT ON units BEGIN DELETE FROM files; END"),
    "of the version before": _version_one,
    "of another program": _sql(
        "PRAGMA user_version = 7; PRAGMA application_id = 5; CREATE TABLE places (url)"
    ),
}


@dataclass(frozen=True)
class _Bed:
    repository: SandboxRepository
    stranger: Path
    """An index folder that another user's codesift wrote."""
    expected: list[tuple[Any, ...]]


def shipped(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: it is not used, which a line says; results are right and show nothing from outside."""
    bed = _bed(sandbox)
    cases = list(product(_DOCTORS, (False, True), (False, True)))
    chance.shuffle(cases)
    for number in range(trials):
        how, tracked, travels = cases[number % len(cases)]
        repository = replace(bed.repository, more=INSIDE) if travels else bed.repository
        _ship(bed, how, tracked)
        place = "repository" if travels else "cache"
        name = f"{how}, {'tracked' if tracked else 'untracked'}, index-folder={place}"
        yield _judged(name, repository, bed.expected)


def _bed(sandbox: Sandbox) -> _Bed:
    away = Sandbox(sandbox.folder / "stranger")
    stranger = replace(away.repository("shop", SHOP), more=INSIDE)
    stranger.must("index")
    repository = sandbox.repository("shop", SHOP)
    secret = sandbox.folder / "secret.txt"
    secret.write_text(f"def total(): return '{_SECRET}'  # sum of prices\n" * 20, encoding="utf-8")
    (repository.root / "linked").symlink_to(sandbox.folder)
    repository.git("init", "-q")
    expected = repository.must(*_QUERY).results() or []
    return _Bed(repository, stranger.place, expected)


def _ship(bed: _Bed, how: str, tracked: bool) -> None:
    """Put a doctored index into the repository, as a clone brings it."""
    repository = bed.repository
    repository.drop()
    place = repository_place(repository.root)
    shutil.copytree(bed.stranger, place)
    with closing(sqlite3.connect(place / "index.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = DELETE")
        _DOCTORS[how](database, repository.sandbox.folder / "secret.txt")
    delete(repository.root / ".git" / "index")
    if tracked:
        repository.git("add", "-f", ".codesift")


def _judged(name: str, repository: SandboxRepository, expected: list[tuple[Any, ...]]) -> Trial:
    as_it_is = replace(repository, more={**repository.more, "CODESIFT_REFRESH": "false"})
    ended = [
        as_it_is.forked(*_QUERY),
        repository.forked("status"),
        repository.forked(*_QUERY),
        repository.forked("query", QUESTION, "--json", "--no-refresh"),
        repository.forked("similar", TARGET, "--full", "--no-refresh"),
        repository.forked("status", "--check", "--json"),
    ]
    kind, detail = _wrong(repository, ended, expected)
    return Trial(name, not kind, kind or "not used, as a line says; right results", detail, slowest(*ended))


def _wrong(
    repository: SandboxRepository, ended: list[Ended], expected: list[tuple[Any, ...]]
) -> tuple[str, str]:
    kind, detail = first_fault(*ended)
    if kind:
        return kind, detail
    for each in ended:
        if _SECRET in each.out + each.err:
            return "text from outside the repository is shown", each.out[:200]
        if each.err.count(_NOT_USED) != 1:
            return "no line says that the index is not used", each.last_line
    for each in ended[2:4]:
        if not same_results(each, expected):
            return "other results", each.out[:200] or each.last_line
    used = json.loads(ended[-1].out).get("index")
    return ("the shipped index is used", str(used)) if Path(used).parent == repository.root else ("", "")
