"""Links, pipes, devices and folders in place of each file of an index, and of the folder itself."""

from __future__ import annotations

import os
import random
import socket
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.faults.children import SECONDS
from benchmarks.faults.repositories import QUESTION, SHOP, TARGET
from benchmarks.faults.sandbox import GRAPH, INSIDE, Sandbox, SandboxRepository, delete
from benchmarks.faults.trials import Ended, Trial, first_fault, is_partial, same_results, slowest
from codesift.index.location import repository_place

_CLEAN = "clean"
_NAMES = (
    *("index.db", "index.db-wal", "index.db-shm", "index.db-journal", "lock", ".gitignore"),
    *("{space}.vectors", "{space}.vectors.json", "{space}.hnsw", "{space}.json", "{space}.partial"),
    *("seal", "signed.json", "about", "checked"),
)
_QUERY = ("query", QUESTION, "--json")
_FIRST = (_QUERY, ("index",), ("status",), ("similar", TARGET), ("status", "--check"), ("query", QUESTION))
_WHERE = ("in the cache", "shipped", "inside")
"""The index in the cache, one that came with the repository, and one that this user keeps there."""


@dataclass(frozen=True)
class _Victims:
    """Files that nothing may touch."""

    folder: Path

    def make(self) -> None:
        self.folder.mkdir()
        (self.folder / "letter").write_text("dear\n", encoding="utf-8")
        (self.folder / "letter").chmod(0o640)
        (self.folder / "drawer").mkdir()
        (self.folder / "drawer" / "index.db").write_text("a secret\n", encoding="utf-8")
        with closing(sqlite3.connect(self.folder / "bookmarks")) as database:
            database.execute("CREATE TABLE bookmarks (url)")

    def state(self) -> dict[str, Any]:
        """Name -> mode and content of everything in the folder."""
        found: dict[str, Any] = {}
        for path in sorted(self.folder.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
            found[str(path.relative_to(self.folder))] = (status.st_mode, content)
        return found


def _link(path: Path, victims: Path) -> None:
    path.symlink_to(victims / ("bookmarks" if path.name.startswith("index.db") else "letter"))


def _dangling(path: Path, victims: Path) -> None:
    path.symlink_to(victims / "new")


def _pipe(path: Path, victims: Path) -> None:
    os.mkfifo(path)


def _device(path: Path, victims: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path, victims: Path) -> None:
    path.mkdir()
    (path / "more").write_text("more\n", encoding="utf-8")


def _socket(path: Path, victims: Path) -> None:
    # A socket's path is limited to about a hundred bytes, so it is made elsewhere.
    short = victims.parent / "s"
    with closing(socket.socket(socket.AF_UNIX)) as made:
        made.bind(str(short))
    short.replace(path)


def _hard_link(path: Path, victims: Path) -> None:
    os.link(victims / ("bookmarks" if path.name.startswith("index.db") else "letter"), path)


def _linked_folder(path: Path, victims: Path) -> None:
    path.symlink_to(victims / "drawer", target_is_directory=True)


def _file(path: Path, victims: Path) -> None:
    path.write_text("a file\n", encoding="utf-8")


Maker = Callable[[Path, Path], None]
_KINDS: dict[str, Maker] = {
    "a link to a file": _link,
    "a dangling link": _dangling,
    "a pipe": _pipe,
    "a link to /dev/zero": _device,
    "a folder": _folder,
    "a socket": _socket,
    "a hard link": _hard_link,
}
_FOLDER_KINDS: dict[str, Maker] = {
    "a link to a folder": _linked_folder,
    "a dangling link": _dangling,
    "a pipe": _pipe,
    "a socket": _socket,
    "a file": _file,
}


@dataclass(frozen=True)
class _Case:
    where: str
    name: str
    """Of the file; empty for the folder itself."""
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} as {self.name or 'the folder'}, {self.where}"


def _cases() -> list[_Case]:
    files = [_Case(where, name, kind) for where in _WHERE for name in _NAMES for kind in _KINDS]
    return files + [_Case(where, "", kind) for where in _WHERE for kind in _FOLDER_KINDS]


def links(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: four verbs end well, nothing outside is touched, a search finds the same or says a line."""
    victims = _Victims(sandbox.folder / "victims")
    victims.make()
    outside = replace(sandbox.repository("outside", SHOP), more=GRAPH)
    inside = replace(sandbox.repository("inside", SHOP), more={**INSIDE, **GRAPH})
    for repository in (outside, inside):
        repository.must("index")
        repository.keep(_CLEAN)
    expected = outside.must(*_QUERY).results() or []
    cases = _cases()
    chance.shuffle(cases)
    for number in range(trials):
        case = cases[number % len(cases)]
        repository = inside if case.where == "inside" else outside
        place = _prepare(repository, case)
        put_in_place(place, case.name, {**_KINDS, **_FOLDER_KINDS}[case.kind], victims.folder)
        yield _judged(repository, case, _FIRST[number % len(_FIRST)], victims, expected)


def _prepare(repository: SandboxRepository, case: _Case) -> Path:
    """Put a clean index where the case wants it; returns its folder."""
    repository.restore(_CLEAN)
    if case.where != "shipped":
        return repository.place
    shipped = repository_place(repository.root)
    repository.place.rename(shipped)
    return shipped


def put_in_place(place: Path, name: str, make: Maker, victims: Path) -> None:
    """Replace a file of an index, or its folder where there is no name."""
    space = next(place.glob("*.vectors")).stem
    path = place / name.format(space=space) if name else place
    delete(path)
    make(path, victims)


def _judged(
    repository: SandboxRepository,
    case: _Case,
    first: tuple[str, ...],
    victims: _Victims,
    expected: list[tuple[Any, ...]],
) -> Trial:
    before = victims.state()
    verbs = (first, _QUERY, ("status", "--check"), ("clean",))
    ended = [repository.forked(*arguments, seconds=SECONDS) for arguments in verbs]
    kind, detail = first_fault(*ended)
    if not kind and victims.state() != before:
        kind, detail = "a file outside was touched", " ".join(sorted(victims.state()))
    query = ended[1]
    is_silent = not query.err and not is_partial(query)
    if not kind and is_silent and not same_results(query, expected):
        kind, detail = "other results without a word", query.out[:200]
    for name in set(victims.state()) - set(before):
        delete(victims.folder / name)
    return Trial(f"{case}, {' '.join(first)}", not kind, kind or _held(ended), detail, slowest(*ended))


def _held(ended: list[Ended]) -> str:
    codes = {each.code for each in ended[:3]}
    if 2 in codes:
        return "refused in a line"
    return "said, and the right results" if any(each.err for each in ended[:3]) else "no harm"
