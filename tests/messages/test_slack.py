"""An event as a Slack card: within Slack's limits, and nothing in it can ping or link."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_block, a_scope_event, an_event, an_odcr
from tests.strategies import hostile_texts, names
from truffle.core.events import Event, EventType, Severity
from truffle.messages.slack import COLOURS, card, escape

Json = dict[str, Any]


def blocks_of(event: Event) -> list[Json]:
    (attachment,) = card(event)["attachments"]
    return list(attachment["blocks"])


def texts_of(event: Event) -> Iterator[Json]:
    """Every text object of a card, wherever it is."""
    for block in blocks_of(event):
        yield from (block[name] for name in ("text",) if name in block)
        yield from block.get("fields", ())
        for element in block.get("elements", ()):
            yield element["text"] if element["type"] == "button" else element


def fields_of(event: Event) -> dict[str, str]:
    (section,) = [block for block in blocks_of(event) if "fields" in block]
    return dict(field["text"].split("\n", 1) for field in section["fields"])


def test_a_card_tells_what_happened_what_to_do_and_the_facts() -> None:
    block = a_block(
        "cr-0abc",
        instance_count=8,
        region="us-east-1",
        state="payment-failed",
        tags={"Name": "llm-pretrain"},
    )
    event = an_event(block)

    header, summary, _, advice, link, context = blocks_of(event)

    assert header["text"]["text"] == "🚨 State changed in us-east-1"
    assert summary["text"]["text"] == event.summary
    assert advice["text"]["text"].startswith("What to do: Check the payment method")
    assert link["elements"][0]["url"].endswith("crId=cr-0abc")
    assert context["elements"][0]["text"] == (
        "Observed 2026-11-24T12:00:00Z · event 0123456789abcdef0123456789abcdef"
    )
    assert fields_of(event) == {
        "*Change*": "payment-pending → payment-failed",
        "*Account*": "123456789012",
        "*Reservation*": "cr-0abc",
        "*Instances*": "8 × p5.48xlarge (64 × H100)",
        "*Name*": "llm-pretrain",
        "*Zone*": "us-east-1a",
        "*Start*": "2026-11-25T11:30:00Z",
        "*Usable to*": "2026-12-02T11:00:00Z",
    }


def test_an_odcr_tells_its_end() -> None:
    row = an_odcr(end_date=a_block().end_date)

    assert fields_of(an_event(row))["*End*"] == "2026-12-02T11:30:00Z"


def test_facts_that_are_not_known_have_no_field() -> None:
    row = an_odcr(availability_zone=None, start_date=None, end_date=None, tags={})

    assert set(fields_of(an_event(row))) == {
        *("*Change*", "*Account*", "*Reservation*", "*Instances*")
    }


def test_an_event_of_a_scope_has_a_card_without_a_link() -> None:
    kinds = [block["type"] for block in blocks_of(a_scope_event())]

    assert kinds == ["header", "section", "section", "context"]


@pytest.mark.parametrize("severity", list(Severity))
def test_each_severity_has_a_colour_of_its_own(severity: Severity) -> None:
    (attachment,) = card(an_event(severity=severity))["attachments"]

    others = {colour for other, colour in COLOURS.items() if other is not severity}
    assert re.fullmatch("#[0-9a-f]{6}", attachment["color"])
    assert attachment["color"] not in others


def test_the_notification_line_is_the_severity_and_the_sentence() -> None:
    event = an_event(summary="Gone & lost.")
    body = card(event)

    assert body["text"] == "[critical] Gone &amp; lost."
    assert body["attachments"][0]["fallback"] == body["text"]


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


hostile_rows = st.builds(
    a_block,
    tags=st.fixed_dictionaries({"Name": hostile_texts}),
    availability_zone=hostile_texts,
    instance_type=hostile_texts,
    state=st.sampled_from(("active", "payment-failed", "teleporting")),
) | st.builds(an_odcr, tags=st.fixed_dictionaries({"Name": hostile_texts}))
hostile_events = st.builds(
    an_event,
    hostile_rows,
    summary=hostile_texts,
    reason=hostile_texts,
    account_id=names,
    type=st.sampled_from(EventType),
    severity=st.sampled_from(Severity),
) | st.builds(a_scope_event, summary=hostile_texts, reason=hostile_texts)


@given(hostile_events)
def test_any_card_is_within_slacks_limits(event: Event) -> None:
    body = card(event)
    json.dumps(body, allow_nan=False)

    assert 1 <= len(body["text"]) <= 4000
    assert len(blocks_of(event)) <= 50
    for block in blocks_of(event):
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        if block["type"] == "section":
            assert ("text" in block) != ("fields" in block)
            assert len(block.get("text", {}).get("text", "")) <= 3000
            assert len(block.get("fields", ())) <= 10
        if block["type"] == "context":
            assert len(block["elements"]) <= 10
        for field in block.get("fields", ()):
            assert len(field["text"]) <= 2000
        for element in block.get("elements", ()):
            assert len(element.get("url", "")) <= 3000
    assert all(text["text"] for text in texts_of(event))


@given(hostile_events)
def test_no_text_of_a_card_can_ping_anyone_or_hide_a_link(event: Event) -> None:
    body = card(event)
    marked_up = [text["text"] for text in texts_of(event) if text["type"] == "mrkdwn"]

    assert len(marked_up) > 3
    for text in (*marked_up, body["text"], body["attachments"][0]["fallback"]):
        assert not re.search("[<>&]", re.sub("&(amp|lt|gt);", "", text))


@given(hostile_events)
def test_slack_is_told_to_make_no_links_or_mentions_of_plain_words(event: Event) -> None:
    marked_up = [text for text in texts_of(event) if text["type"] == "mrkdwn"]

    assert all(text["verbatim"] for text in marked_up)


@pytest.mark.parametrize("character", ["&", "<", "a"])
def test_a_long_text_is_cut_between_characters_and_says_so(character: str) -> None:
    _, summary, *_ = blocks_of(an_event(summary=character * 5000))

    text = summary["text"]["text"]
    assert text.endswith("…")
    assert set(text.removesuffix("…").replace(escape(character), "")) == set()
    assert len(text) > 2990


def test_a_text_that_just_fits_is_not_cut() -> None:
    _, summary, *_ = blocks_of(an_event(summary="a" * 3000))

    assert summary["text"]["text"] == "a" * 3000
