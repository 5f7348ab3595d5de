"""An event as an e-mail: a subject that says it all, and prose below."""

import pytest
from hypothesis import given

from tests.builders import HOUR, NOON, a_block, a_scope_event, an_event, an_odcr
from tests.strategies import hostile_texts
from truffle.core.events import EventType, Severity
from truffle.core.model import Reservation
from truffle.messages.email import instances, subject, text


def test_the_subject_is_the_severity_and_the_sentence_in_ascii() -> None:
    event = an_event(a_block("cr-0abc", instance_count=8, region="us-east-1"))

    assert subject(event) == (
        "[critical] Capacity block cr-0abc (8 x p5.48xlarge, us-east-1) payment failed: "
        "the block is rele..."
    )


def test_a_short_subject_is_not_cut() -> None:
    event = an_event(summary="ODCR cr-1 is new.", severity=Severity.INFO)

    assert subject(event) == "[info] ODCR cr-1 is new."


def test_arrows_are_written_out_and_line_breaks_cannot_add_a_header() -> None:
    event = an_event(summary="a → b\r\nBcc: everyone", severity=Severity.GOOD)

    assert subject(event) == "[good] a -> b??Bcc: everyone"


@given(hostile_texts)
def test_any_subject_is_printable_ascii_and_as_short_as_sns_wants_it(summary: str) -> None:
    line = subject(an_event(summary=summary))

    assert len(line) < 100
    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("[critical] ")


def test_the_text_says_what_happened_what_to_do_and_the_facts() -> None:
    block = a_block(
        "cr-0abc",
        capacity_block_id="cb-1",
        instance_count=8,
        region="us-east-1",
        state="payment-failed",
        tags={"Name": "llm-pretrain"},
    )

    assert text(an_event(block)) == (
        "Capacity block cr-0abc (8 × p5.48xlarge, us-east-1) payment failed: "
        "the block is released.\n"
        "\n"
        "What to do: Check the payment method in the Billing console and buy another block; "
        "this one cannot be paid any more.\n"
        "\n"
        "Change:      payment-pending → payment-failed\n"
        "Severity:    critical\n"
        "Account:     123456789012\n"
        "Region:      us-east-1\n"
        "Reservation: cr-0abc\n"
        "Block:       cb-1\n"
        "Name:        llm-pretrain\n"
        "Instances:   8 × p5.48xlarge (64 × H100)\n"
        "Zone:        us-east-1a\n"
        "Start:       2026-11-25T11:30:00Z\n"
        "End:         2026-12-02T11:30:00Z\n"
        "Usable to:   2026-12-02T11:00:00Z\n"
        "Observed:    2026-11-24T12:00:00Z\n"
        "Seen before: 2026-11-24T11:00:00Z\n"
        "Event:       0123456789abcdef0123456789abcdef\n"
        "\n"
        "In the EC2 console: https://us-east-1.console.aws.amazon.com/ec2/home?region=us-east-1"
        "#CapacityReservationDetails:crId=cr-0abc\n"
    )


def test_facts_that_are_not_known_have_no_line() -> None:
    odcr = an_odcr(availability_zone=None, start_date=None, end_date=None, tags={})

    lines = text(an_event(odcr, previous_observed_at=None)).splitlines()

    told = {line.partition(":")[0] for line in lines}
    assert not told & {"Name", "Zone", "Start", "End", "Usable to", "Block", "Seen before"}


def test_a_block_that_is_named_like_its_reservation_is_named_once() -> None:
    assert "Block:" not in text(an_event(a_block("cr-1", capacity_block_id="cr-1")))


def test_an_event_of_a_scope_has_the_facts_of_the_scope_alone() -> None:
    body = text(a_scope_event())

    assert "Region:      us-east-2\n" in body
    assert "Reservation:" not in body
    assert "console" not in body


def test_an_event_that_asks_nothing_gives_no_advice() -> None:
    event = an_event(type=EventType.HEALTH_CHANGED, severity=Severity.GOOD)

    assert "What to do" not in text(event)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (a_block(instance_count=8), "8 × p5.48xlarge (64 × H100)"),
        (a_block(instance_count=None), "? × p5.48xlarge"),
        (an_odcr(instance_type="g6f.large", total_capacity=3), "3 × g6f.large (0.375 × L4)"),
        (an_odcr(instance_type="m5.large", total_capacity=3), "3 × m5.large"),
    ],
)
def test_instances_are_told_with_their_accelerators(row: Reservation, expected: str) -> None:
    assert instances(row) == expected


@given(hostile_texts)
def test_any_name_and_any_reason_can_be_written(hostile: str) -> None:
    row = a_block(tags={"Name": hostile}, start_date=NOON - HOUR)

    body = text(an_event(row, reason=hostile))

    assert f"Change:      {hostile}" in body
    assert f"Name:        {hostile}" in body
