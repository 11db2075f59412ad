"""Language adapters: the records, and the `adapters.json` that says which files belong together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codesift.errors import ModelError
from codesift.models.files import (
    ADAPTER_LIMIT,
    Values,
    is_folder,
    open_bounded,
    read_object,
    reason_of,
    shown,
)
from codesift.models.hub import file_digest
from codesift.models.tensors import read_head
from codesift.parsing.languages import LANGUAGES

NAME = "adapters.json"
FORMAT = 1
TEXT = "text"
"""The language of queries and of prose."""

LARGEST_RANK = 8192
"""A matrix of a base has no more rows or columns than this, so no change of it has a higher rank."""
_MOST_FIGURES = 20
_LONGEST = 200
_LARGEST_FIGURE = 1e9


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
    path = manifest / NAME if is_folder(manifest) else manifest
    content = read_object(path).raw
    base, text, code = content.get("base"), content.get("text"), content.get("code", {})
    if (
        content.get("format") != FORMAT
        or not (isinstance(base, str) and len(base) <= _LONGEST)
        or not isinstance(code, dict)
    ):
        raise ModelError(f"{path} is not a list of adapters of format {FORMAT}")
    if unknown := set(code) - set(LANGUAGES) - {""} | {TEXT} & set(code):
        raise ModelError(
            f"{path} has code in {shown(', '.join(sorted(unknown)))}, which is no programming language here"
        )
    reader = _Reader(path, base)
    return Adapters(
        reader.adapter(TEXT, text), {name: reader.adapter(name, code[name]) for name in code}, base
    )


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
        values = Values(self.manifest, row, f"{language or 'other'}.")
        path = self._file(values)
        # A manifest written by hand gives only names; an exported one spares each start the reading.
        stated = {key for key in ("sha256", "rank", "figures") if row.get(key) is not None}
        sha256 = values.digest("sha256") if "sha256" in stated else file_digest(path, ADAPTER_LIMIT)
        rank = values.whole("rank", 1, LARGEST_RANK) if "rank" in stated else rank_of(path)
        figures = _figures(values) if "figures" in stated else {}
        return Adapter(f"{self.base}/{language or 'other'}", language, rank, str(path), sha256, figures)

    def _file(self, values: Values) -> Path:
        path = values.inside("file")
        if not os.path.lexists(path):
            raise ModelError(
                f"there is no adapter {path}, which {self.manifest} names", "install codesift again"
            )
        open_bounded(path, ADAPTER_LIMIT).close()
        return path


def _figures(values: Values) -> dict[str, Any]:
    """Measured figures: a few names with plain values, as they are shown and printed as JSON."""
    figures = values.part("figures")
    if len(figures.raw) > _MOST_FIGURES or any(len(name) > _LONGEST for name in figures.raw):
        raise figures.wrong("", f"at most {_MOST_FIGURES} names with their values")
    for name, value in figures.raw.items():
        number = type(value) in (int, float) and abs(value) <= _LARGEST_FIGURE
        text = isinstance(value, str) and len(value) <= _LONGEST
        if not (number or text or value is None or isinstance(value, bool)):
            raise figures.wrong(name, "a number or a short text")
    return dict(figures.raw)


def rank_of(path: Path) -> int:
    """The rank of an adapter, from its file's head.

    Raises:
        ModelError: it is no safetensors file with a matrix `*.A` (rank, in).
    """
    with open_bounded(path, ADAPTER_LIMIT) as file:
        try:
            tensors = read_head(file, os.fstat(file.fileno()).st_size)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} is not an adapter: {reason_of(error)}") from error
    shapes = [tensor.shape for name, tensor in tensors.items() if name.endswith(".A")]
    if not shapes or len(shapes[0]) != 2 or not 1 <= shapes[0][0] <= LARGEST_RANK:
        raise ModelError(f"{path} is not an adapter: it has no matrix .A of 1 to {LARGEST_RANK:,} rows")
    return shapes[0][0]
