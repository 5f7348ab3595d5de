"""An event as a PagerDuty incident: Events API v2, with a key that the recovery resolves.

Limits (PagerDuty, Events API v2): summary 1,024 characters, dedup key 255, routing key 32.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from truffle.core.events import Event, Severity
from truffle.core.incidents import incident
from truffle.core.model import Scope
from truffle.core.times import format_time
from truffle.messages.card import event_card, subject_of
from truffle.messages.text import defused, fit

SUMMARY_LENGTH = 1024
KEY_LENGTH = 255
ENQUEUE_URL = "https://events.pagerduty.com/v2/enqueue"


def payload(
    event: Event,
    routing_key: str,
    *,
    report_url: str | None = None,
    late: timedelta | None = None,
    test: bool = False,
) -> dict[str, Any] | None:
    """The body for the enqueue endpoint; None for an event without an incident."""
    told = incident(event)
    if told is None:
        return None
    key = fit(f"test/{event.event_id}" if test else told.key, KEY_LENGTH)
    body: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": told.action.value,
        "dedup_key": key,
    }
    card = event_card(event, report_url=report_url, late=late, test=test)
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
