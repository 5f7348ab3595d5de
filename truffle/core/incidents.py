"""Incidents: a warning or worse opens one, the matching recovery resolves it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from truffle.core.events import MARKET_TYPES, Event, EventType, Severity, fleet_of
from truffle.core.model import TERMINAL_STATES, Scope


class Action(StrEnum):
    """The effect of an event on an incident, in PagerDuty's terms."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident and the action on it. A reservation has at most one per concern at a time."""

    key: str
    action: Action

    @property
    def is_end(self) -> bool:
        return self.action is Action.RESOLVE


ENDING_TYPES = (EventType.VANISHED, EventType.STATE_CHANGED)
"""Events that can resolve an incident without being good news."""


def incident_of(event: Event) -> Incident | None:
    """The incident that an event opens or resolves; None if it does neither.

    Warnings and worse open one; good news and a natural end resolve it. Each reservation of a block
    has its own, so the recovery of one does not resolve the incident of another. Events of watches
    are not incidents.
    """
    if event.type in MARKET_TYPES:
        return None
    key = f"{_subject(event)}/{_concern(event)}"
    if event.type is EventType.BILLING_REQUEST:
        return Incident(key, Action.TRIGGER if _waits(event) else Action.RESOLVE)
    if event.severity.is_bad:
        return Incident(key, Action.TRIGGER)
    if event.severity is Severity.GOOD or _is_natural_end(event):
        return Incident(key, Action.RESOLVE)
    return None


def _subject(event: Event) -> str:
    row = event.reservation
    if row is not None:
        return row.reservation_id
    return fleet_of(event) or str(Scope(event.account_id, event.region))


def _concern(event: Event) -> str:
    if event.type is EventType.FLEET_SHORT:
        return "capacity"
    if event.reservation is None:
        return "scope"
    return _CONCERNS.get(event.type, "capacity")


_CONCERNS = {EventType.HEALTH_CHANGED: "health", EventType.BILLING_REQUEST: "billing"}


def _waits(event: Event) -> bool:
    """Whether the billing request waits for a decision."""
    request = (event.after or {}).get("billing_request")
    return request is not None and request.get("status") == "pending"


def _is_natural_end(event: Event) -> bool:
    row = event.reservation
    is_over = row is not None and row.state in TERMINAL_STATES
    return event.type is EventType.VANISHED or (event.type is EventType.STATE_CHANGED and is_over)
