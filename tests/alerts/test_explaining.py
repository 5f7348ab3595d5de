"""Who gets an event and why, as JSON."""

from __future__ import annotations

from dataclasses import replace

from tests.builders import an_event
from truffle.alerts.explaining import explain
from truffle.alerts.settings import AlertSettings, Destination, Kind, Route, When
from truffle.core.events import Event, Severity

SLACK = Destination("oncall", Kind.SLACK, secret="truffle/slack")
PAGER = Destination("pager", Kind.PAGERDUTY, secret="truffle/pager")
EVERYTHING = Route("all", ("oncall", "pager"), When())
SETTINGS = AlertSettings((SLACK, PAGER), (EVERYTHING,))


def is_bad(event: Event) -> bool:
    return event.severity is Severity.CRITICAL


def test_each_destination_is_told_with_its_outcome_and_the_reason() -> None:
    assert explain(an_event(), SETTINGS, is_bad) == [
        {
            "destination": "oncall",
            "kind": "slack",
            "outcome": "sent",
            "routes": ["all"],
            "why": "By route all.",
        },
        {
            "destination": "pager",
            "kind": "pagerduty",
            "outcome": "sent",
            "routes": ["all"],
            "why": "By route all.",
        },
    ]


def test_a_pager_is_silent_where_nothing_is_wrong() -> None:
    slack, pager = explain(replace(an_event(), severity=Severity.INFO), SETTINGS, is_bad)
    assert (slack["outcome"], pager["outcome"]) == ("sent", "no_incident")
    assert pager["why"] == "By route all, but it opens and ends no incident."


def test_what_is_not_sent_to_a_pager_anyway_keeps_its_reason() -> None:
    settings = replace(SETTINGS, routes=(replace(EVERYTHING, when=When(regions=("moon",))),))
    told = explain(replace(an_event(), severity=Severity.INFO), settings, is_bad)
    assert {decision["outcome"] for decision in told} == {"no_route"}
