"""Glob patterns with the semantics of git, translated into rows of states."""

from __future__ import annotations

from typing import NamedTuple

SPECIAL = frozenset(b"*?[\\")
SLASH, _STAR, _ESCAPE, _DASH, _OPEN = b"/*\\-["
ALL = (1 << 256) - 1
_NAME = ALL & ~(1 << SLASH)
"""All octets except the slash, which no wildcard for a single octet matches."""


def _octets(text: str) -> int:
    return sum(1 << octet for octet in text.encode())


_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_CLASSES = {
    b"alnum": _octets(_LOWER + _UPPER + _DIGITS),
    b"alpha": _octets(_LOWER + _UPPER),
    b"blank": _octets(" \t"),
    b"cntrl": (1 << 32) - 1 | 1 << 127,
    b"digit": _octets(_DIGITS),
    b"graph": _octets(_LOWER + _UPPER + _DIGITS + _PUNCTUATION),
    b"lower": _octets(_LOWER),
    b"print": _octets(_LOWER + _UPPER + _DIGITS + _PUNCTUATION + " "),
    b"punct": _octets(_PUNCTUATION),
    b"space": _octets(" \t\n\r"),
    b"upper": _octets(_UPPER),
    b"xdigit": _octets(_DIGITS + "abcdefABCDEF"),
}
"""Octets of `[[:name:]]`. Git has its own tables: the vertical tab and the form feed are not `space`."""


class WrongPatternError(Exception):
    """A pattern can match nothing.

    Args:
        reason: the fault, in a predicate whose subject is the pattern.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Glob(NamedTuple):
    """A pattern as a row of states: an octet of `steps[i]` leads from state `i` to `i + 1`."""

    steps: tuple[int, ...]
    """Sets of octets, as bit masks."""
    loops: int
    """Bit mask of the states that any octet but a slash leaves active: those of a `*`."""
    deep: int
    """Bit mask of the states that any octet leaves active: those of a `**` between slashes."""
    skips: int
    """Bit mask of the states that activate the next state too: those of a `**/`, which may match no
    folder."""


def literal_length(pattern: bytes) -> int:
    """Return the number of octets before the first special one in a pattern."""
    return next((at for at, octet in enumerate(pattern) if octet in SPECIAL), len(pattern))


def translate(pattern: bytes, strict: bool = False) -> Glob:
    """Translate a pattern with the semantics of git's `wildmatch`, in which wildcards do not match slashes.

    Git compares the part before the first wildcard separately and then treats `**` as if nothing preceded it,
    so `a/b**/c` matches `a/bx/y/c`; so it does here.

    Args:
        strict: also reject a range such as `z-a`, of which git matches the first character alone.

    Raises:
        WrongPatternError: the pattern matches nothing.
    """
    steps: list[int] = []
    loops = deep = skips = at = 0
    literal = literal_length(pattern)
    while at < len(pattern):
        octet = pattern[at]
        here = 1 << len(steps)
        if octet == _STAR:
            end = _end_of_stars(pattern, at)
            loops |= here
            if _is_deep(pattern, at, end, literal):
                deep |= here
                if pattern[end : end + 1] == b"/":
                    skips |= here
                    steps.append(1 << SLASH)
                    end = _end_of_repeats(pattern, end + 1)
            at = end
        elif octet == _OPEN:
            octets, at = _read_class(pattern, at + 1, strict)
            steps.append(octets & _NAME)
        elif octet == _ESCAPE:
            if at + 1 == len(pattern):
                raise WrongPatternError("ends in a backslash")
            steps.append(1 << pattern[at + 1])
            at += 2
        else:
            steps.append(_NAME if octet == ord("?") else 1 << octet)
            at += 1
    return Glob(tuple(steps), loops, deep, skips)


def _end_of_stars(pattern: bytes, at: int) -> int:
    while pattern[at : at + 1] == b"*":
        at += 1
    return at


def _is_deep(pattern: bytes, start: int, end: int, literal: int) -> bool:
    """Return whether stars match slashes: two or more of them, with a slash or nothing on either side."""
    begins = start == literal or pattern[start - 1] == SLASH
    ends = end == len(pattern) or pattern[end] == SLASH or pattern.startswith(b"\\/", end)
    return end - start > 1 and begins and ends


def _end_of_repeats(pattern: bytes, at: int) -> int:
    """Skip each `**/` that follows another one, as the first one already matches any folders."""
    while True:
        end = _end_of_stars(pattern, at)
        if end - at < 2 or pattern[end : end + 1] != b"/":
            return at
        at = end + 1


def _read_class(pattern: bytes, at: int, strict: bool) -> tuple[int, int]:
    """Read a `[...]` whose first bracket ends before `at`; return its octets, and where the pattern goes
    on."""
    negated = pattern[at : at + 1] in (b"!", b"^")
    at += negated
    octets = 0
    # Start of a range if a dash follows; 0 at first and after a range or a named class.
    before = 0
    while True:
        octet, escaped, at = _read_octet(pattern, at)
        named = _read_named(pattern, at) if octet == _OPEN and not escaped else None
        if named:
            octet_set, at = named
            octets |= octet_set
            before = 0
        elif octet == _DASH and not escaped and before and pattern[at : at + 1] not in (b"", b"]"):
            last, _, at = _read_octet(pattern, at)
            if strict and last < before:
                raise WrongPatternError(
                    f"holds the range {_show(before)}-{_show(last)}, which runs backwards"
                )
            octets |= _range(before, last)
            before = 0
        else:
            octets |= 1 << octet
            before = octet
        # A bracket right after the opening one is a member of the class, as in `[]a]`.
        if pattern[at : at + 1] == b"]":
            return (ALL & ~octets if negated else octets), at + 1


def _read_octet(pattern: bytes, at: int) -> tuple[int, bool, int]:
    """Read an octet of a class; return it, whether a backslash precedes it, and the position of the next
    one."""
    escaped = pattern[at : at + 1] == b"\\"
    at += escaped
    if at >= len(pattern):
        raise WrongPatternError("has a '[' that is not closed")
    return pattern[at], escaped, at + 1


def _read_named(pattern: bytes, at: int) -> tuple[int, int] | None:
    """Read a `[:name:]` whose first bracket ends before `at`; return its octets, and where the class goes
    on."""
    if pattern[at : at + 1] != b":":
        return None
    end = pattern.find(b"]", at + 1)
    if end < 0:
        raise WrongPatternError("has a '[' that is not closed")
    if end == at + 1 or pattern[end - 1 : end] != b":":
        return None
    name = pattern[at + 1 : end - 1]
    if name not in _CLASSES:
        raise WrongPatternError(
            f"holds [:{name.decode('utf-8', 'replace')}:], which is no class of characters"
        )
    return _CLASSES[name], end + 1


def _show(octet: int) -> str:
    return chr(octet) if 32 < octet < 127 else f"\\x{octet:02x}"


def _range(first: int, last: int) -> int:
    return (1 << last + 1) - (1 << first) if first <= last else 0
