"""Watches: standing searches for a capacity block, by region."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from truffle.core.codec import Json
from truffle.core.offerings import Offering, Wanted
from truffle.core.times import format_time, parse_time

HOURLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """The capacity block that a watch searches for.

    ``count`` counts UltraServers where ``instance_type`` names one (``u-…``), instances otherwise.
    ``duration_hours`` is a length that AWS sells. ``max_accelerator_hour_price`` is in the currency
    of the offerings, US dollars in the commercial partition.
    """

    instance_type: str
    count: int
    duration_hours: int
    start_after: datetime | None = None
    end_by: datetime | None = None
    max_accelerator_hour_price: Decimal | None = None

    def wanted(self, now: datetime) -> Wanted:
        """The search at a moment; an earliest start that has passed is dropped."""
        after = self.start_after if self.start_after and self.start_after > now else None
        return Wanted(
            instance_type=self.instance_type,
            count=self.count,
            duration_hours=self.duration_hours,
            start_after=after,
            end_by=self.end_by,
        )

    def is_over(self, now: datetime) -> bool:
        """Whether the latest end has passed."""
        return self.end_by is not None and self.end_by <= now

    def is_within_limit(self, offering: Offering) -> bool:
        """Whether an offering costs at most the limit, or its price is unknown."""
        price, limit = offering.price_per_gpu_hour, self.max_accelerator_hour_price
        return limit is None or price is None or price <= limit

    @property
    def digest(self) -> str:
        """A digest of 16 hexadecimal digits, the same for the same question."""
        return sha256(repr(sorted(self.to_json().items())).encode()).hexdigest()[:16]

    def to_json(self) -> Json:
        limit = self.max_accelerator_hour_price
        return {
            "instance_type": self.instance_type,
            "count": self.count,
            "duration_hours": self.duration_hours,
            "start_after": self.start_after and format_time(self.start_after),
            "end_by": self.end_by and format_time(self.end_by),
            "max_accelerator_hour_price": None if limit is None else float(limit),
        }

    @classmethod
    def from_json(cls, data: Json) -> Question:
        """Raises KeyError, TypeError or ValueError for an object that is not a question."""
        after, by = data["start_after"], data["end_by"]
        limit = data["max_accelerator_hour_price"]
        return cls(
            data["instance_type"],
            data["count"],
            data["duration_hours"],
            parse_time(after) if after else None,
            parse_time(by) if by else None,
            None if limit is None else Decimal(str(limit)),
        )


@dataclass(frozen=True, slots=True)
class Watch:
    """A question to ``regions``, repeated in each of them at the interval ``every`` if the budget
    allows."""

    name: str
    question: Question
    regions: tuple[str, ...]
    every: timedelta = HOURLY
