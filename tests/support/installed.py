"""What tests of the installed command share: how it is called, and the sources it is called on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""The fixture `codesift`: arguments -> the finished process with its output as text."""
HARBOUR = Path(__file__).parents[1] / "data" / "harbour"
"""Sources in Python, JavaScript and Go."""
