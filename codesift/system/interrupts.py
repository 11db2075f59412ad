"""Ctrl-C and SIGTERM: one line on stderr, and the process ends at once, whatever it is doing.

Python runs its signal handlers in the main thread only, between two bytecodes. There an exception can be lost
in a callback of the import system, and nothing happens while the main thread is in a C library. So a thread
waits for signals as well, and whichever of the two comes first ends the process without the interpreter's
clean-up. Nothing is lost by that: an index survives even `kill -9` at any moment.
"""

from __future__ import annotations

import _thread
import contextlib
import os
import select
import signal

from codesift.errors import Exit

_ENDINGS = {
    signal.SIGINT: (Exit.INTERRUPTED, b"interrupted"),
    signal.SIGTERM: (Exit.TERMINATED, b"terminated"),
}
_WRITE_SECONDS = 0.5
"""A pipe that nobody reads must not keep the process from ending."""

_first = _thread.allocate_lock()
_restoring: list[bytes] = []
_along: list[int] = []


def install() -> None:
    """End the process on SIGINT and SIGTERM from now on. Call it before any thread starts.

    A signal that is ignored, as SIGINT is by a background job of a shell, stays ignored.
    """
    for number in _ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: _end(number))
    if os.name == "posix":
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        _thread.start_new_thread(_watch, (reading,))


def restore_terminal_with(codes: bytes) -> None:
    """Write these control codes before the last line; empty bytes take that back."""
    _restoring[:] = [codes]


def take_along(group: int) -> None:
    """End this process group too, if a signal comes: it is in a session of its own, where none reaches it.

    Args:
        group: number of the group; 0 is none.
    """
    _along[:] = [group] if group else []


def _watch(reading: int) -> None:
    """Wait for the numbers of signals, which Python's own C handler writes into the pipe at once."""
    while number := os.read(reading, 1):
        _end(number[0])


def _end(number: int) -> None:
    # The lock is never given back: a second signal, or the other thread, has nothing left to do.
    if number in _ENDINGS and _first.acquire(False):
        code, what = _ENDINGS[signal.Signals(number)]
        for group in _along:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        _write(b"".join(_restoring) + b"codesift: " + what + b"; what was done so far is kept\n")
        os._exit(code)


def _write(line: bytes) -> None:
    try:
        # Elsewhere `select` takes sockets alone.
        if os.name != "posix" or select.select([], [2], [], _WRITE_SECONDS)[1]:
            os.write(2, line)
    except (OSError, ValueError):
        pass  # Nobody is left to read it.
