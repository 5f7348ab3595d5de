"""The comparison: two snapshots of a scope → the events between them.

Only complete snapshots can be compared, never a failed listing. A poll can skip states, so any pair
of states is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from truffle.core.codec import encode, plain_fields
from truffle.core.deadlines import end_of
from truffle.core.events import Event, EventType, Facts, Severity, event_id
from truffle.core.model import (
    TERMINAL_STATES,
    Health,
    Reservation,
    Snapshot,
)
from truffle.core.times import format_time
from truffle.core.wording import counted

NOT_COMPARED = frozenset({"observed_at", "seen_by"})
"""Fields that differ between any two observations, and so are not changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The result of one rule: an event without identity and context. ``predicate`` is its summary
    without the subject."""

    type: EventType
    severity: Severity
    predicate: str
    reason: str
    before: Facts | None
    after: Facts | None


def compare(previous: Snapshot, present: Snapshot) -> list[Event]:
    """The events between two snapshots of one scope, by reservation id.

    Raises ValueError for snapshots of different scopes, or in the wrong order.
    """
    if previous.scope != present.scope or previous.observed_at > present.observed_at:
        raise ValueError(f"{present.scope} cannot be compared with {previous.scope}")
    before = {row.reservation_id: row for row in previous.reservations}
    after = {row.reservation_id: row for row in present.reservations}
    return [
        _event(finding, after.get(name) or before[name], previous, present)
        for name in sorted(before.keys() | after.keys())
        for finding in _findings(before.get(name), after.get(name), previous, present)
    ]


def is_same(before: Reservation, after: Reservation) -> bool:
    """Whether no stored field of a reservation changed."""
    if before is after:
        return True
    if replace(before, observed_at=after.observed_at, seen_by=after.seen_by) == after:
        return True
    # JSON has times with fewer digits than EC2, so stored rows may differ only in these.
    left, right = encode(before), encode(after)
    return all(left[name] == right.get(name) for name in left if name not in NOT_COMPARED)


def describe(reservation: Reservation) -> str:
    """``Capacity block cr-0abc (8 × p5.48xlarge, us-east-1)``."""
    size = "?" if reservation.size is None else reservation.size
    what = f"{size} × {reservation.instance_type or 'unknown type'}"
    return f"{reservation.kind.noun} {reservation.reservation_id} ({what}, {reservation.region})"


def _event(
    finding: Change, reservation: Reservation, previous: Snapshot, present: Snapshot
) -> Event:
    return Event(
        event_id=event_id(
            reservation.reservation_id,
            finding.type,
            finding.before,
            finding.after,
            previous.observed_at,
        ),
        type=finding.type,
        severity=finding.severity,
        summary=f"{describe(reservation)} {finding.predicate}",
        reason=finding.reason,
        observed_at=present.observed_at,
        previous_observed_at=previous.observed_at,
        account_id=present.scope.account_id,
        region=present.scope.region,
        reservation=reservation,
        before=finding.before,
        after=finding.after,
    )


def _findings(
    before: Reservation | None,
    after: Reservation | None,
    previous: Snapshot,
    present: Snapshot,
) -> Iterator[Change]:
    if before is None and after is not None:
        yield from _discovered(after, previous.observed_at)
        yield from _billing_request(None, after, previous.observed_at)
    elif before is not None and after is None:
        yield from _vanished(before, present.observed_at)
    elif before is not None and after is not None:
        for rule in (_state_changed, _resized, _moved, _change_rejected, _health_changed):
            yield from rule(before, after, present.observed_at)
        yield from _billing_request(before, after, previous.observed_at)


def _discovered(after: Reservation, since: datetime) -> Iterator[Change]:
    """A new reservation; no event if it was over before it was first seen."""
    is_old = after.create_date is not None and after.create_date < since
    if after.state in TERMINAL_STATES and is_old:
        return
    severity, _ = _verdict(None, after, since)
    yield Change(
        type=EventType.DISCOVERED,
        severity=Severity.INFO if severity is Severity.GOOD else severity,
        predicate=f"was discovered in state {after.state}.",
        reason=f"first seen in state {after.state}",
        before=None,
        after={"state": after.state},
    )


def _vanished(before: Reservation, now: datetime) -> Iterator[Change]:
    """A reservation missing from a complete listing; no event if it was already over."""
    if before.state in TERMINAL_STATES:
        return
    is_over = end_of(before) is not None and not _ends_after(before, now)
    severity, predicate = before.kind.vanished
    if is_over:
        severity, predicate = (
            Severity.INFO,
            f"ended and is no longer listed by {before.kind.service}.",
        )
    yield Change(
        type=EventType.VANISHED,
        severity=severity,
        predicate=predicate,
        reason=f"{before.state} → no longer listed",
        before={"state": before.state},
        after=None,
    )


def _state_changed(before: Reservation, after: Reservation, now: datetime) -> Iterator[Change]:
    if before.state == after.state:
        return
    severity, predicate = _verdict(before.state, after, now)
    yield Change(
        type=EventType.STATE_CHANGED,
        severity=severity,
        predicate=predicate,
        reason=f"{before.state} → {after.state}",
        before={"state": before.state},
        after={"state": after.state},
    )


def _resized(before: Reservation, after: Reservation, now: datetime) -> Iterator[Change]:
    """A changed size; counts that appear or disappear with a state (0 → N, N → 0) belong to the
    change of state.

    An unknown size is not compared.
    """
    if before.size is None or after.size is None or before.size == after.size:
        return
    is_part = before.state != after.state and not (before.size and after.size)
    if is_part or after.state in TERMINAL_STATES:
        return
    grows, new = after.size > before.size, counted(after.size, "instance")
    yield Change(
        type=EventType.RESIZED,
        severity=Severity.INFO if grows else Severity.WARNING,
        predicate=f"{'grew' if grows else 'shrank'} from {before.size} to {new}.",
        reason=f"{before.size} → {new}",
        before=_size(after, before.size),
        after=_size(after, after.size),
    )


def _size(row: Reservation, size: int) -> Facts:
    return cast(Facts, {row.kind.size_field: size})


def _moved(before: Reservation, after: Reservation, now: datetime) -> Iterator[Change]:
    """Changed dates: only a later end is an extension, anything else a new schedule."""
    started = before.state != after.state and after.state == "active"
    was = {"start_date": before.start_date, "end_date": before.end_date}
    now_is = {"start_date": after.start_date, "end_date": after.end_date}
    if started or before.start_date is None:
        was["start_date"] = now_is["start_date"]
    changed = [name for name in was if was[name] != now_is[name]]
    if not changed or after.state in TERMINAL_STATES:
        return
    extended = changed == ["end_date"] and _is_later(after.end_date, before.end_date)
    reason = ", ".join(
        f"{name.removesuffix('_date')} {_date(was[name])} → {_date(now_is[name])}"
        for name in changed
    )
    yield Change(
        type=EventType.EXTENDED if extended else EventType.RESCHEDULED,
        severity=_moved_severity(after, extended),
        predicate=f"{'was extended' if extended else 'was rescheduled'}: {reason}.",
        reason=reason,
        before=_dates(was, changed),
        after=_dates(now_is, changed),
    )


def _change_rejected(before: Reservation, after: Reservation, now: datetime) -> Iterator[Change]:
    """A change of dates that EC2 rejected; the dates stay, so no other field shows it."""
    was, change = before.adjustment, after.adjustment
    if change is None or not change.is_rejected or change == was or after.state in TERMINAL_STATES:
        return
    wanted = change if change.start_date or change.end_date else was or change
    dates = (("start", wanted.start_date), ("end", wanted.end_date))
    named = " and ".join(f"{name} {format_time(at)}" for name, at in dates if at)
    yield Change(
        type=EventType.CHANGE_REJECTED,
        severity=Severity.WARNING,
        predicate=f"keeps its dates: EC2 rejected the change{f' to {named}' if named else ''}.",
        reason=f"{was.status if was else 'no change'} → {change.status}",
        before={"adjustment": plain_fields(was) if was else None},
        after={"adjustment": plain_fields(change)},
    )


def _dates(dates: Mapping[str, datetime | None], names: list[str]) -> Facts:
    facts: Facts = {}
    for name in names:
        text = None if (date := dates[name]) is None else format_time(date)
        if name == "start_date":
            facts["start_date"] = text
        else:
            facts["end_date"] = text
    return facts


def _moved_severity(after: Reservation, extended: bool) -> Severity:
    if not extended:
        return Severity.WARNING
    return after.kind.extended


def _is_later(after: datetime | None, before: datetime | None) -> bool:
    return before is not None and (after is None or after > before)


def _date(value: datetime | None) -> str:
    return format_time(value) if value else "none"


def _health_changed(before: Reservation, after: Reservation, now: datetime) -> Iterator[Change]:
    """A block that became unhealthy, changed its problem, or recovered.

    Unknown is not unhealthy: a block has ``insufficient-data`` before it starts.
    """
    was, is_now = before.health, after.health
    was_bad = was is not None and was.is_bad
    if is_now is None or is_now in (was, Health()) or after.state in TERMINAL_STATES:
        return
    if not was_bad and not is_now.is_bad:
        return
    severity, predicate = _health_verdict(is_now)
    yield Change(
        type=EventType.HEALTH_CHANGED,
        severity=severity,
        predicate=predicate,
        reason=f"{_health(was)} → {_health(is_now)}",
        before={"health": plain_fields(was) if was else None},
        after={"health": plain_fields(is_now)},
    )


def _health_verdict(is_now: Health) -> tuple[Severity, str]:
    if is_now.is_bad:
        return Severity.CRITICAL, f"is unhealthy: {health_of(is_now)}."
    if is_now.interconnect_status in ("ok", None):
        return Severity.GOOD, "is healthy again."
    return Severity.INFO, f"is no longer unhealthy: interconnect {is_now.interconnect_status}."


def health_of(health: Health) -> str:
    """``interconnect impaired, 2 instances unavailable``, as far as EC2 reports it."""
    down = health.unavailable_capacity
    number = "an unknown number of instances" if down is None else counted(down, "instance")
    return f"interconnect {health.interconnect_status or 'unknown'}, {number} unavailable"


def _health(health: Health | None) -> str:
    if health is None:
        return "unknown"
    status = health.interconnect_status or "unknown"
    down = health.unavailable_capacity
    return f"{status}, {down} unavailable" if down else status


_REQUESTS: Mapping[str, tuple[Severity, str]] = {
    "pending": (
        Severity.WARNING,
        "has a billing request: account {to} must accept or reject it by {by}.",
    ),
    "accepted": (
        Severity.GOOD,
        "is billed to account {to} for unused capacity: it accepted the request.",
    ),
    "rejected": (
        Severity.WARNING,
        "stays billed to account {owner}: account {to} rejected the billing request.",
    ),
    "cancelled": (
        Severity.INFO,
        "stays billed to account {owner}: it cancelled its billing request to account {to}.",
    ),
    "revoked": (
        Severity.WARNING,
        "is billed to account {owner} again: account {to} no longer pays for unused capacity.",
    ),
    "expired": (
        Severity.WARNING,
        "stays billed to account {owner}: account {to} did not respond to the billing request in "
        "time.",
    ),
}
"""By the status of the request (EC2 User Guide, "View billing assignment requests")."""


def _billing_request(
    before: Reservation | None, after: Reservation, since: datetime
) -> Iterator[Change]:
    """A billing request that is new or has another status.

    A request that was decided before the last observation, but is seen for the first time, is
    ignored: EC2 keeps listing it.
    """
    was, request = before and before.billing_request, after.billing_request
    if request is None or request == was:
        return
    is_old = request.updated_at is not None and request.updated_at < since
    if was is None and is_old and request.status != "pending":
        return
    unknown = (Severity.WARNING, f"has a billing request in status {request.status!r}.")
    severity, predicate = _REQUESTS.get(request.status or "", unknown)
    by = format_time(request.expires_at) if request.expires_at else "its expiry"
    yield Change(
        type=EventType.BILLING_REQUEST,
        severity=severity,
        predicate=predicate.format(
            to=request.unused_billing_owner_id, owner=request.requested_by or after.owner_id, by=by
        ),
        reason=f"{was.status if was else 'no request'} → {request.status}",
        before={"billing_request": plain_fields(was) if was else None},
        after={"billing_request": plain_fields(request)},
    )


def _ends_after(reservation: Reservation, now: datetime) -> bool:
    end = end_of(reservation)
    return end is None or end > now


def _verdict(before: str | None, after: Reservation, now: datetime) -> tuple[Severity, str]:
    """The severity of a state and its text; an unknown state is a warning."""
    if after.state == "expired" and before is not None and _ends_after(after, now):
        return after.kind.ended_early, "ended before its end date."
    unknown = (Severity.WARNING, f"is now in state {after.state!r}.")
    return after.kind.verdicts.get(after.state, unknown)
