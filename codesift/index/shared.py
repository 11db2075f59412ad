"""An open index that several threads share."""

from __future__ import annotations

import contextlib

from codesift.index.opening import Index


class SharedIndex:
    """An open index, closed when it is retired and no thread uses it any more.

    Args:
        opening: opens the index when entered, and closes it when left.
    """

    def __init__(self, opening: contextlib.AbstractContextManager[Index]) -> None:
        self._stack = contextlib.ExitStack()
        self.index = self._stack.enter_context(opening)
        self.users = 0
        self._is_retired = False

    def retire(self) -> None:
        """Close the index as soon as no thread uses it."""
        self._is_retired = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        """Close the index if it was retired and no thread uses it."""
        if self._is_retired and not self.users:
            self._stack.close()
