"""Detaching: indexing goes on in a process of its own, after the command has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codesift.terminal.invocation import Run

_NICENESS = 10
"""Added to the niceness of the process, so that it takes only time that nobody else wants."""


def continue_in_background(run: Run, options: Mapping[str, object]) -> None:
    """Start a process that computes the missing vectors of a repository, unless one does so already.

    It belongs to no terminal, and ends when all vectors are there, or at `codesift index --stop`.

    Args:
        run: the invocation.
        options: option -> its value, None if it was not given.
    """
    with run.repository() as repository:
        if repository.is_embedding():
            run.notify("another process computes the vectors already")
            return
    given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
    code = f"import sys; sys.path[:] = {sys.path!r}; from codesift.__main__ import run; run()"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code, "index", str(run.root), "--quiet", *given],
        cwd=run.root.anchor,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
    run.notify("the vectors are computed in the background: `codesift status` shows how many there are")
