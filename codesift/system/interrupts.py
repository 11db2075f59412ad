"""Interrupts: on Ctrl-C and SIGTERM the process writes one line to stderr and ends at once.

Python runs signal handlers in the main thread only, between two bytecodes. There an exception can be lost in
a callback of the import system, and nothing happens while the main thread is in a C library. Therefore a
thread waits for signals too, and whichever of the two comes first ends the process without the interpreter's
clean-up. Nothing is lost: an index survives even `kill -9` at any moment.
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
"""Maximum time for writing the line: a pipe that nobody reads must not keep the process from ending."""

_first = _thread.allocate_lock()
_restoring: list[bytes] = []
_groups: list[int] = []
_KEPT = b"what was done so far is kept"
_explanations: list[bytes] = []


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
    """Set the control codes that are written before the last line; empty bytes for none."""
    _restoring[:] = [codes]


def take_along(group: int) -> None:
    """Set the process group that is ended with this process, as it is in a session that no signal reaches.

    Args:
        group: number of the group; 0 for none.
    """
    _groups[:] = [group] if group else []


def explain(text: str) -> None:
    """Set what the last line says about unfinished work; an empty text restores what it says otherwise."""
    _explanations[:] = [text.encode()] if text else []


def _watch(reading: int) -> None:
    """Wait for the numbers of signals, which the C handler of Python writes into the pipe at once."""
    while number := os.read(reading, 1):
        _end(number[0])


def _end(number: int) -> None:
    # The lock is never released: a second signal, or the other thread, has nothing left to do.
    if number in _ENDINGS and _first.acquire(False):
        code, what = _ENDINGS[signal.Signals(number)]
        for group in _groups:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)
        _write(b"".join(_restoring) + b"codesift: " + what + b"; " + (_explanations or [_KEPT])[0] + b"\n")
        os._exit(code)


def _write(line: bytes) -> None:
    try:
        # On other systems, `select` accepts only sockets.
        if os.name != "posix" or select.select([], [2], [], _WRITE_SECONDS)[1]:
            os.write(2, line)
    except (OSError, ValueError):
        pass  # Nobody reads it.
