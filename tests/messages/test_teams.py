"""A card as an Adaptive Card: within 20 KB, and no text in it is markdown, a link or a mention."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.builders import a_block, an_event
from tests.messages.limits import check_teams, teams_marked_up
from tests.messages.samples import a_day, a_full_day, a_run_of, of_every_type
from tests.messages.strategies import events, lates, texts
from truffle.core.events import Event, Severity
from truffle.messages.card import digest_card, event_card, summary_card
from truffle.messages.teams import escape, payload

Json = dict[str, Any]


def of(event: Event, **facts: Any) -> Json:
    return payload(event_card(event, report_url="https://report.example/gpu", **facts))


def content(body: Json) -> Json:
    (attachment,) = body["attachments"]
    return dict(attachment["content"])


def blocks(body: Json) -> list[str]:
    return [it["text"] for it in content(body)["body"] if it["type"] == "TextBlock"]


def test_the_card_is_what_happened_what_to_do_and_the_facts() -> None:
    event = an_event(a_block("cr-0abc", state="payment-failed", tags={"Name": "llm_pretrain"}))
    title, summary, step, facts, footer, command = content(of(event))["body"]

    assert title["items"][0]["text"] == "🚨 Capacity block payment failed · us-east-2"
    assert summary["text"] == event.summary
    assert step["text"].startswith("**What to do:** Check the payment method")
    assert {"title": "Name", "value": "llm_pretrain"} in facts["facts"]
    assert footer["text"].startswith("Observed Tue 24 Nov 2026, 12:00 UTC")
    assert command["text"] == "truffle history cr-0abc"


def test_buttons_lead_to_the_console_and_to_the_query() -> None:
    console, query = content(of(an_event()))["actions"]

    assert console["url"].endswith("crId=cr-0abc")
    assert query["url"] == "https://report.example/gpu#q=cr-0abc"


def test_each_severity_has_a_style_of_its_own() -> None:
    styles = {content(of(an_event(severity=severity)))["body"][0]["style"] for severity in Severity}

    assert len(styles) == len(Severity)


def test_a_late_test_says_both_above_the_sentence() -> None:
    test, late, sentence, *_ = blocks(of(an_event(), late=timedelta(minutes=63), test=True))

    assert test.startswith("TEST: ")
    assert late == "Delivered late: observed 1 h 3 min ago."
    assert sentence == an_event().summary


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("*b* _i_ `c`", r"\*b\* \_i\_ \`c\`"),
        ("my_tag_1", "my_tag_1"),
        ("<at>Adele</at>", "&lt;at&gt;Adele&lt;/at&gt;"),
        ("a & b", "a &amp; b"),
        ("- x", r"\- x"),
        ("# x", r"\# x"),
        ("1. x", r"1\. x"),
        ("8 × p5.48xlarge (64 × H100)", "8 × p5.48xlarge (64 × H100)"),
        ("us-east-1a", "us-east-1a"),
    ],
)
def test_text_is_no_markdown(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@given(texts)
def test_no_text_is_a_link_or_a_mention(text: str) -> None:
    shown = escape(text)

    assert not re.search(r"[<>]", shown)
    assert not re.search(r"(?<!\\)(?:\\\\)*[\[\]*`]", shown.replace(r"\\", ""))
    assert "](" not in shown
    assert "://" not in shown
    assert not re.search(r"@\w", shown)


@pytest.mark.parametrize("event", of_every_type().values(), ids=list(of_every_type()))
def test_every_type_of_event_is_a_card_that_teams_takes(event: Event) -> None:
    check_teams(of(event))


@given(events, lates)
def test_any_event_is_a_card_that_teams_takes(event: Event, late: timedelta | None) -> None:
    check_teams(of(event, late=late, test=late is None))


@given(events)
def test_no_text_of_a_card_is_a_tag(event: Event) -> None:
    for text in teams_marked_up(of(event)):
        assert not re.search("[<>]", text)


def test_a_digest_counts_what_it_leaves_out() -> None:
    body = payload(digest_card(a_run_of(62)))

    assert blocks(body)[0] == "62 events in one run: 21 critical, 20 warning, 21 info."
    lines = blocks(body)[1].split("\r")
    assert lines[0].startswith("- 🚨 Capacity block cr-0001 ")
    assert lines[-1] == "- and 37 more"


@pytest.mark.parametrize("character", ["a", "&", '"', "é", "😀", "*"])
def test_a_digest_that_is_too_large_has_fewer_and_shorter_lines(character: str) -> None:
    many = [an_event(summary=character * 3000, event_id=str(number)) for number in range(90)]

    body = payload(digest_card(many))

    check_teams(body)
    lines = blocks(body)[1].split("\r")
    assert int(re.findall(r"and (\d+) more", lines[-1])[0]) + len(lines) - 1 == 90


def test_the_largest_facts_fit() -> None:
    row = a_block(
        "\x01&" * 200,
        tags={"Name": "&" * 3000},
        instance_type="😀" * 999,
        availability_zone="é" * 999,
    )

    body = of(an_event(row, summary="&" * 9999, reason='"' * 9999))

    check_teams(body)


def test_a_day_is_a_card_that_teams_takes() -> None:
    check_teams(payload(summary_card(a_day(), report_url="https://report.example/gpu")))


@pytest.mark.parametrize("name", ["cr-", "&" * 999, "😀" * 999, '"' * 999])
def test_a_day_of_hundreds_of_lines_is_a_card_that_teams_takes(name: str) -> None:
    body = payload(summary_card(a_full_day(name), report_url="https://report.example/gpu"))

    check_teams(body)
    assert len(re.findall(r"and \d+ more", json.dumps(body))) == 7
