"""Source text -> the units that are searched for."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from codesift.parsing import grammar
from codesift.parsing.comments import is_licence, prose
from codesift.parsing.languages import LANGUAGES
from codesift.parsing.nesting import File, Place, place
from codesift.parsing.passages import line_breaks, passages
from codesift.parsing.trees import GivenUpError
from codesift.system.sandbox import Apart, EndedError, NoProcessError
from codesift.types import Unit

SMALL = 1_000
"""Characters of a file up to which it is parsed in this process. Nothing can stop a parser there; the worst
text known, `/*` in Swift, takes 0.6 s for 1,000 characters and 4 s for 2,000."""
PARSE_SECONDS = 3
"""Whole seconds of processor time after which a larger file is given up. The slowest of 18,600 files of real
projects (a header of 0.9 MB) takes 0.5 s."""
SIGNATURE_LENGTH = 300
HEADER_LINES = 3
"""A licence is looked for in comments that begin this near to the top of a file."""


class Parsed(NamedTuple):
    """What became of a file."""

    units: list[Unit]
    gave_up: bool
    """Whether it took too long to parse, and its units are windows of text."""


_CODE = re.compile(rb"[\w$\"'@#\x80-\xff]")


def parse(text: str, language: str, path: str) -> list[Unit]:
    """Cut a file into units, in source order. Any text is accepted; every line of code is in some unit.

    The lines of `code` are the lines of the unit's range: a docstring is replaced by its newlines.
    What a class holds beside its head (fields between methods, Rust's `impl` lines) follows after those.

    Args:
        text: the file's content.
        language: name of a row of `LANGUAGES`.
        path: the file's path, for the name of what has no other.
    """
    return parse_bounded(text, language, path).units


def parse_bounded(text: str, language: str, path: str, windows_only: bool = False) -> Parsed:
    """`parse`, and whether the file took too long and was cut into windows instead.

    Args:
        windows_only: do not try to parse: the file is known to take too long.
    """
    filename = path.rpartition("/")[2]
    if not windows_only and grammar.load(language):
        try:
            return Parsed(_parse(text, language, filename), False)
        except (GivenUpError, EndedError):
            windows_only = True
    return Parsed(passages(text.encode("utf-8", "replace"), filename), windows_only)


def _parse(text: str, language: str, filename: str) -> list[Unit]:
    if len(text) <= SMALL:
        return units_of(text, language, filename)
    try:
        found: list[Unit] = _apart(PARSE_SECONDS, text, language, filename)
    except NoProcessError:
        return units_of(text, language, filename)
    return found


_apart = Apart(f"{__name__}:units_of")


def units_of(text: str, language: str, filename: str) -> list[Unit]:
    """The units of a file whose language has a grammar, made in this process.

    Raises:
        GivenUpError: it takes longer than any file of a real project.
    """
    source = text.encode("utf-8", "replace")
    loaded = grammar.load(language)
    assert loaded
    syntax = grammar.read(loaded, source)
    file = File(
        source,
        line_breaks(source),
        filename.rpartition(".")[0] or filename,
        LANGUAGES[language].separator,
        syntax,
        [lead.start for lead in syntax.leads],
        [start for start, _ in syntax.fillers],
    )
    return sorted(_units(file), key=lambda unit: (unit.start_byte, -unit.end_byte))


def _units(file: File) -> Iterator[Unit]:
    places, top = place(file)
    scopes = _claimed_scopes(places)
    claimed = {id(scope) for found in scopes.values() for scope in found}
    for found in places:
        if found.kind == "class":
            yield _class_unit(file, found, scopes[found.qualified])
            scopes[found.qualified] = []
        elif found.kind != "scope":
            yield _unit(file, found, found.end, _code(file, found, found.end))
    blocks = [block for found in top for block in _blocks(found, claimed)]
    for start, end in _between(0, len(file.source), blocks):
        yield from _module(file, start, end)


def _claimed_scopes(places: Iterable[Place]) -> defaultdict[str, list[Place]]:
    """Scopes by the class of the same file and name: what they hold beside functions goes to that class."""
    classes = {found.qualified for found in places if found.kind == "class"}
    scopes: defaultdict[str, list[Place]] = defaultdict(list)
    for found in places:
        if found.kind == "scope" and found.qualified in classes:
            scopes[found.qualified].append(found)
    return scopes


def _blocks(found: Place, claimed: set[int]) -> list[Place]:
    """What stands at the top level in the place of `found`."""
    return found.children if found.kind == "scope" and id(found) not in claimed else [found]


def _between(start: int, end: int, blocks: Iterable[Place]) -> Iterator[tuple[int, int]]:
    """Ranges of `start:end` outside all `blocks`."""
    for block in blocks:
        yield start, block.outer
        start = max(start, block.end)
    yield start, end


def _first_code(file: File, start: int, end: int) -> int:
    """First byte of `start:end` that is more than punctuation and fillers; -1 if there is none."""
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


def _unit(file: File, found: Place, end: int, code: str) -> Unit:
    return Unit(
        found.kind,
        found.name,
        found.qualified,
        file.line(found.start),
        file.line(max(end - 1, found.start)),
        found.start,
        end,
        _signature(file, found),
        _documentation(file, found),
        code,
    )


def _class_unit(file: File, found: Place, scopes: Sequence[Place]) -> Unit:
    children = found.children
    end = file.trimmed(children[0].outer) if children else found.end
    rest = list(_between(children[0].end, found.end, children[1:])) if children else []
    for scope in scopes:
        rest += _between(scope.outer, scope.end, scope.children)
    pieces = [file.text(*piece).strip("\n").rstrip() for piece in rest if _first_code(file, *piece) >= 0]
    return _unit(file, found, end, "\n".join([_code(file, found, end), *pieces]))


def _code(file: File, found: Place, end: int) -> str:
    body = found.definition.body
    until = file.syntax.docstrings.get(body)
    if until is None or until > end:
        return file.text(found.start, end)
    newlines = "\n" * file.source.count(b"\n", body, until)
    return file.text(found.start, body).rstrip(" \t") + newlines + file.text(until, end)


def _signature(file: File, found: Place) -> str:
    start = found.definition.start
    end = min(found.definition.body, found.end, start + 8 * SIGNATURE_LENGTH)
    parts = []
    for index in range(bisect_left(file.lead_starts, start), len(file.lead_starts)):
        lead = file.syntax.leads[index]
        if lead.start >= end:
            break
        parts.append(file.text(start, lead.start))
        start = lead.end
    text = " ".join("".join([*parts, file.text(start, end)]).split())
    return text.removesuffix("=>").rstrip(" {:;=").removesuffix(" do")[:SIGNATURE_LENGTH]


def _documentation(file: File, found: Place) -> str:
    until = file.syntax.docstrings.get(found.definition.body)
    docstring = prose(file.text(found.definition.body, until)) if until else ""
    return "\n".join(part for part in (_prose(file, found.comments), docstring) if part)


def _prose(file: File, spans: Sequence[tuple[int, int]]) -> str:
    """The text of one block of comments; nothing if it is a licence at the head of the file."""
    texts = [file.text(*span).rstrip() for span in spans]
    if texts and file.line(spans[0][0]) <= HEADER_LINES and is_licence("\n".join(texts)):
        return ""
    marked = any(text.startswith(("/*", '"', "'", "=")) for text in texts)
    return "\n".join(map(prose, texts)).strip() if marked else prose("\n".join(texts))


def _module(file: File, start: int, end: int) -> Iterator[Unit]:
    """The unit of a gap between others. The head of a file may be all documentation."""
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


def _after_comments(file: File, start: int, code: int) -> int:
    """Where the first line after the comments at the head of a gap begins; at `code` at the latest."""
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


def _comments(file: File, start: int, end: int) -> list[tuple[int, int]]:
    index, stop = (bisect_left(file.lead_starts, edge) for edge in (start, end))
    return [(lead.start, lead.end) for lead in file.syntax.leads[index:stop] if not lead.decorator]


def _paragraphs(file: File, spans: Iterable[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Comments, cut where blank lines part them."""
    blocks: list[list[tuple[int, int]]] = []
    edge = -1
    for start, end in spans:
        if blocks and file.source.count(b"\n", edge, start) <= 1:
            blocks[-1].append((start, end))
        else:
            blocks.append([(start, end)])
        edge = file.trimmed(end)
    return blocks
