"""``publish``: every event of the stream reaches the topic, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdas import publish
from lambdas.publish import NotPublished
from lambdas.settings import PublishSettings
from lambdas.store.events import event_item
from tests.builders import HOME, a_block, a_scope_event, an_event, an_odcr
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import FakeContext, Killed, Wire, client_error
from truffle.core.events import Event, to_message

Deploy = Callable[..., None]
Invoke = Callable[..., None]
WireTo = Callable[[str], Wire]
Record = dict[str, Any]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def invoke(stack: Stack, deploy: Deploy) -> Invoke:
    """Hands the function these records of the stream, while a queue listens to the topic."""
    deploy(PublishSettings)
    assert stack.published

    def start(*records: Record, milliseconds: int = 60_000) -> None:
        context: Any = FakeContext(remaining_milliseconds=milliseconds)
        publish.handler({"Records": list(records)}, context)

    return start


def record(event: Event) -> Record:
    """The stream record of a new event."""
    item = event_item(event, 400)
    return {
        "eventID": event.event_id,
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {"Keys": {name: item[name] for name in ("pk", "sk")}, "NewImage": item},
    }


def broken(body: Any) -> Record:
    """A record whose body is this text, or this JSON."""
    made = record(an_event())
    text = body if isinstance(body, str) else json.dumps(body)
    made["dynamodb"]["NewImage"] = {"body": {"S": text}}
    return made


def numbered(number: int) -> Event:
    return an_event(event_id=f"{number:032}")


def published(stack: Stack) -> list[str]:
    """The ids of the events that the topic has brought since the last look."""
    return sorted(json.loads(message["Body"])["event_id"] for message in messages(stack.published))


# --- what is published ---------------------------------------------------------------------------


def test_every_event_is_published_once(stack: Stack, invoke: Invoke) -> None:
    invoke(*(record(numbered(number)) for number in range(25)))
    assert published(stack) == [f"{number:032}" for number in range(25)]


def test_machines_get_the_message_itself(stack: Stack, invoke: Invoke) -> None:
    event = an_event(a_block("cr-ü", tags={"Name": "Größe → ×"}))
    invoke(record(event))
    (message,) = messages(stack.published)
    assert json.loads(message["Body"]) == to_message(event)


def test_people_get_prose_and_a_subject(stack: Stack, invoke: Invoke, wire: WireTo) -> None:
    line = wire("sns")
    invoke(record(an_event()))
    (call,) = line.parameters("Publish")
    bodies = json.loads(call["Message"])
    assert call["MessageStructure"] == "json"
    assert bodies.keys() == {"default", "email"}
    assert bodies["email"].startswith("Capacity block cr-0abc (8 × p5.48xlarge, us-east-2) payment")
    assert call["Subject"].startswith("[critical] Capacity block cr-0abc (8 x p5.48xlarge")


def test_a_subscription_can_filter_on_the_attributes(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    line = wire("sns")
    invoke(record(an_event()))
    (call,) = line.parameters("Publish")
    attributes = call["MessageAttributes"]
    assert {value["DataType"] for value in attributes.values()} == {"String"}
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "type": "state_changed",
        "severity": "critical",
        "reservation_type": "capacity-block",
        "state": "payment-failed",
        "region": "us-east-2",
        "account_id": HOME,
        "instance_type": "p5.48xlarge",
    }


def test_an_event_without_a_reservation_is_published_too(stack: Stack, invoke: Invoke) -> None:
    invoke(record(a_scope_event(event_id="scope")))
    assert published(stack) == ["scope"]


def test_what_was_published_is_counted(
    invoke: Invoke, counted: Callable[[str], list[float]]
) -> None:
    invoke(record(numbered(1)), broken("{}"), record(numbered(2)))
    assert counted("AlertsPublished") == [2.0]


# --- repeats -------------------------------------------------------------------------------------


def test_what_is_published_is_archived_once(stack: Stack, invoke: Invoke) -> None:
    invoke(record(numbered(1)))
    invoke(record(numbered(1)))
    keys = stack.keys()
    (key,) = [name for name in keys if name.startswith("events/")]
    assert stack.document(key)["event_id"] == f"{1:032}"


def test_a_record_that_comes_again_is_not_published_again(stack: Stack, invoke: Invoke) -> None:
    for _ in range(3):
        invoke(record(numbered(1)))
    assert published(stack) == [f"{1:032}"]


def test_a_record_that_comes_twice_in_a_batch_is_published_once(
    stack: Stack, invoke: Invoke
) -> None:
    invoke(record(numbered(1)), record(numbered(1)))
    assert published(stack) == [f"{1:032}"]


def test_the_same_event_after_another_deployment_is_not_published_again(
    stack: Stack, invoke: Invoke, deploy: Deploy
) -> None:
    invoke(record(numbered(1)))
    deploy(PublishSettings)
    invoke(record(numbered(1)))
    assert published(stack) == [f"{1:032}"]


# --- faults --------------------------------------------------------------------------------------

BATCH = [record(numbered(number)) for number in range(1, 4)]
IDS = [f"{number:032}" for number in range(1, 4)]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sns", "Publish"), ("dynamodb", "PutItem"), ("dynamodb", "UpdateItem")],
)
def test_one_bad_answer_is_tried_again_within_the_call(
    stack: Stack, invoke: Invoke, wire: WireTo, service: str, operation: str
) -> None:
    wire(service).answers_once(operation, 500)
    invoke(*BATCH)
    assert published(stack) == IDS


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize(("service", "operation"), [("sns", "Publish"), ("dynamodb", "PutItem")])
def test_a_call_that_fails_once_brings_the_batch_again_and_every_event_is_published_once(
    stack: Stack, invoke: Invoke, wire: WireTo, service: str, operation: str, call: int
) -> None:
    wire(service).fails_before(client_error("InternalFailure"), operation, call=call)
    with pytest.raises(NotPublished, match="InternalFailure"):
        invoke(*BATCH)
    assert len(published(stack)) == 2
    invoke(*BATCH)
    assert len(published(stack)) == 1


def test_an_event_that_sns_never_takes_keeps_no_other_back(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    wire("sns").fails_before(client_error("InvalidParameter"), "Publish", call=2)
    with pytest.raises(NotPublished, match="InvalidParameter"):
        invoke(*BATCH)
    assert published(stack) == [IDS[0], IDS[2]]


def test_a_publisher_that_was_killed_before_it_published_is_waited_for(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    line = wire("sns")
    line.fails_before(Killed(), "Publish")
    with pytest.raises(Killed):
        invoke(*BATCH, milliseconds=300)
    line.mends()
    invoke(*BATCH)
    assert published(stack) == IDS


def test_a_claim_that_outlasts_the_function_brings_the_batch_again(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    line = wire("sns")
    line.fails_before(Killed(), "Publish")
    with pytest.raises(Killed):
        invoke(*BATCH, milliseconds=60_000)
    line.mends()
    with pytest.raises(NotPublished, match="AlreadyInProgress"):
        invoke(*BATCH, milliseconds=4000)
    assert published(stack) == IDS[1:]


def test_a_publisher_that_was_killed_after_it_published_repeats_the_same_event_id(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    line = wire("sns")
    line.fails_after(Killed(), "Publish")
    with pytest.raises(Killed):
        invoke(BATCH[0], milliseconds=1)
    line.mends()
    invoke(BATCH[0])
    assert published(stack) == [IDS[0], IDS[0]]


# --- records that can never be published ---------------------------------------------------------

POISON: dict[str, Record] = {
    "no JSON": broken("not JSON"),
    "no object": broken([1, 2]),
    "no message": broken({}),
    "another version": broken(to_message(an_event()) | {"version": 2}),
    "an unknown type": broken(to_message(an_event()) | {"type": "exploded"}),
    "an unknown severity": broken(to_message(an_event()) | {"severity": "loud"}),
    "no time": broken(to_message(an_event()) | {"observed_at": "yesterday"}),
    "a reservation that is a text": broken(to_message(an_event()) | {"reservation": "cr-a"}),
    "an accelerator that is a text": broken(
        to_message(an_event(an_odcr())) | {"reservation": {"type": "odcr", "accelerator": "H100"}}
    ),
    "tags that are a text": broken(
        to_message(an_event(an_odcr()))
        | {"reservation": {"type": "odcr", "reservation_id": "cr-a", "tags": "x"}}
    ),
    "no body": record(an_event()) | {"dynamodb": {"NewImage": {}}},
    "no image": record(an_event()) | {"dynamodb": {}},
    "no stream record": {"eventName": "INSERT"},
}


@pytest.mark.parametrize("name", POISON)
def test_a_record_that_holds_no_event_goes_to_the_dead_letters_and_blocks_no_other(
    stack: Stack, invoke: Invoke, name: str
) -> None:
    invoke(BATCH[0], POISON[name], BATCH[1])
    assert published(stack) == IDS[:2]
    (dead,) = messages(stack.dead_letters)
    assert json.loads(dead["Body"])["record"] == POISON[name]


def test_a_dead_letter_says_what_was_wrong(stack: Stack, invoke: Invoke) -> None:
    invoke(POISON["an unknown type"])
    (dead,) = messages(stack.dead_letters)
    assert "'exploded' is not a valid EventType" in json.loads(dead["Body"])["error"]


def test_a_record_that_cannot_even_be_set_aside_brings_the_batch_again(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage")
    with pytest.raises(NotPublished, match="ServiceUnavailable"):
        invoke(POISON["no JSON"], BATCH[0])
    assert published(stack) == IDS[:1]
    invoke(POISON["no JSON"], BATCH[0])
    assert len(messages(stack.dead_letters)) == 1
