"""The next step after an event, and its links."""

from typing import Any

import pytest

from tests.builders import DAY, NOON, a_block, a_scope_event, an_event, an_odcr
from truffle.core.events import EventType, Severity
from truffle.messages.advice import console_url, next_step


def advice(row: Any, **facts: Any) -> str:
    event = an_event(row, **facts)
    return next_step(event, event.observed_at) or ""


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("payment-failed", "buy another block"),
        ("failed", "Buy another block"),
        ("payment-pending", "within 12 hours"),
        ("scheduled", "Prepare the launch"),
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
    assert next_step(an_event(row), NOON) is None


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


@pytest.mark.parametrize(
    ("kind", "says"),
    [(EventType.SCOPE_FAILING, "Fix the cause"), (EventType.SCOPE_RECOVERED, "No action needed")],
)
def test_a_scope_asks_for_a_look_until_it_works_again(kind: EventType, says: str) -> None:
    assert says in (next_step(a_scope_event(type=kind), NOON) or "")


@pytest.mark.parametrize(
    ("kind", "row", "says"),
    [
        (EventType.STARTING_SOON, a_block(), "Prepare the launch"),
        (EventType.STARTING_SOON, a_block(state="active", start_date=NOON), "Launch the instances"),
        (EventType.STARTING_SOON, a_block(state="delayed", start_date=NOON), "start has passed"),
        (EventType.ENDING_SOON, an_odcr(end_date=NOON + DAY), "after its end"),
        (EventType.PAYMENT_DUE, a_block(state="payment-pending"), "payment method"),
        (EventType.LATE_DELIVERY, a_block(), "Hold the launch"),
        (EventType.IDLE, a_block(state="active"), "paid until its end"),
        (EventType.IDLE, an_odcr(), "cancel it"),
    ],
)
def test_what_time_causes_asks_for_what_can_still_be_done(
    kind: EventType, row: Any, says: str
) -> None:
    assert says in advice(row, type=kind, severity=Severity.WARNING)


@pytest.mark.parametrize(
    ("on_offer", "says"),
    [(True, "buy an extension"), (False, "no extension"), (None, "whether it can be extended")],
)
def test_a_block_that_ends_says_what_an_extension_can_do(on_offer: Any, says: str) -> None:
    after = {"extension": {"on_offer": on_offer}}
    step = advice(
        a_block(state="active"), type=EventType.ENDING_SOON, after=after, severity=Severity.WARNING
    )
    assert says in step


@pytest.mark.parametrize(
    "row", [a_block(start_date=NOON - DAY, end_date=NOON), an_odcr(end_date=NOON)]
)
def test_an_end_that_has_passed_asks_nothing(row: Any) -> None:
    text = advice(row, type=EventType.ENDING_SOON, severity=Severity.INFO)
    assert text == "No action needed: it has reached its end."


def test_the_console_shows_the_reservation_in_its_region() -> None:
    event = an_event(a_block("cr-0abc", region="eu-west-1"))

    assert console_url(event) == (
        "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1"
        "#CapacityReservationDetails:crId=cr-0abc"
    )


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-iso-east-1", None),
    ],
)
def test_each_partition_has_a_console_of_its_own(region: str, host: str | None) -> None:
    url = console_url(an_event(region=region))
    assert (url and url.split("/")[2]) == host


def test_a_scope_has_no_page_in_the_console() -> None:
    assert console_url(a_scope_event()) is None
