"""Units of source files as codesift parses them, without an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from codesift.config import Settings
from codesift.parsing.units import parse
from codesift.repository.decoding import Unreadable, read_text
from codesift.repository.walk import walk
from codesift.types import SourceFile, Unit


def units_of_file(file: SourceFile, settings: Settings) -> list[Unit]:
    """The units of one file, in the order of their lines; none if it cannot be read as text."""
    try:
        text = read_text(file, settings)
    except Unreadable:
        return []
    return parse(text, file.language, file.path)


def units_in_folder(folder: Path) -> Iterator[tuple[SourceFile, list[Unit]]]:
    """Each file of a folder that `codesift index` would index by default, with its units."""
    settings = Settings()
    for file in walk(folder, settings).files:
        yield file, units_of_file(file, settings)
