"""Which ship lies where, and what it pays."""

from __future__ import annotations

FEE_PER_TONNE = 0.35


class NoBerthError(Exception):
    """Every berth that is long enough is taken."""


class Quay:
    """Berths along one wall."""

    def __init__(self, lengths: list[float]) -> None:
        self.lengths = lengths
        self.taken: dict[int, str] = {}

    def assign(self, ship: str, length: float) -> int:
        """Give a ship the shortest free berth that is long enough."""
        free = [number for number in range(len(self.lengths)) if number not in self.taken]
        fitting = [number for number in free if self.lengths[number] >= length]
        if not fitting:
            raise NoBerthError(ship)
        best = min(fitting, key=lambda number: self.lengths[number])
        self.taken[best] = ship
        return best

    def release(self, number: int) -> None:
        """Free a berth after its ship has left."""
        del self.taken[number]


class Crane:
    """Lifts containers from ship to shore."""

    def grab(self, container: str) -> str:
        self.load = container
        return self.load

    def release(self) -> str:
        """Put the container down on the ground."""
        container, self.load = self.load, ""
        return container


def mooring_fee(tonnage: float, days: int) -> float:
    """What a ship pays for lying at the quay."""
    if days < 1:
        raise ValueError("a stay is at least one day")
    return round(tonnage * FEE_PER_TONNE * days, 2)
