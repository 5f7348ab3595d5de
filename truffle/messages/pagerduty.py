"""An event as a PagerDuty incident: Events API v2, with a key that the recovery resolves.

Limits (PagerDuty, Events API v2): summary 1,024 characters, dedup key 255, routing key 32.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from truffle.core.events import Event, EventType, Severity
from truffle.core.model import TERMINAL_STATES, Scope
from truffle.core.times import format_time
from truffle.messages.card import event_card, subject_of
from truffle.messages.text import defused, fit

SUMMARY_LENGTH = 1024
KEY_LENGTH = 255
ENQUEUE_URL = "https://events.pagerduty.com/v2/enqueue"


class Action(StrEnum):
    """What an event does to an incident, in PagerDuty's words."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Incident:
    """What an event opens or closes. One subject has one incident per concern at a time."""

    key: str
    action: Action


def incident(event: Event) -> Incident | None:
    """What an event does; None where it is nobody's problem, and the end of none.

    A warning or worse opens, good news and a natural end close.
    """
    key = fit(f"{subject_of(event)}/{_concern(event)}", KEY_LENGTH)
    if event.severity in (Severity.WARNING, Severity.CRITICAL):
        return Incident(key, Action.TRIGGER)
    if event.severity is Severity.GOOD or _is_natural_end(event):
        return Incident(key, Action.RESOLVE)
    return None


def _concern(event: Event) -> str:
    if event.reservation is None:
        return "scope"
    return "health" if event.type is EventType.HEALTH_CHANGED else "capacity"


def _is_natural_end(event: Event) -> bool:
    row = event.reservation
    is_over = row is not None and row.state in TERMINAL_STATES
    return event.type is EventType.VANISHED or (event.type is EventType.STATE_CHANGED and is_over)


def payload(
    event: Event,
    routing_key: str,
    *,
    api_url: str | None = None,
    late: timedelta | None = None,
    test: bool = False,
) -> dict[str, Any] | None:
    """The body for the enqueue endpoint; None for an event without an incident."""
    told = incident(event)
    if told is None:
        return None
    key = fit(f"test/{event.event_id}", KEY_LENGTH) if test else told.key
    body: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": told.action.value,
        "dedup_key": key,
    }
    card = event_card(event, api_url=api_url, late=late, test=test)
    details = {fact.name: fit(fact.value, 1000, defused) for fact in card.facts}
    if card.step:
        details["What to do"] = fit(card.step, 1000, defused)
    if late is not None:
        details["Delivered late"] = card.notes[-1]
    body["payload"] = {
        "summary": fit(f"{'TEST: ' if test else ''}{event.summary}", SUMMARY_LENGTH, defused),
        "source": fit(str(Scope(event.account_id, event.region)), KEY_LENGTH),
        "severity": _SEVERITIES[event.severity] if not test else "info",
        "timestamp": format_time(event.observed_at),
        "component": fit(subject_of(event), KEY_LENGTH),
        "group": event.region,
        "class": event.type.value,
        "custom_details": details,
    }
    body["client"] = "truffle"
    body["links"] = [{"href": link.url, "text": link.title} for link in card.links]
    return body


_SEVERITIES = {
    Severity.INFO: "info",
    Severity.GOOD: "info",
    Severity.WARNING: "warning",
    Severity.CRITICAL: "critical",
}
