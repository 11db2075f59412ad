"""Sandbox: calls a function in another process, which is killed if it takes too much time or memory.

Some texts (20 kB of `async =>` parsed as C) make a parser take minutes and gigabytes in one step that nothing
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
WALL_SECONDS = 20
"""Seconds to wait for each second of processor time, for a loaded machine or a system without other
limits."""
START_SECONDS = 60
"""Maximum time of the start in seconds. It takes 0.1 s on an idle machine."""

_READY = b"ready for calls"
_SIZE = struct.Struct("<Q")
_inherited: list[object] = []
"""Processes of a parent before a fork. They are kept, as `Popen` warns if a running process is deleted."""


class EndedError(Exception):
    """The process took too much time or memory, and was killed."""


class NoProcessError(Exception):
    """No process can be started."""


class SandboxedFunction:
    """Calls one function of the package in other processes, each started when no other one is free.

    Several threads may call it at once; each call then has a process of its own.

    Args:
        function: `module:name`; its arguments and results can be pickled.
    """

    def __init__(self, function: str) -> None:
        self._function = function
        self._idle: list[subprocess.Popen[bytes]] = []
        self._owner = os.getpid()
        self._works = True
        self._lock = threading.Lock()
        atexit.register(self.close)

    def __call__(self, seconds: int, *arguments: object) -> Any:
        """Call the function. Its exceptions are raised here.

        Args:
            seconds: maximum processor time.
            arguments: arguments of the function.

        Raises:
            EndedError: it took longer, needed more than `MEMORY`, or crashed.
            NoProcessError: the process cannot be started.
        """
        process = self._take()
        try:
            assert process.stdin and process.stdout
            with _ended_after(WALL_SECONDS * seconds, process):
                _send(process.stdin, (seconds, arguments))
                done, result = _receive(process.stdout)
        except (EOFError, OSError) as error:
            _end(process)
            raise EndedError from error
        # Otherwise the next call would receive the answer to this one.
        except BaseException:
            _end(process)
            raise
        with self._lock:
            self._idle.append(process)
        if not done:
            raise result
        return result

    def close(self) -> None:
        """Kill the processes that no call uses; the next call starts another one."""
        with self._lock:
            self._forget_others()
            idle, self._idle = self._idle, []
        for process in idle:
            _end(process)

    def _take(self) -> subprocess.Popen[bytes]:
        """Return a process that no other call uses."""
        with self._lock:
            self._forget_others()
            if self._idle:
                return self._idle.pop()
        try:
            return self._started()
        except (EOFError, OSError) as error:
            self._works = False
            raise NoProcessError from error

    def _forget_others(self) -> None:
        """Forget the processes that belong to the parent, after a fork."""
        if self._owner != os.getpid():
            _inherited.extend(self._idle)
            self._idle, self._owner = [], os.getpid()

    def _started(self) -> subprocess.Popen[bytes]:
        if not self._works:
            raise EOFError
        module, _, name = self._function.partition(":")
        # Without `site` it starts in half the time; all that it imports is on the path already.
        code = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from {__name__} import serve; from {module} import {name}; serve({name})"
        )
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout
        try:
            # `sys.executable` may be another program, which prints or waits.
            with _ended_after(START_SECONDS, process):
                if process.stdout.read(len(_READY)) != _READY:
                    raise EOFError
        except BaseException:
            _end(process)
            raise
        return process


def _end(process: subprocess.Popen[bytes]) -> None:
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
    source, stream = sys.stdin.buffer, sys.stdout.buffer
    _limit_memory()
    stream.write(_READY)
    stream.flush()
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
            _send(stream, answer)


def _limit_memory() -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def _limit_time(seconds: int) -> None:
    """Limit the processor time of this process to so many more seconds."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        spent = sum(os.times()[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(spent) + seconds, hard))


def _send(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    stream.write(_SIZE.pack(len(data)) + data)
    stream.flush()


def _receive(source: IO[bytes]) -> Any:
    (size,) = _SIZE.unpack(_exactly(source, _SIZE.size))
    return pickle.loads(_exactly(source, size))


def _exactly(source: IO[bytes], size: int) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data
