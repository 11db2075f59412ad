"""Projects, partitions, and what must never be learned from."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from codesift.errors import CodesiftError
from evaluation.records import Function

PARTITIONS = ("test", "dev", "train")
TEST, DEV = 0.12, 0.06
"""Shares of the projects."""
LEAST_TEST, LEAST_DEV = 0.15, 0.08
"""Shares of up to a hundred projects that can be measured on; of more projects chance makes enough."""
ENOUGH = 20
"""Documented functions of a project that can be measured on."""

_HOST = re.compile(
    r"^(?:github|gitlab|gitea|codeberg|bitbucket|gopkg|golang|google|sourcehut|salsa|git|code|k8s|go)-(?=\w+-)"
)
_BEFORE = re.compile(r"^(?:librust|golang|node|nodejs|ruby|php|python3?|rust|js|go)-")
_AFTER = re.compile(
    r"(?:[-.](?:dev|doc|js|java|php|rb|py|python|go|rs|sharp|net|node|src|source|ng|cpp|core)|\.[tj]s)$"
)
_VERSION = re.compile(r"(?:[-.]?v?\d+(?:[.-]\d+)*)$")


def project_of(name: str) -> str:
    """The project a package belongs to, the same whatever registry it was got from.

    `node-foo`, `ruby-foo`, `libfoo-java`, `librust-foo-dev`, `foo.js` and `foo-2.0` are all `foo`; what has
    an owner is the owner's (`@babel/core`: `babel`), since one owner's packages resemble each other.
    """
    name = name.lower().replace("_", "-")
    if name.startswith("@"):
        return name[1:].partition("/")[0]
    if name.startswith("golang-"):
        return _of_go(name)
    name = name.rpartition("/")[2]
    return _without_library(_shortened(name))


def _of_go(name: str) -> str:
    name = name.removeprefix("golang-").removesuffix("-dev")
    hosted = _HOST.sub("", name)
    _, _, rest = hosted.partition("-")
    return _shortened(rest if hosted != name and rest else hosted)


def _shortened(name: str) -> str:
    before = ""
    while before != name:
        before = name
        for pattern in (_BEFORE, _AFTER, _VERSION):
            name = pattern.sub("", name) or name
    return name


def _without_library(name: str) -> str:
    bare = re.sub(r"-(?:perl|cil|mono|gem)$", "", name)
    return bare.removeprefix("lib").lstrip("-") or name


def aliases(name: str) -> set[str]:
    """All names a package's project may be listed under."""
    lowered = name.lower().lstrip("@")
    parts = re.split(r"[/-]", lowered)
    tails = (
        {"-".join(parts[start:]) for start in range(len(parts))} if lowered.startswith("golang-") else set()
    )
    names = {lowered, lowered.replace("/", "-"), project_of(name), *lowered.split("/"), *tails}
    shortened = {_shortened(each.replace("_", "-")) for each in names}
    return names | shortened | {_without_library(each) for each in shortened}


def score(project: str, seed: int) -> float:
    """A number in [0, 1) that is all a project's partition depends on."""
    digest = hashlib.sha256(f"{seed} {project}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def partitions(documented: Mapping[str, int], elsewhere: Collection[str], seed: int) -> dict[str, str]:
    """Project -> partition.

    Where chance gives a language too few projects to measure on, some of those that no other language has
    are moved there.

    Args:
        documented: project -> documented functions.
        elsewhere: projects that other languages have too.
        seed: of the draw.
    """
    ranked = sorted(documented, key=lambda project: (score(project, seed), project))
    drawn = {project: _drawn(score(project, seed)) for project in ranked}
    measurable = [project for project in ranked if documented[project] >= ENOUGH]
    for partition, share in (("test", LEAST_TEST), ("dev", LEAST_DEV)):
        lacking = round(share * min(len(measurable), 100)) - sum(
            drawn[project] == partition for project in measurable
        )
        movable = [each for each in measurable if drawn[each] == "train" and each not in elsewhere]
        drawn.update(dict.fromkeys(movable[: max(lacking, 0)], partition))
    return drawn


def _drawn(number: float) -> str:
    return "test" if number < TEST else "dev" if number < TEST + DEV else "train"


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What evaluation data is made of."""

    hashes: frozenset[str] = frozenset()
    """First 16 hex digits of the SHA-1 of a function without its white space."""
    projects: frozenset[str] = frozenset()
    """Lower-case names."""

    @classmethod
    def read(cls, folder: Path) -> Exclusions:
        """Read `exclude_sha1.txt.gz` and `exclude_projects.txt`.

        Raises:
            CodesiftError: one of them is missing or cannot be read.
        """
        try:
            hashes = gzip.decompress((folder / "exclude_sha1.txt.gz").read_bytes()).decode()
            projects = (folder / "exclude_projects.txt").read_text(encoding="utf-8")
        except (OSError, EOFError, ValueError) as error:
            raise CodesiftError(f"cannot read the exclusions in {folder}: {error}") from error
        return cls(frozenset(hashes.split()), frozenset(projects.lower().split()))

    def project(self, name: str) -> bool:
        """Whether a package is of an excluded project."""
        return not self.projects.isdisjoint(aliases(name))

    def function(self, function: Function) -> bool:
        """Whether a function's text is excluded, with or without its documentation or decorators."""
        texts = (function.original_string, function.code)
        return any(code_digest(text) in self.hashes for each in texts for text in (each, _undecorated(each)))


_DECORATORS = re.compile(r"\A(?:[ \t]*(?:@|#\[|\[)[^\n]*\n)+")


def _undecorated(text: str) -> str:
    return _DECORATORS.sub("", text)


def code_digest(text: str) -> str:
    """First 16 hex digits of the SHA-1 of a text with all white space removed."""
    return hashlib.sha1("".join(text.split()).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()[
        :16
    ]
