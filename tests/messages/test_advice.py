"""What to do about an event, and where to look."""

from typing import Any

import pytest

from tests.builders import a_block, a_scope_event, an_event, an_odcr
from truffle.core.events import EventType, Severity
from truffle.messages.advice import console_url, next_step


def advice(row: Any, **facts: Any) -> str:
    return next_step(an_event(row, **facts)) or ""


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("payment-failed", "buy another block"),
        ("failed", "Buy another block"),
        ("payment-pending", "within 12 hours"),
        ("scheduled", "prepare the launch"),
        ("active", "Launch the instances"),
        ("unavailable", "support case"),
        ("cancelled", "support case"),
        ("expired", "instances are terminated"),
    ],
)
@pytest.mark.parametrize("kind", [EventType.STATE_CHANGED, EventType.DISCOVERED])
def test_a_blocks_state_asks_for_its_own_step(kind: EventType, state: str, says: str) -> None:
    assert says in advice(a_block(state=state), type=kind)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("failed", "again"),
        ("unsupported", "other dates"),
        ("delayed", "later start"),
        ("expired", "no workload"),
        ("unavailable", "support case"),
    ],
)
def test_an_odcrs_state_asks_for_its_own_step(state: str, says: str) -> None:
    assert says in advice(an_odcr(state=state))


@pytest.mark.parametrize("row", [an_odcr(state="active"), a_block(state="teleporting")])
def test_a_state_that_asks_nothing_known_has_no_step(row: Any) -> None:
    assert next_step(an_event(row)) is None


@pytest.mark.parametrize(
    ("severity", "says"),
    [(Severity.CRITICAL, "CloudTrail"), (Severity.WARNING, "CloudTrail"), (Severity.INFO, "end")],
)
def test_a_loss_asks_who_did_it_unless_it_was_the_end(severity: Severity, says: str) -> None:
    assert says in advice(a_block(), type=EventType.VANISHED, severity=severity)


def test_only_bad_health_asks_for_a_look() -> None:
    def of(severity: Severity) -> str:
        return advice(a_block(), type=EventType.HEALTH_CHANGED, severity=severity)

    assert "running job" in of(Severity.CRITICAL)
    assert of(Severity.GOOD) == of(Severity.INFO) == ""


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (EventType.EXTENDED, "until the new end"),
        (EventType.RESCHEDULED, "new dates"),
        (EventType.RESIZED, "new size"),
    ],
)
def test_other_dates_and_sizes_ask_to_check_the_workload(kind: EventType, says: str) -> None:
    assert says in advice(a_block(state="active"), type=kind)


def test_an_event_of_a_scope_asks_nothing_of_a_reservation() -> None:
    assert next_step(a_scope_event()) is None


def test_the_console_shows_the_reservation_in_its_region() -> None:
    event = an_event(a_block("cr-0abc", region="eu-west-1"))

    assert console_url(event) == (
        "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1"
        "#CapacityReservationDetails:crId=cr-0abc"
    )


def test_a_scope_has_no_page_in_the_console() -> None:
    assert console_url(a_scope_event()) is None
