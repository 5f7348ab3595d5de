"""Extensions of capacity blocks, each with its own fee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from truffle.core.codec import Json
from truffle.core.times import format_time, parse_time

PAID = "payment-succeeded"
"""The status of an extension that is part of its block (EC2 API, CapacityBlockExtension)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One extension of a reservation. ``fee`` is the price of all its ``instances`` and hours, as
    AWS formats it."""

    reservation_id: str
    start_date: datetime
    end_date: datetime
    status: str
    instances: int | None = None
    fee: str | None = None
    currency: str | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == PAID


def to_json(extension: Extension) -> Json:
    return {
        "reservation_id": extension.reservation_id,
        "start_date": format_time(extension.start_date),
        "end_date": format_time(extension.end_date),
        "status": extension.status,
        "instances": extension.instances,
        "fee": extension.fee,
        "currency": extension.currency,
    }


def from_json(data: Json) -> Extension:
    """The inverse of ``to_json``."""
    return Extension(
        reservation_id=data["reservation_id"],
        start_date=parse_time(data["start_date"]),
        end_date=parse_time(data["end_date"]),
        status=data["status"],
        instances=data["instances"],
        fee=data["fee"],
        currency=data["currency"],
    )
