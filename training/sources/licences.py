"""Which licence a package has, by its registry's metadata, and whether it is an open one."""

from __future__ import annotations

import email
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

LICENCE_FILE = re.compile(r"(?:^|/)(?:licen[cs]es?|copying|copyright|unlicense|notice)[^/]*$", re.IGNORECASE)
LONGEST = 100
"""Characters of a licence's name; a longer one is a licence's text put in the wrong field."""
_READ = 200_000
_HEADER, _HEADERS = 3_000, 50
"""Characters at a file's top that may name a licence, and files that are looked at."""

_OPEN = re.compile(
    r"""\b(?: mit | expat | x11 | 0?bsd | iscl? | apache | asl | [al]?gpl-?(?:v?\d\S*)? | mpl | mozilla
    | python | psf | zlib | libpng | unlicense | public[ -]domain | cc0 | cc-by(?:-sa)?-\d\S* | artistic
    | perl | ruby | php | epl | eclipse | cddl | eupl | boost | bsl-1(?:\.0)? | wtfpl | zpl | zope | hpnd
    | academic | afl | ecl | upl | w3c | openssl | ijg | curl | ncsa | ofl | blueoak | cecill | ms-pl | vim
    | postgresql | unicode | permissive | general\ public\ licen[cs]e | openldap | sleepycat | fsfap
    | fsful\S* | tcl | naist | cpl | bouncy | jdom | json | zend | netbsd | freebsd | lppl\S* | mulan\S*
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSED = re.compile(
    r"""busl | business\ source | sspl | server\ side\ public | commons\ clause | elastic\ licen | polyform
    | non-?commercial | \bby-nc | proprietary | \bcommercial\b | unlicensed | all\ rights\ reserved
    | source[ -]available | functional\ source | \bfsl-1 | no[ -]ai\b | \brail\b | hippocratic""",
    re.IGNORECASE | re.VERBOSE,
)
_CLOSED_TEXT = re.compile(
    r"""business\ source\ license\ 1 | server\ side\ public\ license | commons\ clause | elastic\ license
    | polyform\ \w+ | creativecommons\.org/licenses/by-nc | attribution-?\s?noncommercial
    | functional\ source\ license
    | (?: not | prohibited | forbidden )[^.]{0,120}\b(?: train(?:ing)? )\b[^.]{0,80}
      (?: machine[ -]learning | artificial[ -]intelligence | \bAI\b | language\ model | neural )""",
    re.IGNORECASE | re.VERBOSE,
)
_TEXTS = (
    ("Apache-2.0", r"apache license,?\s+version 2"),
    ("AGPL-3.0", r"gnu affero general public license"),
    ("LGPL", r"gnu (?:lesser|library) general public license"),
    ("GPL", r"gnu general public license"),
    ("MPL-2.0", r"mozilla public license"),
    ("CDDL", r"common development and distribution license"),
    ("EPL", r"eclipse public license"),
    ("ISC", r"permission to use, copy, modify,? and(?:/or)? distribute this software for any purpose"),
    ("MIT", r"permission is hereby granted, free of charge, to any person obtaining"),
    ("BSD", r"redistribution and use in source and binary forms"),
    ("Unlicense", r"free and unencumbered software released into the public domain"),
    ("BSL-1.0", r"boost software license"),
    ("Zlib", r"this software is provided .as-is., without any express or implied"),
    ("CC0-1.0", r"cc0 1\.0 universal"),
)


def is_open(licence: str) -> bool:
    """Whether a licence, by its name, is one of the open ones; an unknown or empty name is not."""
    return bool(_OPEN.search(licence)) and not _CLOSED.search(licence)


def licence_of(folder: Path, registry: str) -> str:
    """The licence a package declares, on one line; empty if it declares none that can be told.

    Args:
        folder: its files, as `training.sources.fetching` keeps them.
        registry: where it is from.
    """
    found = next((text for text in map(_one_line, _declared(folder, registry)) if text), "")
    # What Debian's main archive holds may be used by anyone for anything; its own files say so.
    if registry.startswith("debian"):
        return found
    closed = next((match[0] for text in _texts(folder) if (match := _CLOSED_TEXT.search(text))), "")
    return f"closed: {_one_line(closed)}" if closed else found


def _declared(folder: Path, registry: str) -> Iterator[str]:
    if registry == "pypi":
        yield from _python(folder)
    elif registry == "npm":
        yield from _npm(folder)
    else:
        yield from _debian(folder)
    for text in _texts(folder):
        yield _recognised(text)
    if registry.startswith("debian"):
        yield _by_headers(folder)


def _by_headers(folder: Path) -> str:
    """The licence that most of the first files name in their headers."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = (_recognised(_read(path)[:_HEADER]) for path in islice(files, _HEADERS))
    return next((name for name, _ in Counter(filter(None, named)).most_common(1)), "")


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else _recognised(line)


def _recognised(text: str) -> str:
    """Name of the licence whose text this is; empty if it is none of `_TEXTS`."""
    lowered = " ".join(text.lower().split())
    # Licences name one another, but their own name comes first.
    found = [(match.start(), name) for name, words in _TEXTS if (match := re.search(words, lowered))]
    return min(found)[1] if found else ""


def _texts(folder: Path) -> Iterator[str]:
    """Texts of the licence files near the top of a package."""
    for path in sorted(folder.rglob("*")):
        depth = len(path.relative_to(folder).parts)
        if depth <= 3 and LICENCE_FILE.search(path.name) and path.is_file():
            yield _read(path)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_READ).decode("utf-8", "replace")


def _python(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        fields = email.message_from_string(_read(path))
        yield str(fields.get("License-Expression", ""))
        names = [
            str(name).split(" :: ")[-1] for name in fields.get_all("Classifier", []) if "License ::" in name
        ]
        yield " OR ".join(name for name in names if name != "OSI Approved")
        yield str(fields.get("License", ""))


def _npm(folder: Path) -> Iterator[str]:
    try:
        package = json.loads(_read(folder / "package.json"))
    except (OSError, ValueError):
        return
    if isinstance(package, dict):
        found = package.get("license") or package.get("licence") or package.get("licenses") or ""
        several = found if isinstance(found, list) else [found]
        names = " OR ".join(filter(None, map(_name, several)))
        yield "" if names.upper().startswith("SEE LICENSE") else names


def _name(licence: Any) -> str:
    """An npm licence, which may be a string or an object with a type."""
    value = licence.get("type", "") if isinstance(licence, dict) else licence
    return value if isinstance(value, str) else ""


def _debian(folder: Path) -> Iterator[str]:
    """The licence of `Files: *` in a machine-readable copyright file, or the first one that it names."""
    path = folder / "debian" / "copyright"
    if not path.is_file():
        return
    text = _read(path)
    for stanza in re.split(r"\n[ \t]*\n", text):
        if re.search(r"^Files:\s*(?:\n\s)?\s*\*", stanza, re.MULTILINE):
            yield _licence_field(stanza)
    yield _licence_field(text)
    yield _recognised(text)


def _licence_field(text: str) -> str:
    found = re.search(r"^Licen[cs]e:[ \t]*(\S.*)", text, re.MULTILINE)
    return found[1] if found else ""
