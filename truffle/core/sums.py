"""Instance time and cost of a group, added up without rounding, and their text."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache

from truffle.core.pricing import Rate

MILLION = 10**6
"""Hours and costs are rounded to millionths; a thousand rounded rows still add up to the cent."""

Times = tuple[int, int, int]
"""Reserved, used and unobserved instance time in microseconds."""


@dataclass(slots=True, kw_only=True)
class UsageSums:
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

    def add(self, times: Times, devices: float | None, rate: Rate | None) -> None:
        """Add times of instances with this many accelerators each, None if that is unknown."""
        reserved, used, unobserved = times
        self.reserved += reserved
        self.used += used
        self.unobserved += unobserved
        if devices is None:
            self.unknown_accelerators += reserved
        else:
            self.accelerators += devices * reserved
            self.used_accelerators += devices * used
        if rate is None:
            self.unpriced += reserved
            return
        if unobserved and not reserved:
            return  # What was never observed has no cost, rather than one of 0.
        before, idle = self.priced.get(rate.amount, (0, 0))
        self.priced[rate.amount] = before + reserved, idle + reserved - used

    def text(self, currency: str | None) -> str:
        """The numbers of a row, as ``UsageRow.to_json`` has them, and the end of its object."""
        reserved, used = self.reserved, self.used
        devices, used_devices = self.accelerators, self.used_accelerators
        unknown = ""
        if self.unpriced:
            unknown = f',"unpriced_hours":{_hours(self.unpriced)}'
        if self.unknown_accelerators:
            unknown += f',"unknown_accelerator_hours":{_hours(self.unknown_accelerators)}'
        cost, idle_cost = self._cost_texts()
        return (
            f',"reserved_hours":{_often_hours(reserved)},"used_hours":{_hours(used)},'
            f'"idle_hours":{_hours(reserved - used)},'
            f'"unobserved_hours":{_often_hours(self.unobserved)},'
            f'"utilization":{_share(used, reserved)},'
            f'"reserved_accelerator_hours":{_often_hours(devices)},'
            f'"used_accelerator_hours":{_hours(used_devices)},'
            f'"idle_accelerator_hours":{_hours(devices - used_devices)},'
            f'"reserved_cost":{cost},"idle_cost":{idle_cost},'
            f'"currency":{_json_text(currency)}{unknown}}}'
        )

    def _cost_texts(self) -> tuple[str, str]:
        """The costs of reserved and of idle time in JSON; null if no price is known."""
        if not self.priced:
            return "null", "null"
        if len(self.priced) > 1:
            reserved = sum((price * it for price, (it, _) in self.priced.items()), Decimal())
            idle = sum((price * it for price, (_, it) in self.priced.items()), Decimal())
            return _amount(reserved), _amount(idle)
        ((price, (time, idle_time)),) = self.priced.items()
        amount, parts = _ratio(price)
        return _often(amount * time, parts), _quotient(amount * idle_time, parts)


def _hours(microseconds: float) -> str:
    """Hours in JSON, rounded: a millionth of an hour has 3,600 microseconds."""
    return repr((microseconds + 1800) // 3600 / MILLION) if microseconds else "0.0"


_json_text = lru_cache(64)(json.dumps)
_ratio = lru_cache(4096)(Decimal.as_integer_ratio)


_often_hours = lru_cache(4096)(_hours)
"""The same for reserved time, which many groups share."""


def _share(part: int, whole: int) -> str:
    """A part of a whole in JSON, rounded; null if there is no whole."""
    return repr((part * MILLION + whole // 2) // whole / MILLION) if whole else "null"


def _amount(amount: Decimal) -> str:
    """The cost of the product of a price per hour and microseconds, in JSON, rounded."""
    return _quotient(*amount.as_integer_ratio())


def _quotient(amount: int, parts: int) -> str:
    """The same of a fraction. Integers are exact, and take half as long as Decimal does."""
    parts *= 3600
    return repr((amount + parts // 2) // parts / MILLION)


_often = lru_cache(4096)(_quotient)
