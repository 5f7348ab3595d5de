"""Who gets an event and why, as the API and the command line tell it."""

from __future__ import annotations

from typing import Any

from truffle.alerts.routing import Decision, decide
from truffle.alerts.settings import AlertSettings
from truffle.core.events import Event

Json = dict[str, Any]


def explain(event: Event, settings: AlertSettings) -> list[Json]:
    """What becomes of an event at each destination, as JSON."""
    return [decision_to_json(decision) for decision in decide(event, settings)]


def decision_to_json(decision: Decision) -> Json:
    return {
        "destination": decision.destination.name,
        "kind": decision.destination.kind.value,
        "outcome": decision.outcome.value,
        "routes": list(decision.routes),
        "why": decision.why,
    }
