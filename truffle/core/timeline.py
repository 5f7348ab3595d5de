"""Reservations on a timeline, for the report, the terminal and the calendar.

``TimelineSpan`` has the start, the end and the extension deadline of a reservation; ``gaps`` finds
the time between two blocks in which a group holds none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from truffle.core.deadlines import EXTENSION_NOTICE, is_extendable
from truffle.core.events import Event, EventType
from truffle.core.model import Reservation

PAST = timedelta(days=30)
"""How far back a timeline goes by default."""


FARTHEST = timedelta(days=366)
"""The maximum time ahead: blocks last up to 182 days, and start within months."""


class Phase(StrEnum):
    """The phase of a state on a timeline; each is drawn differently."""

    ACTIVE = "active"
    COMING = "coming"
    UNPAID = "unpaid"
    FAILED = "failed"
    OVER = "over"
    UNKNOWN = "unknown"


_PHASES: Mapping[str, Phase] = {
    "active": Phase.ACTIVE,
    "scheduled": Phase.COMING,
    "pending": Phase.COMING,
    "assessing": Phase.COMING,
    "delayed": Phase.COMING,
    "payment-pending": Phase.UNPAID,
    "failed": Phase.FAILED,
    "payment-failed": Phase.FAILED,
    "unsupported": Phase.FAILED,
    "unavailable": Phase.FAILED,
    "expired": Phase.OVER,
    "cancelled": Phase.OVER,
    "cancelling": Phase.OVER,
}


def phase_of(state: str) -> Phase:
    """The phase of a state; a state that this release does not know is ``unknown``."""
    return _PHASES.get(state, Phase.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineSpan:
    """A reservation in time; all times are aware and UTC.

    ``start`` and ``end`` are None if EC2 has none (an ODCR without an end). ``effective_end`` is
    when AWS starts to terminate a block's instances, ``deadline`` the last moment for an extension:
    both None for ODCRs, ``deadline`` also if the state does not allow an extension. ``on_offer`` is
    whether EC2 last offered an extension, None if unknown. ``is_gone`` marks a reservation that EC2
    no longer lists, as last seen.
    """

    row: Reservation
    phase: Phase
    start: datetime | None
    end: datetime | None
    effective_end: datetime | None = None
    deadline: datetime | None = None
    on_offer: bool | None = None
    is_gone: bool = False

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether part of it is in the window; an unknown start or end is unlimited."""
        return (self.start is None or self.start < until) and (self.end is None or self.end > since)


def span_of(
    row: Reservation, on_offer: bool | None = None, *, is_gone: bool = False
) -> TimelineSpan:
    """The span of a reservation."""
    phase = Phase.OVER if is_gone else phase_of(row.state)
    start = row.start_date or row.create_date
    if not row.kind.is_prepaid:
        return TimelineSpan(row=row, phase=phase, start=start, end=row.end_date, is_gone=is_gone)
    can_extend = is_extendable(row) and row.end_date is not None and not is_gone
    deadline = _before(row.end_date, EXTENSION_NOTICE) if can_extend else None
    return TimelineSpan(
        row=row,
        phase=phase,
        start=start,
        end=row.end_date,
        effective_end=row.effective_end,
        deadline=deadline,
        on_offer=on_offer if can_extend else None,
        is_gone=is_gone,
    )


def _before(moment: datetime | None, length: timedelta) -> datetime | None:
    try:
        return None if moment is None else moment - length
    except OverflowError:
        return None


def extensions_on_offer(events: Iterable[Event]) -> dict[str, bool]:
    """Whether an extension was available, by reservation id, from the newest event with that
    value."""
    known: dict[str, bool] = {}
    for event in sorted(events, key=lambda event: event.observed_at):
        extension = (event.after or {}).get("extension")
        if event.type is not EventType.ENDING_SOON or event.reservation is None:
            continue
        on_offer = extension.get("on_offer") if isinstance(extension, Mapping) else None
        if isinstance(on_offer, bool):
            known[event.reservation.reservation_id] = on_offer
    return known


def gone(events: Iterable[Event], listed: Iterable[str]) -> list[Reservation]:
    """The reservations that vanished and are not listed again, as last seen, by id."""
    last: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: event.observed_at):
        if event.reservation is not None:
            last[event.reservation.reservation_id] = event
    present = set(listed)
    return [
        event.reservation
        for name, event in sorted(last.items())
        if event.type is EventType.VANISHED and event.reservation and name not in present
    ]


def in_order(spans: Iterable[TimelineSpan]) -> list[TimelineSpan]:
    """Spans by start, then by end, then by id; those without a date last."""
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(
        spans,
        key=lambda span: (span.start or latest, span.end or latest, span.row.reservation_id),
    )


def window(
    spans: Iterable[TimelineSpan],
    now: datetime,
    since: datetime | None = None,
    days: int | None = None,
) -> tuple[datetime, datetime]:
    """The period of a timeline: by default from 30 days ago to the last known end, between a week
    and a year ahead; with ``days``, that many days ahead."""
    start = since or now - PAST
    if days is not None:
        return start, now + timedelta(days=days)
    ends = [span.end for span in spans if span.end is not None]
    return start, min(max([*ends, now + timedelta(days=7)]), now + FARTHEST)


@dataclass(frozen=True, slots=True)
class Gap:
    """A period between two blocks of a group in which it holds none."""

    group: str
    start: datetime
    end: datetime


def gaps(spans: Iterable[TimelineSpan], group_of: Callable[[Reservation], str | None]) -> list[Gap]:
    """The gaps between the blocks of each group, by group and start.

    A block that failed or was cancelled does not fill a gap; rows without a group are omitted.
    """
    members: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for span in spans:
        group = group_of(span.row)
        if group is not None and span.start and span.end and _was_held(span):
            members[group].append((span.start, span.end))
    return [gap for group in sorted(members) for gap in _gaps_between(group, members[group])]


def _was_held(span: TimelineSpan) -> bool:
    failed = span.phase is Phase.FAILED or span.row.state in ("cancelled", "cancelling")
    return span.row.kind.is_prepaid and not failed


def _gaps_between(group: str, held: Iterable[tuple[datetime, datetime]]) -> Iterator[Gap]:
    ordered = sorted(held)
    until = ordered[0][1]
    for start, end in ordered[1:]:
        if start > until:
            yield Gap(group, until, start)
        until = max(until, end)
