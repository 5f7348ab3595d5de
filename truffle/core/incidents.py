"""What an event does to an incident: what is bad opens one, the recovery of the same ends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from truffle.core.events import Event, EventType, Severity
from truffle.core.model import TERMINAL_STATES, Scope


class Action(StrEnum):
    """What an event does to an incident, in PagerDuty's words."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Incident:
    """What an event opens or ends. A reservation has one incident per concern at a time."""

    key: str
    action: Action

    @property
    def is_end(self) -> bool:
        return self.action is Action.RESOLVE


ENDING_TYPES = (EventType.VANISHED, EventType.STATE_CHANGED)
"""What ends an incident is good news, or of one of these types."""


def incident(event: Event) -> Incident | None:
    """What an event does; None where it is nobody's problem, and the end of none.

    A warning or worse opens, good news and a natural end close. Of a block with several
    reservations each has its own: what is well with one does not end what is wrong with another.
    """
    key = f"{_subject(event)}/{_concern(event)}"
    if event.severity in (Severity.WARNING, Severity.CRITICAL):
        return Incident(key, Action.TRIGGER)
    if event.severity is Severity.GOOD or _is_natural_end(event):
        return Incident(key, Action.RESOLVE)
    return None


def _subject(event: Event) -> str:
    row = event.reservation
    return str(Scope(event.account_id, event.region)) if row is None else row.reservation_id


def _concern(event: Event) -> str:
    if event.reservation is None:
        return "scope"
    return "health" if event.type is EventType.HEALTH_CHANGED else "capacity"


def _is_natural_end(event: Event) -> bool:
    row = event.reservation
    is_over = row is not None and row.state in TERMINAL_STATES
    return event.type is EventType.VANISHED or (event.type is EventType.STATE_CHANGED and is_over)
