"""Messages that ``deliver`` gives up: when, with which reason, and how they come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from sandbox.sink.destination import Destination, Reply
from tests.builders import DAY, an_event
from tests.lambdas.fakes import Wire, client_error
from tests.lambdas.office import REPORT, Office, bodies
from truffle.core.events import to_message
from truffle.messages import slack
from truffle.messages.card import event_card

WireTo = Callable[[str], Wire]


# --- given up ------------------------------------------------------------------------------------


def test_after_a_day_a_message_that_fails_again_is_a_dead_letter_with_the_reason(
    oncall: Office, sink: Destination
) -> None:
    sink.replies = [Reply(410, "gone")] * 2
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(DAY - timedelta(seconds=1))
    assert oncall.invoke(mailed) == 1
    assert oncall.dead_letters("oncall") == []
    oncall.clock.advance(timedelta(seconds=1))
    assert oncall.invoke(mailed.again()) == 0
    (dead,) = oncall.dead_letters("oncall")
    assert json.loads(dead["Body"]) == to_message(an_event())
    reason = dead["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "oncall (slack) returned 410: gone"


def test_a_redriven_dead_letter_is_delivered_once_and_late(
    oncall: Office, sink: Destination
) -> None:
    oncall.clock.advance(3 * DAY)
    for _ in range(2):
        assert oncall.deliver("oncall", an_event()) == 0
    card = event_card(an_event(), report_url=REPORT, late=3 * DAY)
    assert bodies(sink) == [slack.payload(card)]


def test_a_redriven_dead_letter_has_another_day(oncall: Office, sink: Destination) -> None:
    sink.replies = [Reply(500)] * 2
    oncall.clock.advance(3 * DAY)
    mailed = oncall.mail("oncall", an_event())
    assert oncall.invoke(mailed) == 1
    oncall.clock.advance(DAY)
    assert oncall.invoke(mailed.again()) == 0
    assert len(oncall.dead_letters("oncall")) == 1


def test_a_message_whose_dead_letter_cannot_be_written_stays(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    sink.replies = [Reply(500)]
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(2 * DAY)
    wire("sqs").fails_before(client_error("Throttled", "SendMessage"), "SendMessage")
    assert oncall.invoke(mailed) == 1


def test_the_reason_of_a_dead_letter_is_a_sentence(
    oncall: Office, wire: WireTo, logs: Callable[[], str]
) -> None:
    wire("secretsmanager").fails_before(
        client_error("ResourceNotFoundException", "GetSecretValue"), "GetSecretValue"
    )
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(2 * DAY)
    assert oncall.invoke(mailed) == 0
    (dead,) = oncall.dead_letters("oncall")
    reason = dead["MessageAttributes"]["reason"]["StringValue"]
    start = "the secret truffle/oncall cannot be read: ResourceNotFoundException: "
    assert reason.startswith(start)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no json", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ("{}", "ValueError"),
        ("null", "TypeError"),
        ('{"version": 1}', "KeyError"),
        ('{"version": 2}', "message version 2"),
        ('{"test": {}}', "KeyError"),
        ('{"flush": {"run_id": 1}}', "must be a string"),
        ('{"daily_summary": {"scheduled_at": "soon"}}', "ValueError"),
        ('{"digest": {}}', "unknown kind of message 'digest'"),
    ],
)
def test_an_unreadable_message_is_a_dead_letter_and_the_others_go_on(
    oncall: Office, sink: Destination, text: str, reason: str
) -> None:
    assert oncall.deliver("oncall", text, an_event()) == 0
    (dead,) = oncall.dead_letters("oncall")
    assert dead["Body"] == text
    assert reason in dead["MessageAttributes"]["reason"]["StringValue"]
    assert len(sink.requests) == 1


def test_messages_for_a_destination_that_is_gone_are_dead_letters(
    oncall: Office, sink: Destination
) -> None:
    oncall.opens(other={"kind": "slack", "secret": "truffle/oncall"})
    oncall.write("oncall")
    assert oncall.deliver("oncall", an_event()) == 0
    (dead,) = oncall.dead_letters("oncall")
    reason = dead["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "destination oncall no longer exists"
    assert sink.requests == []


def test_messages_of_an_unknown_queue_are_dead_letters(oncall: Office) -> None:
    queue = oncall.stack.destination("unknown").name
    assert oncall.deliver("unknown", an_event()) == 0
    (dead,) = oncall.dead_letters("unknown")
    reason = dead["MessageAttributes"]["reason"]["StringValue"]
    assert reason == f"no destination has the queue {queue}"
