"""Events caused only by time: a threshold was in the future at one observation and is not at the
next.

A threshold is a moment that follows from a row, such as 24 hours before its effective end. It is
crossed between two observations if the present row's moment has passed, and the previous row's had
not when it was observed. So each is crossed once, however late the next run is, even if dates moved
meanwhile; a date that moves away arms it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from truffle.core import deadlines
from truffle.core.diff import describe
from truffle.core.events import Event, EventType, ExtensionOffer, Facts, Severity, event_id
from truffle.core.idle import IdleSince, lengths_of, unused
from truffle.core.kinds.kind import Kind
from truffle.core.kinds.registry import KINDS
from truffle.core.model import TERMINAL_STATES, Reservation, Snapshot
from truffle.core.pricing import PriceBook
from truffle.core.thresholds import Thresholds, format_duration
from truffle.core.times import format_time, parse_time, span

PLENTY = timedelta(days=3)
"""An end at least this far away is only informative."""

_OVER = TERMINAL_STATES - {"expired"}
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment relative to a date of a row: after it, or before it if ``distance`` is negative;
    never before ``floor``, if there is one.

    Date and distance are never added: a date may be the last one possible.
    """

    name: str
    date: datetime
    distance: timedelta
    floor: datetime | None = None

    def is_reached(self, at: datetime) -> bool:
        return at - self.date >= self.distance and (self.floor is None or at >= self.floor)

    def is_before(self, moment: datetime) -> bool:
        is_earlier = moment - self.date > self.distance
        return is_earlier and (self.floor is None or self.floor < moment)


@dataclass(frozen=True, slots=True)
class Rule:
    """A threshold of a kind: the earliest of its moments, each given by a date's name and a
    distance, and never before the date named by ``not_before``."""

    kind: EventType
    moments: tuple[tuple[str, timedelta], ...]
    not_before: str | None = None

    def mark(self, row: Reservation) -> Mark | None:
        """The moment for a row; None if the row has no such date."""
        floor = getattr(row, self.not_before) if self.not_before else None
        marks = [
            Mark(name, date, distance, floor)
            for name, distance in self.moments
            if (date := getattr(row, name, None)) is not None
        ]
        if len(marks) < 2:
            return marks[0] if marks else None
        return min(marks, key=lambda mark: mark.date - marks[0].date + mark.distance)


@dataclass(frozen=True, slots=True)
class _Check:
    """A row as it is ``now``, and as it was at its previous check; a new row has no earlier
    form."""

    row: Reservation
    before: Reservation
    since: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class _Finding:
    """A threshold that was crossed. ``counted`` has the threshold and its date, which identify the
    event; ``details`` has other values. ``predicate`` is its sentence without the subject."""

    type: EventType
    severity: Severity
    predicate: str
    reason: str
    counted: Facts
    details: Facts


def due(
    previous: Snapshot,
    present: Snapshot,
    thresholds: Thresholds,
    idle: IdleSince | None = None,
    checked_at: Mapping[str, datetime] | None = None,
) -> list[Event]:
    """Compute the events that time caused between two snapshots of one scope, by reservation id.

    ``idle`` has the time since when each idle row is idle. ``checked_at`` names the rows whose
    previous form is newer than the previous snapshot, with its time.

    Raises ValueError for snapshots of different scopes, or in the wrong order.
    """
    if previous.scope != present.scope or previous.observed_at > present.observed_at:
        raise ValueError(f"{present.scope} cannot be compared with {previous.scope}")
    before = {row.reservation_id: row for row in previous.reservations}
    rules = {kind.type: _rules(thresholds, kind) for kind in KINDS.values()}
    return [
        _event(finding, row, previous, present)
        for row in sorted(present.reservations, key=lambda row: row.reservation_id)
        for finding in _findings(
            _Check(
                row,
                before.get(row.reservation_id, row),
                (checked_at or {}).get(row.reservation_id, previous.observed_at),
                present.observed_at,
            ),
            rules[row.type],
            (idle or {}).get(row.reservation_id),
            thresholds,
        )
    ]


def extension_deadline(event: Event) -> datetime | None:
    """The deadline for extending the ending block of an event; None if it has passed."""
    row = event.reservation
    if event.type is not EventType.ENDING_SOON or row is None or not deadlines.is_extendable(row):
        return None
    deadline = deadlines.extension_deadline(row)
    return deadline if deadline is not None and event.observed_at < deadline else None


def with_extension(event: Event, on_offer: bool | None, error: str | None) -> Event:
    """Add the availability of an extension to the event of an ending block, or the code of EC2's
    error."""
    after = event.after or {}
    extension: ExtensionOffer = {**after["extension"], "on_offer": on_offer, "error": error}
    return replace(event, after={**after, "extension": extension})


def with_idle_cost(event: Event, prices: PriceBook) -> Event:
    """Add the cost of unused instances to the event of an idle reservation; None if unknown."""
    row, after = event.reservation, event.after or {}
    if event.type is not EventType.IDLE or row is None or "idle_since" not in after:
        return event
    per_hour = prices.idle_usd(row)
    if per_hour is None:
        return event
    lasted = event.observed_at - parse_time(after["idle_since"])
    so_far = round(per_hour * (lasted / _HOUR), 2)
    return replace(event, after={**after, "usd_per_hour": per_hour, "usd_so_far": so_far})


def _rules(thresholds: Thresholds, kind: Kind) -> tuple[Rule, ...]:
    """The rules of one type of reservation, the earliest of each kind first."""
    payment = (
        ("create_date", thresholds.payment_due_after_purchase),
        ("start_date", -thresholds.payment_due_before_start),
    )
    return (
        *(
            Rule(EventType.STARTING_SOON, (("start_date", -early),))
            for early in sorted(set(thresholds.starting_soon), reverse=True)
        ),
        # A block that is bought shortly before its start is close to its release from the
        # beginning.
        Rule(EventType.PAYMENT_DUE, payment, "create_date"),
        *(
            Rule(EventType.LATE_DELIVERY, (("start_date", late),))
            for late in sorted(set(thresholds.late_delivery))
        ),
        *(
            Rule(EventType.ENDING_SOON, ((kind.end_field, -early),))
            for early in sorted(set(thresholds.ending_soon), reverse=True)
        ),
    )


def _findings(
    check: _Check, rules: Iterable[Rule], idle_since: datetime | None, thresholds: Thresholds
) -> Iterator[_Finding]:
    if check.row.state in _OVER:
        return
    for rule in rules:
        mark = rule.mark(check.row)
        if mark is not None and mark.is_reached(check.now) and _counts(rule.kind, mark, check):
            earlier = rule.mark(check.before)
            if earlier is None or not earlier.is_reached(check.since):
                yield _crossed(rule.kind, mark, check)
    if idle_since is not None:
        for length in sorted(lengths_of(check.row, thresholds)):
            if check.since - idle_since < length <= check.now - idle_since:
                yield _idle(check, idle_since, length)


def _counts(kind: EventType, mark: Mark, check: _Check) -> bool:
    """Whether a threshold applies to a row in its present state."""
    row = check.row
    if row.create_date is not None and mark.is_before(row.create_date):
        return False
    if kind is EventType.PAYMENT_DUE:
        return row.state == "payment-pending"
    if kind is EventType.LATE_DELIVERY:
        return row.state == "scheduled"
    if row.state == "expired" and mark.date > check.now:
        return False
    length = _length(row)
    return kind is not EventType.ENDING_SOON or length is None or -mark.distance < length


def _length(row: Reservation) -> timedelta | None:
    started = row.start_date or row.create_date
    return row.end_date - started if row.end_date and started else None


def _event(finding: _Finding, row: Reservation, previous: Snapshot, present: Snapshot) -> Event:
    return Event(
        event_id=event_id(row.reservation_id, finding.type, None, finding.counted, None),
        type=finding.type,
        severity=finding.severity,
        summary=f"{describe(row)} {finding.predicate}",
        reason=finding.reason,
        observed_at=present.observed_at,
        previous_observed_at=previous.observed_at,
        account_id=present.scope.account_id,
        region=present.scope.region,
        reservation=row,
        before=None,
        after={**finding.counted, **finding.details},
    )


# --- texts ---------------------------------------------------------------------------------------


def _crossed(kind: EventType, mark: Mark, check: _Check) -> _Finding:
    severity, predicate, reason = _WORDS[kind](mark, check)
    threshold = format_duration(abs(mark.distance))
    counted = cast(Facts, {"threshold": threshold, mark.name: format_time(mark.date)})
    extension = _extension(check) if kind is EventType.ENDING_SOON else Facts()
    return _Finding(kind, severity, predicate, reason, counted, extension)


_Words = tuple[Severity, str, str]


def _starts(mark: Mark, check: _Check) -> _Words:
    if mark.date > check.now:
        predicate = f"starts in {span(mark.date - check.now)}."
        return Severity.INFO, predicate, f"starts within {span(-mark.distance)}"
    ago = span(check.now - mark.date)
    predicate = f"started {ago} ago."
    if check.row.state not in ("active", "expired"):
        predicate = f"should have started {ago} ago but is still {check.row.state}."
    return Severity.INFO, predicate, "its start has passed"


def _ends(mark: Mark, check: _Check) -> _Words:
    if mark.date <= check.now:
        predicate = f"reached its end {span(check.now - mark.date)} ago."
        return Severity.INFO, predicate, "its end has passed"
    return (
        Severity.INFO if -mark.distance >= PLENTY else Severity.WARNING,
        f"ends in {span(mark.date - check.now)}, {check.row.kind.at_its_end}.",
        f"ends within {span(-mark.distance)}",
    )


def _unpaid(mark: Mark, check: _Check) -> _Words:
    by_purchase = mark.name == "create_date"
    return (
        Severity.WARNING,
        "is not paid yet: AWS releases it 12 hours after its purchase or 5 minutes before its "
        "start, whichever is sooner.",
        f"unpaid {span(mark.distance)} after its purchase"
        if by_purchase
        else f"unpaid {span(-mark.distance)} before its start",
    )


def _late(mark: Mark, check: _Check) -> _Words:
    return (
        Severity.WARNING,
        f"should have started {span(check.now - mark.date)} ago but is still scheduled.",
        f"still scheduled {span(mark.distance)} after its start",
    )


_WORDS = {
    EventType.STARTING_SOON: _starts,
    EventType.ENDING_SOON: _ends,
    EventType.PAYMENT_DUE: _unpaid,
    EventType.LATE_DELIVERY: _late,
}


def _extension(check: _Check) -> Facts:
    """The deadline for an extension; its availability is unknown until EC2 is asked."""
    deadline = deadlines.extension_deadline(check.row)
    if deadline is None:
        return {}
    on_offer = None if check.now < deadline else False
    return {"extension": {"deadline": format_time(deadline), "on_offer": on_offer, "error": None}}


def _idle(check: _Check, since: datetime, length: timedelta) -> _Finding:
    row, lasted = check.row, check.now - since
    predicate = f"has had no instances in use for {span(lasted)}."
    if row.kind.is_prepaid:
        predicate = f"has had unused instances for {span(lasted)}: {unused(row)} of {row.size} now."
    return _Finding(
        EventType.IDLE,
        Severity.WARNING,
        predicate,
        f"idle for {span(length)}",
        {"threshold": format_duration(length), "idle_since": format_time(since)},
        {
            "unused": unused(row),
            "usd_per_hour": None,
            "usd_so_far": None,
        },
    )
