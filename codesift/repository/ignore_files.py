"""The ignore files of one walk, read within limits, with one notice for each kind of fault in them."""

from __future__ import annotations

from codesift.patterns.gitignore import (
    MAX_PATTERN_BYTES,
    MAX_WILDCARD_BYTES,
    Patterns,
    Rule,
    RuleSet,
    fault_of,
    read_rule,
    wild_length,
)
from codesift.repository.decoding import Unreadable, read_bytes
from codesift.repository.notices import Notices

CODESIFT_IGNORE = ".codesiftignore"
GIT_IGNORE = ".gitignore"
MAX_IGNORE_FILE_BYTES = 100_000
"""Maximum size of an ignore file; the rest of a larger one is not read."""
MAX_PATTERNS_IN_FILE = 2_000
"""Maximum number of patterns in one file."""
MAX_PATTERNS_IN_WALK = 10_000
"""Maximum number of patterns in all files together."""
MAX_NESTED_FILES = 50
"""Maximum number of ignore files of one kind above a path: each is matched with each file below it."""
_TOO_MANY = (
    f"more than {MAX_PATTERNS_IN_WALK:,} patterns, "
    f"or {MAX_WILDCARD_BYTES:,} characters of patterns with wildcards"
)


class IgnoreFiles:
    """Reads ignore files for one walk.

    Args:
        base: the root's absolute path with a slash at its end.
    """

    def __init__(self, base: str, notices: Notices) -> None:
        self._base = base
        self._notices = notices
        self._patterns_left = MAX_PATTERNS_IN_WALK
        self._wild_left = MAX_WILDCARD_BYTES

    def read(self, path: str, nested: int) -> tuple[Patterns, ...]:
        """Read the patterns of a file; nothing if it is missing, is not a regular file, or has none.

        Args:
            path: path from the root.
            nested: number of ignore files of its kind above it.
        """
        if self._patterns_left < 0:
            return ()
        try:
            data = read_bytes(self._base + path, MAX_IGNORE_FILE_BYTES + 1)
        except Unreadable:
            return ()
        if nested >= MAX_NESTED_FILES:
            self._pass_over(path, f"lies below {MAX_NESTED_FILES} others, so it is not read", "so deep")
            return ()
        if len(data) > MAX_IGNORE_FILE_BYTES:
            self._pass_over(
                path, f"is larger than {MAX_IGNORE_FILE_BYTES:,} bytes; the rest is not read", "so large"
            )
            data = data[: data.rfind(b"\n", 0, MAX_IGNORE_FILE_BYTES) + 1]
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
            if len(rules) == MAX_PATTERNS_IN_FILE:
                self._pass_over(
                    path, f"has more than {MAX_PATTERNS_IN_FILE:,} patterns; the rest is not read", "so long"
                )
                break
            if not self._affords(rule):
                self._notices.add(f"{path}, line {number}: {_TOO_MANY}; from there on none are read")
                break
            if fault := _fault(line, path.endswith(CODESIFT_IGNORE)):
                shown = line[:60].decode("utf-8", "replace")
                message = f"{path}, line {number} is passed over: the pattern '{shown}' {fault}"
                self._notices.add(message, "more wrong lines")
            else:
                rules.append(rule)
        return rules

    def _affords(self, rule: Rule) -> bool:
        """Count a pattern towards the limits of one walk; once a limit is exceeded, no more patterns are
        read."""
        self._patterns_left -= 1
        self._wild_left -= wild_length((rule,))
        if self._wild_left < 0:
            self._patterns_left = -1
        return self._patterns_left >= 0

    def _pass_over(self, path: str, what: str, kind: str) -> None:
        self._notices.add(f"{path} {what}", f"more files are {kind}")


def _fault(line: bytes, strict: bool) -> str:
    """Describe the fault of a pattern; empty if it has none.

    Args:
        strict: check the syntax too. Git ignores wrong patterns in its files silently, so only their length
            counts.
    """
    if strict or len(line) > MAX_PATTERN_BYTES:
        return fault_of(line)
    return ""
