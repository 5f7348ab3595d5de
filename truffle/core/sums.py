"""Instance time and cost of a group, added up without rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

from truffle.core.model import Reservation
from truffle.core.pricing import Rate

MICROSECOND = timedelta(microseconds=1)
MILLION = 10**6
"""Hours and costs are rounded to millionths; a thousand rounded rows still add up to the cent."""


@dataclass(slots=True, kw_only=True)
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

    def cost_texts(self) -> tuple[str, str]:
        """The costs of reserved and of idle time in JSON; null if no price is known."""
        if not self.priced:
            return "null", "null"
        if len(self.priced) > 1:
            reserved = sum((price * it for price, (it, _) in self.priced.items()), Decimal())
            idle = sum((price * it for price, (_, it) in self.priced.items()), Decimal())
            return _amount_text(reserved), _amount_text(idle)
        ((price, (time, idle_time)),) = self.priced.items()
        amount, parts = _ratio(price)
        return _often(amount * time, parts), _quotient_text(amount * idle_time, parts)

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


def hours_text(microseconds: float) -> str:
    """Hours in JSON, rounded: a millionth of an hour has 3,600 microseconds."""
    return repr((microseconds + 1800) // 3600 / MILLION) if microseconds else "0.0"


_ratio = lru_cache(4096)(Decimal.as_integer_ratio)


often_hours_text = lru_cache(4096)(hours_text)
"""The same for reserved time, which many groups share."""


def share_text(part: int, whole: int) -> str:
    """A part of a whole in JSON, rounded; null if there is no whole."""
    return repr((part * MILLION + whole // 2) // whole / MILLION) if whole else "null"


def _amount_text(amount: Decimal) -> str:
    """The cost of the product of a price per hour and microseconds, in JSON, rounded."""
    return _quotient_text(*amount.as_integer_ratio())


def _quotient_text(amount: int, parts: int) -> str:
    """The same of a fraction. Integers are exact, and take half as long as Decimal does."""
    parts *= 3600
    return repr((amount + parts // 2) // parts / MILLION)


_often = lru_cache(4096)(_quotient_text)
