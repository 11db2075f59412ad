"""Plots: small SVG files whose bytes depend on the figures alone."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesift.errors import CodesiftError
from evaluation.files import replacing

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by readers with any colour vision (Okabe and Ito 2008); each also has a marker of its own."""
MARKERS = ("o", "s", "D", "^", "v", "P")
_SETTINGS: Any = {
    # Letters as shapes look the same everywhere; the salt keeps the ids of shapes from being random.
    "svg.fonttype": "path",
    "svg.hashsalt": "codesift",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot that can be drawn."""

    file: str
    caption: str
    draw: Callable[[Any], None]
    """Draws on an empty figure of matplotlib."""


def write_plot(plot: Plot, folder: Path) -> None:
    """Draw a plot into `folder`; the same figures give the same bytes.

    Raises:
        CodesiftError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise CodesiftError("plots need matplotlib", "pip install 'codesift[train]'") from error
    with matplotlib.rc_context(_SETTINGS):
        figure = Canvas()
        plot.draw(figure)
        content = io.BytesIO()
        figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    with replacing(folder / plot.file) as file:
        file.write(content.getvalue())
