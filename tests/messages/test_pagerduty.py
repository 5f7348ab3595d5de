"""An event as a PagerDuty incident: opened by what is bad, resolved by the recovery of the same."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import a_block, a_scope_event, an_event
from tests.messages.limits import check_pagerduty
from tests.messages.samples import ending_soon, idle, of_every_type
from tests.messages.strategies import events, lates
from truffle.core.events import Event, Severity
from truffle.messages.pagerduty import payload

KEY = "0123456789abcdef0123456789abcdef"
BLOCK = a_block("cr-1", capacity_block_id="cb-1", state="active")


def body_of(event: Event, **facts: Any) -> dict[str, Any]:
    body = payload(event, KEY, **facts)
    assert body is not None
    return body


def test_an_event_without_an_incident_has_no_body() -> None:
    assert payload(ending_soon(severity=Severity.INFO), KEY) is None


def test_the_body_is_the_sentence_with_its_facts() -> None:
    body = body_of(idle(), report_url="https://report.example/gpu")

    assert body["event_action"] == "trigger"
    assert body["dedup_key"] == "cr-0abc/capacity"
    assert body["payload"] == {
        "summary": idle().summary,
        "source": "123456789012/us-east-2",
        "severity": "warning",
        "timestamp": "2026-11-24T12:00:00Z",
        "component": "cr-0abc",
        "group": "us-east-2",
        "class": "idle",
        "custom_details": body["payload"]["custom_details"],
    }
    details = body["payload"]["custom_details"]
    assert details["Cost"] == "≈ 440 USD so far at 220.16 USD/h"


def test_links_lead_to_the_console_and_to_the_query() -> None:
    links = body_of(idle(), report_url="https://report.example/gpu")["links"]

    assert [link["text"] for link in links] == ["EC2 console", "Report"]


def test_a_late_incident_says_so() -> None:
    body = body_of(idle(), late=timedelta(minutes=63))

    details = body["payload"]["custom_details"]
    assert details["Delivered late"] == "Delivered late: observed 1 h 3 min ago."


def test_a_test_is_an_incident_of_its_own_that_wakes_nobody() -> None:
    body = body_of(an_event(), test=True)

    assert body["dedup_key"] == f"test/{an_event().event_id}"
    assert body["payload"]["severity"] == "info"
    assert body["payload"]["summary"].startswith("TEST: ")


@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_every_type_of_event_is_a_valid_request(event: Event) -> None:
    body = payload(event, KEY, report_url="https://report.example/gpu")

    if body is not None:
        check_pagerduty(body)


@given(events, lates)
def test_any_event_is_a_valid_request(event: Event, late: timedelta | None) -> None:
    body = payload(
        event, KEY, report_url="https://report.example/gpu", late=late, test=late is None
    )

    if body is not None:
        check_pagerduty(body)


def test_an_event_of_a_scope_is_about_the_scope() -> None:
    body = body_of(a_scope_event())

    assert body["payload"]["component"] == "123456789012/us-east-2"
