"""Patterns as in `.gitignore`: their syntax, their limits, and which of them decides about a path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from codesift.errors import UsageError
from codesift.patterns.automaton import Automaton
from codesift.patterns.globs import SPECIAL, Glob, WrongPatternError, translate

RESTORED = ""
"""Result of `verdict` if the last pattern that matches begins with `!`."""
MAX_PATTERN_BYTES = 1000
"""Maximum number of bytes of a pattern."""
MAX_PATTERNS_IN_SETTING = 1_000
"""Maximum number of patterns of the settings `include` and `exclude`."""
MAX_WILDCARD_BYTES = 30_000
"""Maximum number of bytes of all patterns with wildcards together. Matching that many takes about 4 us for
each byte of a name."""
_KEPT_FOLDERS = 2000
"""Cache size; cleared when exceeded."""


class Rule(NamedTuple):
    """A parsed line of an ignore file."""

    text: bytes
    """The pattern without the marks that the other fields stand for."""
    negative: bool
    """Whether it begins with `!`, so that paths that match are not covered."""
    folders_only: bool
    """Whether it ends in a slash, so that it matches folders only."""
    anchored: bool
    """Whether it is matched with whole paths; else with the last name of a path."""

    @property
    def wild(self) -> bool:
        """Whether it has wildcards that a table cannot match."""
        ending = not self.anchored and len(self.text) > 1 and self.text.startswith(b"*")
        return any(octet in SPECIAL for octet in self.text[ending:])


def read_rule(line: bytes) -> Rule | None:
    """Parse a line as git does; return None for a blank line and a comment."""
    # For git, a line ends at a NUL character.
    text = _without_blanks(line.partition(b"\0")[0])
    if not text or text.startswith(b"#"):
        return None
    negative = text.startswith(b"!")
    text = text[negative:]
    folders_only = text.endswith(b"/")
    text = text.removesuffix(b"/")
    anchored = b"/" in text
    text = text.removeprefix(b"/")
    # Before a mere name, `**/` has no effect.
    if text.startswith(b"**/") and b"/" not in text[3:]:
        text, anchored = text[3:], False
    return Rule(text, negative, folders_only, anchored)


def fault_of(line: bytes) -> str:
    """Describe the fault of a pattern, in a predicate whose subject it is; empty if it has none."""
    rule = read_rule(line)
    if b"\0" in line:
        return "holds a NUL character"
    if len(line) > MAX_PATTERN_BYTES:
        return f"is longer than {MAX_PATTERN_BYTES:,} bytes"
    if line.startswith(b"!!"):
        return "begins with two exclamation marks; a name that begins with one is written '\\!name'"
    if rule is None or not rule.text:
        return "names nothing"
    try:
        translate(rule.text, strict=True)
    except WrongPatternError as error:
        return error.reason
    return ""


def check_patterns(lines: Sequence[str], label: str, maximum: int) -> None:
    """Check the patterns of a flag or a setting.

    Args:
        label: the name of the flag or setting.
        maximum: how many there may be.

    Raises:
        UsageError: there are more, or one is wrong.
    """
    if len(lines) > maximum:
        raise UsageError(f"{label}: at most {maximum:,} patterns, found {len(lines):,}")
    for line in lines:
        if line.startswith("#"):
            fault = "begins with '#', which makes it a comment; a name that does is written '\\#name'"
        else:
            try:
                fault = fault_of(_encode(line))
            except UnicodeEncodeError:
                fault = "holds a character that no path can hold"
        if fault:
            raise UsageError(f"{label}: the pattern '{_abridge(line)}' {fault}")
    if wild_length(to_rules(lines)) > MAX_WILDCARD_BYTES:
        raise UsageError(
            f"{label}: patterns with wildcards have more than {MAX_WILDCARD_BYTES:,} characters together"
        )


def to_rules(lines: Iterable[str]) -> list[Rule]:
    """Parse patterns that `check_patterns` accepted."""
    return [rule for line in lines if (rule := read_rule(_encode(line)))]


def wild_length(rules: Iterable[Rule]) -> int:
    """Sum up the lengths of the patterns that a table cannot match, to which the cost of matching is
    proportional."""
    return sum(len(rule.text) for rule in rules if rule.wild)


class RuleSet:
    """Patterns of one origin, prepared for matching.

    Names and paths without wildcards, and endings as in `*.py`, are looked up in tables. All other patterns
    are matched together. A wrong pattern matches nothing, as in git.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._negative = [rule.negative for rule in rules]
        self._names: dict[bytes, int] = {}
        self._paths: dict[bytes, int] = {}
        self._endings: dict[int, dict[bytes, int]] = {}
        """Length -> ending -> number. As in the other tables, a key for folders only ends in a slash."""
        name_globs: list[tuple[int, bool, Glob]] = []
        path_globs: list[tuple[int, bool, Glob]] = []
        for number, rule in enumerate(rules):
            if rule.wild:
                try:
                    glob = number, rule.folders_only, translate(rule.text)
                except WrongPatternError:
                    continue
                (path_globs if rule.anchored else name_globs).append(glob)
            else:
                self._tabulate(number, rule)
        self._name_globs = Automaton(name_globs) if name_globs else None
        self._path_globs = Automaton(path_globs) if path_globs else None
        self._above: dict[bytes, int] = {b"": -1}
        """Folder -> number of the last pattern that matches it or a folder above it."""

    def _tabulate(self, number: int, rule: Rule) -> None:
        key = rule.text + b"/" if rule.folders_only else rule.text
        if rule.anchored:
            self._paths[key] = number
        elif rule.text.startswith(b"*"):
            self._endings.setdefault(len(key) - 1, {})[key[1:]] = number
        else:
            self._names[key] = number

    def matches(self, path: bytes) -> bool | None:
        """Return whether the last pattern that matches a path covers it; None if no pattern matches.

        Args:
            path: that of a folder ends in a slash. The folders above it are not matched.
        """
        number = self._last_match(path)
        return None if number < 0 else not self._negative[number]

    def covers(self, path: bytes) -> bool | None:
        """Return what the last pattern says that matches a file or a folder above it; None if none
        matches."""
        number = max(self._last_match(path), self._last_above(path[: path.rfind(b"/") + 1]))
        return None if number < 0 else not self._negative[number]

    def _last_match(self, path: bytes) -> int:
        is_folder = path.endswith(b"/")
        bare = path[:-1] if is_folder else path
        name = bare[bare.rfind(b"/") + 1 :]
        numbers = [self._names.get(name, -1), self._paths.get(bare, -1)]
        numbers += [endings.get(name[-length:], -1) for length, endings in self._endings.items()]
        if is_folder:
            name_and_slash = name + b"/"
            numbers += [self._names.get(name_and_slash, -1), self._paths.get(path, -1)]
            numbers += [
                endings.get(name_and_slash[-length:], -1) for length, endings in self._endings.items()
            ]
        if self._name_globs:
            numbers.append(self._name_globs.last_match(name, is_folder))
        if self._path_globs:
            numbers.append(self._path_globs.last_match_of_path(bare, is_folder))
        return max(numbers)

    def _last_above(self, folder: bytes) -> int:
        unknown = []
        above = folder
        while above not in self._above:
            unknown.append(above)
            above = above[: above.rfind(b"/", 0, -1) + 1]
        last = self._above[above]
        if len(self._above) > _KEPT_FOLDERS:
            self._above = {b"": -1}
        for each in reversed(unknown):
            last = max(last, self._last_match(each))
        self._above[folder] = last
        return last


class Patterns(NamedTuple):
    """The patterns of one ignore file."""

    start: int
    """Number of octets of a path that precede the part its patterns are matched with."""
    rules: RuleSet
    reason: str


def verdict(chain: tuple[Patterns, ...], path: str) -> str | None:
    """Return the reason to leave a path out, `RESTORED`, or None if no pattern matches; the deepest file
    wins.

    Args:
        path: that of a folder ends in a slash. The folders above it are not matched.
    """
    octets = path.encode("utf-8", "surrogateescape")
    for patterns in reversed(chain):
        covered = patterns.rules.matches(octets[patterns.start :])
        if covered is not None:
            return patterns.reason if covered else RESTORED
    return None


def _without_blanks(line: bytes) -> bytes:
    """Strip the blanks at the end of a line, except one that a backslash precedes."""
    text = line.rstrip(b" ")
    escapes = len(text) - len(text.rstrip(b"\\"))
    return text + b" " if escapes % 2 and len(text) < len(line) else text


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _abridge(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
