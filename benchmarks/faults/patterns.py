"""Hostile patterns wherever patterns are read: ignore files, settings, flags."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

from benchmarks.faults.repositories import QUESTION, SHOP
from benchmarks.faults.sandbox import Sandbox, SandboxRepository, delete
from benchmarks.faults.trials import Ended, Trial, fault

_SECONDS = 10.0
_ARGUMENT_CHARACTERS = 100_000
"""Linux takes no longer arguments than 128 KiB."""
_PIECES = (
    *(
        "*",
        "**",
        "/",
        "a",
        "aa",
        "?",
        "[a-z]",
        "[!a]",
        "[z-a]",
        "[9-0]",
        "[a-\\d]",
        "[",
        "]",
        "[[:alpha:]]",
        "[]",
    ),
    *("!", "!!", "\\", "\\\\", "\\a", "#", " ", "  ", "{a,b}", "(", ")", "(a|a)+", "+", "$", "^", ".", "|"),
    *(
        "**/",
        "/**",
        "/**/",
        "***",
        "*/*",
        "b",
        ".py",
        "\t",
        "\r",
        "\x1b[31m",
        "é",
        "\u2028",
        "[^a]*",
        "[a-z]*",
    ),
)
_KNOWN = (
    *(
        "*a" * 5 + "b",
        "*a" * 50 + "b",
        "*" * 200 + "b",
        "**/a" * 60 + "b",
        "**/*a" * 60 + "b",
        "a*" * 100 + "b",
    ),
    *(
        "[z-a]",
        "[9-0]x",
        "[a-\\d]",
        "foo[b-a]bar",
        "\\",
        "!",
        "!!",
        "!!!a",
        "/",
        "//",
        "**",
        "***",
        "[",
        "[!",
        "[]",
    ),
    *(
        "a" * 100_000,
        "*" * 100_000,
        "?" * 100_000,
        "[" * 100_000,
        "**/" * 30_000,
        "[a-z]" * 20_000,
        "\\" * 100_000,
    ),
    *("a\0b", "\0", "*\0*", " ", "#", "\ufeffa", "[\0-\x7f]*", "[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*[a-z]*!"),
)


def patterns(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: the command ends well within 10 s, whatever the pattern."""
    repository = sandbox.repository("shop", {**SHOP, **_long_names()})
    repository.must("index")
    places = list(_PLACES)
    for number in range(trials):
        place = places[number % len(places)]
        lines = _lines(number // len(places), chance)
        ended = _PLACES[place](repository, lines)
        shown = lines[0] if len(lines[0]) <= 40 else f"{lines[0][:30]}... ({len(lines[0]):,} characters)"
        name = f"{shown!r}{f' and {len(lines) - 1:,} more' if len(lines) > 1 else ''} in {place}"
        kind = fault(ended)
        held = "refused in a line" if ended.code == 2 else "the result"
        yield Trial(name, not kind, kind or held, ended.last_line, ended.seconds)


def _long_names() -> dict[str, str]:
    """Files that many stars can match in many ways."""
    names = [
        "a" * 200,
        "a" * 100 + "-" + "b" * 100,
        "ab" * 100,
        "/".join(["aaaa"] * 40),
        "a" * 60 + "/" + "a" * 200,
    ]
    return {f"{name}.py": f"value_{number} = {number}\n" for number, name in enumerate(names)}


def _lines(number: int, chance: random.Random) -> list[str]:
    """The known ones first, then random ones, each of them sometimes in company."""
    if number < len(_KNOWN):
        return [_KNOWN[number]]
    lines = ["".join(chance.choices(_PIECES, k=chance.choice((1, 3, 10, 60))))]
    if chance.random() < 0.1:
        lines = [f"{lines[0]}{i}" for i in range(20_000)]
    return lines


def _in_file(name: str) -> Callable[[SandboxRepository, list[str]], Ended]:
    def run(repository: SandboxRepository, lines: list[str]) -> Ended:
        text = "\n".join(lines)
        return _with(repository, name, text, "index", "--quiet")

    return run


def _in_settings(key: str) -> Callable[[SandboxRepository, list[str]], Ended]:
    def run(repository: SandboxRepository, lines: list[str]) -> Ended:
        # TOML's texts are JSON's, but for a few characters that JSON leaves as they are.
        text = ", ".join(json.dumps(line).replace("\x7f", "\\u007f") for line in lines)
        return _with(repository, ".codesift.toml", f"{key} = [{text}]\n", "index", "--quiet")

    return run


def _in_flag(repository: SandboxRepository, lines: list[str]) -> Ended:
    line = lines[0].replace("\0", "")[:_ARGUMENT_CHARACTERS]
    return repository.forked("query", QUESTION, "--lexical", "--path", line, seconds=_SECONDS)


def _with(repository: SandboxRepository, name: str, text: str, *arguments: str) -> Ended:
    path = repository.root / name
    path.write_text(text, encoding="utf-8")
    ended = repository.forked(*arguments, seconds=_SECONDS)
    delete(path)
    return ended


_PLACES = {
    ".codesiftignore": _in_file(".codesiftignore"),
    ".gitignore": _in_file(".gitignore"),
    "exclude": _in_settings("exclude"),
    "include": _in_settings("include"),
    "--path": _in_flag,
}
