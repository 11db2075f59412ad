"""A process that works apart: its answers, and that it ends whatever happens in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codesift.system.sandbox import MEMORY, EndedError, NoProcessError, SandboxedFunction


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that only the path of this process leads to."""
    (tmp_path / "tasks.py").write_text(
        "import os\n"
        "def double(text): return text * 2\n"
        "def fail(text): raise KeyError(text)\n"
        "def spin():\n    while True: pass\n"
        "def swell(size): return len(bytearray(size))\n"
        "def pid(): return os.getpid()\n"
        "def stop(): os._exit(7)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path


def apart(name: str) -> SandboxedFunction:
    return SandboxedFunction(f"tasks:{name}")


def test_an_answer_is_that_of_the_function(tasks: Path) -> None:
    double = apart("double")
    assert double(5, "é\n") == "é\né\n"
    assert double(5, "a" * 1_000_000) == "a" * 2_000_000
    double.close()


def test_what_the_function_raises_is_raised_here_and_the_process_goes_on(tasks: Path) -> None:
    fail = apart("fail")
    for text in ("a", "b"):
        with pytest.raises(KeyError, match=text):
            fail(5, text)
    fail.close()


def test_one_process_answers_all_calls_until_it_is_closed(tasks: Path) -> None:
    pid = apart("pid")
    first = pid(5)
    assert first == pid(5) != os.getpid()
    pid.close()
    assert pid(5) != first
    pid.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of processor time there")
def test_what_never_ends_is_ended_and_the_next_call_answered(tasks: Path) -> None:
    spin = apart("spin")
    for _ in range(2):
        with pytest.raises(EndedError):
            spin(1)
    spin.close()


@pytest.mark.skipif(sys.platform != "linux", reason="no limit of memory there")
def test_what_takes_too_much_memory_is_ended(tasks: Path) -> None:
    swell = apart("swell")
    with pytest.raises(EndedError):
        swell(5, MEMORY)
    assert swell(5, 1000) == 1000
    swell.close()


def test_a_crash_is_the_end_of_that_call_only(tasks: Path) -> None:
    stop = apart("stop")
    for _ in range(2):
        with pytest.raises(EndedError):
            stop(5)
    stop.close()


def test_a_process_that_cannot_be_started_is_said_so(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("/nowhere/python", "", "/bin/echo"):
        monkeypatch.setattr(sys, "executable", program)
        double = apart("double")
        for _ in range(2):
            with pytest.raises(NoProcessError):
                double(5, "a")
        double.close()


def test_nothing_of_the_current_folder_is_run(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hostile = tasks / "clone"
    hostile.mkdir()
    for name in ("pickle", "codesift", "tasks", "struct", "sitecustomize"):
        (hostile / f"{name}.py").write_text("open('ran', 'w')\n")
    monkeypatch.chdir(hostile)
    double = apart("double")
    assert double(5, "a") == "aa"
    double.close()
    assert not (hostile / "ran").exists()


def test_no_process_outlives_the_one_that_started_it(tasks: Path) -> None:
    code = (
        f"import os, sys; sys.path.insert(0, {str(tasks)!r})\n"
        "from codesift.system.sandbox import SandboxedFunction\n"
        "print(SandboxedFunction('tasks:pid')(5), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    child = int(done.stdout)
    for _ in range(600):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.1)"])
    raise AssertionError(f"{child} still runs")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork there")
def test_after_a_fork_each_process_has_its_own(tasks: Path) -> None:
    code = (
        f"import os, sys; sys.path.insert(0, {str(tasks)!r})\n"
        "from codesift.system.sandbox import SandboxedFunction\n"
        "pid = SandboxedFunction('tasks:pid'); ours = pid(5)\n"
        "child = os.fork()\n"
        "if not child: os._exit(pid(5) == ours)\n"
        "print(os.waitpid(child, 0)[1], pid(5) == ours)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("0 True\n", "")
