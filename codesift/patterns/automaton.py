"""An automaton that matches many glob patterns at a time and without backtracking.

The rows of states of all patterns lie side by side in one integer, a bit for each state, so that one octet of
a name moves all of them with a few operations: the Shift-And method with gaps (Navarro and Raffinot, Flexible
Pattern Matching in Strings, chapter 4). The time is proportional to the length of the name times the length
of the patterns, whatever their content.
"""

from __future__ import annotations

from collections.abc import Sequence

from codesift.patterns.globs import ALL, SLASH, Glob

_KEPT_FOLDERS = 2000
"""Cache size; cleared when exceeded."""
_CACHE_BYTES = 8 * 1024**2
_STOP_BYTES = 1000
"""Memory of a `_Stop` apart from its states: a dictionary of a few entries."""


class _Stop:
    """A set of states, and a cache of the sets that octets lead to from there."""

    __slots__ = ("following", "states")

    def __init__(self, states: int) -> None:
        self.states = states
        self.following: dict[int, _Stop] = {}


class Automaton:
    """A set of patterns that is matched in one pass over a path.

    Names are much alike, so transitions are cached up to a limit.
    """

    def __init__(self, globs: Sequence[tuple[int, bool, Glob]]) -> None:
        """Lay out the states of the patterns side by side.

        Args:
            globs: for each pattern its number, in ascending order; whether it matches folders only; its
                states.
        """
        self._loops = self._deep = self._skips = self._folders = self._files = start = 0
        self._numbers: dict[int, int] = {}
        """Last state of a pattern -> its number."""
        states_of: dict[int, int] = {}
        """Set of octets -> the states that it leads to."""
        offset = 0
        for number, folders_only, glob in globs:
            start |= (1 | (glob.skips & 1) << 1) << offset
            self._loops |= glob.loops << offset
            self._deep |= glob.deep << offset
            self._skips |= glob.skips << offset
            for at, octets in enumerate(glob.steps, offset + 1):
                states_of[octets] = states_of.get(octets, 0) | 1 << at
            offset += len(glob.steps) + 1
            self._numbers[offset - 1] = number
            self._folders |= 1 << offset - 1
            self._files |= (not folders_only) << offset - 1
        self._reached = _by_octet(states_of)
        self._start = _Stop(start)
        self._stops = {start: self._start}
        self._max_stops = _CACHE_BYTES // (offset // 8 + _STOP_BYTES)
        self._after = {b"": self._start}
        """Folder with a slash at its end -> the set of states after it."""

    def last_match(self, name: bytes, is_folder: bool) -> int:
        """Return the number of the last pattern that matches a name without slashes; -1 for none."""
        return self._accepted(self._advance(self._start, name), is_folder)

    def last_match_of_path(self, path: bytes, is_folder: bool) -> int:
        """Return the number of the last pattern that matches a path; -1 for none."""
        name_at = path.rfind(b"/") + 1
        return self._accepted(self._advance(self._enter(path[:name_at]), path[name_at:]), is_folder)

    def _accepted(self, stop: _Stop, is_folder: bool) -> int:
        accepted = stop.states & (self._folders if is_folder else self._files)
        return self._numbers[accepted.bit_length() - 1] if accepted else -1

    def _enter(self, folder: bytes) -> _Stop:
        """Return the set of states after a folder, from the nearest folder above it that is in the cache."""
        rest: list[bytes] = []
        above = folder
        while (stop := self._after.get(above)) is None:
            begin = above.rfind(b"/", 0, -1) + 1
            rest.append(above[begin:])
            above = above[:begin]
        if rest:
            for part in reversed(rest):
                stop = self._advance(stop, part)
            if len(self._after) > _KEPT_FOLDERS:
                self._after = {b"": self._start}
            self._after[folder] = stop
        return stop

    def _advance(self, stop: _Stop, text: bytes) -> _Stop:
        for octet in text:
            stop = stop.following.get(octet) or self._move(stop, octet)
        return stop

    def _move(self, stop: _Stop, octet: int) -> _Stop:
        states = stop.states << 1 & self._reached[octet]
        states |= (states & self._skips) << 1
        states |= stop.states & (self._deep if octet == SLASH else self._loops)
        if len(self._stops) >= self._max_stops:
            return _Stop(states)
        reached = self._stops.setdefault(states, _Stop(states))
        stop.following[octet] = reached
        return reached


def _by_octet(states_of: dict[int, int]) -> list[int]:
    """Octet -> the states that it leads to. Most sets contain either few octets or all but a few."""
    common = 0
    exceptions: list[tuple[int, int]] = []
    for octets, states in states_of.items():
        if octets.bit_count() > 128:
            common |= states
            exceptions.append((ALL & ~octets, states))
        else:
            exceptions.append((octets, states))
    reached = [common] * 256
    # A state belongs to one set only, so flipping it adds it to `common` or removes it from there.
    for octets, states in exceptions:
        while octets:
            octet = octets.bit_length() - 1
            reached[octet] ^= states
            octets ^= 1 << octet
    return reached
