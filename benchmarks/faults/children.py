"""Commands in processes of their own, bounded in time and memory: the installed one, and forks of this one.

A fork has codesift imported already, which spares each of thousands of trials the start of an interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmarks.faults.trials import MOST_MB, Ended
from benchmarks.processes import codesift

SECONDS = 30.0
"""After which a command counts as hanging, unless an attack says otherwise."""
HANGS = "does not end"
GROWS = f"memory above {MOST_MB} MB"
_DATA_BYTES = 8 << 30
_FILE_BYTES = 4 << 30
_POLL_SECONDS = 0.003
_KIB_A_UNIT = 1 if sys.platform != "darwin" else 1 / 1024
_PRELOADED = (
    *(
        "codesift.__main__",
        "codesift.terminal.app",
        "codesift.session",
        "codesift.search.query",
        "codesift.search.duplicates",
    ),
    *(
        "codesift.search.lookup",
        "codesift.parsing.units",
        "codesift.encoders",
        "numpy",
        "hnswlib",
        "sqlite3",
        "filelock",
    ),
)
"""What a fork finds imported; nothing that starts threads: a lock that one holds stays held in a fork."""


@dataclass(frozen=True, slots=True)
class Running:
    """A process that was started."""

    pid: int
    started: float
    out: IO[bytes]
    err: IO[bytes]

    def is_alive(self) -> bool:
        """Whether it has not ended yet; its exit code stays to be read."""
        found = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return found is None

    def sleep_until(self, moment: float) -> bool:
        """Wait until so many seconds after its start; returns whether it still runs then."""
        while self.is_alive():
            left = self.started + moment - time.perf_counter()
            if left <= 0:
                return True
            time.sleep(min(left, _POLL_SECONDS))
        return False


def start_command(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Running:
    """Start the installed command in a session of its own."""
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - `finish` closes them
    started = time.perf_counter()
    process = subprocess.Popen(
        codesift(*arguments),
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
        preexec_fn=_limit,
    )
    process.returncode = 0  # It is waited for below, not by `subprocess`.
    return Running(process.pid, started, out, err)


def fork(work: Callable[[], object], folder: Path, environ: Mapping[str, str]) -> Running:
    """Do some work in a fork of this process; what `work` returns is its exit code, None is 0."""
    _preload()
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115 - `finish` closes them
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.perf_counter()
    pid = os.fork()
    if not pid:
        _be_child(work, folder, environ, out.fileno(), err.fileno())
    return Running(pid, started, out, err)


def finish(running: Running, seconds: float = SECONDS) -> Ended:
    """Wait for a process, and kill it with all it started once it takes too long or too much memory."""
    until = running.started + seconds
    stopped = ""
    while True:
        pid, status, usage = os.wait4(running.pid, os.WNOHANG)
        if pid:
            break
        if not stopped and time.perf_counter() > until:
            stopped = HANGS
            kill(running)
        if not stopped and _resident_mb(running.pid) > MOST_MB:
            stopped = GROWS
            kill(running)
        time.sleep(_POLL_SECONDS)
    took = time.perf_counter() - running.started
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)  # What it may have left behind.
    out, err = (_read(file) for file in (running.out, running.err))
    peak = usage.ru_maxrss * _KIB_A_UNIT / 1024
    return Ended(os.waitstatus_to_exitcode(status), out, err, took, peak, stopped)


def kill(running: Running) -> None:
    """`kill -9`, with whatever it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.pid, signal.SIGKILL)


def run_command_line(arguments: Sequence[str]) -> int:
    """The command line, as the installed command runs it; for `fork`."""
    from codesift.__main__ import main

    sys.argv = ["codesift", *arguments]
    try:
        main()
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def _preload() -> None:
    import importlib

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for module in _PRELOADED:
        importlib.import_module(module)
    gc.freeze()


def _be_child(
    work: Callable[[], object], folder: Path, environ: Mapping[str, str], out: int, err: int
) -> None:
    """Take on another environment, do the work, and end without this process's own clean-up."""
    code = 70
    try:
        os.setsid()
        for number, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(number, target)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environ)
        tempfile.tempdir = None
        os.chdir(folder)
        _limit()
        code = int(work() or 0)  # type: ignore[call-overload]
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _limit() -> None:
    for which, most in (
        (resource.RLIMIT_DATA, _DATA_BYTES),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        resource.setrlimit(which, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _resident_mb(pid: int) -> float:
    """Memory of a process as of now; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(pages) * resource.getpagesize() / 2**20


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    with file:
        return file.read().decode("utf-8", "surrogateescape")
