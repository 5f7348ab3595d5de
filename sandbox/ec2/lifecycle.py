"""The life cycle of a reservation: pure functions of its definition and a moment.

The values of a file or a patch are used as they are, however odd: a block that is still
``scheduled`` after its start is late, and stays so. From then on the rules below apply, and the
reservation's own timeline. Sources: EC2 User Guide, Capacity Blocks and Capacity Reservation
states; how long an ended reservation stays listed is documented only for ``failed`` and
``unsupported``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Change, Reservation

REQUESTED_QUANTITY_TAG = "aws:ec2capacityreservation:incrementalRequestedQuantity"

VISIBLE_FOR: Mapping[str, timedelta] = {
    "expired": timedelta(days=1),
    "cancelled": timedelta(days=1),
    "payment-failed": timedelta(days=1),
    "failed": timedelta(minutes=60),
    "unsupported": timedelta(days=30),
}
"""How long a reservation that ended while the simulator ran stays listed."""

PAYMENT_TIME = timedelta(hours=12)
PAYMENT_BEFORE_START = timedelta(minutes=5)

GONE: Fields = {}
"""The remains of a reservation that is no longer listed."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A reservation's fields, and the time until which they are valid; None means for ever."""

    fields: Fields
    until: datetime | None


def phase_at(reservation: Reservation, now: datetime) -> Phase:
    """The reservation as EC2 shows it at a moment; without fields if it is no longer listed."""
    phase = Phase(reservation.fields, None)
    moment, has_moved = reservation.since, False
    while phase.fields:
        step = _next_step(reservation, phase.fields, moment, has_moved)
        if step is None:
            return phase
        if step.at > now:
            return Phase(phase.fields, step.at)
        moment, has_moved = step.at, True
        phase = Phase(_applied(phase.fields, step.fields), None)
    return phase


def _next_step(
    reservation: Reservation, fields: Fields, moment: datetime, has_moved: bool
) -> Change | None:
    """The first change after a moment.

    A rule whose time had passed when the reservation was defined does not apply; a rule whose time
    had passed when an earlier step activated it applies at once.
    """
    planned = [change for change in reservation.timeline if change.at > moment]
    rule = _rule(fields, moment, reservation.used_at_start, has_moved)
    if rule is not None and rule.at <= moment:
        rule = Change(moment, rule.fields) if has_moved else None
    steps = planned if rule is None else [*planned, rule]
    return min(steps, key=lambda change: change.at, default=None)


def _rule(fields: Fields, entered: datetime, used_at_start: int, has_moved: bool) -> Change | None:
    """The changes that EC2 itself makes to a reservation in its present state."""
    state, start, end = fields.get("State"), fields.get("StartDate"), fields.get("EndDate")
    if state == "scheduled" and start is not None:
        return Change(start, started(fields, used_at_start))
    if state == "payment-pending" and start is not None and "CreateDate" in fields:
        unpaid = min(fields["CreateDate"] + PAYMENT_TIME, start - PAYMENT_BEFORE_START)
        return Change(unpaid, {"State": "payment-failed"})
    if state == "active" and end is not None:
        return Change(end, _ended(fields))
    if has_moved and state in VISIBLE_FOR:
        return Change(entered + VISIBLE_FOR[str(state)], GONE)
    return None


def started(fields: Fields, used: int) -> dict[str, Any]:
    """The reservation with its capacity: counts of 0 become the requested size."""
    size = requested_size(fields)
    return {"State": "active", **counts(size, max(size - used, 0))}


def requested_size(fields: Fields) -> int:
    """The size of a reservation in instances, before or after its start."""
    for tag in fields.get("Tags") or ():
        if tag["Key"] == REQUESTED_QUANTITY_TAG:
            return int(tag["Value"])
    committed = fields.get("CommitmentInfo", {}).get("CommittedInstanceCount", 0)
    return int(fields.get("TotalInstanceCount") or committed)


def counts(total: int, available: int) -> dict[str, Any]:
    """The fields with the size and the use of its capacity."""
    used = total - available
    return {
        "TotalInstanceCount": total,
        "AvailableInstanceCount": available,
        "CapacityAllocations": [{"AllocationType": "used", "Count": used}] if used else [],
    }


def _ended(fields: Fields) -> dict[str, Any]:
    total = fields.get("TotalInstanceCount", 0)
    return {"State": "expired", **counts(total, total)}


def _applied(fields: Fields, changes: Fields) -> Fields:
    if changes is GONE:
        return GONE
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def patched(reservation: Reservation, changes: Fields, now: datetime) -> Reservation:
    """The reservation with fields changed manually now. Related counts are adjusted.

    Raises KeyError if it is no longer listed.
    """
    fields = phase_at(reservation, now).fields
    if not fields:
        raise KeyError(reservation.reservation_id)
    return replace(reservation, fields=_applied(fields, _with_counts(fields, changes)), since=now)


def _with_counts(fields: Fields, changes: Fields) -> Fields:
    if not changes.keys() & {"TotalInstanceCount", "AvailableInstanceCount"}:
        return changes
    total = changes.get("TotalInstanceCount", fields.get("TotalInstanceCount", 0))
    available = changes.get("AvailableInstanceCount", fields.get("AvailableInstanceCount", 0))
    return {**counts(total, min(available, total)), **changes}
