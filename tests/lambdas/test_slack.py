"""``slack``: a card for every event of its queue, once, at the pace that Slack asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdas import slack
from lambdas.clients import service
from lambdas.settings import SlackSettings
from lambdas.slack import webhook_url
from tests.builders import an_event
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import FakeContext, Killed, Wire, client_error
from tests.lambdas.https import Destination, Reply, listening
from truffle.core.events import Event, to_message
from truffle.messages.card import event_card
from truffle.messages.slack import payload

SECRET = "s3cr3t"

Deploy = Callable[..., None]
Invoke = Callable[..., int]
WireTo = Callable[[str], Wire]


@pytest.fixture
def destination(
    tmp_path: Path, stack: Stack, trust: Callable[[Destination], None]
) -> Iterator[Destination]:
    """Slack, whose URL is in the secret."""
    with listening(tmp_path) as made:
        trust(made)
        put_secret(stack, made.url())
        yield made


@pytest.fixture
def invoke(stack: Stack, deploy: Deploy, destination: Destination) -> Invoke:
    """Invokes the function with these bodies; gives how many of them it reports as failed."""
    deploy(SlackSettings)

    def start(*bodies: str, milliseconds: int = 60_000) -> int:
        for body in bodies:
            service("sqs").send_message(QueueUrl=stack.cards, MessageBody=body)
        context: Any = FakeContext(remaining_milliseconds=milliseconds)
        answer = slack.handler(deliver(stack.cards), context)
        return len(answer["batchItemFailures"])

    return start


def put_secret(stack: Stack, text: str) -> None:
    service("secretsmanager").put_secret_value(SecretId=stack.secret, SecretString=text)


def body(event: Event | None = None) -> str:
    """A message of the queue."""
    return json.dumps(to_message(event or an_event()))


def cards(destination: Destination) -> list[Any]:
    return [json.loads(request.body) for request in destination.requests]


def delays(line: Wire) -> list[int]:
    return [call["VisibilityTimeout"] for call in line.parameters("ChangeMessageVisibility")]


def test_an_event_is_posted_as_a_card(destination: Destination, invoke: Invoke) -> None:
    assert invoke(body()) == 0
    assert cards(destination) == [payload(event_card(an_event()))]


def test_an_event_that_comes_again_is_not_posted_again(
    destination: Destination, invoke: Invoke
) -> None:
    invoke(body())
    assert invoke(body()) == 0
    assert len(destination.requests) == 1


def test_one_card_that_fails_stays_on_the_queue_and_the_others_do_not(
    destination: Destination, invoke: Invoke
) -> None:
    destination.replies = [Reply(), Reply(500), Reply()]
    bodies = [body(an_event(event_id=f"event-{number}")) for number in range(3)]
    assert invoke(*bodies) == 1
    assert len(destination.requests) == 3


def test_slacks_retry_after_is_respected(
    destination: Destination, invoke: Invoke, wire: WireTo
) -> None:
    destination.replies = [Reply(429, "rate_limited", {"Retry-After": "30"})]
    line = wire("sqs")
    assert invoke(body()) == 1
    assert delays(line) == [30]


def test_a_very_long_retry_after_is_as_long_as_sqs_can_hide_a_message(
    destination: Destination, invoke: Invoke, wire: WireTo
) -> None:
    destination.replies = [Reply(429, headers={"Retry-After": "999999"})]
    line = wire("sqs")
    assert invoke(body()) == 1
    assert delays(line) == [11 * 3600]


@pytest.mark.parametrize("status", [302, 400, 403, 404, 429, 500, 503])
def test_without_a_retry_after_the_queues_own_pace_holds(
    destination: Destination, invoke: Invoke, wire: WireTo, status: int
) -> None:
    destination.replies = [Reply(status)]
    line = wire("sqs")
    assert invoke(body()) == 1
    assert delays(line) == []


def test_a_card_that_failed_is_posted_by_the_next_delivery(
    destination: Destination, invoke: Invoke
) -> None:
    destination.replies = [Reply(429, headers={"Retry-After": "1"}), Reply(500)]
    assert [invoke(body()), invoke(body()), invoke(body()), invoke(body())] == [1, 1, 0, 0]
    assert len(destination.requests) == 3


@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"event_id": "e"}'])
@pytest.mark.filterwarnings("ignore:No value found for idempotency_key")
def test_a_message_that_is_no_event_fails_alone(
    destination: Destination, invoke: Invoke, text: str
) -> None:
    assert invoke(text, body()) == 1
    assert len(destination.requests) == 1


@pytest.mark.parametrize(
    ("name", "operation"), [("secretsmanager", "GetSecretValue"), ("dynamodb", "PutItem")]
)
def test_a_call_that_fails_once_posts_nothing_and_the_next_delivery_posts_once(
    destination: Destination, invoke: Invoke, wire: WireTo, name: str, operation: str
) -> None:
    line = wire(name) if name == "dynamodb" else Wire(slack._secrets().client)
    line.fails_before(client_error("InternalServiceError", operation), operation)
    assert invoke(body()) == 1
    assert destination.requests == []
    assert invoke(body()) == 0
    assert len(destination.requests) == 1


def test_a_function_killed_before_it_posted_loses_nothing(
    destination: Destination, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(slack, "post", die)
        with pytest.raises(Killed):
            invoke(body(), milliseconds=1)
    assert invoke(body()) == 0
    assert len(destination.requests) == 1


def test_a_card_that_another_function_is_posting_is_left_to_it(
    destination: Destination, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(slack, "post", die)
        with pytest.raises(Killed):
            invoke(body())
    assert invoke(body()) == 1
    assert destination.requests == []


def test_a_url_that_must_not_be_called_fails_the_card(
    stack: Stack, destination: Destination, invoke: Invoke
) -> None:
    put_secret(stack, "http://hooks.slack.com/services/T0/B0/s3cr3t")
    assert invoke(body()) == 1


@pytest.mark.parametrize(
    "secret",
    [
        "https://hooks.slack.com/services/x",
        "  https://hooks.slack.com/services/x\n",
        '{"url": "https://hooks.slack.com/services/x"}',
        '\n{"url": "https://hooks.slack.com/services/x", "channel": "#gpus"}',
    ],
)
def test_a_secret_is_the_url_or_json_with_it(secret: str) -> None:
    assert webhook_url(secret) == "https://hooks.slack.com/services/x"


@pytest.mark.parametrize("status", [200, 302, 429, 500])
def test_no_log_contains_the_url_whatever_slack_answers(
    destination: Destination, invoke: Invoke, logs: Callable[[], str], status: int
) -> None:
    destination.replies = [Reply(status)]
    invoke(body())
    assert len(destination.requests) == 1
    assert ("posted" in logs()) == (status == 200)
    assert SECRET not in logs()


def test_a_failure_is_in_the_log_with_its_reason(
    destination: Destination, invoke: Invoke, logs: Callable[[], str]
) -> None:
    destination.replies = [Reply(403, "invalid_token")]
    invoke(body())
    assert "Slack answered 403: invalid_token" in logs()
