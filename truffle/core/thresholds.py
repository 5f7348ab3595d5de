"""The thresholds of events that time causes, and the prices of the settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_UNITS = {"d": _DAY, "h": _HOUR, "m": timedelta(minutes=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """How long before or after a moment an event fires; an empty tuple disables it.

    ``starting_soon`` is before the start, ``ending_soon`` before the effective end,
    ``late_delivery`` after the start; ``idle_…`` is how long instances were unused, ``fleet_short``
    how long a fleet was below its target. ``payment_due`` is before the earlier of two moments.
    ``scope_failing`` counts consecutive failed runs. ``price_dropped`` is the smallest drop in
    percent; ``offering_quiet`` is the minimum time between two events of the same type about an
    offering. ``prices`` are US dollars per instance and hour, by instance type or glob,
    ``block_fees`` US dollars for a whole capacity block, by its id.
    """

    starting_soon: tuple[timedelta, ...] = (_DAY, _HOUR)
    ending_soon: tuple[timedelta, ...] = (
        14 * _DAY,
        3 * _DAY,
        _DAY,
        2 * _HOUR,
        timedelta(minutes=40),
    )
    payment_due_after_purchase: timedelta = 11 * _HOUR
    payment_due_before_start: timedelta = _HOUR
    late_delivery: tuple[timedelta, ...] = (timedelta(minutes=15),)
    idle_blocks: tuple[timedelta, ...] = (2 * _HOUR,)
    idle_odcrs: tuple[timedelta, ...] = (_DAY,)
    fleet_short: tuple[timedelta, ...] = (_HOUR,)
    scope_failing: int = 3
    price_dropped: float = 2
    offering_quiet: timedelta = 6 * _HOUR
    prices: Mapping[str, float] = field(default_factory=dict)
    block_fees: Mapping[str, float] = field(default_factory=dict)


def parse_duration(text: str) -> timedelta:
    """Parse ``40m``, ``24h`` or ``14d``. Raises ValueError for anything else."""
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 40m, 24h or 14d")
    return int(match[1]) * _UNITS[match[2]]


def format_duration(length: timedelta) -> str:
    """Format as ``40m``, ``24h``, ``14d``: whole days from two on, else whole hours, else
    minutes."""
    if length >= 2 * _DAY and not length % _DAY:
        return f"{length // _DAY}d"
    if length >= _HOUR and not length % _HOUR:
        return f"{length // _HOUR}h"
    return f"{length // _UNITS['m']}m"
