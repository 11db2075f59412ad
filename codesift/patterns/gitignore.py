"""Patterns as in .gitignore: what is one, which of them decides about a path, and how many there may be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from codesift.errors import UsageError
from codesift.patterns.automaton import Automaton
from codesift.patterns.globs import SPECIAL, Glob, WrongPatternError, translate

RESTORED = ""
"""What `verdict` says where the last pattern that matches begins with `!`."""
LONGEST = 1000
"""Maximum number of bytes of a pattern."""
MOST_IN_SETTING = 1_000
"""Maximum number of patterns of the settings `include` and `exclude`."""
MOST_WILD = 30_000
"""Maximum number of bytes that patterns with wildcards have together. Matching so many takes about 4 us for
each byte of a name."""
_KEPT_FOLDERS = 2000
"""Cache size; cleared when exceeded."""


class Rule(NamedTuple):
    """What one line says."""

    text: bytes
    """The pattern without what the other fields say."""
    negative: bool
    """Whether `!` stands before it: what matches is not meant."""
    folders_only: bool
    """Whether a slash ends it."""
    anchored: bool
    """Whether it is about whole paths; else about the last name of a path."""

    @property
    def wild(self) -> bool:
        """Whether a table cannot decide about it."""
        ending = not self.anchored and len(self.text) > 1 and self.text.startswith(b"*")
        return any(octet in SPECIAL for octet in self.text[ending:])


def read_rule(line: bytes) -> Rule | None:
    """Take a line apart as git does; None for a blank line and a comment."""
    # As git reads it, a line ends at a NUL character.
    text = _without_blanks(line.partition(b"\0")[0])
    if not text or text.startswith(b"#"):
        return None
    negative = text.startswith(b"!")
    text = text[negative:]
    folders_only = text.endswith(b"/")
    text = text.removesuffix(b"/")
    anchored = b"/" in text
    text = text.removeprefix(b"/")
    # Before a name alone, `**/` says what is said without it.
    if text.startswith(b"**/") and b"/" not in text[3:]:
        text, anchored = text[3:], False
    return Rule(text, negative, folders_only, anchored)


def fault_of(line: bytes) -> str:
    """What is wrong with a pattern, a predicate whose subject it is; empty if nothing is."""
    rule = read_rule(line)
    if b"\0" in line:
        return "holds a NUL character"
    if len(line) > LONGEST:
        return f"is longer than {LONGEST:,} bytes"
    if line.startswith(b"!!"):
        return "begins with two exclamation marks; a name that begins with one is written '\\!name'"
    if rule is None or not rule.text:
        return "names nothing"
    try:
        translate(rule.text, strict=True)
    except WrongPatternError as error:
        return error.reason
    return ""


def check_patterns(lines: Sequence[str], label: str, most: int) -> None:
    """Check the patterns of a flag or a setting.

    Args:
        label: the name of the flag or setting.
        most: how many there may be.

    Raises:
        UsageError: there are more, or one is wrong.
    """
    if len(lines) > most:
        raise UsageError(f"{label}: at most {most:,} patterns, found {len(lines):,}")
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
    if wild_length(to_rules(lines)) > MOST_WILD:
        raise UsageError(f"{label}: patterns with wildcards have more than {MOST_WILD:,} characters together")


def to_rules(lines: Iterable[str]) -> list[Rule]:
    """The rules of patterns that `check_patterns` let pass."""
    return [rule for line in lines if (rule := read_rule(_encode(line)))]


def wild_length(rules: Iterable[Rule]) -> int:
    """Number of octets of patterns that a table cannot decide about, which is what matching costs."""
    return sum(len(rule.text) for rule in rules if rule.wild)


class RuleSet:
    """Patterns of one origin, made ready for matching.

    Names and paths without wildcards, and endings as in `*.py`, are looked up in tables. All other patterns
    are matched together. A wrong pattern matches nothing, as in git.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._negative = [rule.negative for rule in rules]
        self._names: dict[bytes, int] = {}
        self._paths: dict[bytes, int] = {}
        self._endings: dict[int, dict[bytes, int]] = {}
        """Length -> ending -> number. As in the other tables, a slash ends what is about folders only."""
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
        """Whether a path is meant; None where no pattern matches.

        Args:
            path: a slash ends that of a folder. The folders above it are not looked at.
        """
        number = self._last_match(path)
        return None if number < 0 else not self._negative[number]

    def covers(self, path: bytes) -> bool | None:
        """Whether a file or a folder above it is meant, by the last pattern that matches any of them."""
        number = max(self._last_match(path), self._last_above(path[: path.rfind(b"/") + 1]))
        return None if number < 0 else not self._negative[number]

    def _last_match(self, path: bytes) -> int:
        is_folder = path.endswith(b"/")
        bare = path[:-1] if is_folder else path
        name = bare[bare.rfind(b"/") + 1 :]
        found = [self._names.get(name, -1), self._paths.get(bare, -1)]
        found += [endings.get(name[-length:], -1) for length, endings in self._endings.items()]
        if is_folder:
            name_and_slash = name + b"/"
            found += [self._names.get(name_and_slash, -1), self._paths.get(path, -1)]
            found += [endings.get(name_and_slash[-length:], -1) for length, endings in self._endings.items()]
        if self._name_globs:
            found.append(self._name_globs.last_match(name, is_folder))
        if self._path_globs:
            found.append(self._path_globs.last_match_of_path(bare, is_folder))
        return max(found)

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
    """One ignore file."""

    start: int
    """Its patterns are about what follows the first `start` octets of a path."""
    rules: RuleSet
    reason: str


def verdict(chain: tuple[Patterns, ...], path: str) -> str | None:
    """The reason to leave a path out, `RESTORED`, or None if no pattern matches; the deepest file wins.

    Args:
        path: a slash ends that of a folder. Patterns that match a folder above it are not looked at.
    """
    octets = path.encode("utf-8", "surrogateescape")
    for patterns in reversed(chain):
        meant = patterns.rules.matches(octets[patterns.start :])
        if meant is not None:
            return patterns.reason if meant else RESTORED
    return None


def _without_blanks(line: bytes) -> bytes:
    """Cut the blanks off the end of a line, but not one that a backslash stands before."""
    text = line.rstrip(b" ")
    escapes = len(text) - len(text.rstrip(b"\\"))
    return text + b" " if escapes % 2 and len(text) < len(line) else text


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _abridge(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."
