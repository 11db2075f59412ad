"""Graph files changed by somebody who can make the numbers of their note fit, but has no key."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.faults.repositories import QUESTION, many
from benchmarks.faults.sandbox import Sandbox, SandboxRepository
from benchmarks.faults.searches import Remembered, encode_questions, search_forked, search_repeatedly
from benchmarks.faults.trials import Trial, fault, same_results
from codesift.index.scan import layout

_CLEAN = "clean"
_HEADER_BYTES = 96
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
    def note(self) -> Path:
        """The note beside it."""
        return self.graph.with_suffix(".json")


def graphs(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: the results of many searches of one process, and of one search of the command, are as before."""
    bed = _bed(sandbox)
    doctors = list(_DOCTORS)
    for number in range(trials):
        bed.repository.restore(_CLEAN)
        status = bed.graph.stat()
        doctor = doctors[number % len(doctors)]
        done = doctor(bed, chance)
        if chance.random() < 0.5 and bed.graph.exists():
            os.utime(bed.graph, ns=(status.st_atime_ns, status.st_mtime_ns))
            done += ", time kept"
        yield _judged(bed, done, by_command=number % 4 == 3)


def _bed(sandbox: Sandbox) -> _Bed:
    repository = sandbox.repository("graph", many(1, 25, 12))
    other = sandbox.repository("other", many(1, 25, 12, first=100))
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
    element = chance.randrange(json.loads(bed.note.read_text())["count"])
    offset = _HEADER_BYTES + element * size + chance.randrange(0, max(vector_at, 4), 4)
    value = chance.choice((2**32 - 1, 2**31, 2**24, 65_535, chance.randrange(2**32)))
    _put(bed.graph, offset, value.to_bytes(4, "little"))
    return f"links at {offset} set to {value}, {_fit_note(bed, chance)}"


def _labels(bed: _Bed, chance: random.Random) -> str:
    """The label of an element."""
    size, label_at, _ = _layout(bed)
    element = chance.randrange(json.loads(bed.note.read_text())["count"])
    value = chance.choice((0, 1, 2**63, 2**64 - 1, chance.randrange(2**64)))
    _put(bed.graph, _HEADER_BYTES + element * size + label_at, value.to_bytes(8, "little"))
    return f"label of element {element} set to {value}, {_fit_note(bed, chance)}"


def _vectors(bed: _Bed, chance: random.Random) -> str:
    """Floats of a vector: not a number, infinite, huge."""
    size, label_at, vector_at = _layout(bed)
    element = chance.randrange(json.loads(bed.note.read_text())["count"])
    offset = _HEADER_BYTES + element * size + chance.randrange(vector_at, label_at, 4)
    value = chance.choice(
        (b"\0\0\xc0\x7f", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\xff\xff\x7f\x7f", b"\0\0\0\0")
    )
    _put(bed.graph, offset, value)
    return f"vector of element {element} at {offset} set to {value.hex()}, {_fit_note(bed, chance)}"


def _tail(bed: _Bed, chance: random.Random) -> str:
    """The lists of the upper levels at the end of the file: their sizes and ids."""
    size, _, _ = _layout(bed)
    begin = _HEADER_BYTES + json.loads(bed.note.read_text())["count"] * size
    offset = chance.randrange(begin, bed.graph.stat().st_size - 4, 4)
    value = chance.choice((2**32 - 1, 2**31, 2**16, 1, chance.randrange(2**32)))
    _put(bed.graph, offset, value.to_bytes(4, "little"))
    return f"tail at {offset} set to {value}, {_fit_note(bed, chance)}"


def _length(bed: _Bed, chance: random.Random) -> str:
    """The file cut or grown."""
    size = bed.graph.stat().st_size
    target = chance.choice((0, 95, 96, size - 1, size // 2, size + 1, 2 * size, chance.randrange(size)))
    os.truncate(bed.graph, target)
    return f"{size} bytes made {target}, {_fit_note(bed, chance)}"


def _swapped(bed: _Bed, chance: random.Random) -> str:
    """The graph of another index, with its own note, or with the number of this index in it."""
    graph = next(bed.other.place.glob("*.hnsw"))
    shutil.copy2(graph, bed.graph)
    mine, theirs = (json.loads(path.read_text()) for path in (bed.note, graph.with_suffix(".json")))
    kept, note = chance.choice((("this index's note", mine), ("its own note", theirs)))
    _write_note(bed, {**note, "size": bed.graph.stat().st_size})
    return f"the graph of another index with {kept}"


def _note(bed: _Bed, chance: random.Random) -> str:
    """The note alone: huge numbers, wrong types, deep nesting, too few or too many keys."""
    note = json.loads(bed.note.read_text())
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
    bed.note.write_text(text, encoding="utf-8")
    return f"note {text[:60]!r}"


_DOCTORS: Sequence[Callable[[_Bed, random.Random], str]] = (
    *(_header, _links, _tail, _links, _header, _labels, _links, _vectors, _note, _length, _links, _swapped),
)


def _fit_note(bed: _Bed, chance: random.Random) -> str:
    """Make the note fit as far as somebody without the key can; returns how."""
    content = bed.graph.read_bytes()
    digests = {
        "digest kept": None,
        "digest without a key": hashlib.blake2b(content, digest_size=16).hexdigest(),
        "digest with an empty key": hashlib.blake2b(content, digest_size=16, key=bytes(32)).hexdigest(),
        "SHA-256 as digest": hashlib.sha256(content).hexdigest(),
        "CRC as digest": f"{zlib.crc32(content):08x}",
        "empty digest": "",
    }
    how = chance.choice(list(digests))
    note = {**json.loads(bed.note.read_text()), "size": len(content)}
    _write_note(bed, {**note, "digest": note["digest"] if digests[how] is None else digests[how]})
    return how


def _write_note(bed: _Bed, note: Note) -> None:
    bed.note.write_text(json.dumps(note), encoding="utf-8")


def _put(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def _layout(bed: _Bed) -> tuple[int, int, int]:
    """(bytes of an element, where its label begins, where its vector begins) of the clean graph."""
    count = json.loads(bed.note.read_text())["count"]
    dimensions = len(next(iter(bed.remembered.vectors.values())))
    found = layout(bed.graph, count, dimensions)
    assert found is not None
    return found
