"""`kill -9` of `index` at random moments."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.faults.children import finish, kill
from benchmarks.faults.contents import Contents, contents, difference
from benchmarks.faults.repositories import QUESTION, many
from benchmarks.faults.sandbox import GRAPH, INSIDE, Sandbox, SandboxRepository, delete, write_files
from benchmarks.faults.trials import Ended, Trial, fault, first_fault, slowest

BEFORE = "before"
"""Name of the kept index of the files as they were."""
_SIZE = (3, 10, 12)
"""Folders, modules, functions: 360 units of which 120 have a text of their own."""


@dataclass(frozen=True)
class Bed:
    """A changed repository: its index from before the change, and what an undisturbed run makes of it."""

    repository: SandboxRepository
    expected: Contents
    seconds: dict[bool, float]
    """Whether the run starts from nothing -> how long it takes undisturbed."""

    def prepare(self, fresh: bool) -> None:
        """Bring the index into the state that a run starts from."""
        if fresh:
            self.repository.drop()
        else:
            self.repository.restore(BEFORE)

    def recover(self) -> tuple[str, str, float]:
        """Query, index, and compare: (what is wrong, what shows it, seconds of the slower command)."""
        query = self.repository.forked("query", QUESTION, "--json", seconds=120)
        index = self.repository.run("index", seconds=120)
        took = slowest(query, index)
        kind, detail = first_fault(query, index)
        if kind or query.code or index.code:
            return kind or "a command after it ends with another exit code than 0", detail, took
        used = self.repository.used_place()
        if used != self.repository.place:
            return "its own index is not recognized any more", index.last_line, took
        unlike = difference(used, self.expected)
        return ("the index differs from a clean one" if unlike else ""), unlike, took


def make_beds(sandbox: Sandbox, size: tuple[int, int, int] = _SIZE) -> list[Bed]:
    """One repository with its index in the cache, with a graph, and one with it inside."""
    return [_bed(sandbox, "outside", GRAPH, size), _bed(sandbox, "inside", INSIDE, size)]


def _bed(sandbox: Sandbox, name: str, more: dict[str, str], size: tuple[int, int, int]) -> Bed:
    repository = replace(sandbox.repository(name, many(*size)), more=more)
    repository.must("index")
    repository.keep(BEFORE)
    _change(repository, size)
    incremental = repository.must("index").seconds
    repository.drop()
    fresh = repository.must("index").seconds
    return Bed(repository, contents(repository.place), {True: fresh, False: incremental})


def _change(repository: SandboxRepository, size: tuple[int, int, int]) -> None:
    """Files with new texts, files gone, a file changed."""
    _, files, functions = size
    delete(repository.root / "d0/m0.py")
    delete(repository.root / "web/retry.go")
    write_files(repository.root, many(1, max(files // 3, 1), functions, first=files))
    with (repository.root / "shop/cart.py").open("a", encoding="utf-8") as file:
        file.write("\n\ndef empty(cart):\n    cart.lines.clear()\n")


def kills(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Kill, then query and index: both work, nothing is lost, the index equals a clean one."""
    beds = make_beds(sandbox)
    for number in range(trials):
        bed, fresh = beds[number % 2], number // 2 % 2 == 0
        bed.prepare(fresh)
        moment = chance.uniform(0, 1.05 * bed.seconds[fresh])
        running = bed.repository.start("index")
        alive = running.sleep_until(moment)
        kill(running)
        ended = finish(running)
        name = f"{bed.repository.root.name}, {'fresh' if fresh else 'incremental'}, at {moment:.3f} s"
        yield _judged(name, alive, ended, bed)


def _judged(name: str, alive: bool, ended: Ended, bed: Bed) -> Trial:
    if not alive and fault(ended):
        return Trial(name, False, fault(ended), ended.last_line)
    kind, detail, took = bed.recover()
    held = "recovered" if alive else "was done before the kill"
    return Trial(name, not kind, kind or held, detail, took)
