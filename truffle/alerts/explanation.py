"""Explanations of alerts for the API and the command line: who gets an event, why, and its
deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from truffle.alerts.routing import RoutingDecision, decide
from truffle.alerts.settings import AlertSettings
from truffle.core.codec import Json
from truffle.core.events import Event
from truffle.core.times import format_time


class DeliveryStatus(StrEnum):
    """The status of the delivery of a routed event."""

    WAITING = "waiting"
    """It waits for the end of its run, and may become part of a digest."""
    DELIVERED = "delivered"
    SKIPPED = "skipped"
    """Nothing had to be sent, for example because an incident was already resolved."""
    RETRYING = "retrying"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class ExplainedDelivery:
    """The delivery of an event to a destination, as of ``at``.

    ``attempts`` counts failed attempts, ``detail`` is a text such as the response of the
    destination, ``retry_at`` is when the next attempt is due.
    """

    status: DeliveryStatus
    at: datetime
    attempts: int | None = None
    detail: str | None = None
    retry_at: datetime | None = None


def explain(event: Event, settings: AlertSettings) -> list[Json]:
    """The decision for each destination, as JSON."""
    return [decision_to_json(decision) for decision in decide(event, settings)]


def explain_delivered(
    event: Event, settings: AlertSettings, deliveries: Mapping[str, ExplainedDelivery]
) -> list[Json]:
    """The decision for each destination, with the recorded ``delivery``, or null."""
    return [
        {**decision_to_json(decision), "delivery": delivery and delivery_to_json(delivery)}
        for decision in decide(event, settings)
        for delivery in (deliveries.get(decision.destination.name),)
    ]


def decision_to_json(decision: RoutingDecision) -> Json:
    return {
        "destination": decision.destination.name,
        "kind": decision.destination.kind.value,
        "outcome": decision.outcome.value,
        "routes": list(decision.routes),
        "why": decision.why,
    }


def delivery_to_json(delivery: ExplainedDelivery) -> Json:
    return {
        "status": delivery.status.value,
        "at": format_time(delivery.at),
        "attempts": delivery.attempts,
        "detail": delivery.detail,
        "retry_at": delivery.retry_at and format_time(delivery.retry_at),
    }
