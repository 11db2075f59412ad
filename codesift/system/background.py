"""Background work: started in a thread before its result is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """Runs `work` in a thread from the start; a call waits for its result.

    Args:
        work: called once, in a thread. Its exception is raised by the call that waits for the result.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except BaseException as error:
            self._error = error

    def __call__(self) -> T:
        """Wait for the result.

        Raises:
            The exception that `work` raised.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result[0]
