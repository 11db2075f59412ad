"""The progress bar, which is shown only for work that takes a while."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from codesift.system import interrupts
from codesift.types import Progress as Callback

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SILENT_SECONDS = 0.3
"""Time in seconds before the bar is shown: a bar that flashes up is distracting, and importing rich takes
time."""
_REFRESH_SECONDS = 0.05
_SHOW_CURSOR_CLEAR_LINE = b"\x1b[?25h\r\x1b[2K"
_STAGES = {"walk": "Finding files", "parse": "Reading code", "embed": "Embedding", "graph": "Building graph"}


@contextmanager
def progress(quiet: bool, err: TextIO | None = None, after: float = SILENT_SECONDS) -> Iterator[Callback]:
    """Yield the callback for reports of progress; it draws on `err` (stderr) if that is a terminal.

    Args:
        quiet: draw nothing.
        after: time in seconds before the bar is shown.
    """
    stream = err or sys.stderr
    if quiet or not stream.isatty():
        yield _silent
        return
    bar = _Bar(stream, time.monotonic() + after)
    try:
        yield bar.report
    finally:
        bar.close()


def _silent(stage: str, done: int, total: int) -> None:
    pass


class _Bar:
    """One line with the current stage, which is removed at the end."""

    def __init__(self, err: TextIO, shown_from: float) -> None:
        self._err = err
        self._next_draw = shown_from
        self._display: Progress | None = None
        self._stage = ""
        self._task: TaskID | None = None

    def report(self, stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next_draw and (self._display is None or done < total):
            return
        self._next_draw = now + _REFRESH_SECONDS
        if self._display is None:
            self._display = _open_display(self._err)
        self._draw(self._display, stage, done, total)

    def _draw(self, display: Progress, stage: str, done: int, total: int) -> None:
        if stage != self._stage or self._task is None:
            if self._task is not None:
                display.remove_task(self._task)
            self._stage = stage
            # The task starts at `done`, so that work before the bar was shown does not count in the rate.
            self._task = display.add_task(
                _STAGES.get(stage, stage), total=None, completed=done, count="", rate=""
            )
        speed = display.tasks[-1].speed
        display.update(
            self._task,
            completed=done,
            total=total or None,
            count=f"{done:,}/{total:,}" if total else f"{done:,}",
            rate=f"{speed:,.0f}/s" if speed else "",
        )

    def close(self) -> None:
        if self._display is not None:
            self._display.stop()
            interrupts.restore_terminal_with(b"")


def _open_display(err: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    display = Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(bar_width=30, complete_style="cyan", finished_style="cyan", pulse_style="cyan"),
        TextColumn("{task.fields[count]:>15}"),
        TextColumn("{task.fields[rate]:>8}"),
        TimeRemainingColumn(compact=True),
        console=Console(file=err),
        transient=True,
    )
    interrupts.restore_terminal_with(_SHOW_CURSOR_CLEAR_LINE)
    display.start()
    return display
