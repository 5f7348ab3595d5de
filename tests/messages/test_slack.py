"""A card as a Slack message: within Slack's limits, and nothing in it can ping or link."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import NOON, OHIO, a_block, a_scope_event, an_event
from tests.messages.limits import check_slack, slack_marked_up
from tests.messages.samples import a_day, a_full_day, a_run_of, of_every_type
from tests.messages.strategies import events, lates
from tests.strategies import hostile_texts
from truffle.core.daily import FailingScope
from truffle.core.events import Event, Severity
from truffle.core.model import FailureKind
from truffle.core.status import ScopeError
from truffle.messages.card import digest_card, event_card, summary_card
from truffle.messages.slack import COLOURS, escape, payload

Json = dict[str, Any]
EVENT = an_event(
    a_block(
        "cr-0abc",
        instance_count=8,
        region="us-east-1",
        state="payment-failed",
        tags={"Name": "llm-pretrain"},
    )
)


def of(event: Event, **facts: Any) -> Json:
    return payload(event_card(event, report_url="https://report.example/gpu", **facts))


def details(body: Json) -> list[Json]:
    (attachment,) = body["attachments"]
    return list(attachment["blocks"])


def sections(body: Json) -> list[str]:
    return [block["text"]["text"] for block in body["blocks"] if block["type"] == "section"]


def fields_of(body: Json) -> dict[str, str]:
    fields = [field for block in details(body) for field in block.get("fields", ())]
    return dict(field["text"].split("\n", 1) for field in fields)


def test_the_message_is_what_happened_and_what_to_do() -> None:
    body = of(EVENT)

    assert body["blocks"][0]["text"]["text"] == "🚨 Capacity block payment failed · us-east-1"
    assert sections(body) == [
        EVENT.summary,
        "*What to do:* Check the payment method in the Billing console and buy another block; "
        "this one can no longer be paid.",
    ]


def test_beside_the_bar_are_the_facts() -> None:
    assert fields_of(of(EVENT)) == {
        "*Change*": "payment-pending → payment-failed",
        "*Name*": "llm-pretrain",
        "*Instances*": "8 × p5.48xlarge (64 × H100)",
        "*Start*": "Wed 25 Nov 2026, 11:30 UTC (in 23 h 30 min)",
        "*Usable until*": "Wed 2 Dec 2026, 11:00 UTC (in 7 d 23 h)",
        "*Reservation*": "cr-0abc",
        "*Zone*": "us-east-1a",
        "*Account*": "123456789012",
    }


@pytest.mark.parametrize("name", ["*bold*", "_slanted_", "~gone~", "`code`", ":fire:"])
def test_a_fact_with_slacks_markup_in_it_is_plain_text(name: str) -> None:
    body = of(an_event(a_block("cr-0abc", tags={"Name": name})))
    fields = [field for block in details(body) for field in block.get("fields", ())]
    (rendered,) = [field for field in fields if name in field["text"]]
    assert rendered == {"type": "plain_text", "text": f"Name\n{name}", "emoji": False}


def test_buttons_lead_to_the_console_and_to_the_query() -> None:
    (actions,) = [block for block in details(of(EVENT)) if block["type"] == "actions"]

    console, query = actions["elements"]
    assert console["url"].endswith("crId=cr-0abc")
    assert query["url"] == "https://report.example/gpu#q=cr-0abc"


def test_the_last_line_says_when_it_was_seen_and_how_to_learn_more() -> None:
    assert details(of(EVENT))[-1]["elements"][0]["text"] == (
        "Observed Tue 24 Nov 2026, 12:00 UTC, 1 h after the previous listing"
        " · event 0123456789abcdef0123456789abcdef · `truffle history cr-0abc`"
    )


def test_people_see_the_sentence_once() -> None:
    """Slack shows the text of a message with blocks in notifications alone."""
    body = of(EVENT)

    shown = [text for text in slack_marked_up(body) if EVENT.summary in text]
    assert shown == [body["text"], EVENT.summary]
    assert EVENT.summary not in body["attachments"][0]["fallback"]


def test_the_notification_is_the_sentence() -> None:
    assert of(an_event(summary="Gone & lost."))["text"] == "🚨 Gone &amp; lost."


def test_an_event_of_a_scope_leads_to_the_status() -> None:
    (actions,) = [block for block in details(of(a_scope_event())) if block["type"] == "actions"]

    assert [button["url"] for button in actions["elements"]] == ["https://report.example/gpu"]


def test_without_anywhere_to_look_there_are_no_buttons() -> None:
    kinds = [block["type"] for block in details(payload(event_card(a_scope_event())))]

    assert "actions" not in kinds


def test_a_late_test_says_both_above_the_sentence() -> None:
    body = of(EVENT, late=timedelta(minutes=63), test=True)

    assert body["blocks"][0]["text"]["text"].startswith("🚨 TEST: ")
    assert body["text"].startswith("🚨 TEST: ")
    test, late, sentence, *_ = sections(body)
    assert test.startswith("*TEST: ")
    assert late == "*Delivered late: observed 1 h 3 min ago.*"
    assert sentence == EVENT.summary


@pytest.mark.parametrize("severity", list(Severity))
def test_each_severity_has_a_colour_of_its_own(severity: Severity) -> None:
    (attachment,) = of(an_event(severity=severity))["attachments"]

    others = {colour for other, colour in COLOURS.items() if other is not severity}
    assert attachment["color"] not in others


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("8 × p5 → 'x' \"y\"", "8 × p5 → 'x' \"y\""),
    ],
)
def test_only_slacks_three_control_characters_are_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_every_type_of_event_is_within_slacks_limits(event: Event) -> None:
    check_slack(of(event))


@given(events, lates)
def test_any_event_is_within_slacks_limits(event: Event, late: timedelta | None) -> None:
    check_slack(of(event, late=late, test=late is None))


@given(events)
def test_no_text_can_ping_anyone_or_hide_a_link(event: Event) -> None:
    marked_up = list(slack_marked_up(of(event)))

    assert len(marked_up) > 5
    for text in marked_up:
        assert not re.search("[<>&]", re.sub("&(amp|lt|gt);", "", text))


@given(hostile_texts)
def test_no_text_in_a_daily_summary_can_ping_anyone(text: str) -> None:
    error = ScopeError(text, f"{text} <!channel>", FailureKind.ERROR, NOON)
    failing = FailingScope(OHIO, error, None)
    event = replace(EVENT, summary=f"{text} <!everyone>")
    body = payload(summary_card(a_day(failing=(failing,), failed=(event,))))

    for shown in slack_marked_up(body):
        assert not re.search("[<>&]", re.sub("&(amp|lt|gt);", "", shown))


@pytest.mark.parametrize("character", ["&", "<", "a"])
def test_a_long_text_is_cut_between_characters_and_says_so(character: str) -> None:
    text = sections(of(an_event(summary=character * 5000)))[0]

    assert text.endswith("…")
    assert set(text.removesuffix("…").replace(escape(character), "")) == set()
    assert len(text) > 2990


def test_a_text_that_just_fits_is_not_cut() -> None:
    assert sections(of(an_event(summary="a" * 3000)))[0] == "a" * 3000


def test_a_digest_lists_the_worst_first_and_counts_what_it_leaves_out() -> None:
    body = payload(digest_card(a_run_of(57)))

    sentence, *lists = sections(body)
    assert sentence == "57 events in one run: 19 critical, 19 warning, 19 info."
    lines = "\n".join(lists).splitlines()
    assert lines[0].startswith("🚨 Capacity block cr-0001 ")
    assert lines[-1] == "… and 37 more"
    assert len(lines) == 20 + 1


@pytest.mark.parametrize("number", [1, 20, 21, 2000])
def test_any_digest_is_within_slacks_limits(number: int) -> None:
    check_slack(payload(digest_card(a_run_of(number))))


def test_a_digest_of_the_longest_sentences_is_within_slacks_limits() -> None:
    many = [an_event(summary="&" * 3000, event_id=str(number)) for number in range(30)]

    check_slack(payload(digest_card(many)))


def test_a_day_is_within_slacks_limits() -> None:
    check_slack(payload(summary_card(a_day(), report_url="https://report.example/gpu")))


@pytest.mark.parametrize("name", ["cr-", "&" * 999, "😀" * 999, '"' * 999])
def test_a_day_of_hundreds_of_lines_is_within_slacks_limits(name: str) -> None:
    body = payload(summary_card(a_full_day(name), report_url="https://report.example/gpu"))

    check_slack(body)
    assert len(re.findall(r"and \d+ more", json.dumps(body))) == 7
