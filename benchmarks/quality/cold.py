"""One question asked of a command as a user asks it: a fresh process, its output in a pipe."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 120
"""Seconds a command may take."""


def cold(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> float | None:
    """Seconds of a fresh process; None if it fails.

    It is run twice and the second run counts: the first reads its files from the disk.

    Args:
        command: what is run.
        folder: where.
        environment: added to this process's own, without what sets codesift up differently.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CODESIFT_")}
    seconds = None
    for _ in range(2):
        started = time.perf_counter()
        try:
            subprocess.run(
                command,
                cwd=folder,
                env=kept | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=PATIENCE,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        seconds = time.perf_counter() - started
    return seconds
