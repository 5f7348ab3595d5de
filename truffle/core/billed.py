"""Billed fees of capacity blocks: sums by day, account, region and type."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from truffle.core.codec import Json
from truffle.core.model import Reservation
from truffle.core.times import format_time, parse_time

Place = tuple[str | None, str | None, str]
"""An account, a region and an instance type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledFee:
    """The fees billed for one day, refunds deducted. ``capacity_block_id`` is the block that they
    are for, None if they may be for several."""

    day: date
    account_id: str
    region: str | None
    instance_type: str
    amount: Decimal
    currency: str
    capacity_block_id: str | None = None

    @property
    def place(self) -> Place:
        return self.account_id, self.region, self.instance_type

    def to_json(self) -> Json:
        return {
            "day": self.day.isoformat(),
            "account_id": self.account_id,
            "region": self.region,
            "instance_type": self.instance_type,
            "amount": float(self.amount),
            "currency": self.currency,
            "capacity_block_id": self.capacity_block_id,
        }

    @classmethod
    def from_json(cls, data: Json) -> BilledFee:
        """The inverse of ``to_json``."""
        return cls(
            day=date.fromisoformat(data["day"]),
            account_id=data["account_id"],
            region=data["region"],
            instance_type=data["instance_type"],
            amount=Decimal(str(data["amount"])),
            currency=data["currency"],
            capacity_block_id=data["capacity_block_id"],
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """The fees as of ``asked_at``. ``error`` is the code of the last request, made at ``tried_at``,
    if AWS refused it."""

    fees: tuple[BilledFee, ...] = ()
    asked_at: datetime | None = None
    tried_at: datetime | None = None
    error: str | None = None

    def of_places(self, places: Collection[Place]) -> Bill:
        """The bill of these accounts, regions and types."""
        return replace(self, fees=tuple(it for it in self.fees if it.place in places))

    def between(self, since: datetime, until: datetime) -> tuple[BilledFee, ...]:
        """The fees of the days in this time."""
        last = (until - timedelta(microseconds=1)).date()
        return tuple(it for it in self.fees if since.date() <= it.day <= last)

    def to_json(self) -> Json:
        return {
            "items": [it.to_json() for it in self.fees],
            "as_of": self.asked_at and format_time(self.asked_at),
            "tried_at": self.tried_at and format_time(self.tried_at),
            "error": self.error,
        }

    @classmethod
    def from_json(cls, data: Json) -> Bill:
        """The inverse of ``to_json``."""
        as_of, tried_at = (data[name] and parse_time(data[name]) for name in ("as_of", "tried_at"))
        fees = tuple(map(BilledFee.from_json, data["items"]))
        return cls(fees, as_of, tried_at, data["error"])


NO_BILL = Bill()


def place_of(row: Reservation) -> Place:
    """The account that pays for a reservation, its region and type."""
    return row.owner_id or row.account_id, row.region, row.instance_type
