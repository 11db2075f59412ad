"""The text that is encoded for a unit, and its version."""

from __future__ import annotations

from pathlib import PurePosixPath

from codesift.types import Encoder, Unit, Window
from codesift.words import split_identifier

TEMPLATE_VERSION = "1"
"""Version of the text that `unit_text` makes. Raise it whenever that text changes. It is part of a space's
id, so that vectors of the old text are not compared with vectors of the new one."""


def windows_of(encoder: Encoder, path: str, unit: Unit) -> list[Window]:
    """Cut a unit into windows, with the lines of the file that each of them covers."""
    head, body = unit_text(path, unit)
    # Lines are counted from the end, as the documentation was moved to the front.
    first_line = unit.end_line - body.count("\n")
    return [
        Window(window.text, _within(window.start_line, unit), _within(window.end_line, unit))
        for window in encoder.windows(head, body, first_line)
    ]


def _within(line: int, unit: Unit) -> int:
    return min(max(line, unit.start_line), unit.end_line)


def unit_text(path: str, unit: Unit) -> tuple[str, str]:
    """Return the text of a unit as (head, body): the head begins each window, the body is cut into windows.

    The text contains only the file name of the path, so that a moved file keeps its vectors.
    """
    stem = " ".join(split_identifier(PurePosixPath(path).stem))
    head = " ".join(part for part in (stem, unit.qualified_name, unit.signature) if part)
    body = "\n".join(part for part in (unit.documentation, unit.code.rstrip("\n")) if part)
    return head, body
