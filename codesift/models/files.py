"""Files of models and adapters, which strangers may have written: regular, bounded, every value checked."""

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
"""Characters of a foreign value that a message repeats."""


def shown(value: object) -> str:
    """A foreign value for the middle of a message: quoted, on one line, cut where it is long."""
    try:
        text = repr(value[: _SHOWN + 1] if isinstance(value, str) else value)
    except RecursionError:
        text = f"a deeply nested {type(value).__name__}"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def expanded(path: str) -> Path:
    """The path with `~` replaced, left as it is where there is no such home."""
    try:
        return Path(os.path.expanduser(path))  # noqa: PTH111 - the method of Path raises RuntimeError
    except ValueError:
        return Path(path)


def is_file(path: Path) -> bool:
    """Whether it is a regular file or a link to one; False for a name no file system can hold."""
    return os.path.isfile(path)  # noqa: PTH113 - the method of Path raises for a name that is too long


def is_folder(path: Path) -> bool:
    """Whether it is a folder or a link to one; False for a name no file system can hold."""
    return os.path.isdir(path)  # noqa: PTH112 - the method of Path raises for a name that is too long


def open_bounded(path: Path, limit: int, hint: str = "") -> BinaryIO:
    """Open a regular file, or a link to one: the hub's cache consists of links.

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
        raise ModelError(f"cannot read {shown_path(path)}: {reason_of(error)}", hint) from error
    return file


def read_bounded(path: Path, limit: int, hint: str = "") -> bytes:
    """All of a regular file.

    Raises:
        ModelError: as `open_bounded`, or it cannot be read.
    """
    with open_bounded(path, limit, hint) as file:
        try:
            # A file may grow while it is read, so its size when it was opened would not be enough.
            return file.read(limit)
        except OSError as error:
            raise ModelError(f"cannot read {path}: {reason_of(error)}", hint) from error


def read_json(path: Path, hint: str = "") -> Any:
    """The value in a JSON file.

    Raises:
        ModelError: as `read_bounded`, or the file is no JSON.
    """
    content = read_bounded(path, JSON_LIMIT, hint)
    try:
        return parse_json(content)
    except ValueError as error:
        raise ModelError(f"cannot read {path}: {error}", hint) from error


def read_object(path: Path, hint: str = "") -> Values:
    """The object in a JSON file.

    Raises:
        ModelError: as `read_json`, or the file holds another kind of value.
    """
    content = read_json(path, hint)
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not hold a JSON object", hint)
    return Values(path, content)


def parse_json(content: bytes) -> Any:
    """The value of a JSON text, which holds finite numbers only.

    Raises:
        ValueError: it is no such text, or is nested too deep.
    """
    try:
        return json.loads(content, parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def reason_of(error: Exception) -> str:
    """What an error says, without the path that the message around it names."""
    return str(getattr(error, "strerror", None) or error)


def shown_path(path: Path) -> str:
    """The path for a message, cut in the middle where no file system could hold it."""
    text = str(path)
    return text if len(text) <= 4096 else f"{text[:_SHOWN]}...{text[-_SHOWN:]}"


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:_SHOWN]} is not a finite number")
    return number


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one JSON object; each is checked where it is taken."""

    path: Path
    """The file they are from, for messages."""
    raw: Mapping[str, Any]
    name: str = ""
    """Key of the object within its file, with a dot at its end; empty for the whole file."""

    def whole(self, key: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.raw.get(key)
        # True and False are numbers to Python, but not to whoever wrote the file.
        if type(value) is int and low <= value <= high:
            return value
        raise self.wrong(key, f"a whole number from {low:,} to {high:,}")

    def positive(self, key: str, high: float) -> float:
        """A number above 0, at most `high`."""
        value: Any = self.raw.get(key)
        if type(value) in (int, float) and 0 < value <= high:
            return float(value)
        raise self.wrong(key, f"a number above 0, at most {high}")

    def text(self, key: str, longest: int = 200) -> str:
        """A text of at most `longest` characters."""
        value = self.raw.get(key)
        if isinstance(value, str) and len(value) <= longest:
            return value
        raise self.wrong(key, "a text")

    def among(self, key: str, *choices: str) -> str:
        """One of some texts."""
        value = self.raw.get(key)
        if isinstance(value, str) and value in choices:
            return value
        raise self.wrong(key, " or ".join(choices))

    def digest(self, key: str) -> str:
        """A sha256 in hexadecimal digits."""
        value = self.raw.get(key)
        if isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef"):
            return value
        raise self.wrong(key, "a sha256 of 64 hexadecimal digits")

    def inside(self, key: str) -> Path:
        """A file in the folder of this one, or in a folder below it; it need not be there."""
        value = self.raw.get(key)
        if not isinstance(value, str) or not value or "\0" in value or len(value) > 1000:
            raise self.wrong(key, "a file name")
        inner = Path(value)
        if inner.anchor or ".." in inner.parts:
            raise ModelError(f"{self.path} names {shown(value)}, which is outside its folder")
        return self.path.parent / inner

    def part(self, key: str) -> Values:
        """An object inside this one."""
        value = self.raw.get(key)
        if isinstance(value, dict):
            return Values(self.path, value, f"{self.name}{key}.")
        raise self.wrong(key, "an object")

    def wrong(self, key: str, expected: str) -> ModelError:
        """The error for a value that is not what was expected."""
        found = shown(self.raw[key]) if key in self.raw else "nothing"
        return ModelError(f"{self.path}: {self.name}{key} must be {expected}, found {found}")
