"""Who gets an event and why, as JSON."""

from __future__ import annotations

from tests.builders import an_event
from truffle.alerts.explanation import explain
from truffle.alerts.settings import AlertSettings, Destination, DestinationKind, Route, When

SLACK = Destination(name="oncall", kind=DestinationKind.SLACK, secret="truffle/slack")
PAGER = Destination(name="pager", kind=DestinationKind.PAGERDUTY, secret="truffle/pager")
SETTINGS = AlertSettings((SLACK, PAGER), (Route("all", ("oncall", "pager"), When()),))


def test_each_destination_is_shown_with_its_outcome_and_the_reason() -> None:
    assert explain(an_event(), SETTINGS) == [
        {
            "destination": "oncall",
            "kind": "slack",
            "outcome": "routed",
            "routes": ["all"],
            "why": "Matched by route all.",
        },
        {
            "destination": "pager",
            "kind": "pagerduty",
            "outcome": "routed",
            "routes": ["all"],
            "why": "Matched by route all.",
        },
    ]
