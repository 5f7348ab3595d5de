"""When to list again between two runs: right after the moments of a capacity block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from truffle.core.deadlines import payment_deadline
from truffle.core.model import TERMINAL_STATES, Reservation, Snapshot
from truffle.core.thresholds import Thresholds

_LONGEST = timedelta(days=1)
"""Earlier warnings need no recheck: the next run is soon enough."""

_MINUTE = timedelta(minutes=1)


def next_checks(
    snapshots: Iterable[Snapshot], thresholds: Thresholds, now: datetime, until: datetime
) -> Mapping[datetime, tuple[str, ...]]:
    """Plan the minutes at which to list again, in order, each with the accounts to list, sorted.

    A block's moment that is after ``now`` and not after ``until`` is checked in the accounts that
    list the block, a minute after the moment rounded up to a full minute, which gives EC2 time to
    act.
    """
    accounts: dict[datetime, set[str]] = {}
    for snapshot in snapshots:
        for moment in _moments_of(snapshot, thresholds):
            if now < moment <= until:
                minute = _full_minute(moment) + _MINUTE
                accounts.setdefault(minute, set()).add(snapshot.scope.account_id)
    return {minute: tuple(sorted(accounts[minute])) for minute in sorted(accounts)}


def _moments_of(snapshot: Snapshot, thresholds: Thresholds) -> Iterator[datetime]:
    for row in snapshot.reservations:
        if row.kind.is_prepaid and row.state not in TERMINAL_STATES:
            yield from _moments(row, thresholds)


def _moments(block: Reservation, thresholds: Thresholds) -> Iterator[datetime]:
    """The moments at which a block changes by itself, or an event of it is due."""
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
    """The moment itself if it is a full minute, else the next one."""
    floor = moment.replace(second=0, microsecond=0)
    return floor if floor == moment else floor + _MINUTE
