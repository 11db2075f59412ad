"""Files of vectors and graphs changed by somebody who can make their notes fit, but has no key."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.faults.repositories import QUESTION, many
from benchmarks.faults.sandbox import GRAPH, Sandbox, SandboxRepository
from benchmarks.faults.searches import Remembered, encode_questions, search_forked, search_repeatedly
from benchmarks.faults.trials import Trial, fault, same_results

_CLEAN = "clean"
_HEADER_BYTES = 96
"""Of hnswlib 0.8's file; that of a matrix is shorter."""
_HEADER = struct.Struct("<6Q2i3QdQ")
"""Offset, room, count, size of an element, where its label and its vector begin, ..."""
_WILD_FLOATS = (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\xff\xff\x7f\x7f", b"\0\0\0\0")
"""Not a number, infinite, huge, zero."""
_ROWS_AT = 64
"""Where the rows of a matrix begin."""
_TEXTS = (QUESTION, "remove files that are old", "retry what failed", "parse the token", "merge two frames",
          "draw the page", "sort all tickets", "hash an image")  # fmt: skip
_COMMAND = ("query", QUESTION, "--json")
_LIMIT = 10
Note = dict[str, Any]


@dataclass(frozen=True)
class _Bed:
    repository: SandboxRepository
    other: SandboxRepository
    """Whose index is another one."""
    remembered: Remembered
    often: str
    once: list[tuple[Any, ...]]

    @property
    def graph(self) -> Path:
        """The graph file."""
        return next(self.repository.place.glob("*.hnsw"))

    @property
    def matrix(self) -> Path:
        """The file of vectors."""
        return next(self.repository.place.glob("*.vectors"))

    def note(self, file: Path) -> Path:
        """The note beside a file."""
        return file.with_suffix(".json") if file.suffix == ".hnsw" else file.with_name(f"{file.name}.json")

    def others(self, pattern: str) -> Path:
        """A file of the other index."""
        return next(self.other.place.glob(pattern))

    def dimensions(self) -> int:
        """Length of a vector."""
        return len(next(iter(self.remembered.vectors.values())))

    def count(self) -> int:
        """Number of vectors in either file."""
        return int(json.loads(self.note(self.graph).read_text())["count"])


def graphs(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: the results of many searches of one process, and of one search of the command, are as before."""
    bed = _bed(sandbox)
    doctors = list(_DOCTORS)
    for number in range(trials):
        bed.repository.restore(_CLEAN)
        times = {file: file.stat().st_mtime_ns for file in (bed.graph, bed.matrix)}
        doctor = doctors[number % len(doctors)]
        done = doctor(bed, chance)
        if chance.random() < 0.5:
            for file, time in times.items():
                os.utime(file, ns=(time, time))
            done += ", times kept"
        yield _judged(bed, done, by_command=number % 4 == 3)


def _bed(sandbox: Sandbox) -> _Bed:
    repository = replace(sandbox.repository("graph", many(1, 25, 12)), more=GRAPH)
    other = replace(sandbox.repository("other", many(1, 25, 12, first=100)), more=GRAPH)
    for each in (repository, other):
        each.must("index")
    repository.keep(_CLEAN)
    remembered = encode_questions(_TEXTS, repository)
    often = search_repeatedly(repository, remembered, _TEXTS, _LIMIT).out
    once = repository.must(*_COMMAND).results() or []
    assert often.count("\n") == len(_TEXTS) and once
    return _Bed(repository, other, remembered, often, once)


def _judged(bed: _Bed, done: str, by_command: bool) -> Trial:
    if by_command:
        ended = search_forked(bed.repository, bed.remembered, *_COMMAND)
        same = same_results(ended, bed.once)
    else:
        ended = search_repeatedly(bed.repository, bed.remembered, _TEXTS, _LIMIT)
        same = ended.out == bed.often
    kind, detail = fault(ended), ended.last_line
    if not kind and not same and not ended.err:
        kind, detail = "other results without a word", ended.out[:200]
    held = "same results" if same else "said"
    name = f"{done}, {'the command' if by_command else f'{len(_TEXTS)} searches of one process'}"
    return Trial(name, not kind, kind or held, detail, ended.seconds)


# -- what is done to the files --------------------------------------------------------------------


def _header(bed: _Bed, chance: random.Random) -> str:
    """A number of the header: offsets, counts, sizes, levels."""
    offset = chance.randrange(0, _HEADER_BYTES, 4)
    value = chance.choice((0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, chance.randrange(2**32)))
    _put(bed.graph, offset, value.to_bytes(4, "little"))
    return f"header at {offset} set to {value}, {_fit_note(bed, chance)}"


def _links(bed: _Bed, chance: random.Random) -> str:
    """A count of links, or an id, of an element's list on the lowest level."""
    size, _, vector_at = _layout(bed)
    element = chance.randrange(bed.count())
    offset = _HEADER_BYTES + element * size + chance.randrange(0, max(vector_at, 4), 4)
    value = chance.choice((2**32 - 1, 2**31, 2**24, 65_535, chance.randrange(2**32)))
    _put(bed.graph, offset, value.to_bytes(4, "little"))
    return f"links at {offset} set to {value}, {_fit_note(bed, chance)}"


def _labels(bed: _Bed, chance: random.Random) -> str:
    """The label of an element."""
    size, label_at, _ = _layout(bed)
    element = chance.randrange(bed.count())
    value = chance.choice((0, 1, 2**63, 2**64 - 1, chance.randrange(2**64)))
    _put(bed.graph, _HEADER_BYTES + element * size + label_at, value.to_bytes(8, "little"))
    return f"label of element {element} set to {value}, {_fit_note(bed, chance)}"


def _vectors(bed: _Bed, chance: random.Random) -> str:
    """Floats of a vector: not a number, infinite, huge."""
    size, label_at, vector_at = _layout(bed)
    element = chance.randrange(bed.count())
    offset = _HEADER_BYTES + element * size + chance.randrange(vector_at, label_at, 4)
    value = chance.choice(_WILD_FLOATS)
    _put(bed.graph, offset, value)
    return f"vector of element {element} at {offset} set to {value.hex()}, {_fit_note(bed, chance)}"


def _tail(bed: _Bed, chance: random.Random) -> str:
    """The lists of the upper levels at the end of the file: their sizes and ids."""
    size, _, _ = _layout(bed)
    begin = _HEADER_BYTES + bed.count() * size
    offset = chance.randrange(begin, bed.graph.stat().st_size - 4, 4)
    value = chance.choice((2**32 - 1, 2**31, 2**16, 1, chance.randrange(2**32)))
    _put(bed.graph, offset, value.to_bytes(4, "little"))
    return f"tail at {offset} set to {value}, {_fit_note(bed, chance)}"


def _matrix_header(bed: _Bed, chance: random.Random) -> str:
    """A number of the header of the matrix."""
    offset = chance.randrange(0, _ROWS_AT, 4)
    value = chance.choice((0, 1, 2**31, 2**32 - 1, chance.randrange(2**32)))
    _put(bed.matrix, offset, value.to_bytes(4, "little"))
    return f"header of the matrix at {offset} set to {value}, {_fit_note(bed, chance, bed.matrix)}"


def _rows(bed: _Bed, chance: random.Random) -> str:
    """A number of a row of the matrix, or a row put in place of another."""
    width = 4 * bed.dimensions()
    row = chance.randrange(bed.count())
    offset = _ROWS_AT + row * width
    if chance.random() < 0.5:
        value = chance.choice(_WILD_FLOATS)
        _put(bed.matrix, offset + chance.randrange(0, width, 4), value)
        return f"row {row} of the matrix has {value.hex()}, {_fit_note(bed, chance, bed.matrix)}"
    other = chance.randrange(bed.count())
    at = _ROWS_AT + other * width
    _put(bed.matrix, offset, bed.matrix.read_bytes()[at : at + width])
    return f"row {row} of the matrix is row {other}, {_fit_note(bed, chance, bed.matrix)}"


def _ids(bed: _Bed, chance: random.Random) -> str:
    """An id at the end of the matrix."""
    offset = _ROWS_AT + bed.count() * 4 * bed.dimensions() + 8 * chance.randrange(bed.count())
    value = chance.choice((0, 1, 2**63, 2**64 - 1, chance.randrange(2**64)))
    _put(bed.matrix, offset, value.to_bytes(8, "little"))
    return f"id at {offset} of the matrix set to {value}, {_fit_note(bed, chance, bed.matrix)}"


def _length(bed: _Bed, chance: random.Random) -> str:
    """A file cut or grown."""
    file = chance.choice((bed.graph, bed.matrix))
    size = file.stat().st_size
    target = chance.choice((0, 63, 95, 96, size - 1, size // 2, size + 1, 2 * size, chance.randrange(size)))
    os.truncate(file, target)
    return f"{size} bytes of {file.suffix} made {target}, {_fit_note(bed, chance, file)}"


def _swapped(bed: _Bed, chance: random.Random) -> str:
    """A file of another index, with its own note, or with the note of this index."""
    file, theirs = chance.choice(((bed.graph, bed.others("*.hnsw")), (bed.matrix, bed.others("*.vectors"))))
    shutil.copy2(theirs, file)
    kept, source = chance.choice((("this index's note", file), ("its own note", theirs)))
    note = json.loads(bed.note(source).read_text())
    _write_note(bed, file, {**note, **({"size": file.stat().st_size} if "size" in note else {})})
    return f"the {file.suffix} of another index with {kept}"


def _note(bed: _Bed, chance: random.Random) -> str:
    """The note alone: huge numbers, wrong types, deep nesting, too few or too many keys."""
    file = chance.choice((bed.graph, bed.matrix))
    note = json.loads(bed.note(file).read_text())
    key = chance.choice(sorted(note))
    value: Any = chance.choice(
        (-1, 0, 2**31, 2**63, 10**400, 1.5, True, None, "", "a" * 9_000, [], {}, [[1]])
    )
    text = chance.choice((
        json.dumps({**note, key: value}),
        json.dumps({name: each for name, each in note.items() if name != key}),
        json.dumps({**note, "more": 1}),
        json.dumps([note]),
        "[" * 9_000 + "]" * 9_000,
        "[" * 4_000 + "]" * 4_000,
        '{"count": NaN}',
        "\0",
        "",
        " " * 1_000_000,
    ))  # fmt: skip
    bed.note(file).write_text(text, encoding="utf-8")
    return f"note of {file.suffix} {text[:60]!r}"


_DOCTORS: Sequence[Callable[[_Bed, random.Random], str]] = (
    *(
        _header,
        _links,
        _tail,
        _rows,
        _links,
        _labels,
        _ids,
        _links,
        _vectors,
        _note,
        _length,
        _rows,
        _swapped,
    ),
    *(_links, _matrix_header),
)


def _fit_note(bed: _Bed, chance: random.Random, file: Path | None = None) -> str:
    """Make the note of a file (the graph) fit as far as somebody without the key can; returns how."""
    file = file or bed.graph
    content = file.read_bytes()
    digests = {
        "digest kept": None,
        "digest without a key": hashlib.blake2b(content, digest_size=16).hexdigest(),
        "digest with an empty key": hashlib.blake2b(content, digest_size=16, key=bytes(32)).hexdigest(),
        "SHA-256 as digest": hashlib.sha256(content).hexdigest(),
        "CRC as digest": f"{zlib.crc32(content):08x}",
        "empty digest": "",
    }
    how = chance.choice(list(digests))
    note = json.loads(bed.note(file).read_text())
    if "size" in note:
        note["size"] = len(content)
    _write_note(bed, file, {**note, "digest": note["digest"] if digests[how] is None else digests[how]})
    return how


def _write_note(bed: _Bed, file: Path, note: Note) -> None:
    bed.note(file).write_text(json.dumps(note), encoding="utf-8")


def _put(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def _layout(bed: _Bed) -> tuple[int, int, int]:
    """(bytes of an element, where its label begins, where its vector begins) of the clean graph."""
    with bed.graph.open("rb") as file:
        _, _, held, size, label_at, vector_at, *_ = _HEADER.unpack(file.read(_HEADER.size))
    assert (held, label_at + 8, vector_at + 4 * bed.dimensions()) == (bed.count(), size, label_at)
    return size, label_at, vector_at
