"""What to do about an event, in a sentence or two, and where to look."""

from __future__ import annotations

from urllib.parse import quote

from truffle.core.events import Event, EventType, Severity
from truffle.core.model import is_block

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


def next_step(event: Event) -> str | None:
    """What an event asks of people; None where it asks nothing that is known."""
    row = event.reservation
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


def console_url(event: Event) -> str | None:
    """The EC2 console's page of the reservation."""
    if event.reservation is None:
        return None
    region = quote(event.region, safe="", errors="replace")
    name = quote(event.reservation.reservation_id, safe="", errors="replace")
    return (
        f"https://{region}.console.aws.amazon.com/ec2/home?region={region}"
        f"#CapacityReservationDetails:crId={name}"
    )
