"""Sources made to hold a parser up: openers repeated 10,000 times, in every language."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

from benchmarks.faults.children import finish, fork
from benchmarks.faults.repositories import SHOP
from benchmarks.faults.sandbox import Sandbox, delete
from benchmarks.faults.trials import Trial, fault
from codesift.parsing.languages import LANGUAGES

_SECONDS = 20.0
"""Of one file: parsing may take 10 s before it is given up."""
_DEPTH = 10_000
_BY_COMMAND_EVERY = 20
"""Of so many sources one is indexed by the installed command, in a repository."""
_COMMAND_SECONDS = 60.0
_ANY = (
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("<", ">"),
    ("a(", ")"),
    ("a[", "]"),
    ("{a:", "}"),
    ("-", ""),
    ("a.", ""),
)
_SPECIAL: dict[str, tuple[tuple[str, str], ...]] = {
    "python": (("lambda: ", ""), ("f'{", "}'"), ("not ", ""), ("if x: ", ""), ("x = ", ""), ('"""', '"""')),
    "javascript": (("function f() {", "}"), ("class C {", "}"), ("`${", "}`"), ("a => ", ""), ("/*", "*/")),
    "typescript": (("namespace A {", "}"), ("A<", ">"), ("x ? ", " : y"), ("class C {", "}"), ("/*", "*/")),
    "tsx": (("<a>", "</a>"), ("{a => ", "}"), ("A<", ">"), ("`${", "}`")),
    "java": (
        ("class C {", "}"),
        ("A<", ">"),
        ("x -> ", ""),
        ("@A(", ")"),
        ("new A() {", "}"),
        ("if (x) ", ""),
    ),
    "go": (("func() {", "}"), ("struct {", "}"), ("map[", "]"), ("if x {", "}"), ("chan ", ""), ("*", "")),
    "ruby": (("def f", "\nend"), ("module M", "\nend"), ('"#{', '}"'), ("do |x| ", "end"), ("%w(", ")")),
    "php": (
        ("<?php function f() {", "}"),
        ("<?php class C {", "}"),
        ("<?php ", "?>"),
        ('<?php "{$a[', ']}"'),
    ),
    "c": (("struct a {", "}"), ("#if A\n", "\n#endif"), ("*", ""), ("(a)", ""), ("if (x) ", "")),
    "cpp": (("namespace a {", "}"), ("A<", ">"), ("template <class T> ", ""), ("A::", ""), ("[]() {", "}")),
    "csharp": (
        ("namespace A {", "}"),
        ("class C {", "}"),
        ('$"{', '}"'),
        ("x => ", ""),
        ("#if A\n", "\n#endif"),
    ),
    "rust": (("mod a {", "}"), ("impl A {", "}"), ("m!{", "}"), ("A<", ">"), ("|x| ", ""), ("/*", "*/")),
    "kotlin": (("class C {", "}"), ("A<", ">"), ('"${', '}"'), ("{ x -> ", "}"), ("/*", "*/")),
    "scala": (("object A {", "}"), ("def f = {", "}"), ('s"${', '}"'), ("A[", "]"), ("x => ", "")),
    "swift": (("class C {", "}"), ("A<", ">"), ('"\\(', ')"'), ("{ x in ", "}"), ("#if A\n", "\n#endif")),
}


@dataclass(frozen=True)
class NestedSource:
    """A file."""

    name: str
    language: str
    ending: str
    """Of the file's name."""
    text: str


def sources(count: int, chance: random.Random) -> Iterator[NestedSource]:
    """So many sources: first every opener of every language in a random order, then mixtures of them."""
    plain = [
        (language, opener, closed, line)
        for language, special in _SPECIAL.items()
        for opener, closed, line in product([*_ANY, *special], (False, True), ("", "\n"))
    ]
    chance.shuffle(plain)
    for language, (opener, closer), closed, line in plain[:count]:
        text = (opener + line) * _DEPTH + "x" + (line + closer) * _DEPTH * closed
        what = f"{opener.strip()} x {_DEPTH}{' closed' if closed else ''}{' in lines' if line else ''}"
        yield _source(language, what, text)
    for number in range(count - len(plain)):
        language = chance.choice(list(_SPECIAL))
        yield _source(language, f"mixture {number}", _mixture(language, chance))


def _mixture(language: str, chance: random.Random) -> str:
    """Runs of a few openers and closers, each run of random length, up to the size of the largest file."""
    pieces = [piece for pair in (*_ANY, *_SPECIAL[language]) for piece in pair if piece]
    few = chance.sample(pieces, chance.choice((2, 3, 5)))
    most = chance.choice((1, 10, 1_000, 30_000))
    text = ""
    while len(text) < 900_000:
        text += chance.choice(few) * chance.randint(1, most) + chance.choice(("", " ", "\n"))
    return text[:900_000]


def _source(language: str, what: str, text: str) -> NestedSource:
    ending = LANGUAGES[language].suffixes[0]
    return NestedSource(f"{language}: {what}", language, ending, text)


def nesting(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: the file is cut into units within 20 s and 1 GB, or `index` ends well within 60 s."""
    repository = sandbox.repository("shop", SHOP)
    repository.must("index")
    for number, source in enumerate(sources(trials, chance)):
        if number % _BY_COMMAND_EVERY == _BY_COMMAND_EVERY - 1:
            path = repository.root / f"hostile{source.ending}"
            path.write_text(source.text, encoding="utf-8")
            ended = repository.run("index", seconds=_COMMAND_SECONDS)
            delete(path)
        else:
            child = fork(partial(_parse, source), sandbox.folder, sandbox.environ())
            ended = finish(child, _SECONDS)
        kind = fault(ended, codes=(0,))
        yield Trial(source.name, not kind, kind or "parsed", ended.last_line, ended.seconds)


def _parse(source: NestedSource) -> None:
    from codesift.parsing.units import parse

    parse(source.text, source.language, f"hostile{source.ending}")
