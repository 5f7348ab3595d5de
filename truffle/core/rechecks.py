"""When to look again between two runs: right after the moments of a capacity block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from truffle.core.deadlines import payment_deadline
from truffle.core.model import TERMINAL_STATES, CapacityBlock, Reservation
from truffle.core.thresholds import Thresholds

_LONGEST = timedelta(days=1)
"""Earlier warnings need no check of their own: the next run is soon enough."""

_MINUTE = timedelta(minutes=1)


def next_checks(
    rows: Iterable[Reservation], thresholds: Thresholds, now: datetime, until: datetime
) -> list[datetime]:
    """The minutes at which to look, in order: for each moment of a block that is after ``now`` and
    not after ``until``, the first full minute with another one before it, in which EC2 acts."""
    moments = {
        moment
        for row in rows
        if isinstance(row, CapacityBlock) and row.state not in TERMINAL_STATES
        for moment in _moments(row, thresholds)
        if now < moment <= until
    }
    return sorted({_full_minute(moment) + _MINUTE for moment in moments})


def _moments(block: CapacityBlock, thresholds: Thresholds) -> Iterator[datetime]:
    """When a block changes by itself, and when an event of it is due."""
    if block.state == "payment-pending":
        warning = (thresholds.payment_due_after_purchase, thresholds.payment_due_before_start)
        for deadline in (payment_deadline(block), payment_deadline(block, *warning)):
            if deadline is not None:
                yield deadline
    if block.start_date is not None and block.state != "active":
        yield block.start_date
        yield from (block.start_date - early for early in _near(thresholds.starting_soon))
        yield from (block.start_date + late for late in _near(thresholds.late_delivery))
    if block.effective_end is not None:
        yield block.effective_end
        yield from (block.effective_end - early for early in _near(thresholds.ending_soon))
    if block.end_date is not None:
        yield block.end_date


def _near(distances: Iterable[timedelta]) -> Iterator[timedelta]:
    return (distance for distance in distances if distance <= _LONGEST)


def _full_minute(moment: datetime) -> datetime:
    """The moment itself where it is a full minute, else the next one."""
    begun = moment.replace(second=0, microsecond=0)
    return begun if begun == moment else begun + _MINUTE
