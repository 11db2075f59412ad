"""The packages that `fetch` left, ready to be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.files import read_json
from training.mining.extract import UnpackedPackage
from training.mining.splits import project_of


def packages_of(folder: Path, languages: Iterable[str]) -> dict[str, list[UnpackedPackage]]:
    """Language -> the packages that were fetched for it.

    Raises:
        CodesiftError: there is none for any of them.
    """
    found = {language: list(unpacked_packages(folder, language)) for language in languages}
    found = {language: packages for language, packages in found.items() if packages}
    if not found:
        raise CodesiftError(f"no packages in {folder}", "run python -m training fetch first")
    return found


def unpacked_packages(folder: Path, language: str) -> Iterator[UnpackedPackage]:
    """Yield the packages of a language that were fetched and unpacked whole."""
    # The row is written last: a folder without one is still being unpacked.
    for row in sorted((folder / language).glob("*.json")):
        unpacked = row.with_suffix("")
        if unpacked.is_dir():
            name = _name(row)
            yield UnpackedPackage(unpacked, language, name, project_of(name))


def _name(row: Path) -> str:
    content = read_json(row)
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise CodesiftError(f"{row} does not name its package")
    return str(content["name"])
