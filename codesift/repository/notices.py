"""Notices: the warnings of a walk, in few lines however many cases there are."""

from __future__ import annotations

from collections import Counter


class Notices:
    """Collects warnings: keeps the first case of each kind and counts the others."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._cases: Counter[str] = Counter()

    def add(self, message: str, others: str = "") -> None:
        """Add a warning.

        Args:
            others: name of the kind, as in "2 more wrong lines"; without it, each message is its own kind.
        """
        kind = others or message
        self._first.setdefault(kind, message)
        self._cases[kind] += 1

    def lines(self) -> list[str]:
        """Return one line for each kind."""
        lines = []
        for kind, message in self._first.items():
            others = self._cases[kind] - 1
            lines.append(f"{message} ({others:,} {kind})" if others else message)
        return lines
