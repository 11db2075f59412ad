"""The record that passes between the steps of training: one function, or head of a class, of one package."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from codesift.models.template import unit_text
from codesift.types import Unit

LANGUAGES = (
    "python",
    "javascript",
    "typescript",
    "java",
    "go",
    "ruby",
    "php",
    "c",
    "cpp",
    "csharp",
    "rust",
)
"""The languages that get an adapter of their own: names of rows of `codesift.parsing.languages.LANGUAGES`."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a function's code that says something in words."""

    start: int
    """`code[start:end]` is what has to be cut for the code not to hold the text."""
    end: int
    text: str
    """Its words, cleaned of marks and markup."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function in CodeSearchNet's record format, with what codesift's template and views need beside it."""

    repo: str
    """The project's normalised name: what partitions are made by."""
    package: str
    """Folder of the package it is from, `<label>-<version>`."""
    path: str
    """Path below that folder, with forward slashes."""
    func_name: str
    """Qualified within its file: `Connection.close`."""
    language: str
    partition: str
    """`train`, `dev` or `test`."""
    kind: str
    """`function`, `method`, or `class` for the head of one: signature and fields."""
    name: str
    signature: str
    original_string: str
    """Source text, documentation included where it stands inside."""
    code: str
    """Source text without the documentation."""
    documentation: str
    """All of the documentation, comment marks removed."""
    docstring: str
    """First paragraph of the documentation, cleaned; empty if it is of no use."""
    sha: str
    """First 16 hex digits of the SHA-1 of `code` with all white space removed."""
    start_line: int
    comments: tuple[Span, ...] = ()
    """Comments inside the body."""
    messages: tuple[Span, ...] = ()
    """Texts of errors and log lines."""
    tests: tuple[str, ...] = ()
    """Names of the tests of this function, in words."""

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Function:
        """Read what `to_json` wrote; keys that are not fields are left alone."""
        values = {name: row[name] for name in cls.__slots__ if name in row}
        spans = {name: tuple(Span(**span) for span in row.get(name, ())) for name in ("comments", "messages")}
        return cls(**{**values, **spans, "tests": tuple(row.get("tests", ()))})

    def to_json(self) -> dict[str, Any]:
        """A row with CodeSearchNet's `code_tokens` and `docstring_tokens` added."""
        tokens = {"code_tokens": _TOKEN.findall(self.code), "docstring_tokens": self.docstring.split()}
        return {**asdict(self), **tokens}

    def text(self, documentation: bool = True, cut: Sequence[Span] = ()) -> tuple[str, str]:
        """(head, body) of `codesift.models.template`: what the tool encodes for this function.

        Args:
            documentation: whether it is in the body, as in search.
            cut: spans left out of the code, none overlapping another.
        """
        code = self.code
        for span in sorted(cut, key=lambda span: -span.start):
            code = code[: span.start] + code[span.end :]
        return unit_text(self.path, self._unit(code, self.documentation if documentation else ""))

    def _unit(self, code: str, documentation: str) -> Unit:
        return Unit(
            kind=self.kind,
            name=self.name,
            qualified_name=self.func_name,
            start_line=self.start_line,
            end_line=self.start_line + self.original_string.count("\n"),
            start_byte=0,
            end_byte=0,
            signature=self.signature,
            documentation=documentation,
            code=code,
        )
