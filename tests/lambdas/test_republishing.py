"""Publishing again: by the publisher, and by way of the API."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas import publish, wiring
from lambdas.clients import service
from lambdas.republishing import SECONDS, republish
from lambdas.settings import PublishSettings, QuerySettings
from lambdas.store.events import EventStore, event_item
from tests.builders import NOON, an_event
from tests.lambdas.api import Answer, ask
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, FakeContext, Wire, client_error
from truffle.core.times import format_time

Deploy = Callable[..., None]
Json = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

DAY = timedelta(days=1)
HOURS = [NOON - 2 * DAY, NOON - DAY, NOON - timedelta(hours=1), NOON - timedelta(hours=1)]
IDS = [f"{number:032}" for number in range(len(HOURS))]


def asked(**more: str) -> Json:
    return {"since": format_time(NOON - 3 * DAY), "until": format_time(NOON), **more}


@pytest.fixture
def table(stack: Stack) -> EventStore:
    """Four events of three days, two of them of one moment."""
    for event_id, observed_at in zip(IDS, HOURS, strict=True):
        item = event_item(an_event(event_id=event_id, observed_at=observed_at), 400)
        service("dynamodb").put_item(TableName=stack.table, Item=item)
    return EventStore(service("dynamodb"), stack.table)


@pytest.fixture
def publisher(stack: Stack, table: EventStore, deploy: Deploy) -> Callable[..., Json]:
    """Invokes the publishing function, while a queue listens to the topic."""
    deploy(PublishSettings)
    assert stack.published

    def invoke(**more: str) -> Json:
        context: Any = FakeContext(remaining_milliseconds=60_000)
        answer: Json = publish.handler(asked(**more), context)
        return answer

    return invoke


def published(stack: Stack) -> list[str]:
    return [json.loads(message["Body"])["event_id"] for message in messages(stack.published)]


# --- the publisher -------------------------------------------------------------------------------


def test_what_was_not_published_is_published(
    stack: Stack, publisher: Callable[..., Json], counted: Callable[[str], list[float]]
) -> None:
    assert publisher() == {
        "published": 4,
        "already_published": 0,
        "failed": 0,
        "error": None,
        "next": None,
    }
    assert sorted(published(stack)) == IDS
    assert counted("AlertsPublished") == [4.0]


def test_what_was_published_is_not_published_again(
    stack: Stack, publisher: Callable[..., Json]
) -> None:
    publisher(until=format_time(NOON - DAY))
    answer = publisher()
    assert (answer["published"], answer["already_published"]) == (3, 1)
    assert sorted(published(stack)) == IDS


def test_an_event_that_fails_holds_back_no_other_and_is_reported_with_its_reason(
    stack: Stack, publisher: Callable[..., Json], wire: Callable[[str], Wire]
) -> None:
    wire("sns").fails_before(client_error("InvalidParameter"), "Publish", call=2)
    answer = publisher()
    assert (answer["published"], answer["failed"]) == (3, 1)
    assert (answer["error"], answer["next"]) == ("InvalidParameter", None)
    assert publisher()["published"] == 1


def test_a_table_that_cannot_be_written_is_named_by_its_own_code(
    publisher: Callable[..., Json], wire: Callable[[str], Wire]
) -> None:
    wire("dynamodb").fails_before(client_error("ThrottlingException"), "PutItem")
    assert publisher()["error"] == "ThrottlingException"


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_call_that_has_no_more_time_says_where_to_go_on(table: EventStore, steps: int) -> None:
    """Also between two events of one moment; every event is handled by one call."""
    handled: list[str] = []
    place: Json | None = asked()
    while place is not None:
        times = iter([0.0, *[0.0] * steps, *[SECONDS + 1] * 9])

        def publish(message: Json) -> bool:
            handled.append(message["event_id"])
            return True

        answer = republish(table, place, publish, lambda times=times: next(times))  # type: ignore[misc]
        place = answer["next"]
    assert handled == IDS


# --- the API -------------------------------------------------------------------------------------


class Publisher:
    """The publishing function as Lambda's client shows it."""

    def __init__(self, answer: Any, **more: str) -> None:
        self.asked: list[Json] = []
        self._answer, self._more = answer, more

    def invoke(self, FunctionName: str, Payload: str) -> Json:
        self.asked.append({"function": FunctionName, **json.loads(Payload)})
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode()), **self._more}


@pytest.fixture
def api(stack: Stack, deploy: Deploy, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks the API, behind which a publisher answers."""
    deploy(QuerySettings)

    def answered_by(publisher: Publisher, **asked: str) -> Answer:
        monkeypatch.setattr(wiring, "service", lambda name: publisher)
        return ask("/alerts/republish", method="POST", **asked)

    return answered_by


DONE = {"published": 1, "already_published": 2, "failed": 0, "error": None, "next": None}


def test_the_publisher_is_asked_for_the_period(api: Any) -> None:
    publisher = Publisher(DONE)
    answer = api(publisher, since="2026-11-24T06:00:00Z", after="0" * 32)
    assert (answer.status, answer.body) == (200, DONE)
    assert publisher.asked == [
        {
            "function": "publisher",
            "since": "2026-11-24T06:00:00Z",
            "until": "2026-11-24T12:00:00Z",
            "after": "0" * 32,
        }
    ]


@pytest.mark.parametrize("failing", [client_error("TooManyRequestsException"), None])
def test_a_publisher_that_does_not_answer_is_an_error_of_the_answer(
    api: Any, failing: Exception | None
) -> None:
    broken = Publisher({"errorType": "MissingSettings"}, FunctionError="Unhandled")
    answer = api(Publisher(failing) if failing else broken, since="2026-11-24")
    assert answer.status == 200
    expected = "TooManyRequestsException" if failing else "MissingSettings"
    assert answer.body["error"] == expected
    assert answer.body["next"] == {
        "since": "2026-11-24T00:00:00Z",
        "until": "2026-11-24T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-17T11:59:59Z"}, "since"),
        ({"since": "2026-11-24", "after": "cr-0abc"}, "after"),
        ({"since": "2026-11-24", "route": "all"}, "route"),
    ],
)
def test_what_cannot_be_published_again_is_refused(
    api: Any, asked: dict[str, str], parameter: str
) -> None:
    publisher = Publisher(DONE)
    answer = api(publisher, **asked)
    assert (answer.status, answer.body["parameter"]) == (400, parameter)
    assert publisher.asked == []
