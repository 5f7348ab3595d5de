"""Who gets an event and why, as the API and the command line tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from truffle.alerts.routing import Decision, Outcome, decide
from truffle.alerts.settings import AlertSettings, Kind
from truffle.core.events import Event

Json = dict[str, Any]

INCIDENT_KINDS = (Kind.PAGERDUTY, Kind.OPSGENIE)
"""Destinations that are told of incidents alone."""


def explain(
    event: Event, settings: AlertSettings, is_of_incident: Callable[[Event], bool]
) -> list[Json]:
    """What becomes of an event at each destination, as JSON.

    ``is_of_incident`` tells whether an event opens or ends an incident.
    """
    decisions = decide(event, settings)
    if not is_of_incident(event):
        decisions = tuple(map(_without_incident, decisions))
    return [decision_to_json(decision) for decision in decisions]


def _without_incident(decision: Decision) -> Decision:
    is_told = decision.destination.kind not in INCIDENT_KINDS
    if is_told or decision.outcome is not Outcome.SENT:
        return decision
    why = f"{decision.why.removesuffix('.')}, but it opens and ends no incident."
    return replace(decision, outcome=Outcome.NO_INCIDENT, why=why)


def decision_to_json(decision: Decision) -> Json:
    return {
        "destination": decision.destination.name,
        "kind": decision.destination.kind.value,
        "outcome": decision.outcome.value,
        "routes": list(decision.routes),
        "why": decision.why,
    }
