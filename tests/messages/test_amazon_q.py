"""A card as a custom notification of Amazon Q Developer in chat applications."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import a_block, an_event
from tests.messages.limits import check_amazon_q
from tests.messages.samples import a_day, a_full_day, a_run_of, of_every_type
from tests.messages.strategies import events, lates, texts
from truffle.core.events import Event, EventType, Severity
from truffle.messages.amazon_q import escape, payload
from truffle.messages.card import digest_card, event_card, summary_card


def of(event: Event, **facts: Any) -> dict[str, Any]:
    return payload(event_card(event, report_url="https://report.example/gpu", **facts))


def test_the_notification_is_what_happened_what_to_do_and_the_facts() -> None:
    body = of(an_event(a_block("cr-0abc", capacity_block_id="cb-1", state="payment-failed")))

    content = body["content"]
    assert content["title"] == "🚨 Capacity block payment failed · us-east-2"
    assert content["description"].startswith("Capacity block cr-0abc ")
    assert "- Change: payment-pending → payment-failed\n" in content["description"]
    assert "- Report: https://report.example/gpu#q=cr-0abc\n" in content["description"]
    assert content["nextSteps"][0].startswith("Check the payment method")
    assert content["keywords"] == ["capacity-block", "us-east-2", "p5.48xlarge"]


def test_messages_of_one_block_are_one_thread() -> None:
    body = of(an_event(a_block("cr-0abc", capacity_block_id="cb-1")))

    assert body["metadata"] == {
        "threadId": "cb-1",
        "summary": an_event(a_block("cr-0abc")).summary,
        "eventType": "state_changed",
        "relatedResources": ["arn:aws:ec2:us-east-2:123456789012:capacity-reservation/cr-0abc"],
        "additionalContext": {"severity": "critical"},
    }


def test_an_event_that_asks_nothing_has_no_next_steps() -> None:
    event = an_event(type=EventType.HEALTH_CHANGED, severity=Severity.GOOD)

    assert "nextSteps" not in of(event)["content"]


def test_a_late_test_says_both_above_the_sentence() -> None:
    body = of(an_event(), late=timedelta(minutes=63), test=True)

    assert body["content"]["title"].startswith("🚨 TEST: ")
    test, late, *_ = body["content"]["description"].split("\n\n")
    assert test.startswith("TEST: ")
    assert late == "Delivered late: observed 1 h 3 min ago."


@given(texts)
def test_no_text_is_a_link_or_a_mention_in_any_chat(text: str) -> None:
    shown = escape(text)

    assert not re.search("[<>]|&(?!(amp|lt|gt);)", shown)
    assert "](" not in shown
    assert "://" not in shown
    assert not re.search(r"@\w", shown)


@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_every_type_of_event_is_a_valid_notification(event: Event) -> None:
    check_amazon_q(of(event))


@given(events, lates)
def test_any_event_is_a_valid_notification(event: Event, late: timedelta | None) -> None:
    check_amazon_q(of(event, late=late, test=late is None))


@pytest.mark.parametrize("number", [1, 62, 2000])
def test_a_digest_counts_what_it_leaves_out(number: int) -> None:
    body = payload(digest_card(a_run_of(number)))

    check_amazon_q(body)
    left = re.findall(r"- and ([\d,]+) more", body["content"]["description"])
    assert left == ([f"{number - 25:,}"] if number > 25 else [])


def test_a_digest_of_the_longest_sentences_still_counts() -> None:
    many = [an_event(summary="&" * 3000, event_id=str(number)) for number in range(90)]

    body = payload(digest_card(many))

    check_amazon_q(body)
    assert re.search(r"- and \d+ more", body["content"]["description"])


def test_a_day_is_a_valid_notification() -> None:
    check_amazon_q(payload(summary_card(a_day(), report_url="https://report.example/gpu")))


@pytest.mark.parametrize("name", ["cr-", "&" * 999, "😀" * 999, '"' * 999])
def test_a_day_of_hundreds_of_lines_is_a_valid_notification(name: str) -> None:
    body = payload(summary_card(a_full_day(name), report_url="https://report.example/gpu"))

    check_amazon_q(body)
    assert len(re.findall(r"and \d+ more", json.dumps(body))) == 7
