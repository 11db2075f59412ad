"""What tests of the catalog and of the full text have in common: they are two sides of one database."""

from __future__ import annotations

from codesift.index.catalog import Catalog
from codesift.index.full_text import FullText
from codesift.index.selection import EVERYTHING, Selection
from codesift.parsing.units import entry_of
from codesift.types import SourceFile, Unit

EQUAL = (1.0, 1.0, 1.0, 1.0)
"""Weights of the fields."""


def put(
    catalog: Catalog, path: str, *units: Unit, skipped: str | None = None, language: str = "python"
) -> None:
    source = SourceFile(path, f"/root/{path}", language, 10, 20, 30)
    catalog.put_file(source, b"digest", [entry_of(unit) for unit in units], skipped)


def names(
    catalog: Catalog,
    full_text: FullText,
    *words: str,
    selection: Selection = EVERYTHING,
    limit: int = 10,
) -> list[str]:
    found = full_text.best(words, EQUAL, limit, selection)
    hits = catalog.hits(unit_id for unit_id, _ in found)
    return [hits[unit_id].name for unit_id, _ in found]
