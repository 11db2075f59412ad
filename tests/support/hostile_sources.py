"""Sources made to hold a parser up: nested openers, repeated tokens, and mixtures of both by a seed.

Each is a name, a language and a recipe for its text, so that a list of all of them takes no memory. Run as
a program, it parses all of them and prints the slowest: `python tests/hostile_sources.py [seed]`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

DEPTH = 10_000
"""How often an opener is repeated."""
SIZE = 1_000_000
"""Characters of a text of repeated tokens: the largest file that is indexed."""
MIXTURES = 8
"""Random mixtures for each language."""

_ALL = [("(", ")"), ("[", "]"), ("{", "}"), ("<", ">"), ("a(", ")"), ("a[", "]")]
_OPENERS: dict[str, list[tuple[str, str]]] = {
    "python": [
        ("lambda: ", ""),
        ("f'{", "}'"),
        ("not ", ""),
        ("{1:", "}"),
        ("if x:", ""),
        ("x = ", ""),
    ],
    "javascript": [
        ("function f() {", "}"),
        ("class C {", "}"),
        ("`${", "}`"),
        ("a => ", ""),
        ("<a>", "</a>"),
        ("/*", "*/"),
        ("a = {b: ", "}"),
    ],
    "typescript": [
        ("namespace A {", "}"),
        ("class C {", "}"),
        ("A<", ">"),
        ("`${", "}`"),
        ("a => ", ""),
        ("/*", "*/"),
        ("x ? ", " : y"),
    ],
    "tsx": [("<a>", "</a>"), ("{a => ", "}"), ("A<", ">"), ("`${", "}`")],
    "java": [
        ("class C {", "}"),
        ("void f() {", "}"),
        ("A<", ">"),
        ("x -> ", ""),
        ("@A(", ")"),
        ("new A() {", "}"),
        ("if (x) ", ""),
    ],
    "go": [("func() {", "}"), ("struct {", "}"), ("map[", "]"), ("if x {", "}"), ("chan ", ""), ("*", "")],
    "ruby": [
        ("def f", "\nend"),
        ("class C", "\nend"),
        ("module M", "\nend"),
        ('"#{', '}"'),
        ("do |x| ", "end"),
        ("%w(", ")"),
        ("if x then ", "end"),
    ],
    "php": [
        ("<?php function f() {", "}"),
        ("<?php class C {", "}"),
        ("<?php if (x): ", "endif;"),
        ("<?php array(", ")"),
        ("<?php ", "?>"),
        ('<?php "{$a[', ']}"'),
    ],
    "c": [
        ("struct a {", "}"),
        ("int f() {", "}"),
        ("#if A\n", "\n#endif"),
        ("*", ""),
        ("(a)", ""),
        ("if (x) ", ""),
    ],
    "cpp": [
        ("namespace a {", "}"),
        ("class A {", "}"),
        ("A<", ">"),
        ("template <class T> ", ""),
        ("A::", ""),
        ("[]() {", "}"),
        ("#ifdef A\n", "\n#endif"),
    ],
    "csharp": [
        ("namespace A {", "}"),
        ("class C {", "}"),
        ("void F() {", "}"),
        ("A<", ">"),
        ('$"{', '}"'),
        ("x => ", ""),
        ("#if A\n", "\n#endif"),
    ],
    "rust": [
        ("mod a {", "}"),
        ("impl A {", "}"),
        ("fn f() {", "}"),
        ("m!{", "}"),
        ("A<", ">"),
        ("|x| ", ""),
        ("/*", "*/"),
        ("&", ""),
    ],
    "kotlin": [
        ("class C {", "}"),
        ("fun f() {", "}"),
        ("A<", ">"),
        ('"${', '}"'),
        ("{ x -> ", "}"),
        ("/*", "*/"),
    ],
    "scala": [
        ("object A {", "}"),
        ("def f = {", "}"),
        ("class C {", "}"),
        ('s"${', '}"'),
        ("A[", "]"),
        ("/*", "*/"),
        ("x => ", ""),
    ],
    "swift": [
        ("class C {", "}"),
        ("func f() {", "}"),
        ("A<", ">"),
        ('"\\(', ')"'),
        ("{ x in ", "}"),
        ("#if A\n", "\n#endif"),
        ("/*", "*/"),
    ],
}

_TOKENS = [
    *("(", ")", "[", "]", "{", "}", "<", ">", ")}]", "}{", "'", '"', "`", "\\", "/", "*", "/*", "*/", "//"),
    *(
        "#",
        "@",
        "$",
        "%",
        "&",
        "|",
        "!",
        "?",
        ":",
        ";",
        ",",
        ".",
        "=",
        "->",
        "=>",
        "::",
        "+ ",
        "- ",
        "~",
        "^",
    ),
    *("a", "a ", "A_", "A_B ", "A_B(\n", "_", "0", "0.", "\n", " ", "\t", "\r\n", "\0", "é", "字", "\u2028"),
    *("# a\n", "// a\n", "/** a */\n", '"""\n', "'''a'''\n", "@a\n", "#[a]\n", "[A]\n", "<?php\n", "#if A\n"),
    *("def f(): 0\n", "class A: pass\n", "function f() {}\n", "fn f() {}\n", "int f() {}\n", "func f() {}\n"),
    *("def f = 1\n", "fun f() {}\n", "void f() {}\n", "def f\nend\n", "class A {}\n", "struct A {};\n"),
    *(
        "if x\n",
        "end\n",
        "a.b = function() {}\n",
        "A.prototype = {}\n",
        "return ",
        "new ",
        "static ",
        "class ",
    ),
]


class Hostile(NamedTuple):
    """One source."""

    name: str
    language: str
    build: Callable[[], str]
    """Makes the text."""

    @property
    def text(self) -> str:
        """The text, made anew."""
        return self.build()


def hostile_sources(seed: int = 7) -> list[Hostile]:
    """All sources; the seed decides the mixtures only."""
    return [*nestings(), *indented(), *repetitions(), *mixtures(seed)]


def nestings(depth: int = DEPTH) -> list[Hostile]:
    """Every opener of every language, closed or left open, on one line or on many."""
    return [
        Hostile(
            f"{language}: {opener.strip()} x {depth}{' closed' if closed else ''}{' lines' if line else ''}",
            language,
            partial(_nested, opener, closer if closed else "", depth, line),
        )
        for language, special in _OPENERS.items()
        for opener, closer in [*_ALL, *special]
        for closed in (False, True)
        for line in ("", "\n")
    ]


def _nested(opener: str, closer: str, depth: int, line: str) -> str:
    return (opener + line) * depth + "x" + (line + closer) * depth


def indented() -> list[Hostile]:
    """Python's blocks, each one blank deeper, as deep as a file of the largest size allows."""
    heads = ("def f():", "class C:", "if x:", "async def f(a=1, *b, **c):")
    return [
        Hostile(f"python: {head} x {depth} indented", "python", partial(_indented, head, depth))
        for head in heads
        for depth in (300, 1_300)
    ]


def _indented(head: str, depth: int) -> str:
    return "".join(f"{' ' * level}{head}\n" for level in range(depth)) + " " * depth + "pass\n"


def repetitions(size: int = SIZE) -> list[Hostile]:
    """Files of the largest size that repeat one token, in every language."""
    return [
        Hostile(f"{language}: {token!r} to {size}", language, partial(_repeated, token, size))
        for language in _OPENERS
        for token in _TOKENS
    ]


def _repeated(token: str, size: int) -> str:
    return (token * (size // len(token) + 1))[:size]


def mixtures(seed: int, size: int = SIZE) -> list[Hostile]:
    """Random openers and tokens, each repeated a random number of times, until the size is reached."""
    return [
        Hostile(
            f"{language}: mixture {seed}.{number}", language, partial(_mixed, language, seed, number, size)
        )
        for language in _OPENERS
        for number in range(MIXTURES)
    ]


def _mixed(language: str, seed: int, number: int, size: int) -> str:
    chance = random.Random(f"{language} {seed} {number}")
    pieces = [piece for pair in [*_ALL, *_OPENERS[language]] for piece in pair] + _TOKENS
    few = chance.sample(pieces, chance.choice((2, 3, 5, 20)))
    most = chance.choice((1, 10, 1_000, 30_000))
    return "".join(_runs(chance, few, most, size))[:size]


def _runs(chance: random.Random, pieces: list[str], most: int, size: int) -> Iterator[str]:
    length = 0
    while length < size:
        run = chance.choice(pieces) * chance.randint(1, most) + chance.choice(("", " ", "\n"))
        length += len(run)
        yield run


def main() -> None:
    """Parse all sources and print the slowest ones."""
    from codesift.parsing.units import parse_bounded

    trials = []
    for source in hostile_sources(int(sys.argv[1]) if len(sys.argv) > 1 else 7):
        text = source.text
        started = time.monotonic()
        gave_up = parse_bounded(text, source.language, "x").gave_up
        trials.append((time.monotonic() - started, gave_up, source.name))
    print(f"{len(trials)} sources, {sum(gave_up for _, gave_up, _ in trials)} given up")
    for seconds, gave_up, name in sorted(trials, reverse=True)[:20]:
        print(f"{seconds:6.2f} s  {name}{' (given up)' if gave_up else ''}")


if __name__ == "__main__":
    main()
