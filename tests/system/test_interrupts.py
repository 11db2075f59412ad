"""Ctrl-C and SIGTERM end the process with one line and a documented exit code, whatever it is doing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repositories import Done, finished, start, worked, write

LINES = {
    signal.SIGINT: "codesift: interrupted; what was done so far is kept\n",
    signal.SIGTERM: "codesift: terminated; what was done so far is kept\n",
}
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}

START = (
    "import os, time\nfrom codesift.system import interrupts\ninterrupts.install()\nprint('on', flush=True)\n"
)
BUSY = {
    "in Python": "while True: pass",
    "asleep in C": "import ctypes; ctypes.CDLL(None).sleep(60)",
    "waiting for a thread": (
        "import threading; t = threading.Thread(target=time.sleep, args=(60,)); t.start(); t.join()"
    ),
    "in SQLite": (
        "import sqlite3; sqlite3.connect(':memory:').execute("
        "'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n')"
    ),
    "waiting for a pipe": "os.read(os.pipe()[0], 1)",
    "swallowing every exception": (
        "while True:\n    try:\n        time.sleep(60)\n    except BaseException:\n        pass"
    ),
}


@pytest.mark.parametrize("number", LINES)
@pytest.mark.parametrize("busy", BUSY)
def test_a_signal_ends_what_is_busy(busy: str, number: signal.Signals) -> None:
    program = f"{START}{BUSY[busy]}"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "on\n"
    time.sleep(0.2)
    process.send_signal(number)
    done = finished(process)
    assert (done.returncode, done.stderr) == (CODES[number], LINES[number])


def test_an_ignored_signal_stays_ignored() -> None:
    program = (
        "import os, signal\nfrom codesift.system import interrupts\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "interrupts.install()\nos.kill(os.getpid(), signal.SIGINT)\nprint('still here')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "still here\n")


def test_a_full_pipe_on_stderr_does_not_keep_the_process() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while True:
        try:
            os.write(writing, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(writing, True)
    command = [sys.executable, "-c", f"{START}time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writing, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "on\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_the_cursor_comes_back_before_the_last_line() -> None:
    program = (
        "import os, signal\nfrom codesift.system import interrupts\ninterrupts.install()\n"
        "interrupts.restore_terminal_with(b'<cursor>')\nos.kill(os.getpid(), signal.SIGINT)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stderr == "<cursor>" + LINES[signal.SIGINT]


@pytest.mark.parametrize("number", LINES)
def test_a_signal_at_any_moment_ends_a_verb(tmp_path: Path, number: signal.Signals) -> None:
    root, chance = write(tmp_path), random.Random(number)
    worked(finished(start("index", root)))
    began = time.monotonic()
    expected = worked(finished(start("query", "price", "--root", root, "--json")))
    seconds = time.monotonic() - began
    for _ in range(10):
        process = start("query", "price", "--root", root, "--json")
        time.sleep(chance.uniform(0.1, 1) * seconds)
        process.send_signal(number)
        done = finished(process)
        if done.returncode == 0:
            assert done.stdout == expected
        elif done.returncode == CODES[number]:
            assert done.stderr == LINES[number], done
        else:
            # The interpreter was still starting: none of our code had run.
            assert done.returncode == -number and "codesift: " not in done.stderr, done
    assert worked(finished(start("query", "price", "--root", root, "--json"))) == expected


def test_what_was_done_before_a_signal_is_kept(tmp_path: Path) -> None:
    root = write(tmp_path)
    process = start("index", root)
    time.sleep(0.5)
    process.terminate()
    done: Done[str] = finished(process)
    assert done.returncode in (0, 143), done
    worked(finished(start("index", root)))
