"""A card as an e-mail: a complete subject, and prose below."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import a_block, a_scope_event, an_event
from tests.messages.limits import check_email
from tests.messages.samples import a_day, a_full_day, a_run_of
from tests.messages.strategies import events, lates
from tests.strategies import hostile_texts
from truffle.core.events import Event, EventType, Severity
from truffle.messages.card import digest_card, event_card, summary_card
from truffle.messages.email import payload, subject, text


def subject_of(event: Event, **facts: Any) -> str:
    return subject(event_card(event, **facts))


def test_the_subject_is_the_severity_and_the_sentence_in_ascii() -> None:
    event = an_event(a_block("cr-0abc", instance_count=8, region="us-east-1"))

    assert subject_of(event) == (
        "[critical] Capacity block cr-0abc (8 x p5.48xlarge, us-east-1) payment failed: "
        "the block is rele..."
    )


def test_a_short_subject_is_not_cut() -> None:
    event = an_event(summary="ODCR cr-1 is new.", severity=Severity.INFO)

    assert subject_of(event) == "[info] ODCR cr-1 is new."


def test_the_subject_says_that_it_is_a_test_and_that_it_is_late() -> None:
    event = an_event(summary="ODCR cr-1 is new.", severity=Severity.INFO)

    line = subject_of(event, test=True, late=timedelta(hours=1))

    assert line == "TEST [info] late: ODCR cr-1 is new."


def test_arrows_are_written_out_and_line_breaks_cannot_add_a_header() -> None:
    event = an_event(summary="a → b\r\nBcc: everyone", severity=Severity.GOOD)

    assert subject_of(event) == "[good] a -> b Bcc: everyone"


@given(hostile_texts)
def test_any_subject_is_printable_ascii_and_as_short_as_sns_wants_it(summary: str) -> None:
    line = subject_of(an_event(summary=summary))

    assert len(line) < 100
    assert line.isascii()
    assert line.isprintable()
    assert line.startswith("[critical] ")


def test_the_text_says_what_happened_what_to_do_the_facts_and_where_to_look() -> None:
    block = a_block(
        "cr-0abc",
        capacity_block_id="cb-1",
        instance_count=8,
        region="us-east-1",
        state="payment-failed",
        tags={"Name": "llm-pretrain"},
    )

    assert text(event_card(an_event(block), report_url="https://report.example/gpu")) == (
        "Capacity block cr-0abc (8 × p5.48xlarge, us-east-1) payment failed: "
        "the block is released.\n"
        "\n"
        "What to do: Check the payment method in the Billing console and buy another block; "
        "this one can no longer be paid.\n"
        "\n"
        "Change:       payment-pending → payment-failed\n"
        "Instances:    8 × p5.48xlarge (64 × H100)\n"
        "Start:        Wed 25 Nov 2026, 11:30 UTC (in 23 h 30 min)\n"
        "Usable until: Wed 2 Dec 2026, 11:00 UTC (in 7 d 23 h)\n"
        "Name:         llm-pretrain\n"
        "Reservation:  cr-0abc\n"
        "Block:        cb-1\n"
        "Zone:         us-east-1a\n"
        "Account:      123456789012\n"
        "\n"
        "EC2 console: https://us-east-1.console.aws.amazon.com/ec2/home?region=us-east-1"
        "#CapacityReservationDetails:crId=cr-0abc\n"
        "Report: https://report.example/gpu#q=cr-0abc\n"
        "On the command line: truffle history cr-0abc\n"
        "\n"
        "Observed Tue 24 Nov 2026, 12:00 UTC, 1 h after the previous listing"
        " · event 0123456789abcdef0123456789abcdef\n"
    )


def test_a_late_test_says_both_before_anything_else() -> None:
    body = text(event_card(an_event(), late=timedelta(minutes=63), test=True))

    first, second, third, *_ = body.split("\n\n")
    assert first.startswith("TEST: ")
    assert second == "Delivered late: observed 1 h 3 min ago."
    assert third == an_event().summary


def test_an_event_of_a_scope_has_no_reservation_to_look_at() -> None:
    body = text(event_card(a_scope_event()))

    assert "us-east-2" in body
    assert "Reservation:" not in body
    assert "console" not in body


def test_an_event_that_asks_nothing_gives_no_advice() -> None:
    event = an_event(type=EventType.HEALTH_CHANGED, severity=Severity.GOOD)

    assert "What to do" not in text(event_card(event))


def test_a_digest_has_a_line_for_each_event_with_its_severity() -> None:
    body = text(digest_card(a_run_of(3)))

    assert "[critical] Capacity block cr-0001" in body
    assert body.index("[critical]") < body.index("[warning]") < body.index("[info]")


def test_a_digest_of_more_than_anybody_reads_says_how_many_are_left() -> None:
    assert "... and 50 more" in text(digest_card(a_run_of(250)))


@given(events, lates)
def test_any_event_is_an_e_mail_that_sns_takes(event: Event, late: timedelta | None) -> None:
    check_email(payload(event_card(event, report_url="https://report.example/gpu", late=late)))


@given(events)
def test_no_text_can_begin_a_line_of_its_own(event: Event) -> None:
    """Every line is one that the card has: no tag can forge a fact or a link."""
    card = event_card(event)

    paragraphs = 5 if card.step else 4
    of_lists = len(card.facts) - 1 + len(card.links)
    assert len(text(card).splitlines()) == paragraphs + paragraphs - 1 + of_lists


@pytest.mark.parametrize("number", [1, 40, 2000])
def test_any_digest_is_an_e_mail_that_sns_takes(number: int) -> None:
    check_email(payload(digest_card(a_run_of(number))))


def test_a_day_begins_with_what_needs_a_decision() -> None:
    body = text(summary_card(a_day()))

    assert body.index("Old data:") < body.index("Late:") < body.index("Held:")
    check_email(payload(summary_card(a_day())))


def test_a_day_of_hundreds_of_lines_is_an_e_mail_that_sns_takes() -> None:
    check_email(payload(summary_card(a_full_day("é" * 999))))
