"""The text that is encoded for a unit, and its version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from codesift.types import Encoder, Unit, Window
from codesift.words import split_identifier, terms

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


MAX_DRAFT_WORDS = 4000
"""Maximum number of words of a unit that its draft is made from: about as many as 64 windows hold."""


def draft_words(path: str, units: Iterable[Sequence[str]]) -> list[list[str]]:
    """Return the words of the units of a file that their drafts are made from.

    Args:
        path: path of the file, whose name counts for each unit.
        units: the terms of the qualified name, the documentation and the code, each joined by blanks.
    """
    common = terms(path.rpartition("/")[2].rpartition(".")[0])
    words = []
    for columns in units:
        of_unit = common.copy()
        for column in columns:
            of_unit += column.split(None, MAX_DRAFT_WORDS)[:MAX_DRAFT_WORDS]
        words.append(of_unit[:MAX_DRAFT_WORDS])
    return words
