"""What to do about an event, in a sentence or two, and where to look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote

from truffle.core.daily import end_of
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import Reservation, is_block
from truffle.core.regions import partition_of

_BLOCK_STATES = {
    "payment-failed": "Check the payment method in the Billing console and buy another block; "
    "this one cannot be paid any more.",
    "failed": "Buy another block: `truffle offerings` shows what is for sale.",
    "payment-pending": "Nothing yet: AWS takes the payment within 12 hours, or releases the block.",
    "scheduled": "Nothing: prepare the launch for its start.",
    "active": "Launch the instances: the block is paid whether they run or not.",
    "unavailable": "Open a support case with AWS: this state is not documented.",
    "cancelled": "Open a support case with AWS: a block cannot be cancelled by its owner.",
    "expired": "Nothing: its instances are terminated.",
}

_ODCR_STATES = {
    "failed": "Create the reservation again, in another zone or with another size.",
    "unsupported": "Request other dates, another size or another zone.",
    "delayed": "Plan for a later start, or look for capacity in another zone.",
    "expired": "Check that no workload relies on this capacity.",
    "unavailable": "Open a support case with AWS: this state is not documented.",
}

_TYPES = {
    EventType.EXTENDED: "Nothing: the instances may run until the new end.",
    EventType.RESCHEDULED: "Check that the workload fits the new dates.",
    EventType.RESIZED: "Check that the workload fits the new size.",
}


_SCOPES = {
    EventType.SCOPE_FAILING: "Look at the error: what is stored of this scope grows old, and no "
    "alert of its reservations can come meanwhile.",
    EventType.SCOPE_RECOVERED: "Nothing: what happened meanwhile is told now.",
}


def next_step(event: Event, now: datetime) -> str | None:
    """What an event that is told at ``now`` asks of people; None where nothing that is known."""
    row = event.reservation
    if event.type in _TIMED and row is not None:
        return _TIMED[event.type](event, row, now)
    if event.type in _SCOPES:
        return _SCOPES[event.type]
    if event.type is EventType.VANISHED:
        if event.severity is Severity.INFO:
            return "Nothing: it had reached its end."
        return "Find out who released it or stopped sharing it: CloudTrail has the call."
    if event.type is EventType.HEALTH_CHANGED:
        if event.severity is not Severity.CRITICAL:
            return None
        return "Check the running job; AWS may ask to terminate the instances: see the Health page."
    if event.type in _TYPES:
        return _TYPES[event.type]
    if row is None:
        return None
    return (_BLOCK_STATES if is_block(row) else _ODCR_STATES).get(row.state)


def _starting(event: Event, row: Reservation, now: datetime) -> str:
    if row.start_date is None or now < row.start_date:
        return "Prepare the launch: the capacity is paid for whether instances run or not."
    if row.state == "active":
        return "Launch the instances: the capacity is paid for whether they run or not."
    return "Check its state: its start has passed."


def _ending(event: Event, row: Reservation, now: datetime) -> str:
    end = end_of(row)
    if end is not None and end <= now:
        return "Nothing: it has reached its end."
    if not is_block(row):
        return "Check that no workload relies on this capacity after its end, or move the end date."
    extension = (event.after or {}).get("extension")
    on_offer = extension.get("on_offer") if isinstance(extension, Mapping) else None
    if on_offer is True:
        return "Save the work before the end, or buy an extension in the EC2 console."
    if on_offer is False:
        return "Save the work before the end: no extension is on offer now."
    return "Save the work before the end; the EC2 console shows whether it can be extended."


def _unpaid(event: Event, row: Reservation, now: datetime) -> str:
    return "Check the payment method in the Billing console: unpaid, the block is lost."


def _late(event: Event, row: Reservation, now: datetime) -> str:
    return "Hold the launch, and open a support case with AWS if it does not become active soon."


def _idle(event: Event, row: Reservation, now: datetime) -> str:
    if is_block(row):
        return "Launch on it or lend it to somebody: the block is paid to its end."
    return "Use it, share it, make it smaller or cancel it: it is billed whether used or not."


_TIMED: Mapping[EventType, Callable[[Event, Reservation, datetime], str]] = {
    EventType.STARTING_SOON: _starting,
    EventType.ENDING_SOON: _ending,
    EventType.PAYMENT_DUE: _unpaid,
    EventType.LATE_DELIVERY: _late,
    EventType.IDLE: _idle,
}


_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-cn": "console.amazonaws.cn",
}
"""By partition (AWS General Reference, AWS Management Console endpoints)."""


def console_url(event: Event) -> str | None:
    """The EC2 console's page of the reservation; None in a partition whose console is not known."""
    console = _CONSOLES.get(partition_of(event.region))
    if event.reservation is None or console is None:
        return None
    region = quote(event.region, safe="", errors="replace")
    name = quote(event.reservation.reservation_id, safe="", errors="replace")
    return (
        f"https://{region}.{console}/ec2/home?region={region}"
        f"#CapacityReservationDetails:crId={name}"
    )
