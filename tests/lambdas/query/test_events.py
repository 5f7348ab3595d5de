"""``/events``: order, filters, pages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.settings import QuerySettings
from tests.builders import DAY, HOUR, NOON
from tests.lambdas.api import (
    ask,
    pages,
)
from tests.lambdas.fakes import Wire
from tests.lambdas.query.builders import Api

WireTo = Callable[[str], Wire]


# --- events --------------------------------------------------------------------------------------


def reasons(**asked: str) -> list[str]:
    return [event["reason"] for event in ask("/events", **asked).body["items"]]


def test_events_come_newest_first(story: Api) -> None:
    assert reasons() == [
        "first seen in state scheduled",
        "active → pending",
        "pending → active",
        "active → pending",
        "pending → active",
    ]


FILTERED: list[tuple[dict[str, str], int]] = [
    ({"type": "discovered"}, 1),
    ({"type": "discovered,state_changed"}, 5),
    ({"type": "vanished"}, 0),
    ({"severity": "good"}, 2),
    ({"severity": "good", "type": "discovered"}, 0),
    ({"reservation_id": "cr-b"}, 1),
    ({"reservation_id": "cr-a,cr-b"}, 5),
    ({"since": "2026-11-24T12:00:00Z"}, 1),
    ({"until": "2026-11-24T12:00:00Z"}, 4),
    ({"since": "2026-11-21", "until": "2026-11-23"}, 2),
    ({"since": "2026-11-24", "until": "2026-11-21"}, 0),
    ({"since": "2026-11-24T13:00:00Z", "until": "2026-11-24T11:00:00Z"}, 0),
    ({"since": "2027-01-01"}, 0),
    ({"until": "9999-12-31"}, 5),
    ({"until": "0001-01-01"}, 0),
    ({"since": "0001-01-01", "until": "0001-01-02"}, 0),
]


def test_events_are_filtered_by_what_is_asked(story: Api, subtests: pytest.Subtests) -> None:
    for asked, count in FILTERED:
        with subtests.test(str(asked)):
            answer = ask("/events", **asked)
            shown = answer.body["count"], len(answer.body["items"])
            assert (answer.status, *shown) == (200, count, count)


def test_events_of_the_last_seven_days_are_shown_by_default(story: Api) -> None:
    story.clock.moment = NOON + 4 * DAY + HOUR
    assert ask("/events").body["count"] == 3


def test_the_pages_of_events_lead_to_the_end(story: Api) -> None:
    answers = pages("/events", "type=state_changed", 3)
    found = [event["reason"] for answer in answers for event in answer.body["items"]]
    assert found == reasons(type="state_changed")
    assert [answer.body["count"] for answer in answers] == [4, 4]


def test_the_token_of_other_events_is_refused(story: Api) -> None:
    token = ask("/events", limit="1").body["next_token"]
    answer = ask("/events", severity="info", next_token=token)
    assert (answer.status, answer.body["parameter"]) == (400, "next_token")


@pytest.mark.parametrize("since", ["2026-10-15", "0001-01-01T00:00:00Z"])
def test_of_the_past_only_the_days_are_read_that_can_have_events(
    story: Api, deploy: Callable[..., None], since: str, wire: WireTo
) -> None:
    deploy(QuerySettings, event_retention_days="40")
    line = wire("dynamodb")
    answer = ask("/events", since=since)
    assert (answer.status, answer.body["count"]) == (200, 5)
    assert 40 < line.count() < 50


@pytest.mark.parametrize("body", ["not JSON", "[]", "{}"])
def test_an_item_that_is_not_an_event_hides_no_other(
    story: Api, body: str, caplog: pytest.LogCaptureFixture
) -> None:
    item = {
        "pk": {"S": "EVENT#2026-11-24"},
        "sk": {"S": "2026-11-24T00:00:00.000000Z#broken"},
        "body": {"S": body},
    }
    story.stack.scopes.client.put_item(TableName=story.stack.table, Item=item)
    answer = ask("/events")
    assert (answer.status, answer.body["count"]) == (200, 5)
    assert [vars(entry)["key"] for entry in caplog.records] == [item["sk"]["S"]]


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "2026-11-24T12:00", ""])
def test_a_time_that_is_none_is_refused(api: Api, name: str, value: str) -> None:
    answer = ask("/events", f"{name}={value}")
    assert (answer.status, answer.body["parameter"]) == (400, name)
