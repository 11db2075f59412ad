"""Hostile settings of a repository, in `.codesift.toml` and in `pyproject.toml`."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.faults.repositories import QUESTION, SHOP, TARGET
from benchmarks.faults.sandbox import Sandbox, SandboxRepository, delete
from benchmarks.faults.trials import Ended, Trial, fault
from codesift.config import Settings

_SECONDS = 10.0
_OWN, _PROJECT = ".codesift.toml", "pyproject.toml"
_QUERY = ("query", QUESTION, "--json", "--lexical")
_VERBS = (_QUERY, ("index",), ("status",), ("config",), ("models",), ("similar", TARGET), ("clean",))
_WRONG = (
    *("true", "0", "-1", "1.5", "nan", "inf", '""', '"x"', "[]", "{}", '["a"]', "[[[[1]]]]", "1979-05-27"),
    *("9" * 4_000, "1e999", f'"{"a" * 100_000}"', '"\\u001b[31m\\u0007"', '"a\\u0000b"', '"/etc/passwd"'),
    *("[" * 50_000, "[" * 300 + "]" * 300, "{a=" * 200 + "1" + "}" * 200, '["*"' + ', "*"' * 50_000 + "]"),
)
_PERSONAL: dict[str, str] = {
    "model": '"microsoft/codebert-base"',
    "adapters": "false",
    "threads": "1",
    "device": '"cpu"',
    "cache_dir": '"/tmp"',
    "index_folder": '"repository"',
    "refresh": "false",
    "budget": "2.5",
    "ann_from": "20_000",
    "ann_links": "16",
    "ann_build_width": "200",
    "ann_search_width": "200",
}


@dataclass(frozen=True)
class _Case:
    name: str
    file: str
    make: Callable[[Path], object]
    """Makes the file at a path."""
    refused: bool = False
    """Whether every verb that reads settings must refuse it."""


def settings(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: one printable line and exit code 2, or the right result, within 10 s."""
    repository = sandbox.repository("shop", SHOP)
    repository.must("index")
    repository.keep("clean")
    cases = _cases(chance)
    chance.shuffle(cases)
    for number in range(trials):
        case, arguments = cases[number % len(cases)], _VERBS[number % len(_VERBS)]
        yield _trial(repository, case, arguments)


def _trial(repository: SandboxRepository, case: _Case, arguments: tuple[str, ...]) -> Trial:
    repository.restore("clean")
    case.make(repository.root / case.file)
    ended = repository.forked(*arguments, seconds=_SECONDS)
    delete(repository.root / case.file)
    kind = fault(ended) or _wrong(case, arguments, ended)
    held = "refused in a line" if ended.code == 2 else "the result"
    name = f"{case.name} in {case.file}, {' '.join(arguments)}"
    return Trial(name, not kind, kind or held, ended.last_line, ended.seconds)


def _wrong(case: _Case, arguments: tuple[str, ...], ended: Ended) -> str:
    if ended.code == 2 and len(ended.lines) != 1:
        return "more than a line"
    if case.refused and ended.code != 2 and arguments[0] != "clean":
        return "a repository's personal setting is not refused"
    return ""


def _cases(chance: random.Random) -> list[_Case]:
    personal = {each.name for each in fields(Settings) if each.metadata.get("personal")}
    assert personal == set(_PERSONAL), "the list of personal settings is out of date"
    cases = [
        _Case(f"{_short(key)} = {value}", file, _text(file, f"{key} = {value}\n"), True)
        for name, value in _PERSONAL.items()
        for key in (name, name.replace("_", "-"))
        for file in (_OWN, _PROJECT)
    ]
    names = [each.name for each in fields(Settings)]
    wrong = [(name, value) for name in names for value in _WRONG]
    for name, value in chance.sample(wrong, 60):
        file = chance.choice((_OWN, _PROJECT))
        cases.append(_Case(f"{name} = {_short(value)}", file, _text(file, f"{name} = {value}\n")))
    for file in (_OWN, _PROJECT):
        cases += [_Case(name, file, _text(file, text)) for name, text in _texts(chance).items()]
        cases += [_Case(name, file, make) for name, make in _FILES.items()]
    return cases


def _text(file: str, text: str) -> Callable[[Path], object]:
    head = "[tool.codesift]\n" if file == _PROJECT else ""
    return lambda path: path.write_bytes((head + text).encode("utf-8", "surrogatepass"))


def _texts(chance: random.Random) -> dict[str, str]:
    letters = "[]{}=.\"'\\#\n,abc019 -_\t"
    junk = "".join(chance.choices(letters, k=1_000_000 - 100))
    return {
        "a key of 20,000 parts": "a" + ".a" * 20_000 + " = 1\n",
        "a key of 480 parts, 2,000 times": ("a" + ".a" * 480 + "{} = 1\n") * 1_000,
        "a table of 20,000 parts": "[a" + ".a" * 20_000 + "]\n",
        "50,000 keys": "".join(f"k{i} = {i}\n" for i in range(50_000)),
        "50,000 tables": "".join(f"[t{i}]\n" for i in range(50_000)),
        "100,000 open brackets": "results = " + "[" * 100_000,
        "100,000 nested brackets": "results = " + "[" * 100_000 + "]" * 100_000,
        "inline tables nested 30,000 deep": "results = " + "{a = " * 30_000,
        "1 MB of junk": junk,
        "1 MB of quotes": "results = " + '"' * 900_000,
        "1 MB in one text": 'model = "' + "a" * 900_000 + '"\n',
        "2 MB": "# codesift\n" * 200_000,
        "control characters in a key": '"\\u001b]0;x\\u0007\\u202e" = 1\n',
        "raw control characters": '"\x1b[31m" = "\x07\x9b"\n',
        "a NUL": "results = 1\0\n",
        "no UTF-8": "results = 1 # \udcff\n",
        "an unknown key": "resultz = 3\n",
        "an unknown key of 100,000 letters": "r" * 100_000 + " = 3\n",
        "a key given twice": "results = 1\nresults = 2\n",
        "a key with dashes and with underscores": "max-file-size = 5\nmax_file_size = 6\n",
        "a number of 5,000 digits": "results = " + "9" * 5_000 + "\n",
        "a hexadecimal number of 900,000 digits": "results = 0x" + "f" * 900_000 + "\n",
        "a date out of range": "results = 9999-99-99T99:99:99Z\n",
        "codesift is a number": "codesift = 1\n[tool]\ncodesift = 2\n",
    }


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"[tool.codesift]\n")
        file.truncate(50 << 30)


_FILES: dict[str, Callable[[Path], object]] = {
    "a sparse file of 50 GB": _sparse,
    "a pipe": os.mkfifo,
    "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("nothing"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": Path.mkdir,
}


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:20]}... ({len(text):,} characters)"
