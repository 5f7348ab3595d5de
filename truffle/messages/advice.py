"""Advice on an event in one or two sentences, and links to the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote

from truffle.core.deadlines import end_of
from truffle.core.events import Event, EventType, Severity
from truffle.core.model import Reservation
from truffle.core.regions import partition_of

_TYPES = {
    EventType.EXTENDED: "No action needed: the instances can run until the new end.",
    EventType.RESCHEDULED: "Check that the workload fits the new dates.",
    EventType.CHANGE_REJECTED: "Plan with the present dates, or request another change: a start "
    "can be moved by up to 30 days in total.",
    EventType.RESIZED: "Check that the workload fits the new size.",
}


_BUY = (
    "To buy it, choose Purchase Capacity Blocks for ML on the Capacity Reservations page of EC2's "
    "console. It is not reserved until then; truffle never buys."
)

_WITHOUT_RESERVATION = {
    EventType.FLEET_SHORT: "Add instance types or zones to the fleet, or lower its target: EC2 "
    "keeps trying to add the rest.",
    EventType.SCOPE_FAILING: "Fix the cause of the error: until then its data is old, and "
    "changes to its reservations are not reported.",
    EventType.SCOPE_RECOVERED: "No action needed: changes since the last listing are reported now.",
    EventType.OFFERING_APPEARED: _BUY,
    EventType.PRICE_DROPPED: _BUY,
    EventType.OFFERING_GONE: "No action needed: the watch continues.",
}


def next_step(event: Event, now: datetime) -> str | None:
    """The next step after an event delivered at ``now``; None if none is known."""
    row = event.reservation
    if event.type in _TIMED and row is not None:
        return _TIMED[event.type](event, row, now)
    if event.type in _WITHOUT_RESERVATION:
        return _WITHOUT_RESERVATION[event.type]
    if event.type is EventType.VANISHED:
        if event.severity is Severity.INFO:
            return "No action needed: it had reached its end."
        return "Find out who released it or stopped sharing it: CloudTrail has the call."
    if event.type is EventType.HEALTH_CHANGED:
        if event.severity is not Severity.CRITICAL:
            return None
        return (
            "Check the running job and the AWS Health Dashboard: AWS may ask you to terminate "
            "instances."
        )
    if event.type is EventType.BILLING_REQUEST:
        return _requested(row, now)
    if event.type in _TYPES:
        return _TYPES[event.type]
    if row is None:
        return None
    return row.kind.next_steps.get(row.state)


def _requested(row: Reservation | None, now: datetime) -> str | None:
    """The next step about the billing request of a reservation."""
    request = row.billing_request if row else None
    if request is None:
        return None
    if request.is_open(now):
        return (
            f"In account {request.unused_billing_owner_id}, choose Review requests on the Capacity "
            "Reservations page of EC2's console. Without a response, the owner keeps paying."
        )
    if request.status in ("accepted", "cancelled"):
        return "No action needed."
    return "Send another request, or shrink or cancel what is not used."


def _starting(event: Event, row: Reservation, now: datetime) -> str:
    if row.start_date is None or now < row.start_date:
        return "Prepare the launch: the capacity is paid for whether instances run or not."
    if row.state == "active":
        return "Launch the instances: the capacity is paid for whether they run or not."
    return "Check its state: its start has passed."


def _ending(event: Event, row: Reservation, now: datetime) -> str:
    end = end_of(row)
    if end is not None and end <= now:
        return "No action needed: it has reached its end."
    if not row.kind.is_prepaid:
        return "Check that no workload relies on this capacity after its end, or move the end date."
    if not row.kind.is_extendable:
        return f"Save your work before the end; {row.kind.service} may offer an extension."
    extension = (event.after or {}).get("extension")
    on_offer = extension.get("on_offer") if isinstance(extension, Mapping) else None
    if on_offer is True:
        return "Save your work before the end, or buy an extension in the EC2 console."
    if on_offer is False:
        return "Save your work before the end: no extension is offered now."
    return "Save your work before the end; the EC2 console shows whether it can be extended."


def _unpaid(event: Event, row: Reservation, now: datetime) -> str:
    return "Check the payment method in the Billing console: an unpaid block is released."


def _late(event: Event, row: Reservation, now: datetime) -> str:
    return "Hold the launch, and open a support case with AWS if it does not become active soon."


def _idle(event: Event, row: Reservation, now: datetime) -> str:
    if row.kind.is_prepaid:
        return f"Launch instances in it or share it: the {row.kind.short} is paid until its end."
    return "Use it, share it, shrink it or cancel it: it is billed whether it is used or not."


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
"""The console's host by partition (AWS General Reference, AWS Management Console endpoints)."""


def console_url(event: Event) -> str | None:
    """The EC2 console's page of the reservation, or the page for purchasing blocks; None in a
    partition with an unknown console, and for an event of a scope."""
    if event.offering is not None:
        return purchase_url(event.region)
    if event.reservation is None:
        return None
    return _reservation_url(event.reservation, event.region)


def purchase_url(region: str) -> str | None:
    """The page with the button "Purchase Capacity Blocks for ML" (AWS News Blog, "New Amazon EC2 P6
    instances"); None in a partition with an unknown console."""
    home = _console_home(region)
    return home and f"{home}#CapacityReservations:"


def _console_home(region: str) -> str | None:
    console = _CONSOLES.get(partition_of(region))
    region = quote(region, safe="", errors="replace")
    return console and f"https://{region}.{console}/ec2/home?region={region}"


def reservation_url(row: Reservation) -> str | None:
    """The EC2 console's page of a reservation; None in a partition with an unknown console, and for
    a reservation of another service."""
    return _reservation_url(row, row.region)


def _reservation_url(row: Reservation, region: str) -> str | None:
    home = _console_home(region) if row.kind.listing is None else None
    name = quote(row.reservation_id, safe="", errors="replace")
    return home and f"{home}#CapacityReservationDetails:crId={name}"
