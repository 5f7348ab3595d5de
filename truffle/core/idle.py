"""Idle reservations: paid for but unused, and since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from truffle.core.model import Reservation, Snapshot
from truffle.core.thresholds import Thresholds, format_duration

IdleSince = Mapping[str, datetime]
"""The observation at which each idle reservation was first idle, by its id."""


@dataclass(frozen=True, slots=True)
class IdleWatch:
    """When the next idle row of a scope causes an event (None: never), and the lengths used to
    compute that.

    Until then the stored facts of the rows need not be read.
    """

    due: datetime | None
    lengths: str

    def is_quiet(self, now: datetime, thresholds: Thresholds) -> bool:
        """Whether no idle row is due; False if the lengths have changed since this was computed."""
        return self.lengths == _text_of(thresholds) and (self.due is None or now < self.due)


def unused(row: Reservation) -> int | None:
    """Unused instances; 0 unless the reservation is active, None if EC2 does not report it."""
    return row.available_capacity if row.state == "active" else 0


def is_idle(row: Reservation) -> bool:
    """An active block with an unused instance, or an active ODCR without a used one."""
    if row.state != "active":
        return False
    if row.kind.is_prepaid:
        return bool(unused(row))
    return row.used_capacity == 0 and bool(row.total_capacity)


def idle_since(previous: Snapshot, present: Snapshot, known: IdleSince) -> dict[str, datetime]:
    """Since when each idle row is idle; ``known`` has it for the previous rows."""
    before = {row.reservation_id for row in previous.reservations if is_idle(row)}
    return {
        row.reservation_id: known.get(row.reservation_id, previous.observed_at)
        if row.reservation_id in before
        else present.observed_at
        for row in present.reservations
        if is_idle(row)
    }


def lengths_of(row: Reservation, thresholds: Thresholds) -> set[timedelta]:
    """The lengths of idle time that cause an event."""
    return set(thresholds.idle_blocks if row.kind.is_prepaid else thresholds.idle_odcrs)


def watch(present: Snapshot, since: IdleSince, thresholds: Thresholds) -> IdleWatch:
    """Compute the next idle threshold, if nothing changes."""
    due = min(_ahead(present, since, thresholds), default=None)
    return IdleWatch(due, _text_of(thresholds))


def _ahead(present: Snapshot, since: IdleSince, thresholds: Thresholds) -> Iterator[datetime]:
    for row in present.reservations:
        started = since.get(row.reservation_id)
        if started is not None:
            moments = (started + length for length in lengths_of(row, thresholds))
            yield from (moment for moment in moments if moment > present.observed_at)


def _text_of(thresholds: Thresholds) -> str:
    lengths = (sorted(set(thresholds.idle_blocks)), sorted(set(thresholds.idle_odcrs)))
    return " / ".join(",".join(map(format_duration, each)) for each in lengths)
