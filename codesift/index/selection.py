"""Selections: the units that a search covers, as an immutable value, so that searches can run in parallel."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """The units of some kinds, in some files."""

    kinds: tuple[str, ...] = ()
    """Kinds of units; all kinds if empty."""
    file_ids: tuple[int, ...] | None = None
    """Ids of files; None means all files."""
    fraction: float = 1.0
    """Fraction of all units that are selected, from 0 to 1."""

    def is_everything(self) -> bool:
        """Tell whether all units are selected."""
        return not self.kinds and self.file_ids is None

    def condition(self, unit_id: str) -> tuple[str, list[str]]:
        """Return an SQL condition that is true for the selected units, and the values to bind.

        Args:
            unit_id: the column that contains the unit id.

        Returns:
            ` AND EXISTS (...)` to append to a WHERE clause, empty if all units are selected; and its values.
        """
        if self.is_everything():
            return "", []
        conditions = [f"selected.id = {unit_id}"]
        values: list[str] = []
        if self.kinds:
            conditions.append(f"selected.kind IN ({','.join('?' * len(self.kinds))})")
            values += self.kinds
        if self.file_ids is not None:
            conditions.append("selected.file_id IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(self.file_ids))
        return f" AND EXISTS (SELECT 1 FROM units AS selected WHERE {' AND '.join(conditions)})", values


EVERYTHING = Selection()
