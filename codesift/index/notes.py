"""Signed notes: a small JSON file that describes the content of the large file beside it.

A note is signed with the key of this user, so its content can be trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from codesift.index import trust
from codesift.system.files import read_regular, replace_file

Note = TypeVar("Note")
_MAX_BYTES = 10_000
_MAX_NUMBER = 2**53


def read_note(path: Path, kind: type[Note]) -> Note:
    """Read a note.

    Args:
        path: the note.
        kind: the dataclass of the note; its fields are integers and strings, with defaults.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not a note of this kind, or was signed with another key.
        StorageError: there is no key.
    """
    try:
        content = json.loads(read_regular(path, _MAX_BYTES))
        signature = content.pop("signature")
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is not a note") from error
    if signature != _signature(content):
        raise ValueError(f"{path} was signed with another key")
    names = {field.name: type(field.default) for field in fields(kind)}  # type: ignore[arg-type]
    if set(content) != set(names) or not all(_is(content[name], names[name]) for name in names):
        raise ValueError(f"{path} is not a note of this version")
    return kind(**content)


def _is(value: object, kind: type) -> bool:
    return type(value) is kind and (not isinstance(value, int) or 0 <= value < _MAX_NUMBER)


def write_note(path: Path, note: Any) -> None:
    """Write a note, replacing an existing one.

    Raises:
        OSError: the folder cannot be written.
        StorageError: there is no key.
    """
    content = asdict(note)
    replace_file(path, json.dumps({**content, "signature": _signature(content)}).encode())


def _signature(content: Mapping[str, object]) -> str:
    return trust.signature(json.dumps(content, sort_keys=True).encode())
