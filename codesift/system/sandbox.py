"""A function called in a process of its own, which the system ends when it takes too much time or memory.

Some texts (20 kB of `async =>` read as C) make a parser take minutes and gigabytes in one step that nothing
within the process can stop.
"""

from __future__ import annotations

import atexit
import math
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

MEMORY = 1 << 30
"""Bytes of address space. Parsing 1 MB of definitions takes a quarter of that."""
PATIENCE = 20
"""Seconds waited for each second of processor time, on a loaded machine or a system without other limits."""
START_SECONDS = 60
"""Seconds the process may take to start: it takes 0.1 s on a quiet machine."""

_READY = b"ready for calls"
_SIZE = struct.Struct("<Q")
_inherited: list[object] = []
"""Kept, because an object that stands for a running process warns when it is deleted."""


class EndedError(Exception):
    """The process took too much time or memory, and was ended."""


class NoProcessError(Exception):
    """No process can be started here."""


class Apart:
    """Calls one function of the package in a process that is started when it is first needed.

    Args:
        function: `module:name`; it is given what can be pickled, and returns the same.
    """

    def __init__(self, function: str) -> None:
        self._function = function
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._works = True
        self._lock = threading.Lock()
        atexit.register(self.close)

    def __call__(self, seconds: int, *arguments: object) -> Any:
        """Call the function. What it raises is raised here.

        Args:
            seconds: of processor time.
            arguments: of the function.

        Raises:
            EndedError: it took longer, or more than `MEMORY`, or crashed.
            NoProcessError: the process cannot be started.
        """
        with self._lock:
            process = self._running()
            try:
                assert process.stdin and process.stdout
                with _ended_after(PATIENCE * seconds, process):
                    _send(process.stdin, (seconds, arguments))
                    done, result = _receive(process.stdout)
            except (EOFError, OSError) as error:
                self._end()
                raise EndedError from error
            # An answer that was not waited for would be taken for that to the next call.
            except BaseException:
                self._end()
                raise
        if not done:
            raise result
        return result

    def close(self) -> None:
        """End the process; the next call starts another."""
        with self._lock:
            self._end()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process and self._owner == os.getpid():
            return self._process
        # After a fork, the process answers the one that started it.
        if self._process:
            _inherited.append(self._process)
            self._process = None
        try:
            self._start()
        except (EOFError, OSError) as error:
            self._works = False
            self._end()
            raise NoProcessError from error
        assert self._process
        return self._process

    def _start(self) -> None:
        if not self._works:
            raise EOFError
        module, _, name = self._function.partition(":")
        # Without `site` it starts in half the time; what may be imported is on the path already.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from {__name__} import serve; from {module} import {name}; serve({name})"
        )
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout
        # Something else may have been started, which prints or waits.
        with _ended_after(START_SECONDS, self._process):
            if self._process.stdout.read(len(_READY)) != _READY:
                raise EOFError

    def _end(self) -> None:
        process, self._process = self._process, None
        if process and self._owner == os.getpid():
            process.kill()
            with process:  # Closes the pipes and waits for the end.
                pass


@contextmanager
def _ended_after(seconds: float, process: subprocess.Popen[bytes]) -> Iterator[None]:
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def serve(function: Callable[..., object]) -> None:
    """Answer calls from the standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits.
    source, target = sys.stdin.buffer, sys.stdout.buffer
    _limit_memory()
    target.write(_READY)
    target.flush()
    with suppress(EOFError):
        while True:
            seconds, arguments = _receive(source)
            _limit_time(seconds)
            try:
                answer = True, function(*arguments)
            except MemoryError:
                return
            except Exception as error:
                answer = False, error
            _send(target, answer)


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _limit_time(seconds: int) -> None:
    """End this process once it has taken so many seconds more."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        spent = sum(os.times()[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent) + seconds, hard))


def _send(target: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    target.write(_SIZE.pack(len(data)) + data)
    target.flush()


def _receive(source: IO[bytes]) -> Any:
    (size,) = _SIZE.unpack(_exactly(source, _SIZE.size))
    return pickle.loads(_exactly(source, size))


def _exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
