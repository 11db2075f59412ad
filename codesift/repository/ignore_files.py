"""The ignore files of one walk: read within limits, with one line for each kind of thing wrong in them."""

from __future__ import annotations

from codesift.patterns.gitignore import (
    LONGEST,
    MOST_WILD,
    Patterns,
    Rule,
    RuleSet,
    fault_of,
    read_rule,
    wild_length,
)
from codesift.repository.decoding import Unreadable, read_bytes
from codesift.repository.notices import Troubles

OWN = ".codesiftignore"
GIT = ".gitignore"
MOST_BYTES = 100_000
"""Maximum size of an ignore file; the rest of a larger one is not read."""
MOST_IN_FILE = 2_000
"""Maximum number of patterns in one file."""
MOST_IN_WALK = 10_000
"""Maximum number of patterns in all files together."""
MOST_NESTED = 50
"""Maximum number of ignore files of one kind above a path: each is asked about each file below it."""
_TOO_MANY = f"more than {MOST_IN_WALK:,} patterns, or {MOST_WILD:,} characters of patterns with wildcards"


class IgnoreFiles:
    """Reads ignore files for one walk.

    Args:
        base: the root's absolute path with a slash at its end.
    """

    def __init__(self, base: str, troubles: Troubles) -> None:
        self._base = base
        self._troubles = troubles
        self._patterns_left = MOST_IN_WALK
        self._wild_left = MOST_WILD

    def read(self, path: str, nested: int) -> tuple[Patterns, ...]:
        """The patterns of a file; nothing where it is missing, is not a regular file, or says nothing.

        Args:
            path: from the root.
            nested: number of ignore files of its kind above it.
        """
        if self._patterns_left < 0:
            return ()
        try:
            data = read_bytes(self._base + path, MOST_BYTES + 1)
        except Unreadable:
            return ()
        if nested >= MOST_NESTED:
            self._pass_over(path, f"lies below {MOST_NESTED} others, so it is not read", "so deep")
            return ()
        if len(data) > MOST_BYTES:
            self._pass_over(path, f"is larger than {MOST_BYTES:,} bytes; the rest is not read", "so large")
            data = data[: data.rfind(b"\n", 0, MOST_BYTES) + 1]
        rules = self._rules(path, data)
        start = len(path.encode("utf-8", "surrogateescape")) - len(path.rpartition("/")[2])
        return (Patterns(start, RuleSet(rules), "ignored"),) if rules else ()

    def _rules(self, path: str, data: bytes) -> list[Rule]:
        rules: list[Rule] = []
        for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
            line = line.removesuffix(b"\r")
            rule = read_rule(line)
            if rule is None:
                continue
            if len(rules) == MOST_IN_FILE:
                self._pass_over(
                    path, f"has more than {MOST_IN_FILE:,} patterns; the rest is not read", "so long"
                )
                break
            if not self._affords(rule):
                self._troubles.add(f"{path}, line {number}: {_TOO_MANY}; from there on none are read")
                break
            if fault := _fault(line, path.endswith(OWN)):
                shown = line[:60].decode("utf-8", "replace")
                message = f"{path}, line {number} is passed over: the pattern '{shown}' {fault}"
                self._troubles.add(message, "more wrong lines")
            else:
                rules.append(rule)
        return rules

    def _affords(self, rule: Rule) -> bool:
        """Take one pattern off what one walk may hold; nothing is left once one was too much."""
        self._patterns_left -= 1
        self._wild_left -= wild_length((rule,))
        if self._wild_left < 0:
            self._patterns_left = -1
        return self._patterns_left >= 0

    def _pass_over(self, path: str, what: str, kind: str) -> None:
        self._troubles.add(f"{path} {what}", f"more files are {kind}")


def _fault(line: bytes, own: bool) -> str:
    """What is wrong with a pattern. Git passes over its own silently, so there only the length counts."""
    if own or len(line) > LONGEST:
        return fault_of(line)
    return ""
