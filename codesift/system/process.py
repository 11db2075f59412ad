"""Processes: other programs, run with a deadline and a limit on their output."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import IO, TYPE_CHECKING, NamedTuple

from codesift.system import interrupts

if TYPE_CHECKING:
    from subprocess import Popen

_CHUNK = 64 * 1024


def available_threads() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class NoAnswerError(Exception):
    """A program took too long, or its output is too long.

    Args:
        reason: which of the two, in a predicate whose subject is the program.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Output(NamedTuple):
    """Exit status and output of a program that ended by itself."""

    status: int
    output: bytes
    errors: bytes


def run_program(command: Sequence[str], environment: Mapping[str, str], seconds: float, limit: int) -> Output:
    """Run a program without input. If it exceeds a limit, it and the processes it started are killed.

    Args:
        limit: maximum number of bytes on either stream.

    Raises:
        NoAnswerError: the program did not end within `seconds`, or wrote more than `limit` bytes.
        OSError: it cannot be started.
    """
    from subprocess import DEVNULL, PIPE, Popen

    until = monotonic() + seconds
    # In a session of its own, all processes that it starts can be killed with it, and it has no terminal on
    # which it could prompt the user.
    process = Popen(
        command, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True, bufsize=0
    )
    interrupts.take_along(process.pid)
    try:
        streams = [_Stream(pipe, limit) for pipe in (process.stdout, process.stderr) if pipe]
        for stream in streams:
            stream.join(max(until - monotonic(), 0))
            if stream.is_alive():
                raise NoAnswerError(f"did not answer within {seconds:.0f} seconds")
            if stream.size > limit:
                raise NoAnswerError(f"said more than {limit:,} bytes")
        status = _wait(process, until)
    finally:
        _end(process)
        interrupts.take_along(0)
    if status is None:
        raise NoAnswerError(f"did not end within {seconds:.0f} seconds")
    output, errors = (b"".join(stream.chunks) for stream in streams)
    return Output(status, output, errors)


class _Stream(Thread):
    """Reads one stream to its end or its limit. A thread can be abandoned, unlike a blocking read."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        super().__init__(daemon=True)
        self.chunks: list[bytes] = []
        self.size = 0
        self._pipe = pipe
        self._limit = limit
        self.start()

    def run(self) -> None:
        """Read."""
        with self._pipe:
            while self.size <= self._limit and (chunk := self._pipe.read(_CHUNK)):
                self.chunks.append(chunk)
                self.size += len(chunk)


def _wait(process: Popen[bytes], until: float) -> int | None:
    from subprocess import TimeoutExpired

    try:
        return process.wait(max(until - monotonic(), 0))
    except TimeoutExpired:
        return None


def _end(process: Popen[bytes]) -> None:
    """Kill a program that still runs, with all processes it started, and wait at most a second for its
    end."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    _wait(process, monotonic() + 1)
