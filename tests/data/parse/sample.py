"""Rate limits for outgoing requests."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

DEFAULT_RATE = 5.0


class Bucket:
    """A token bucket.

    Tokens come back at a fixed rate.
    """

    capacity: float = 10.0

    def __init__(self, rate: float = DEFAULT_RATE) -> None:
        self.rate = rate
        self.tokens = self.capacity
        self.updated = time.monotonic()

    # How many whole tokens are left.
    @property
    def left(self) -> int:
        return int(self.tokens)

    def take(
        self,
        count: int = 1,
    ) -> bool:
        """Take tokens, or answer False."""
        self._refill()
        if self.tokens < count:
            return False
        self.tokens -= count
        return True

    def _refill(self) -> None:
        now = time.monotonic()
        self.tokens = min(self.capacity, self.tokens + (now - self.updated) * self.rate)
        self.updated = now

    unit = "token"

    class Empty(Exception):
        """Nothing is left."""


def limited(rate: float) -> Callable[..., Any]:
    """Limit the calls of a function."""
    bucket = Bucket(rate)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            while not bucket.take():
                time.sleep(0.01)
            return function(*args, **kwargs)

        return wrapper

    return decorate


# Doubles a number.
# Slowly.
@limited(2.0)
async def double(x: int) -> int:
    return x * 2


square = lambda x: x * x  # noqa: E731

if __name__ == "__main__":
    print(square(3))
