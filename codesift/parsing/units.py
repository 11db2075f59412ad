"""Parsing of source text into the units that are searched."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple, TypeVar

from codesift.parsing import grammar
from codesift.parsing.comments import is_license, prose
from codesift.parsing.languages import LANGUAGES
from codesift.parsing.nesting import NestedDefinition, ParsedFile, nest
from codesift.parsing.passages import line_breaks, passages
from codesift.parsing.trees import GivenUpError
from codesift.system.sandbox import EndedError, NoProcessError, SandboxedFunction
from codesift.types import Unit
from codesift.words import terms

SMALL = 1_000
"""Maximum number of characters of a file that is parsed in this process, where nothing can stop a parser. The
worst text known, `/*` in Swift, takes 0.6 s for 1,000 characters and 4 s for 2,000."""
PARSE_SECONDS = 3
"""Processor time in whole seconds after which parsing of a larger file is given up. The slowest of 18,600
files of real projects (a header of 0.9 MB) takes 0.5 s."""
SIGNATURE_LENGTH = 300
HEADER_LINES = 3
"""Maximum line on which a license at the head of a file begins."""


class Parsed(NamedTuple):
    """The result of parsing a file."""

    units: list[Unit]
    gave_up: bool
    """Whether parsing took too long; then the units are windows of text."""


class Entry(NamedTuple):
    """What is stored of a unit: its place and its words."""

    kind: str
    name: str
    qualified_name: str
    start_line: int
    end_line: int
    names: str
    """Terms of the qualified name, joined by blanks."""
    documentation: str
    """Terms of the documentation."""
    body: str
    """Terms of the code."""


class ParsedEntries(NamedTuple):
    """The result of parsing a file for storing."""

    entries: list[Entry]
    gave_up: bool
    """Whether parsing took too long; then the entries are of windows of text."""


_CODE = re.compile(rb"[\w$\"'@#\x80-\xff]")


def parse(text: str, language: str, path: str) -> list[Unit]:
    """Cut a file into units, in source order. Any text is accepted; every line of code is in some unit.

    The lines of `code` are the lines of the unit's range: a docstring is replaced by its line feeds. The
    parts of a class outside its head and its methods (fields between methods, Rust's `impl` lines) follow
    after those.

    Args:
        text: the file's content.
        language: name of a row of `LANGUAGES`.
        path: the file's path, which names units that have no other name.
    """
    return parse_bounded(text, language, path).units


def parse_bounded(text: str, language: str, path: str, windows_only: bool = False) -> Parsed:
    """Parse a file as `parse` does; cut it into windows of text if that takes too long.

    Args:
        windows_only: skip parsing, as the file took too long before.
    """
    return Parsed(*_bounded(units_of, text, language, path, windows_only))


def parse_entries(text: str, language: str, path: str, windows_only: bool = False) -> ParsedEntries:
    """Parse a file as `parse_bounded` does, for storing. Several threads may parse at once.

    Args:
        windows_only: skip parsing, as the file took too long before.
    """
    entries, gave_up = _bounded(entries_of, text, language, path, windows_only)
    return ParsedEntries([entry_of(each) if isinstance(each, Unit) else each for each in entries], gave_up)


T = TypeVar("T")


def _bounded(
    here: Callable[[str, str, str], list[T]],
    text: str,
    language: str,
    path: str,
    windows_only: bool,
) -> tuple[list[T] | list[Unit], bool]:
    """Call a function on a small text in this process, and on a larger one in another process.

    Returns:
        Its result, or windows of text; and whether parsing took too long, now or before.
    """
    filename = path.rpartition("/")[2]
    if not windows_only and grammar.load(language):
        try:
            if len(text) <= SMALL:
                return here(text, language, filename), False
            with suppress(NoProcessError):
                return _in_sandbox(PARSE_SECONDS, here is entries_of, text, language, filename), False
            return here(text, language, filename), False
        except (GivenUpError, EndedError):
            windows_only = True
    return passages(text.encode("utf-8", "replace"), filename), windows_only


_in_sandbox = SandboxedFunction(f"{__name__}:units_or_entries_of")
"""One for both: after the files of a repository are stored, its processes serve the first search."""


def units_or_entries_of(as_entries: bool, text: str, language: str, filename: str) -> Sequence[object]:
    """Call `entries_of` or `units_of`."""
    return (entries_of if as_entries else units_of)(text, language, filename)


def entries_of(text: str, language: str, filename: str) -> list[Entry]:
    """Parse a file like `units_of`, for storing.

    Raises:
        GivenUpError: parsing takes longer than any file of a real project.
    """
    return [entry_of(unit) for unit in units_of(text, language, filename)]


def entry_of(unit: Unit) -> Entry:
    """Return what is stored of a unit."""
    names, documentation, body = (
        " ".join(terms(text)) for text in (unit.qualified_name, unit.documentation, unit.code)
    )
    return Entry(
        unit.kind,
        unit.name,
        unit.qualified_name,
        unit.start_line,
        unit.end_line,
        names,
        documentation,
        body,
    )


def units_of(text: str, language: str, filename: str) -> list[Unit]:
    """Parse a file whose language has a grammar in this process.

    Raises:
        GivenUpError: parsing takes longer than any file of a real project.
    """
    source = text.encode("utf-8", "replace")
    loaded = grammar.load(language)
    assert loaded
    syntax = grammar.read(loaded, source)
    file = ParsedFile(
        source,
        line_breaks(source),
        filename.rpartition(".")[0] or filename,
        LANGUAGES[language].separator,
        syntax,
        [lead.start for lead in syntax.leads],
        [start for start, _ in syntax.fillers],
    )
    return sorted(_units(file), key=lambda unit: (unit.start_byte, -unit.end_byte))


def _units(file: ParsedFile) -> Iterator[Unit]:
    all_nested, top = nest(file)
    scopes = _claimed_scopes(all_nested)
    claimed = {id(scope) for of_class in scopes.values() for scope in of_class}
    for nested in all_nested:
        if nested.kind == "class":
            yield _class_unit(file, nested, scopes[nested.qualified])
            scopes[nested.qualified] = []
        elif nested.kind != "scope":
            yield _unit(file, nested, nested.end, _code(file, nested, nested.end))
    blocks = [block for nested in top for block in _blocks(nested, claimed)]
    for start, end in _between(0, len(file.source), blocks):
        yield from _module(file, start, end)


def _claimed_scopes(all_nested: Iterable[NestedDefinition]) -> defaultdict[str, list[NestedDefinition]]:
    """Group scopes by the class of the same name in this file, which gets their content except functions."""
    classes = {nested.qualified for nested in all_nested if nested.kind == "class"}
    scopes: defaultdict[str, list[NestedDefinition]] = defaultdict(list)
    for nested in all_nested:
        if nested.kind == "scope" and nested.qualified in classes:
            scopes[nested.qualified].append(nested)
    return scopes


def _blocks(nested: NestedDefinition, claimed: set[int]) -> list[NestedDefinition]:
    """Return the definitions that stand at the top level for `nested`: itself, or the content of a scope."""
    return nested.children if nested.kind == "scope" and id(nested) not in claimed else [nested]


def _between(start: int, end: int, blocks: Iterable[NestedDefinition]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of `start:end` outside all `blocks`."""
    for block in blocks:
        yield start, block.outer
        start = max(start, block.end)
    yield start, end


def _first_code(file: ParsedFile, start: int, end: int) -> int:
    """Return the first byte of `start:end` that is code, not punctuation or a filler; -1 if there is none."""
    for index in range(bisect_left(file.filler_starts, start), len(file.filler_starts)):
        filler_start, filler_end = file.syntax.fillers[index]
        if filler_start >= end:
            break
        match = _CODE.search(file.source, start, filler_start) if start < filler_start else None
        if match:
            return match.start()
        start = max(start, filler_end)
    match = _CODE.search(file.source, start, end)
    return match.start() if match else -1


def _unit(file: ParsedFile, nested: NestedDefinition, end: int, code: str) -> Unit:
    return Unit(
        nested.kind,
        nested.name,
        nested.qualified,
        file.line(nested.start),
        file.line(max(end - 1, nested.start)),
        nested.start,
        end,
        _signature(file, nested),
        _documentation(file, nested),
        code,
    )


def _class_unit(file: ParsedFile, nested: NestedDefinition, scopes: Sequence[NestedDefinition]) -> Unit:
    children = nested.children
    end = file.trimmed(children[0].outer) if children else nested.end
    rest = list(_between(children[0].end, nested.end, children[1:])) if children else []
    for scope in scopes:
        rest += _between(scope.outer, scope.end, scope.children)
    pieces = [file.text(*piece).strip("\n").rstrip() for piece in rest if _first_code(file, *piece) >= 0]
    return _unit(file, nested, end, "\n".join([_code(file, nested, end), *pieces]))


def _code(file: ParsedFile, nested: NestedDefinition, end: int) -> str:
    body = nested.definition.body
    until = file.syntax.docstrings.get(body)
    if until is None or until > end:
        return file.text(nested.start, end)
    newlines = "\n" * file.source.count(b"\n", body, until)
    return file.text(nested.start, body).rstrip(" \t") + newlines + file.text(until, end)


def _signature(file: ParsedFile, nested: NestedDefinition) -> str:
    start = nested.definition.start
    end = min(nested.definition.body, nested.end, start + 8 * SIGNATURE_LENGTH)
    parts = []
    for index in range(bisect_left(file.lead_starts, start), len(file.lead_starts)):
        lead = file.syntax.leads[index]
        if lead.start >= end:
            break
        parts.append(file.text(start, lead.start))
        start = lead.end
    text = " ".join("".join([*parts, file.text(start, end)]).split())
    return text.removesuffix("=>").rstrip(" {:;=").removesuffix(" do")[:SIGNATURE_LENGTH]


def _documentation(file: ParsedFile, nested: NestedDefinition) -> str:
    until = file.syntax.docstrings.get(nested.definition.body)
    docstring = prose(file.text(nested.definition.body, until)) if until else ""
    return "\n".join(part for part in (_prose(file, nested.comments), docstring) if part)


def _prose(file: ParsedFile, spans: Sequence[tuple[int, int]]) -> str:
    """Return the prose of one block of comments; nothing if it is a license at the head of the file."""
    texts = [file.text(*span).rstrip() for span in spans]
    if texts and file.line(spans[0][0]) <= HEADER_LINES and is_license("\n".join(texts)):
        return ""
    marked = any(text.startswith(("/*", '"', "'", "=")) for text in texts)
    return "\n".join(map(prose, texts)).strip() if marked else prose("\n".join(texts))


def _module(file: ParsedFile, start: int, end: int) -> Iterator[Unit]:
    """Yield the unit of a gap between definitions. The head of a file may consist of documentation alone."""
    code = _first_code(file, start, end)
    if code < 0 and start > 0:
        return
    begin = _after_comments(file, start, code) if code >= 0 else end
    spans = _comments(file, start, begin)
    documentation = "\n".join(filter(None, (_prose(file, block) for block in _paragraphs(file, spans))))
    if code < 0:
        if not documentation:
            return
        begin, end = spans[0][0], spans[-1][1]
    end = file.trimmed(end)
    first, last = file.line(begin), file.line(max(end - 1, begin))
    text = file.text(begin, end) if code >= 0 else ""
    yield Unit("module", file.stem, file.stem, first, last, begin, end, "", documentation, text)


def _after_comments(file: ParsedFile, start: int, code: int) -> int:
    """Return the start of the first line after the comments at the head of a gap, which is at most `code`."""
    for comment_start, comment_end in _comments(file, start, code):
        match = _CODE.search(file.source, start, comment_start)
        if match:
            code = match.start()
            break
        start = comment_end
    else:
        match = _CODE.search(file.source, start, code)
        code = match.start() if match else code
    return max(start, file.source.rfind(b"\n", start, code) + 1)


def _comments(file: ParsedFile, start: int, end: int) -> list[tuple[int, int]]:
    index, stop = (bisect_left(file.lead_starts, edge) for edge in (start, end))
    return [(lead.start, lead.end) for lead in file.syntax.leads[index:stop] if not lead.decorator]


def _paragraphs(file: ParsedFile, spans: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Group comments that no blank line separates."""
    blocks: list[list[tuple[int, int]]] = []
    edge = -1
    for start, end in spans:
        if blocks and file.source.count(b"\n", edge, start) <= 1:
            blocks[-1].append((start, end))
        else:
            blocks.append([(start, end)])
        edge = file.trimmed(end)
    return blocks
