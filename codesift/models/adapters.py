"""Language adapters: their records, and the `adapters.json` that lists the adapters of one space."""

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

MAX_RANK = 8192
"""Maximum rank of an adapter: no matrix of a base has more rows or columns."""
_MAX_FIGURES = 20
_MAX_TEXT_LENGTH = 200
_MAX_FIGURE = 1e9


@dataclass(frozen=True, slots=True)
class Adapter:
    """A low-rank change of the weights of a base."""

    name: str
    """For example `all-MiniLM-L6-v2/python`."""
    language: str
    """Language that it encodes: `text` for prose, empty for every language without an adapter of its own."""
    rank: int
    path: str
    """A safetensors file, see `encoders.weights.read_adapter`."""
    sha256: str
    """Digest of that file, which is verified when it is loaded."""
    figures: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Measured gain, as in its manifest: `metric`, `base`, `adapter`."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """All adapters that work on one base together, which span one space with it."""

    text: Adapter | None = None
    """Adapter for queries and prose; None for the bare base."""
    code: Mapping[str, Adapter | None] = field(default_factory=dict)
    """Language -> adapter; `""` stands for every language that is no key."""
    base: str = ""
    """Name of the base that they were trained on; empty if it is unknown."""

    def for_language(self, language: str) -> Adapter | None:
        """Return the adapter for a row of `languages.LANGUAGES`, or for code of unknown language (an empty
        name).

        A language without a key is encoded like the language with the same query file: `tsx` like
        `typescript`.
        """
        if language == TEXT:
            return self.text
        related = LANGUAGES[language].query if language in LANGUAGES else ""
        return next((self.code[name] for name in (language, related, "") if name in self.code), None)

    def named(self) -> dict[str, Adapter]:
        """Return every adapter by its language, `text` first."""
        entries = {TEXT: self.text, **self.code}
        return {language: adapter for language, adapter in entries.items() if adapter}

    def identity(self) -> str:
        """Return a text that differs for adapters that give different vectors; empty for the bare base."""
        if not self.named():
            return ""
        entries = sorted({TEXT: self.text, **self.code}.items())
        return " ".join(f"{language}={adapter.sha256 if adapter else ''}" for language, adapter in entries)


NO_ADAPTERS = Adapters()


def read_adapters(manifest: Path) -> Adapters:
    """Read an `adapters.json`, or the one in a folder. The files of the adapters must exist, but are not
    read.

    An entry is null (the bare base), the name of a file, or `{"file", "sha256", "rank", "figures"}`, of which
    all but the first may be missing.

    Raises:
        ModelError: the manifest has another format, or an adapter is missing or outside its folder.
    """
    path = manifest / NAME if is_folder(manifest) else manifest
    content = read_object(path).raw
    base, text, code = content.get("base"), content.get("text"), content.get("code", {})
    if (
        content.get("format") != FORMAT
        or not (isinstance(base, str) and len(base) <= _MAX_TEXT_LENGTH)
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
    """Converts the entries of one manifest to adapters."""

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
        # A manifest written by hand has only names; with an exported one, the files are not read at each
        # start.
        stated = {key for key in ("sha256", "rank", "figures") if row.get(key) is not None}
        sha256 = values.digest("sha256") if "sha256" in stated else file_digest(path, ADAPTER_LIMIT)
        rank = values.whole("rank", 1, MAX_RANK) if "rank" in stated else rank_of(path)
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
    """Read the measured figures: a few names with plain values, which are shown and printed as JSON."""
    figures = values.part("figures")
    if len(figures.raw) > _MAX_FIGURES or any(len(name) > _MAX_TEXT_LENGTH for name in figures.raw):
        raise figures.wrong("", f"at most {_MAX_FIGURES} names with their values")
    for name, value in figures.raw.items():
        number = type(value) in (int, float) and abs(value) <= _MAX_FIGURE
        text = isinstance(value, str) and len(value) <= _MAX_TEXT_LENGTH
        if not (number or text or value is None or isinstance(value, bool)):
            raise figures.wrong(name, "a number or a short text")
    return dict(figures.raw)


def rank_of(path: Path) -> int:
    """Read the rank of an adapter from the head of its file.

    Raises:
        ModelError: it is no safetensors file with a matrix `*.A` of shape (rank, in).
    """
    with open_bounded(path, ADAPTER_LIMIT) as file:
        try:
            tensors = read_head(file, os.fstat(file.fileno()).st_size)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} is not an adapter: {reason_of(error)}") from error
    shapes = [tensor.shape for name, tensor in tensors.items() if name.endswith(".A")]
    if not shapes or len(shapes[0]) != 2 or not 1 <= shapes[0][0] <= MAX_RANK:
        raise ModelError(f"{path} is not an adapter: it has no matrix .A of 1 to {MAX_RANK:,} rows")
    return shapes[0][0]
