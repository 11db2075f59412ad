"""The origin of a `similar` search: a unit named as `FILE:NAME` or `FILE:LINE`, or a code snippet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from codesift.config import Settings
from codesift.errors import UsageError
from codesift.index.opening import Index
from codesift.models.template import windows_of
from codesift.parsing.languages import language_of, resolve_language
from codesift.repository.decoding import Unreadable, read_bytes, read_text
from codesift.repository.rules import HEAD_BYTES
from codesift.types import Encoder, Hit, SourceFile, Unit
from codesift.words import looks_like_code, symbol_parts

if TYPE_CHECKING:
    from codesift.types import Matrix

Named = TypeVar("Named", Hit, Unit)


@dataclass(frozen=True)
class Origin:
    """The unit that a `similar` search starts from."""

    label: str
    """The target as the user wrote it; the signature of a snippet."""
    language: str
    vectors: list[Matrix]
    """Vectors of its windows, each of shape (dimensions,)."""
    path: str = ""
    """Path from the root; empty if the unit is not in a file of the repository."""
    lines: tuple[int, int] = (0, 0)
    """First and last line, counted from 1."""
    code: str = ""
    """The code; empty if it has to be read from `lines` of the file in the repository."""


_MAX_FEW_WINDOWS = 16
"""Maximum number of windows for which starting the engine for many texts does not pay."""
_MAX_LISTED = 8
"""Maximum number of candidates that an error message lists."""
_MAX_COMMENT_LINES = 30
"""Maximum distance in lines from a comment to the unit below it."""


def split_target(target: str) -> tuple[Path, str]:
    """Split `src/a.py:Foo.bar` into its file and its name.

    Raises:
        UsageError: there is no colon, or nothing on one side of it.
    """
    # The first colon that follows an existing file is the separator: C++ names contain colons.
    for colon in (i for i, char in enumerate(target) if char == ":"):
        if _is_file(target[:colon]) and target[colon + 1 :]:
            return Path(target[:colon]), target[colon + 1 :]
    file, _, name = target.partition(":")
    if not name:
        raise UsageError(f"{target!r} names no function", "write FILE:NAME or FILE:LINE")
    raise UsageError(f"there is no file {file}", "write FILE:NAME, the file as seen from here")


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # The name is too long, or contains a NUL character.
        return False


def origin_of_target(
    target: str, index: Index, settings: Settings, open_encoder: Callable[[], Encoder]
) -> Origin:
    """Find the unit that `FILE:NAME` or `FILE:LINE` names; no model is loaded if its vectors are stored.

    Raises:
        UsageError: the file cannot be read, or the name matches none or several of its units.
    """
    file, name = split_target(target)
    path = path_from_root(file, index.root)
    stored = index.catalog.units_of(path) if path else []
    if stored:
        hit = pick(stored, name, file)
        vectors = index.primary.vectors.of_unit(hit.unit_id)
        if vectors:
            return Origin(target, hit.language, vectors, hit.path, (hit.start_line, hit.end_line))
    language, units = _units_of_file(file, settings)
    unit = pick(units, name, file)
    vectors = _encode(open_encoder(), path or file.name, unit, language)
    return Origin(target, language, vectors, path or "", (unit.start_line, unit.end_line), unit.code)


def origin_of_code(unit: Unit, language: str, open_encoder: Callable[[], Encoder]) -> Origin:
    """Make a snippet the origin of a search."""
    vectors = _encode(open_encoder(), "", unit, language)
    return Origin(unit.signature or "code", language, vectors, code=unit.code)


def _encode(encoder: Encoder, path: str, unit: Unit, language: str) -> list[Matrix]:
    texts = [window.text for window in windows_of(encoder, path, unit)]
    few = len(texts) <= _MAX_FEW_WINDOWS
    return list(encoder.encode_few(texts, language) if few else encoder.encode(texts, language))


def path_from_root(file: Path, root: Path) -> str | None:
    """Return the path of a file from the root, with slashes; None if the file is outside the root."""
    absolute = Path(os.path.normpath(Path.cwd() / file))
    for candidate in (absolute, absolute.resolve()):
        if candidate.is_relative_to(root):
            return candidate.relative_to(root).as_posix()
    return None


def _units_of_file(file: Path, settings: Settings) -> tuple[str, list[Unit]]:
    """Return the language and the units of a file that is not in the index."""
    from codesift.parsing.units import parse

    try:
        status = file.stat()
        language = language_of(file.name, read_bytes(str(file), HEAD_BYTES))
        source = SourceFile(
            file.name, str(file), language, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )
        return language, parse(read_text(source, settings), language, file.name)
    except (OSError, Unreadable) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "reason", "unreadable")
        raise UsageError(f"cannot read {file}: {reason}") from error


def snippet_of(text: str, language: str | None) -> Unit | None:
    """Parse a text as code if its language is specified or it looks like code; return None for a question.

    Raises:
        UsageError: the language is unknown, or the text is blank.
    """
    if language is None and not looks_like_code(text):
        return None
    name = resolve_language(language or "text")
    if not text.strip():
        raise UsageError("there is no code to search by", "give it on standard input")
    return unit_of_code(text.strip("\n"), name)


def unit_of_code(code: str, language: str) -> Unit:
    """Make one unit of a snippet: its largest function or class, or all of it if it has none."""
    from codesift.parsing.units import parse

    units = parse(code, language, "snippet")
    named = [unit for unit in units if unit.kind in ("function", "method", "class")]
    if named:
        return max(named, key=lambda unit: unit.end_byte - unit.start_byte)
    lines = code.count("\n") + 1
    return Unit("text", "", "", 1, lines, 0, len(code.encode("utf-8", "replace")), "", "", code)


def pick(units: Sequence[Named], name: str, file: Path) -> Named:
    """Pick the unit that a name or a line number designates.

    Raises:
        UsageError: no unit or several match; the message lists the candidates.
    """
    if name.isdecimal():
        return _at_line(units, int(name), file)
    definitions = [unit for unit in units if unit.kind not in ("module", "text")]
    matches = [unit for unit in definitions if unit.qualified_name == name]
    for suffix in (name, name.removesuffix("()")):
        matches = matches or [unit for unit in definitions if _ends_with(unit, symbol_parts(suffix))]
    matches = matches or [unit for unit in units if unit.qualified_name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UsageError(f"{name!r} is ambiguous in {file}", "write FILE:LINE", _list(matches, file))
    last = (symbol_parts(name) or [name])[-1].lower()
    close = [unit for unit in definitions if last in unit.qualified_name.lower()]
    raise UsageError(
        f"there is no {name!r} in {file}", "it has these", _list(close or definitions or units, file)
    )


def _at_line(units: Sequence[Named], line: int, file: Path) -> Named:
    enclosing = [unit for unit in units if unit.start_line <= line <= unit.end_line]
    if enclosing:
        return min(enclosing, key=lambda unit: unit.end_line - unit.start_line)
    # The lines of a function do not include the comment above it.
    below = [unit for unit in units if 0 < line < unit.start_line <= line + _MAX_COMMENT_LINES]
    if below:
        return min(below, key=lambda unit: unit.start_line)
    near = sorted(units, key=lambda unit: min(abs(unit.start_line - line), abs(unit.end_line - line)))
    raise UsageError(f"line {line} of {file} is in no unit", "near it are these", _list(near, file))


def _ends_with(unit: Hit | Unit, parts: list[str]) -> bool:
    """Tell whether a qualified name ends with these parts, whatever separators it was written with."""
    return bool(parts) and symbol_parts(unit.qualified_name)[-len(parts) :] == parts


def _list(units: Sequence[Hit] | Sequence[Unit], file: Path) -> list[str]:
    shown = [
        f"{file}:{unit.start_line}  {unit.qualified_name}  ({unit.kind})" for unit in units[:_MAX_LISTED]
    ]
    more = len(units) - _MAX_LISTED
    return shown + ([f"and {more} more"] if more > 0 else [])
