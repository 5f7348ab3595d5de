"""Deadlines of a reservation: its payment, its extension, its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from truffle.core.model import TERMINAL_STATES, USABLE_STATES, Reservation

PAID_AFTER_PURCHASE = timedelta(hours=12)
PAID_BEFORE_START = timedelta(minutes=5)
"""A block that is not paid by the earlier of both is released (EC2 User Guide,
capacity-blocks-purchase)."""

EXTENSION_NOTICE = timedelta(hours=1)
"""A block can be extended up to an hour before its end (EC2 User Guide, capacity-blocks-extend)."""


def payment_deadline(
    row: Reservation,
    after_purchase: timedelta = PAID_AFTER_PURCHASE,
    before_start: timedelta = PAID_BEFORE_START,
) -> datetime | None:
    """When an unpaid block is released: the earlier of two moments, None if neither is known. With
    other distances, the moment of a warning."""
    return min(_payment_moments(row, after_purchase, before_start), default=None)


def _payment_moments(
    row: Reservation, after_purchase: timedelta, before_start: timedelta
) -> Iterator[datetime]:
    if row.create_date is not None:
        yield row.create_date + after_purchase
    if row.start_date is not None:
        yield row.start_date - before_start


def extension_deadline(row: Reservation) -> datetime | None:
    """The deadline for extending a block; None for other reservations and for an unknown end."""
    if not row.kind.is_extendable or row.end_date is None:
        return None
    return row.end_date - EXTENSION_NOTICE


def is_extendable(row: Reservation) -> bool:
    """Whether a block's state allows an extension (EC2 User Guide, capacity-blocks-extend)."""
    return row.kind.is_extendable and row.state in USABLE_STATES


def commitment_end(row: Reservation) -> datetime | None:
    """The time until which cancelling a future-dated ODCR is charged; None if it has no commitment,
    or if EC2 has waived it because of a delay (EC2 User Guide, capacity-reservations-release)."""
    is_over = row.state in TERMINAL_STATES or row.state in ("delayed", "cancelling")
    return None if is_over else row.commitment_end


def end_of(row: Reservation) -> datetime | None:
    """The end of a reservation's use: a block's effective end, an ODCR's end date."""
    moment: datetime | None = getattr(row, row.kind.end_field)
    return moment
