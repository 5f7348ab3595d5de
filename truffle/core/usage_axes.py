"""The axes of usage: the fields to group it by, and the length of a row.

A separate module from the sums, because every request's parameters need it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from truffle.core.model import Reservation

TAG = "tag:"

FIELDS: Mapping[str, Callable[[Reservation], str | None]] = {
    "reservation": lambda row: row.reservation_id,
    "account": lambda row: row.account_id,
    "owner": lambda row: row.owner_id,
    "region": lambda row: row.region,
    "instance_type": lambda row: row.instance_type,
    "accelerator": lambda row: row.accelerator.name if row.accelerator else None,
    "type": lambda row: row.type,
}
"""The fields to group usage by, beside ``tag:KEY``."""

ACCOUNTS = ("account", "owner")
"""The fields whose values are ids of accounts."""


class Interval(StrEnum):
    """The length of a row of usage, in UTC; a week begins on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"

    def begin(self, moment: datetime) -> datetime:
        """The start of the interval that contains a moment. Raises ValueError for a total."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Interval.HOUR:
                return moment.replace(minute=0, second=0, microsecond=0)
            case Interval.DAY:
                return midnight
            case Interval.WEEK:
                return midnight - timedelta(days=midnight.weekday())
            case Interval.MONTH:
                return midnight.replace(day=1)
        raise ValueError("a total has no start of its own")

    def next(self, begin: datetime) -> datetime:
        """The start of the following interval."""
        match self:
            case Interval.HOUR:
                return begin + timedelta(hours=1)
            case Interval.MONTH:
                return (begin + timedelta(days=31)).replace(day=1)
            case Interval.WEEK:
                return begin + timedelta(days=7)
        return begin + timedelta(days=1)
