"""The events that open an incident, and those that resolve it."""

from __future__ import annotations

import pytest

from tests.builders import a_block, a_scope_event, an_event, an_odcr
from tests.messages.samples import ending_soon, scope_failing, scope_recovered
from truffle.core.events import Event, EventType, Severity
from truffle.core.incidents import Action, Incident, incident_of


def billing(status: str) -> Event:
    """The request to bill another account, in a state."""
    after = {"billing_request": {"status": status}}
    return an_event(an_odcr("cr-2"), type=EventType.BILLING_REQUEST, after=after)


BLOCK = a_block("cr-1", capacity_block_id="cb-1", state="active")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (an_event(BLOCK), Incident("cr-1/capacity", Action.TRIGGER)),
        (an_event(an_odcr("cr-2")), Incident("cr-2/capacity", Action.TRIGGER)),
        (
            an_event(BLOCK, type=EventType.HEALTH_CHANGED),
            Incident("cr-1/health", Action.TRIGGER),
        ),
        (
            an_event(BLOCK, type=EventType.HEALTH_CHANGED, severity=Severity.GOOD),
            Incident("cr-1/health", Action.RESOLVE),
        ),
        (
            an_event(BLOCK, type=EventType.EXTENDED, severity=Severity.GOOD),
            Incident("cr-1/capacity", Action.RESOLVE),
        ),
        (scope_failing(), Incident("123456789012/us-east-2/scope", Action.TRIGGER)),
        (scope_recovered(), Incident("123456789012/us-east-2/scope", Action.RESOLVE)),
        (
            an_event(a_block("cr-1", state="expired"), severity=Severity.INFO),
            Incident("cr-1/capacity", Action.RESOLVE),
        ),
        (
            an_event(a_block("cr-1"), type=EventType.VANISHED, severity=Severity.INFO),
            Incident("cr-1/capacity", Action.RESOLVE),
        ),
        (an_event(a_block("cr-1", state="pending"), severity=Severity.INFO), None),
        (an_event(BLOCK, type=EventType.DISCOVERED, severity=Severity.INFO), None),
        (ending_soon(severity=Severity.INFO), None),
        (
            a_scope_event(type=EventType.FLEET_SHORT, after={"fleet_id": "crf-1"}),
            Incident("crf-1/capacity", Action.TRIGGER),
        ),
        (billing("pending"), Incident("cr-2/billing", Action.TRIGGER)),
        (billing("accepted"), Incident("cr-2/billing", Action.RESOLVE)),
    ],
)
def test_what_an_event_opens_or_closes(event: Event, expected: Incident | None) -> None:
    assert incident_of(event) == expected


def test_what_is_well_with_one_reservation_of_a_block_ends_nothing_of_another() -> None:
    failed = an_event(a_block("cr-1", capacity_block_id="cb-1", state="failed"))
    active = an_event(
        a_block("cr-2", capacity_block_id="cb-1", state="active"), severity=Severity.GOOD
    )
    opened, ended = incident_of(failed), incident_of(active)

    assert opened is not None
    assert ended is not None
    assert opened.key != ended.key
