"""PagerDuty and Opsgenie: which events open and close an incident."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.sink.destination import Destination, Reply
from tests.builders import HOUR, NOON, an_event
from tests.lambdas.channels.builders import SECRET, an_ill_block
from tests.lambdas.office import REPORT, Office, bodies
from truffle.core.events import Event, EventType, Severity, to_message
from truffle.core.incidents import Incident, incident_of
from truffle.messages import opsgenie, pagerduty

Open = Callable[..., Office]


def a_well_block(**facts: Any) -> Event:
    """Closes it."""
    recorded = {"event_id": "f" * 32, "severity": Severity.GOOD, "observed_at": NOON + HOUR}
    return an_ill_block(**{**recorded, **facts})


# --- incidents -----------------------------------------------------------------------------------


@pytest.fixture
def pager(opened: Open, sink: Destination) -> Office:
    return opened("pagerduty", {"routing_key": SECRET, "url": sink.url("/v2/enqueue")})


@pytest.fixture
def ops(opened: Open, sink: Destination) -> Office:
    return opened("opsgenie", {"api_key": SECRET, "url": sink.url("")})


def incident_in(event: Event) -> Incident:
    found = incident_of(event)
    assert found is not None
    return found


def test_pagerduty_gets_an_incident_and_its_resolution(pager: Office, sink: Destination) -> None:
    pager.clock.advance(HOUR)
    assert pager.deliver("pagerduty", a_well_block(observed_at=NOON + HOUR)) == 0
    assert pager.deliver("pagerduty", an_ill_block(observed_at=NOON + HOUR)) == 0
    assert bodies(sink) == [
        pagerduty.payload(event, incident_in(event), SECRET, report_url=REPORT)
        for event in (
            a_well_block(observed_at=NOON + HOUR),
            an_ill_block(observed_at=NOON + HOUR),
        )
    ]


def test_opsgenie_gets_an_alert_with_its_key(ops: Office, sink: Destination) -> None:
    assert ops.deliver("opsgenie", an_ill_block()) == 0
    (request,) = sink.requests
    asked = opsgenie.request(an_ill_block(), incident_in(an_ill_block()), report_url=REPORT)
    assert (request.path, json.loads(request.body)) == (asked.path, asked.body)
    assert request.headers["Authorization"] == f"GenieKey {SECRET}"


def test_opsgenie_closes_an_alert_by_its_alias(ops: Office, sink: Destination) -> None:
    sink.replies = [Reply(202, "{}")]
    assert ops.deliver("opsgenie", a_well_block(observed_at=NOON)) == 0
    (request,) = sink.requests
    assert request.path == "/v2/alerts/cr-0abc%2Fhealth/close?identifierType=alias"


@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
@pytest.mark.parametrize("status", [200, 204, 400, 429])
def test_only_202_means_taken(
    kind: str, status: int, sink: Destination, request: pytest.FixtureRequest
) -> None:
    office: Office = request.getfixturevalue({"pagerduty": "pager", "opsgenie": "ops"}[kind])
    sink.replies = [Reply(status, "")]
    assert office.deliver(kind, an_ill_block()) == 1


def test_an_event_without_an_incident_is_done_without_a_word(
    pager: Office, sink: Destination
) -> None:
    discovered = an_event(type=EventType.DISCOVERED, severity=Severity.INFO)
    assert pager.deliver("pagerduty", discovered) == 0
    assert sink.requests == []


def test_what_was_resolved_is_not_opened_by_an_older_event(
    pager: Office, sink: Destination
) -> None:
    """The trigger failed, and the recovery overtook it."""
    sink.replies = [Reply(500)]
    trigger = pager.mail("pagerduty", an_ill_block())
    assert pager.invoke(trigger) == 1
    pager.clock.advance(HOUR)
    assert pager.deliver("pagerduty", a_well_block()) == 0
    assert pager.invoke(trigger.again()) == 0
    assert [body["event_action"] for body in bodies(sink)] == ["trigger", "resolve"]


def test_an_incident_can_open_again_after_its_end(pager: Office, sink: Destination) -> None:
    pager.clock.advance(HOUR)
    pager.deliver("pagerduty", a_well_block())
    pager.clock.advance(HOUR)
    pager.deliver("pagerduty", an_ill_block(observed_at=NOON + 2 * HOUR))
    assert [body["event_action"] for body in bodies(sink)] == ["resolve", "trigger"]


def test_an_older_recovery_does_not_take_the_place_of_a_newer_one(
    pager: Office, sink: Destination
) -> None:
    pager.clock.advance(timedelta(hours=3))
    pager.deliver("pagerduty", a_well_block(observed_at=NOON + 3 * HOUR))
    pager.deliver("pagerduty", a_well_block(event_id="e" * 32))
    pager.deliver("pagerduty", an_ill_block(observed_at=NOON + 2 * HOUR))
    assert [body["event_action"] for body in bodies(sink)] == ["resolve", "resolve"]


def test_a_test_opens_an_incident_of_its_own(pager: Office, sink: Destination) -> None:
    event = an_ill_block()
    pager.deliver("pagerduty", {"test": to_message(event)})
    assert bodies(sink) == [
        pagerduty.payload(event, incident_in(event), SECRET, report_url=REPORT, test=True)
    ]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 413])
@pytest.mark.parametrize("kind", ["pagerduty", "opsgenie"])
def test_what_a_pager_refuses_for_good_is_a_dead_letter_after_an_hour(
    kind: str, status: int, sink: Destination, request: pytest.FixtureRequest
) -> None:
    office: Office = request.getfixturevalue({"pagerduty": "pager", "opsgenie": "ops"}[kind])
    sink.answer(Reply(status, "Not Found"))
    mailed = office.mail(kind, an_ill_block(observed_at=NOON))
    assert office.invoke(mailed) == 1
    office.clock.advance(HOUR)
    assert office.invoke(mailed.again()) == 0
    (dead,) = office.dead_letters(kind)
    reason = dead["MessageAttributes"]["reason"]["StringValue"]
    assert reason == f"{kind} ({kind}) returned {status}: Not Found"


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_a_pager_cannot_take_now_is_retried_for_a_day(
    status: int, pager: Office, sink: Destination
) -> None:
    sink.answer(Reply(status, "later"))
    mailed = pager.mail("pagerduty", an_ill_block(observed_at=NOON))
    pager.clock.advance(23 * HOUR)
    assert pager.invoke(mailed) == 1
    pager.clock.advance(HOUR)
    assert pager.invoke(mailed.again()) == 0
    assert len(pager.dead_letters("pagerduty")) == 1
