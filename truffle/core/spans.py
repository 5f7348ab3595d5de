"""Spans of time from snapshots of scopes: one row per reservation.

The rows of a snapshot are valid until the scope's next snapshot, or until a reservation's own end.
If two snapshots are more than two periods of the schedule apart, the time between them is
unobserved, and never guessed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from truffle.core.diff import is_same
from truffle.core.model import Reservation, Snapshot

PERIODS_KNOWN = 2
"""For how many periods of the schedule a snapshot is valid without a newer one."""


@dataclass(frozen=True, slots=True)
class Span:
    """Time in which one reservation was active, from ``start`` (included) to ``end`` (excluded).

    ``row`` is the reservation as observed. ``is_observed`` is False if the snapshots around the
    span are too far apart to show what was held.
    """

    row: Reservation
    start: datetime
    end: datetime
    is_observed: bool = True

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def is_counted(self) -> bool:
        """Whether the reserved and used instances are known."""
        return self.is_observed and self.row.used_capacity is not None


def is_active(row: Reservation) -> bool:
    """Whether a reservation counts as reserved."""
    return row.state == "active"


def spans_of(
    snapshots: Sequence[Snapshot],
    until: datetime,
    period: timedelta,
    is_held: Callable[[Reservation], bool] = is_active,
) -> list[Span]:
    """The spans of one scope, from its snapshots in order of time.

    ``period`` is the schedule's. The last snapshot is valid until ``until``. ``is_held`` selects
    the reservations; by default those that count as reserved.
    """
    spans: list[Span] = []
    for earlier, later in pairwise(snapshots):
        starts = _starts(earlier, later)
        spans += _between(earlier, later.observed_at, period, is_held, starts)
        spans += _started(earlier, later, period, is_held, starts)
    if snapshots:
        spans += _between(snapshots[-1], until, period, is_held, {})
    return joined(spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans from one account for each reservation, although several scopes may list it; ``seen_by``
    has all of them.

    At each moment, an observed span takes precedence over an unobserved one, then the owner's over
    another account's, then the lowest account number.
    """
    by_id: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_id[span.row.reservation_id].append(span)
    merged: list[Span] = []
    for members in by_id.values():
        is_shared = len({span.row.account_id for span in members}) > 1
        merged += joined(_swept(members) if is_shared else members)
    return merged


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same spans, with consecutive equal ones joined."""
    by_id: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda it: it.start):
        members = by_id.setdefault(span.row.reservation_id, [])
        if members and _continues(members[-1], span):
            members[-1] = replace(members[-1], end=span.end)
        else:
            members.append(span)
    return [span for members in by_id.values() for span in members]


def _continues(span: Span, following: Span) -> bool:
    return (
        span.end == following.start
        and span.is_observed == following.is_observed
        and span.row.seen_by == following.row.seen_by
        and is_same(span.row, following.row)
    )


def _between(
    snapshot: Snapshot,
    until: datetime,
    period: timedelta,
    is_held: Callable[[Reservation], bool],
    starts: Mapping[str, datetime],
) -> Iterator[Span]:
    """Rows of a snapshot, valid until the next one; a row that restarted in between, until its new
    start."""
    is_observed = until - snapshot.observed_at <= PERIODS_KNOWN * period
    for row in snapshot.reservations:
        own_end = row.end_date if is_active(row) else starts.get(row.reservation_id)
        end = min(until, own_end or until)
        if is_held(row) and snapshot.observed_at < end:
            yield Span(row, snapshot.observed_at, end, is_observed)


def _starts(earlier: Snapshot, later: Snapshot) -> dict[str, datetime]:
    """The start dates of the reservations that became active between two snapshots."""
    before = {row.reservation_id for row in earlier.reservations if is_active(row)}
    starts = {}
    for row in later.reservations:
        start = row.start_date or row.create_date
        is_new = is_active(row) and row.reservation_id not in before
        if is_new and start and earlier.observed_at < start < later.observed_at:
            starts[row.reservation_id] = start
    return starts


def _started(
    earlier: Snapshot,
    later: Snapshot,
    period: timedelta,
    is_held: Callable[[Reservation], bool],
    starts: Mapping[str, datetime],
) -> Iterator[Span]:
    """A reservation that became active between two snapshots: from its start, with the values of
    the later one."""
    is_observed = later.observed_at - earlier.observed_at <= PERIODS_KNOWN * period
    for row in later.reservations:
        start = starts.get(row.reservation_id)
        if start is not None and is_held(row):
            yield Span(row, start, later.observed_at, is_observed)


def _swept(spans: Sequence[Span]) -> Iterator[Span]:
    """The best span at each moment."""
    ranked = sorted(spans, key=_rank)
    moments = sorted({moment for span in spans for moment in (span.start, span.end)})
    for start, end in pairwise(moments):
        present = [it for it in ranked if it.start <= start and end <= it.end]
        if present:
            accounts = sorted({account for it in present for account in it.row.seen_by})
            row = replace(present[0].row, seen_by=tuple(accounts))
            yield replace(present[0], row=row, start=start, end=end)


def _rank(span: Span) -> tuple[bool, bool, str]:
    row = span.row
    return not span.is_observed, row.account_id != row.owner_id, row.account_id or ""
