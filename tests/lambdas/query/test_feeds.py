"""The report, the calendar and the metrics of the API."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from typing import Any

import icalendar
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lambdas import overview, wiring
from lambdas.api import responses
from lambdas.clients import service
from tests.builders import DAY, HOME, HOUR, NOON, OHIO, a_block, an_odcr
from tests.core.market.builders import an_answer, an_offering
from tests.lambdas.api import ask
from tests.lambdas.aws import FEED_TOKEN, Stack
from tests.lambdas.markets import watched
from tests.lambdas.query.builders import IRELAND, Api
from truffle.core.ledger import write_day
from truffle.core.spans import Span

IDLE = an_odcr(
    "cr-idle",
    instance_type="p5.48xlarge",
    total_capacity=2,
    available_capacity=2,
    tags={"Name": "</script><b>"},
)


@pytest.fixture
def fleet(api: Api) -> Api:
    """An idle ODCR, a block that is paid for within the hour, and a scope that failed."""
    api.collects(
        IDLE,
        a_block("cr-block"),
    )
    api.clock.advance(HOUR)
    api.collects(
        IDLE,
        replace(a_block("cr-block"), state="cancelled"),
    )
    api.fails(IRELAND)
    return api


def data_of(html: str) -> Any:
    """The data in a page, as a browser reads it."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


# --- the report ----------------------------------------------------------------------------------


def test_the_report_has_the_market_of_the_regions_asked_for(fleet: Api) -> None:
    watched(fleet.stack, an_answer(an_offering(3.93)))
    watched(fleet.stack, an_answer(region="us-east-1"))
    everything = data_of(ask("/report").text)["market"]
    assert [(it["region"], it["price"]) for it in everything["cells"]] == [
        ("us-east-1", None),
        ("us-east-2", 3.93),
    ]
    assert data_of(ask("/report", region="us-east-1").text)["market"]["regions"] == ["us-east-1"]


def test_the_report_is_a_page_that_may_load_nothing(fleet: Api) -> None:
    answer = ask("/report")
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "</script><b>" not in answer.text


def test_the_report_has_the_inventory_its_events_and_what_failed(fleet: Api) -> None:
    data = data_of(ask("/report").text)
    assert {row["id"]: row["state"] for row in data["rows"]} == {
        "cr-idle": "active",
        "cr-block": "cancelled",
    }
    assert [event["type"] for event in data["events"]] == ["state_changed"]
    assert [(it["region"], it["code"]) for it in data["failed"]] == [
        ("eu-west-1", "RequestLimitExceeded")
    ]
    assert (data["scopes"], data["closed"], data["left_out"]) == (2, 0, None)
    assert "cr-idle" in {each["id"] for each in data["decisions"]}


def test_a_filter_keeps_a_part_and_the_page_says_so(fleet: Api) -> None:
    data = data_of(ask("/report", type="odcr").text)
    assert [row["id"] for row in data["rows"]] == ["cr-idle"]
    assert data["events"] == []
    assert len(data["warnings"]) == 1
    assert data_of(ask("/report").text)["warnings"] == []


def test_a_report_that_is_too_long_leaves_out_what_matters_least(
    fleet: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.clock.advance(HOUR)
    fleet.collects(
        *(an_odcr(f"cr-{n:04}", available_capacity=0, total_capacity=1) for n in range(60)),
        IDLE,
        a_block("cr-block"),
    )
    whole = ask("/report")
    monkeypatch.setattr(responses, "LONGEST_BODY", len(whole.text) * 3 // 4)
    answer = ask("/report")
    assert answer.status == 200
    assert len(json.dumps(answer.text)) <= responses.LONGEST_BODY
    data = data_of(answer.text)
    assert {"cr-idle", "cr-block"} <= {row["id"] for row in data["rows"]}
    assert data["left_out"]["reservations"] == 62 - len(data["rows"])


def test_an_event_that_is_damaged_hides_no_other_and_is_counted(
    fleet: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = wiring.query().events
    (message,) = store.newest(NOON - DAY, NOON + DAY, 10)
    damaged = {**message, "reservation": {"type": "odcr"}}
    found = [message, damaged]

    class Damaged:
        def newest(self, *_: Any) -> list[Any]:
            return found

    monkeypatch.setattr(wiring.query(), "events", Damaged(), raising=False)
    data = data_of(ask("/report").text)
    assert len(data["events"]) == 1
    assert data["events_note"] == "1 event could not be read."


def test_more_events_than_are_read_are_named(fleet: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overview, "MOST_EVENTS", 1)
    assert data_of(ask("/report").text)["events_note"] == "Only the newest 1 events were read."


def put_ledger(stack: Stack, content: bytes) -> None:
    key = "usage/dt=2026-11-23/usage.json.gz"
    service("s3").put_object(Bucket=stack.bucket, Key=key, Body=content)


def test_the_report_shows_the_use_of_past_days(fleet: Api, stack: Stack) -> None:
    midnight = NOON - 36 * HOUR
    used = replace(IDLE, available_capacity=0, used_capacity=2)
    spans = [Span(used, midnight, midnight + HOUR), Span(IDLE, midnight + HOUR, midnight + DAY)]
    put_ledger(stack, gzip.compress(write_day(spans, midnight).encode()))
    (row,) = [it for it in data_of(ask("/report").text)["rows"] if it["id"] == "cr-idle"]
    assert row["use"] == [
        ["2026-11-23T00:00:00Z", 2],
        ["2026-11-23T01:00:00Z", 0],
        ["2026-11-24T00:00:00Z", None],
    ]


def test_use_that_cannot_be_read_is_named_and_keeps_no_report(fleet: Api, stack: Stack) -> None:
    put_ledger(stack, b"no gzip")
    (warning,) = data_of(ask("/report").text)["warnings"]
    assert warning.startswith("Use over time is not available: usage/dt=2026-11-23/usage.json.gz")


# --- the calendar --------------------------------------------------------------------------------


def test_the_calendar_has_the_blocks_and_names_what_is_missing(fleet: Api) -> None:
    answer = ask("/calendar.ics")
    assert (answer.status, answer.content_type) == (200, "text/calendar; charset=utf-8")
    read: Any = icalendar.Calendar.from_ical(answer.text)
    assert {str(event["uid"]) for event in read.events} == {
        "cr-block@truffle",
        "cr-block-effective-end@truffle",
        "cr-block-extension-deadline@truffle",
    }
    assert {str(event["status"]) for event in read.events} == {"CANCELLED"}
    assert "eu-west-1 (RequestLimitExceeded)" in read["x-wr-caldesc"]


def test_a_calendar_without_a_change_is_the_same_later(fleet: Api) -> None:
    before = ask("/calendar.ics").text
    fleet.clock.advance(HOUR)
    assert ask("/calendar.ics").text == before


def test_a_filter_keeps_some_blocks(fleet: Api) -> None:
    answer = ask("/calendar.ics", region="eu-west-1")
    assert "BEGIN:VEVENT" not in answer.text


# --- the feed ------------------------------------------------------------------------------------


def test_the_feed_is_the_calendar_for_who_has_its_token(fleet: Api) -> None:
    answer = ask("/calendar-feed.ics", token=FEED_TOKEN)
    assert (answer.status, answer.text) == (200, ask("/calendar.ics").text)
    assert "BEGIN:VEVENT" not in ask("/calendar-feed.ics", token=FEED_TOKEN, type="odcr").text


@pytest.mark.parametrize("token", [FEED_TOKEN[:-1], FEED_TOKEN + "0", FEED_TOKEN.lower(), "x"])
def test_another_token_is_refused(fleet: Api, token: str) -> None:
    answer = ask("/calendar-feed.ics", token=token)
    assert (answer.status, answer.body["title"]) == (403, "Forbidden")
    assert FEED_TOKEN not in answer.text


def test_a_new_value_of_the_secret_replaces_the_token(fleet: Api, stack: Stack) -> None:
    service("secretsmanager").put_secret_value(SecretId=stack.feed_secret, SecretString="new")
    wiring.query.cache_clear()
    assert ask("/calendar-feed.ics", token=FEED_TOKEN).status == 403
    assert ask("/calendar-feed.ics", token="new").status == 200


def test_without_the_setting_there_is_no_feed(fleet: Api) -> None:
    parts = wiring.query()
    parts.settings = replace(parts.settings, feed_secret="")
    assert ask("/calendar-feed.ics", token=FEED_TOKEN).status == 404


def test_a_secret_that_cannot_be_read_is_no_refusal(fleet: Api, stack: Stack) -> None:
    service("secretsmanager").delete_secret(
        SecretId=stack.feed_secret, ForceDeleteWithoutRecovery=True
    )
    assert ask("/calendar-feed.ics", token=FEED_TOKEN).status == 503


# --- the metrics ---------------------------------------------------------------------------------


def samples(text: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {
        family.name: [(dict(each.labels), each.value) for each in family.samples]
        for family in families
    }


def test_the_metrics_are_open_metrics(fleet: Api) -> None:
    answer = ask("/metrics")
    assert answer.content_type.startswith("application/openmetrics-text")
    found = samples(answer.text)
    ((labels, idle),) = [
        each for each in found["truffle_reservation_idle_instances"] if each[0]["type"] == "odcr"
    ]
    assert (labels["instance_type"], labels["account_id"], idle) == ("p5.48xlarge", HOME, 2)
    assert {each[0]["region"]: each[1] for each in found["truffle_scope_success"]} == {
        OHIO.region: 1,
        "eu-west-1": 0,
    }


def test_a_reservation_is_a_label_only_where_it_is_asked_for(fleet: Api) -> None:
    def named(text: str) -> set[str | None]:
        found = samples(text)["truffle_reservations"]
        return {labels.get("reservation_id") for labels, _ in found}

    assert named(ask("/metrics").text) == {None}
    assert named(ask("/metrics", by="reservation").text) == {"cr-idle", "cr-block"}
    assert named(ask("/metrics", by="reservation", type="odcr").text) == {"cr-idle"}
    assert ask("/metrics", by="account").status == 400
