"""Events of reservations and scopes, and their messages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

from truffle.core.codec import decode, encode
from truffle.core.model import Reservation
from truffle.core.offerings import Offering, offering_from_json
from truffle.core.severity import Severity
from truffle.core.times import format_time, parse_time

__all__ = [
    "MARKET_TYPES",
    "MESSAGE_VERSION",
    "SCOPE_TYPES",
    "Event",
    "EventType",
    "ExtensionOffer",
    "Facts",
    "Severity",
    "event_id",
    "from_message",
    "message_attributes",
    "to_message",
]

MESSAGE_VERSION = 1


class EventType(StrEnum):
    """The types of events; those from ``starting_soon`` on do not require a change of a
    reservation."""

    DISCOVERED = "discovered"
    STATE_CHANGED = "state_changed"
    VANISHED = "vanished"
    RESIZED = "resized"
    RESCHEDULED = "rescheduled"
    EXTENDED = "extended"
    HEALTH_CHANGED = "health_changed"
    BILLING_REQUEST = "billing_request"
    CHANGE_REJECTED = "change_rejected"
    STARTING_SOON = "starting_soon"
    ENDING_SOON = "ending_soon"
    PAYMENT_DUE = "payment_due"
    LATE_DELIVERY = "late_delivery"
    IDLE = "idle"
    FLEET_SHORT = "fleet_short"
    SCOPE_FAILING = "scope_failing"
    SCOPE_RECOVERED = "scope_recovered"
    OFFERING_APPEARED = "offering_appeared"
    PRICE_DROPPED = "price_dropped"
    OFFERING_GONE = "offering_gone"


SCOPE_TYPES = (EventType.SCOPE_FAILING, EventType.SCOPE_RECOVERED)
MARKET_TYPES = (EventType.OFFERING_APPEARED, EventType.PRICE_DROPPED, EventType.OFFERING_GONE)
"""The events of watches, which concern an offering instead of a reservation."""


class ExtensionOffer(TypedDict, total=False):
    """The extension of an ending block: whether EC2 offers one (None: unknown, possibly with the
    code of the ``error``), and the ``deadline`` by which it must be purchased."""

    deadline: str
    on_offer: bool | None
    error: str | None


class Price(TypedDict):
    """The price of an offering: the fee of the whole block as AWS formats it, and the price per
    accelerator-hour and per instance-hour, None if unknown."""

    upfront_fee: str | None
    currency_code: str | None
    per_accelerator_hour: float | None
    per_instance_hour: float | None


class PriceHistory(TypedDict):
    """The prices that a watch found in a region in the last 30 days, per accelerator-hour (per
    instance-hour if the accelerators are unknown): the lowest, and the median of each day's lowest;
    ``days`` is the number of days with a price."""

    least: float
    median: float
    days: int


class Facts(TypedDict, total=False):
    """``before`` and ``after`` of events: JSON values, times in RFC 3339. An event has only the
    keys of its type."""

    state: str
    """``discovered``, ``vanished``, ``state_changed``."""
    instance_count: int
    """``resized``, of a block."""
    total_capacity: int
    """``resized``, of an ODCR."""
    start_date: str | None
    """``rescheduled``; ``starting_soon``, ``payment_due`` and ``late_delivery``, by their date."""
    end_date: str | None
    """``rescheduled``, ``extended``; ``ending_soon`` of an ODCR."""
    effective_end: str
    """``ending_soon`` of a block."""
    create_date: str
    """``payment_due``, if the deadline follows from the purchase."""
    health: dict[str, Any] | None
    """``health_changed``."""
    billing_request: dict[str, Any] | None
    """``billing_request``."""
    adjustment: dict[str, Any] | None
    """``change_rejected``."""
    threshold: str
    """A duration such as ``24h``: the threshold of an event that time causes."""
    extension: ExtensionOffer
    """``ending_soon`` of a block."""
    idle_since: str
    """``idle``, like the next three: ``unused`` instances, and their cost."""
    unused: int | None
    usd_per_hour: float | None
    usd_so_far: float | None
    short_since: str
    """``fleet_short``, like the next four; capacities are in the units of the fleet's weights."""
    fleet_id: str
    fleet_state: str
    target_capacity: int | None
    fulfilled_capacity: float | None
    error: str | None
    """``scope_failing`` and ``scope_recovered``, like the rest."""
    message: str
    failed_runs: int
    since: str
    last_success: str | None
    outage: str | None
    all_regions: bool
    regions: list[str]
    price: Price
    """``offering_appeared``, ``price_dropped`` and, ``before``, ``offering_gone``."""
    past: PriceHistory | None
    """``offering_appeared`` and ``price_dropped``; None if no price is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event between two observations of a scope.

    ``summary`` is a sentence for people, ``reason`` its cause in a few words. ``before`` and
    ``after`` have the changed fields, as JSON values. ``reservation`` is its last known state;
    ``offering`` is the subject of an event of a ``watch``. ``event_id`` is derived only from what
    happened, so repeating the work repeats the id. ``run_id`` names the run that found the event,
    None outside of runs, and ``events_of_listing`` counts the events of the scope's listing that
    found it, None without a listing; neither is part of what happened.
    """

    event_id: str
    type: EventType
    severity: Severity
    summary: str
    reason: str
    observed_at: datetime
    previous_observed_at: datetime | None
    account_id: str
    region: str
    reservation: Reservation | None = None
    before: Facts | None = None
    after: Facts | None = None
    run_id: str | None = None
    events_of_listing: int | None = None
    account_name: str | None = None
    organizational_unit: str | None = None
    watch: str | None = None
    offering: Offering | None = None

    @property
    def instance_type(self) -> str | None:
        """The instance type of its reservation or offering; None for an event of a scope."""
        about = self.reservation or self.offering
        return about.instance_type if about else None

    @property
    def instance_count(self) -> int | None:
        if self.reservation is not None:
            return self.reservation.size
        return self.offering.instance_count if self.offering else None


def event_id(
    subject: str,
    kind: EventType,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    previous_observed_at: datetime | None,
) -> str:
    """32 hexadecimal digits derived from what happened; repetitions give the same id."""
    since = format_time(previous_observed_at) if previous_observed_at else None
    text = json.dumps([subject, kind, before, after, since], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def fleet_of(event: Event) -> str | None:
    """The id of the fleet that an event concerns; None if there is none."""
    return (event.after or {}).get("fleet_id") if event.type is EventType.FLEET_SHORT else None


def to_message(event: Event) -> dict[str, Any]:
    """The event as JSON for every consumer: the topic, the API and the command line."""
    reservation = event.reservation
    return {
        "version": MESSAGE_VERSION,
        "event_id": event.event_id,
        "type": event.type.value,
        "severity": event.severity.value,
        "summary": event.summary,
        "reason": event.reason,
        "observed_at": format_time(event.observed_at),
        "previous_observed_at": event.previous_observed_at
        and format_time(event.previous_observed_at),
        "account_id": event.account_id,
        "region": event.region,
        "reservation_id": reservation.reservation_id if reservation else None,
        "capacity_block_id": reservation.block_id if reservation else None,
        "reservation_type": reservation.type.value if reservation else None,
        "instance_type": event.instance_type,
        "instance_count": event.instance_count,
        "before": event.before,
        "after": event.after,
        "reservation": encode(reservation) if reservation else None,
        "run_id": event.run_id,
        "events_of_listing": event.events_of_listing,
        "account_name": event.account_name,
        "organizational_unit": event.organizational_unit,
        "watch": event.watch,
        "offering": event.offering and event.offering.to_json(),
    }


def from_message(message: Mapping[str, Any]) -> Event:
    """The event of a message. Raises ValueError or KeyError for any other message."""
    if message["version"] != MESSAGE_VERSION:
        raise ValueError(f"message version {message['version']} is not {MESSAGE_VERSION}")
    previous, reservation = message["previous_observed_at"], message["reservation"]
    offering = message.get("offering")
    return Event(
        event_id=message["event_id"],
        type=EventType(message["type"]),
        severity=Severity(message["severity"]),
        summary=message["summary"],
        reason=message["reason"],
        observed_at=parse_time(message["observed_at"]),
        previous_observed_at=parse_time(previous) if previous else None,
        account_id=message["account_id"],
        region=message["region"],
        reservation=decode(reservation) if reservation else None,
        before=message["before"],
        after=message["after"],
        run_id=message.get("run_id"),
        events_of_listing=message.get("events_of_listing"),
        account_name=message.get("account_name"),
        organizational_unit=message.get("organizational_unit"),
        watch=message.get("watch"),
        offering=offering_from_json(offering) if offering else None,
    )


def message_attributes(event: Event) -> dict[str, str]:
    """The attributes that a subscription can filter on; absent values are omitted."""
    message = to_message(event)
    values = {
        "type": message["type"],
        "severity": message["severity"],
        "reservation_type": message["reservation_type"],
        "state": event.reservation.state if event.reservation else None,
        "region": message["region"],
        "account_id": message["account_id"],
        "instance_type": message["instance_type"],
        "account_name": message["account_name"],
        "organizational_unit": message["organizational_unit"],
    }
    return {name: value for name, value in values.items() if value}
