"""Language adapters: the records, and the `adapters.json` that says which files belong together."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codesift.errors import ModelError
from codesift.hub import file_digest
from codesift.languages import LANGUAGES

NAME = "adapters.json"
FORMAT = 1
TEXT = "text"
"""The language of queries and of prose."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A small change of a base's weights."""

    name: str
    """`all-MiniLM-L6-v2/python`"""
    language: str
    """What it encodes: a language, `text`, or empty for code of every language that has none of its own."""
    rank: int
    path: str
    """A safetensors file, see `encoders.weights.read_adapter`."""
    sha256: str
    """Of that file; checked when it is loaded."""
    figures: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What it was measured to gain, as in its manifest: `metric`, `base`, `adapter`."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """All adapters that work on one base together: they span one space."""

    text: Adapter | None = None
    """Encodes queries and prose; None is the bare base."""
    code: Mapping[str, Adapter | None] = field(default_factory=dict)
    """Language -> adapter; `""` is for every language that is no key."""
    base: str = ""
    """Name of the base they were trained on; empty if that is not known."""

    def for_language(self, language: str) -> Adapter | None:
        """The adapter for a row of `languages.LANGUAGES`, or for code of unknown language (an empty name).

        A language without a key is encoded as the one that shares its query file: `tsx` as `typescript`.
        """
        if language == TEXT:
            return self.text
        kin = LANGUAGES[language].query if language in LANGUAGES else ""
        return next((self.code[name] for name in (language, kin, "") if name in self.code), None)

    def named(self) -> dict[str, Adapter]:
        """Every adapter by its language, `text` first."""
        entries = {TEXT: self.text, **self.code}
        return {language: adapter for language, adapter in entries.items() if adapter}

    def identity(self) -> str:
        """A text that differs wherever a vector may differ; empty for the bare base."""
        if not self.named():
            return ""
        entries = sorted({TEXT: self.text, **self.code}.items())
        return " ".join(f"{language}={adapter.sha256 if adapter else ''}" for language, adapter in entries)


NO_ADAPTERS = Adapters()


def read_adapters(manifest: Path) -> Adapters:
    """Read an `adapters.json`, or the one in a folder. Its adapters' files must be there, but are not read.

    An entry is null (the bare base), a file's name, or `{"file", "sha256", "rank", "figures"}`, of which all
    but the first may be missing.

    Raises:
        ModelError: the manifest is no such file, or an adapter is missing or outside its folder.
    """
    path = manifest / NAME if manifest.is_dir() else manifest
    content = _read(path)
    base, text, code = content.get("base"), content.get("text"), content.get("code", {})
    if content.get("format") != FORMAT or not isinstance(base, str) or not isinstance(code, dict):
        raise ModelError(f"{path} is not a list of adapters of format {FORMAT}")
    if unknown := set(code) - set(LANGUAGES) - {""} | {TEXT} & set(code):
        raise ModelError(
            f"{path} has code in {', '.join(sorted(unknown))}, which is no programming language here"
        )
    reader = _Reader(path, base)
    return Adapters(
        reader.adapter(TEXT, text), {name: reader.adapter(name, code[name]) for name in code}, base
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the adapters in {path}: {error}") from error
    return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class _Reader:
    """Turns the entries of one manifest into adapters."""

    manifest: Path
    base: str

    def adapter(self, language: str, entry: object) -> Adapter | None:
        if entry is None:
            return None
        row = {"file": entry} if isinstance(entry, str) else entry
        if not isinstance(row, dict) or not isinstance(row.get("file"), str):
            raise ModelError(f"{self.manifest} names no file for {language or 'other languages'}")
        path = self._inside(row["file"])
        # A manifest written by hand gives only names; an exported one spares each start the reading.
        sha256 = row.get("sha256") or file_digest(path)
        rank = row.get("rank") or rank_of(path)
        figures = row.get("figures") or {}
        if not (_is_digest(sha256) and isinstance(rank, int) and isinstance(figures, dict)):
            raise ModelError(f"{self.manifest} describes {row['file']} with a wrong sha256, rank or figures")
        return Adapter(f"{self.base}/{language or 'other'}", language, rank, str(path), sha256, figures)

    def _inside(self, file: str) -> Path:
        path = self.manifest.parent / file
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise ModelError(f"{self.manifest} names {file}, which is outside its folder")
        if not path.is_file():
            raise ModelError(
                f"there is no adapter {path}, which {self.manifest} names", "install codesift again"
            )
        return path


def _is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")


def rank_of(path: Path) -> int:
    """The rank of an adapter, from its file's head.

    Raises:
        ModelError: it is no safetensors file with a matrix `*.A` (rank, in).
    """
    try:
        shapes = {name: row["shape"] for name, row in _tensors(path)}
        return int(next(shape[0] for name, shape in shapes.items() if name.endswith(".A")))
    except (OSError, ValueError, TypeError, KeyError, IndexError, StopIteration) as error:
        raise ModelError(f"{path} is not an adapter") from error


def _tensors(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and description of each tensor: read by hand, for safetensors takes longer to import than this."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        # A damaged length must not ask for more memory than there is.
        head = json.loads(file.read(min(length, path.stat().st_size)))
    yield from ((name, row) for name, row in head.items() if name != "__metadata__")
