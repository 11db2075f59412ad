"""Tables of TOML files: the size of a file is limited before it is parsed, and the time while it is
parsed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from codesift.errors import UsageError
from codesift.system.files import read_regular

_FILE_BYTES = 1_000_000
"""Maximum size of a settings file in bytes. The pyproject.toml of the largest projects has a tenth of it."""
_LINE_DOTS = 500
"""Maximum number of dots in one line: the time of tomllib grows with the square of the parts of a key."""
_PARSE_SECONDS = 5.0
"""Maximum time for parsing a settings file in seconds."""


def read_table(path: Path, table: tuple[str, ...], shared: bool) -> dict[str, Any]:
    """Read one table of a TOML file; it is empty if there is no such file or table.

    Args:
        path: the file.
        table: keys that lead to the table; none for the whole file. A file that other programs use too is
            parsed only if it contains the word codesift, so that a broken one (a template, say) is no error.
        shared: whether the file belongs to a repository; then it is not read through a symbolic link.

    Raises:
        UsageError: the file cannot be read or parsed, or there is another value in place of the table.
    """
    text = _text(path, shared, other_programs=bool(table))
    value: Any = _parse(path, text) if not table or "codesift" in text else {}
    for key in table:
        value = value.get(key, {}) if isinstance(value, dict) else {}
    if not isinstance(value, dict):
        raise UsageError(f"expected a table [{'.'.join(table)}] in {path.name}, found {value_text(value)}")
    return value


def _text(path: Path, shared: bool, other_programs: bool) -> str:
    try:
        return read_regular(path, _FILE_BYTES, follow_links=not shared).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    except OSError as error:
        # A pyproject.toml that is a link or a folder may serve other programs: it has no settings of
        # codesift.
        if other_programs and (path.is_symlink() or not path.is_file()):
            return ""
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    if max(line.count(".") for line in text.split("\n")) > _LINE_DOTS:
        raise UsageError(f"{path} has a line with more than {_LINE_DOTS} dots", "shorten it")
    result = _parsed_in_time(text) if text else {}
    if result is None:
        raise UsageError(f"{path} takes too long to read", "simplify it or remove it")
    if isinstance(result, Exception):
        raise UsageError(
            f"{path} is not valid TOML: {result}", "correct the line or remove the file"
        ) from result
    return result


def _parsed_in_time(text: str) -> dict[str, Any] | Exception | None:
    """Return the content of a text or the error of the parser; None after `_PARSE_SECONDS`."""
    import threading

    results: list[dict[str, Any] | Exception] = []
    # A thread that does not end is abandoned; it ends with the command.
    thread = threading.Thread(target=lambda: results.append(_parsed(text)), daemon=True)
    thread.start()
    thread.join(_PARSE_SECONDS)
    return results[0] if results else None


def _parsed(text: str) -> dict[str, Any] | Exception:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return error


def value_text(value: object) -> str:
    """Format a value for a message."""
    try:
        return shortened(repr(list(value) if isinstance(value, tuple) else value))
    except (ValueError, RecursionError):  # It has a number of thousands of digits, or deep nesting.
        return f"a {type(value).__name__} too large to show"


def shortened(text: str) -> str:
    """Shorten a text to at most 60 characters for a message."""
    return text if len(text) <= 60 else text[:57] + "..."
