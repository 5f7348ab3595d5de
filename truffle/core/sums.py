"""Instance time and cost of a group, added up without rounding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from truffle.core.model import Reservation
from truffle.core.pricing import Rate

HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)
DIGITS = 6
"""Decimal places of hours and costs; a thousand rounded rows still add up to the cent."""

_PER_HOUR = HOUR // MICROSECOND


@dataclass(slots=True)
class Sums:
    """Instance time in microseconds of one group; ``unpriced`` is reserved time.

    ``priced`` has reserved and idle time by hourly price: costs are multiplied once, after all time
    is added.
    """

    reserved: int = 0
    used: int = 0
    unobserved: int = 0
    unpriced: int = 0
    accelerators: float = 0
    used_accelerators: float = 0
    unknown_accelerators: int = 0
    priced: dict[Decimal, tuple[int, int]] = field(default_factory=dict)

    @property
    def cost(self) -> float | None:
        """The cost; None if no price is known."""
        return cost_of((price, reserved) for price, (reserved, _) in self.priced.items())

    @property
    def idle_cost(self) -> float | None:
        return cost_of((price, idle) for price, (_, idle) in self.priced.items())

    def add(
        self, row: Reservation, length: timedelta, is_observed: bool, rate: Rate | None
    ) -> None:
        """Add a reservation for a duration."""
        time, total = length // MICROSECOND, row.total_capacity or 0
        used = row.used_capacity
        if not is_observed or used is None:
            self.unobserved += total * time
        else:
            self.add_time(row, total * time, used * time, rate)

    def add_time(self, row: Reservation, reserved: int, used: int, rate: Rate | None) -> None:
        """Add instance time of a reservation, whose own counts are ignored."""
        self.reserved += reserved
        self.used += used
        if row.accelerator is not None:
            count = row.accelerator.count
            if count is None:
                self.unknown_accelerators += reserved
            else:
                self.accelerators += count * reserved
                self.used_accelerators += count * used
        if rate is None:
            self.unpriced += reserved
            return
        before, idle = self.priced.get(rate.amount, (0, 0))
        self.priced[rate.amount] = before + reserved, idle + reserved - used


@lru_cache(65_536)
def hours_of(microseconds: float) -> float:
    """Hours, rounded. Cached, because most groups share their sums with other groups or days."""
    return round(microseconds / _PER_HOUR, DIGITS) if microseconds else 0.0


def cost_of(parts: Iterable[tuple[Decimal, int]]) -> float | None:
    """The cost from hourly prices and microseconds; None without any price."""
    amounts = tuple(parts)
    return _cost_of(amounts) if amounts else None


@lru_cache(65_536)
def _cost_of(parts: tuple[tuple[Decimal, int], ...]) -> float:
    amount = sum((price * time for price, time in parts), Decimal())
    return float(round(amount / _PER_HOUR, DIGITS))
