"""Lists of packages that training takes its sources from: exact versions, each with its licence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesift.errors import CodesiftError
from evaluation.files import read_json
from evaluation.packages import Package

CORPORA = Path(__file__).parents[1] / "corpora"


@dataclass(frozen=True, slots=True)
class ListedPackage:
    """One package of a list."""

    registry: str
    name: str
    version: str
    license: str = ""
    """As its registry or Debian's copyright file has it."""

    @property
    def package(self) -> Package:
        return Package(self.registry, self.name, self.version)

    @classmethod
    def from_json(cls, row: Any) -> ListedPackage:
        """Read a row of a list.

        Raises:
            CodesiftError: a field is missing or is not text.
        """
        fields = row if isinstance(row, dict) else {}
        values = [value for name in cls.__slots__ if (value := fields.get(name)) and isinstance(value, str)]
        if len(values) < len(cls.__slots__):
            raise CodesiftError(f"a package needs {', '.join(cls.__slots__)}, found {row!r}")
        return cls(*values)


def read_list(folder: Path, language: str, first: int = 0) -> list[ListedPackage]:
    """The package list of a language, or its first rows.

    Raises:
        CodesiftError: the file is missing, or not a list of packages.
    """
    path = folder / f"{language}.json"
    content = read_json(path)
    packages = content.get("packages") if isinstance(content, dict) else None
    if not isinstance(packages, list):
        raise CodesiftError(f"{path} has no list of packages")
    return [ListedPackage.from_json(row) for row in packages[: first or None]]
