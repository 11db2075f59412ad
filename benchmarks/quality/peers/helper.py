"""Peers with a library: asked in a process of their own environment that stays open for a repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

from benchmarks.quality.cold import cold
from benchmarks.quality.peers.installing import environment
from benchmarks.quality.systems import DEPTH, Ranking, Result, Searcher, ranking
from evaluation.files import files_digest
from evaluation.packages import Unavailable

T = TypeVar("T")
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Library:
    """One row of the table of peers."""

    name: str
    requirement: str
    """Name and version, as pip takes them."""
    adaptor: str
    """File beside this one with the class that worker.py serves."""
    about: str
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set for the process; `{home}` stands for a folder that is new for each repository."""
    model: tuple[str, Callable[[Path], Path]] | None = None
    """A variable that names the model, and what finds it, given the folder of all peers."""
    command: Sequence[str] = ()
    """How a user asks, to time a fresh process; `{query}` and `{repository}` are put in."""


class Helper:
    """The process of one peer on one repository, started and indexed."""

    def __init__(
        self, process: subprocess.Popen[str], log: Path, command: Callable[[str], float | None]
    ) -> None:
        self._process, self._log, self._command = process, log, command
        first = self._reply()
        self.index_seconds, self._can_alike = float(first["seconds"]), bool(first["alike"])

    def ask(self, query: str) -> Ranking:
        return self._call("ask", query, DEPTH)

    def alike(self, source: Result) -> Ranking | None:
        if not self._can_alike:
            return None
        return self._call("alike", source.path, source.start_line, source.end_line, DEPTH)

    def cold_seconds(self, query: str) -> float | None:
        return self._command(query)

    def _call(self, verb: str, *arguments: Any) -> Ranking:
        line = json.dumps({"verb": verb, "arguments": arguments})
        try:
            _pipe(self._process.stdin).write(line + "\n")
            _pipe(self._process.stdin).flush()
        except BrokenPipeError:
            pass  # It has ended, and the missing reply tells why.
        reply = self._reply()
        return ranking(
            [row[:3] for row in reply["rows"]], [row[3] for row in reply["rows"]], reply["seconds"]
        )

    def _reply(self) -> dict[str, Any]:
        line = _pipe(self._process.stdout).readline()
        if not line:
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [
                "no message"
            ]
            raise Unavailable(f"its process ended with exit code {self._process.wait()}: {said[-1]}")
        reply: dict[str, Any] = json.loads(line)
        return reply


class LibraryPeer:
    """A row as a system."""

    def __init__(self, row: Library, peers: Path) -> None:
        self._row, self._peers = row, peers
        self.name = row.name
        self.about = f"`{row.requirement}` {row.about}"

    @property
    def version(self) -> str:
        _, _, version = self._row.requirement.partition("==")
        return f"{version} {files_digest(_HERE / self._row.adaptor, _HERE / 'worker.py')}"

    def on(self, repository: Path, work: Callable[[Searcher], T]) -> T:
        python = environment(self._row.requirement, self._peers / self._row.requirement.replace("==", "-"))
        home = self._peers / "home" / self.name / repository.name
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        variables = self._variables(home)

        def command(query: str) -> float | None:
            words = [word.format(query=query, repository=repository) for word in self._row.command]
            return cold([str(python.with_name(words[0])), *words[1:]], home, variables) if words else None

        arguments = [str(python), str(_HERE / "worker.py"), str(_HERE / self._row.adaptor), str(repository)]
        log = home / "stderr.log"
        with _process(arguments, log, variables) as process:
            return work(Helper(process, log, command))

    def _variables(self, home: Path) -> dict[str, str]:
        found = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "HF_HUB_OFFLINE": "1"}
        found |= {name: value.format(home=home) for name, value in self._row.variables.items()}
        if self._row.model:
            name, find = self._row.model
            found[name] = str(find(self._peers))
        return found


@contextmanager
def _process(
    command: Sequence[str], log: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """A process with pipes, ended on leaving; it runs in the folder of the file its stderr goes to."""
    left_out = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    with (
        log.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            command,
            cwd=log.parent,
            env=kept | dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
