"""Decisions and their deadlines: payments, extensions, starts, health, idle capacity,
billing requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from truffle.core.daily import FAILED_STATES
from truffle.core.deadlines import commitment_end, payment_deadline
from truffle.core.events import Event, EventType, ExtensionOffer, Facts, Severity
from truffle.core.idle import is_idle, unused
from truffle.core.model import Reservation
from truffle.core.timeline import TimelineSpan
from truffle.messages.advice import console_url, next_step
from truffle.messages.wording import of_instances
from truffle.report.inputs import Inputs

HORIZON = timedelta(days=7)
"""How far ahead a start or an end needs a decision, and how long a failure does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One thing to decide.

    ``deadline`` is when it is too late, None if waiting only costs money; a decision past its
    deadline stays. ``usd_per_hour`` is the cost of waiting, None if no price is known.
    """

    type: EventType
    severity: Severity
    reservation_id: str
    title: str
    why: str
    deadline: datetime | None
    step: str | None
    url: str | None
    usd_per_hour: float | None = None


def decisions(spans: Iterable[TimelineSpan], inputs: Inputs) -> list[Decision]:
    """Everything that needs a decision, sorted by deadline."""
    found = [
        decision
        for span in spans
        if not span.is_gone
        for decision in (*_of_any(span, inputs), *_of_its_type(span, inputs))
    ]
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(
        found,
        key=lambda each: (
            each.deadline or latest,
            -(each.usd_per_hour or 0),
            each.reservation_id,
            each.type,
        ),
    )


def _of_any(span: TimelineSpan, inputs: Inputs) -> Iterator[Decision]:
    row, now = span.row, inputs.now
    is_lost = row.state in FAILED_STATES or row.state in ("unavailable", "delayed")
    is_recent = span.start is None or now - span.start <= HORIZON
    if is_lost and is_recent and (span.end is None or span.end > now):
        title = row.state.replace("-", " ").capitalize()
        yield _decision(EventType.STATE_CHANGED, span, now, title, span.start)
    if is_idle(row) and _matters(span, inputs):
        why = f"{of_instances(unused(row), row.total_capacity)} unused."
        cost = inputs.prices.idle_usd(row)
        end = span.effective_end or span.end
        yield _decision(EventType.IDLE, span, now, "Idle", end, why, cost)
    request = row.billing_request
    if request is not None and request.is_open(now):
        why = f"Account {request.unused_billing_owner_id} is asked to pay for unused capacity."
        kind = EventType.BILLING_REQUEST
        yield _decision(kind, span, now, "Billing request", request.expires_at, why)


def _matters(span: TimelineSpan, inputs: Inputs) -> bool:
    """Whether idle capacity costs enough to need a decision; accelerators without a price always
    do."""
    cost = inputs.prices.idle_usd(span.row)
    if cost is None:
        return span.row.accelerator is not None
    return cost >= inputs.idle_usd_per_hour


def _of_its_type(span: TimelineSpan, inputs: Inputs) -> Iterator[Decision]:
    row, now = span.row, inputs.now
    if not row.kind.is_prepaid:
        if row.state == "active" and row.end_date and _is_close(row.end_date, now):
            yield _decision(EventType.ENDING_SOON, span, now, "Ends", row.end_date)
        if (committed := commitment_end(row)) is not None:
            yield from _committed(span, committed, now)
        return
    yield from _of_a_block(row, span, now)


def _committed(span: TimelineSpan, end: datetime, now: datetime) -> Iterator[Decision]:
    """The end of a commitment: the ODCR continues, and can then be cancelled without a charge."""
    if _is_close(end, now):
        made = _decision(EventType.ENDING_SOON, span, now, "Commitment ends", end)
        yield replace(made, severity=Severity.INFO, step=_AFTER_COMMITMENT)


_AFTER_COMMITMENT = "Decide whether to keep it: it is billed until it is cancelled."


def _of_a_block(row: Reservation, span: TimelineSpan, now: datetime) -> Iterator[Decision]:
    if row.state == "payment-pending":
        yield _decision(EventType.PAYMENT_DUE, span, now, "Payment due", payment_deadline(row))
    if row.state == "scheduled" and row.start_date and row.start_date <= now:
        why = "Its start has passed and it is not active."
        yield _decision(EventType.LATE_DELIVERY, span, now, "Late", row.start_date, why)
    elif row.state == "scheduled" and row.start_date and _is_close(row.start_date, now):
        yield _decision(EventType.STARTING_SOON, span, now, "Starts", row.start_date)
    if row.health is not None and row.health.is_bad and row.state == "active":
        yield _decision(EventType.HEALTH_CHANGED, span, now, "Unhealthy", now, _illness(row))
    if row.state == "active" and row.effective_end and _is_close(row.effective_end, now):
        yield _ending(span, now)


def _is_close(moment: datetime, now: datetime) -> bool:
    return now < moment and moment - now <= HORIZON


def _illness(row: Reservation) -> str:
    parts = []
    if row.health and row.health.interconnect_status == "impaired":
        parts.append("The interconnect is impaired.")
    if row.health and row.health.unavailable_capacity:
        parts.append(f"{of_instances(row.health.unavailable_capacity, row.size)} down.")
    return " ".join(parts)


def _ending(span: TimelineSpan, now: datetime) -> Decision:
    """A decision about the extension until its deadline, afterwards about the end."""
    kind = EventType.ENDING_SOON
    if span.deadline is None or span.deadline <= now:
        why = "It can no longer be extended."
        return _decision(kind, span, now, "Ends", span.effective_end, why, on_offer=False)
    why = "An extension is available." if span.on_offer else ""
    title = "Extend or let it end"
    return _decision(kind, span, now, title, span.deadline, why, on_offer=span.on_offer)


_SEVERITIES = {
    EventType.HEALTH_CHANGED: Severity.CRITICAL,
    EventType.STATE_CHANGED: Severity.CRITICAL,
    EventType.STARTING_SOON: Severity.INFO,
}


def _decision(
    kind: EventType,
    span: TimelineSpan,
    now: datetime,
    title: str,
    deadline: datetime | None,
    why: str = "",
    cost: float | None = None,
    on_offer: bool | None = None,
) -> Decision:
    row = span.row
    severity = _SEVERITIES.get(kind, Severity.WARNING)
    after = Facts(extension=ExtensionOffer(on_offer=on_offer))
    account = row.account_id or ""
    # The advice is the same as in an alert.
    event = Event(
        event_id="",
        type=kind,
        severity=severity,
        summary=why,
        reason="",
        observed_at=now,
        previous_observed_at=None,
        account_id=account,
        region=row.region,
        reservation=row,
        before=None,
        after=after,
    )
    return Decision(
        type=kind,
        severity=severity,
        reservation_id=row.reservation_id,
        title=title,
        why=why,
        deadline=deadline,
        step=next_step(event, now),
        url=console_url(event),
        usd_per_hour=cost,
    )
