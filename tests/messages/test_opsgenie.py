"""An event as an Opsgenie alert: created by what is bad, closed by its alias."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import a_block, an_event
from tests.messages.limits import check_opsgenie
from tests.messages.samples import idle, of_every_type, scope_failing, scope_recovered
from tests.messages.strategies import events, lates
from truffle.core.events import Event
from truffle.core.incidents import Action, Incident, incident_of
from truffle.messages.opsgenie import OpsgenieRequest, request

INCIDENT = Incident("cr-0abc/capacity", Action.TRIGGER)


def asked(event: Event, **facts: Any) -> OpsgenieRequest:
    incident = incident_of(event)
    assert incident is not None
    return request(event, incident, **facts)


def test_what_is_bad_creates_an_alert() -> None:
    alert = asked(idle(), report_url="https://report.example/gpu")

    assert alert.path == "/v2/alerts"
    assert alert.body["message"] == idle().summary
    assert alert.body["alias"] == "cr-0abc/capacity"
    assert alert.body["priority"] == "P3"
    assert alert.body["entity"] == "cr-0abc"
    assert alert.body["tags"] == ["idle", "warning", "capacity-block", "us-east-2", "p5.48xlarge"]
    assert alert.body["details"]["Cost"] == "≈ 440 USD so far at 220.16 USD/h"
    assert "https://report.example/gpu#q=cr-0abc" in alert.body["description"]


def test_the_worst_wakes_people() -> None:
    assert asked(an_event()).body["priority"] == "P1"


def test_the_recovery_closes_the_alert_that_the_failure_created() -> None:
    alias = asked(scope_failing()).body["alias"]
    closing = asked(scope_recovered())

    assert alias == "123456789012/us-east-2/scope"
    assert closing.path == (
        "/v2/alerts/123456789012%2Fus-east-2%2Fscope/close?identifierType=alias"
    )
    assert closing.body == {"source": "truffle", "note": scope_recovered().summary}


def test_a_late_alert_says_so() -> None:
    alert = asked(idle(), late=timedelta(minutes=63))

    assert alert.body["description"].startswith("Delivered late: observed 1 h 3 min ago.")


def test_a_test_is_an_alert_of_its_own_with_the_lowest_priority() -> None:
    alert = asked(an_event(), test=True)

    assert alert.body["alias"] == f"test/{an_event().event_id}"
    assert alert.body["priority"] == "P5"
    assert alert.body["message"].startswith("TEST: ")


def test_no_text_is_html() -> None:
    row = a_block(tags={"Name": "<script>alert(1)</script>"})

    assert asked(an_event(row)).body["details"]["Name"] == "‹script›alert(1)‹/script›"


@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_every_type_of_event_is_a_valid_request(event: Event) -> None:
    found = request(event, INCIDENT, report_url="https://report.example/gpu")
    check_opsgenie(found.path, found.body)


@given(events, lates)
def test_any_event_is_a_valid_request(event: Event, late: timedelta | None) -> None:
    found = request(
        event, INCIDENT, report_url="https://report.example/gpu", late=late, test=late is None
    )
    check_opsgenie(found.path, found.body)
    shown = {name: value for name, value in found.body.items() if name != "alias"}
    assert "<" not in str(shown)
