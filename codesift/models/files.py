"""Untrusted files of models and adapters: only regular files of limited size are read, every value is
checked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from codesift.errors import ModelError
from codesift.system.files import UnfitFileError, open_regular

JSON_LIMIT = 1 << 20
"""Maximum size of a description in bytes; those of published encoders have a few kilobytes."""
TEXT_LIMIT = 1 << 26
"""Maximum size of a vocabulary or a tokenizer.json in bytes; the largest published ones have about 35 MB."""
ADAPTER_LIMIT = 1 << 28
"""Maximum size of an adapter in bytes; the shipped ones have 1.5 MB."""
WEIGHTS_LIMIT = 1 << 32
"""Maximum size of a base model's weights in bytes: a larger model would take seconds for each function."""

_SHOWN = 60
"""Maximum number of characters of an untrusted value in a message."""


def shown(value: object) -> str:
    """Format an untrusted value for a message: quoted, on one line, shortened."""
    try:
        text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def expanded(path: str) -> Path:
    """Expand `~` in a path; return the path unchanged if there is no such home."""
    try:
        return Path(os.path.expanduser(path))  # noqa: PTH111 - the method of Path raises RuntimeError
    except ValueError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Return whether a path is a regular file or a link to one; False for a name that no file system
    accepts."""
    return os.path.isfile(path)  # noqa: PTH113 - the method of Path raises for a name that is too long


def is_folder(path: Path) -> bool:
    """Return whether a path is a folder or a link to one; False for a name that no file system accepts."""
    return os.path.isdir(path)  # noqa: PTH112 - the method of Path raises for a name that is too long


def open_bounded(path: Path, limit: int, hint: str = "") -> BinaryIO:
    """Open a regular file, or a link to one: the cache of the hub consists of links.

    Raises:
        ModelError: it cannot be opened, is no regular file, or is larger than `limit` bytes.
    """
    try:
        file = open_regular(path, follow_links=True)
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            file.close()
            raise UnfitFileError(f"larger than {limit:,} bytes")
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read {abridged_path(path)}: {reason_of(error)}", hint) from error
    return file


def read_bounded(path: Path, limit: int, hint: str = "") -> bytes:
    """Read a regular file as a whole.

    Raises:
        ModelError: as `open_bounded`, or it cannot be read.
    """
    with open_bounded(path, limit, hint) as file:
        try:
            # A file may grow while it is read, so checking its size before is not enough.
            return file.read(limit)
        except OSError as error:
            raise ModelError(f"cannot read {path}: {reason_of(error)}", hint) from error


def read_json(path: Path, hint: str = "") -> Any:
    """Read the value in a JSON file.

    Raises:
        ModelError: as `read_bounded`, or the file is not JSON.
    """
    content = read_bounded(path, JSON_LIMIT, hint)
    try:
        return parse_json(content)
    except ValueError as error:
        raise ModelError(f"cannot read {path}: {error}", hint) from error


def read_object(path: Path, hint: str = "") -> Values:
    """Read the object in a JSON file.

    Raises:
        ModelError: as `read_json`, or the file contains another kind of value.
    """
    content = read_json(path, hint)
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object", hint)
    return Values(path, content)


def parse_json(content: bytes) -> Any:
    """Parse a JSON text, in which all numbers must be finite.

    Raises:
        ValueError: it is not JSON, has another number, or is nested too deep.
    """
    try:
        return json.loads(content, parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def reason_of(error: Exception) -> str:
    """Return the text of an error without the path, which the message around it contains."""
    return str(getattr(error, "strerror", None) or error)


def abridged_path(path: Path) -> str:
    """Format a path for a message; one that no file system accepts is shortened in the middle."""
    text = str(path)
    return text if len(text) <= 4096 else f"{text[:_SHOWN]}...{text[-_SHOWN:]}"


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_SHOWN]} is not a finite number")
    return number


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one JSON object, each of which is checked when it is read."""

    path: Path
    """File of the object, for messages."""
    raw: Mapping[str, Any]
    name: str = ""
    """Key of the object in its file, with a dot at its end; empty for the whole file."""

    def whole(self, key: str, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`."""
        value = self.raw.get(key)
        # True and False are numbers in Python, but not in JSON.
        if type(value) is int and low <= value <= high:
            return value
        raise self.wrong(key, f"a whole number from {low:,} to {high:,}")

    def positive(self, key: str, high: float) -> float:
        """Return a number above 0, at most `high`."""
        value: Any = self.raw.get(key)
        if type(value) in (int, float) and 0 < value <= high:
            return float(value)
        raise self.wrong(key, f"a number above 0, at most {high}")

    def text(self, key: str, max_length: int = 200) -> str:
        """Return a text of at most `max_length` characters."""
        value = self.raw.get(key)
        if isinstance(value, str) and len(value) <= max_length:
            return value
        raise self.wrong(key, "a text")

    def among(self, key: str, *choices: str) -> str:
        """Return a text that is one of `choices`."""
        value = self.raw.get(key)
        if isinstance(value, str) and value in choices:
            return value
        raise self.wrong(key, " or ".join(choices))

    def digest(self, key: str) -> str:
        """Return a sha256 in hexadecimal digits."""
        value = self.raw.get(key)
        if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return value
        raise self.wrong(key, "a sha256 of 64 hexadecimal digits")

    def inside(self, key: str) -> Path:
        """Return the path of a file below the folder of this file; it may not exist."""
        value = self.raw.get(key)
        if not isinstance(value, str) or not value or "\0" in value or len(value) > 1000:
            raise self.wrong(key, "a file name")
        inner = Path(value)
        if inner.anchor or ".." in inner.parts:
            raise ModelError(f"{self.path} names {shown(value)}, which is outside its folder")
        return self.path.parent / inner

    def part(self, key: str) -> Values:
        """Return an object inside this one."""
        value = self.raw.get(key)
        if isinstance(value, dict):
            return Values(self.path, value, f"{self.name}{key}.")
        raise self.wrong(key, "an object")

    def wrong(self, key: str, expected: str) -> ModelError:
        """Return the error for a value that is not as expected."""
        value = shown(self.raw[key]) if key in self.raw else "nothing"
        return ModelError(f"{self.path}: {self.name}{key} must be {expected}, found {value}")
