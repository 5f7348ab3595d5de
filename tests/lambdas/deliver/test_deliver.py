"""``deliver``: each message of a destination's queue is delivered once, retried, late, or set
aside."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas.delivery import channels
from sandbox.sink.destination import Destination, Reply
from tests.builders import DAY, an_event
from tests.lambdas.fakes import Killed, Wire, client_error
from tests.lambdas.office import REPORT, Office, bodies, numbered, pauses, put_secret
from truffle.core.events import Severity
from truffle.messages import slack
from truffle.messages.card import event_card

SECRET = "s3cr3t"


Counted = Callable[[str], list[float]]
WireTo = Callable[[str], Wire]


def die(*_: Any, **__: Any) -> None:
    raise Killed


# --- delivered once ------------------------------------------------------------------------------


def test_an_event_is_delivered_as_a_card(oncall: Office, sink: Destination) -> None:
    assert oncall.deliver("oncall", an_event()) == 0
    assert bodies(sink) == [slack.payload(event_card(an_event(), report_url=REPORT))]


def test_an_event_that_comes_again_is_delivered_once(oncall: Office, sink: Destination) -> None:
    for _ in range(3):
        assert oncall.deliver("oncall", an_event()) == 0
    assert len(sink.requests) == 1


def test_each_destination_gets_the_event(oncall: Office, sink: Destination) -> None:
    oncall.opens(night={"kind": "slack", "secret": "truffle/oncall"})
    oncall.invoke(oncall.mail("oncall", an_event()), oncall.mail("night", an_event()))
    assert len(sink.requests) == 2


def test_what_was_delivered_is_counted(oncall: Office, counted: Counted) -> None:
    oncall.deliver("oncall", numbered(1), numbered(2), numbered(1))
    assert counted("AlertsDelivered") == [1, 1]


def test_a_muted_event_is_done_without_a_word(
    oncall: Office, sink: Destination, logs: Callable[[], str]
) -> None:
    until = "2026-12-01T00:00:00Z"
    oncall.mutes = [{"reason": "planned drain", "until": until, "region": ["us-east-2"]}]
    oncall.write()
    assert oncall.deliver("oncall", an_event()) == 0
    assert sink.requests == []
    assert f"Muted until {until}: planned drain" in logs()


def test_a_mute_is_judged_at_the_time_of_the_event(oncall: Office, sink: Destination) -> None:
    until = "2026-11-24T13:00:00Z"
    oncall.mutes = [{"reason": "planned drain", "until": until, "region": ["us-east-2"]}]
    oncall.write()
    oncall.clock.advance(timedelta(hours=2))
    oncall.deliver("oncall", an_event())
    assert sink.requests == []


# --- late ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("minutes", "is_late"), [(0, False), (15, False), (16, True)])
def test_after_a_quarter_of_an_hour_an_alert_is_marked_as_late(
    oncall: Office, sink: Destination, minutes: int, is_late: bool
) -> None:
    late = timedelta(minutes=minutes)
    oncall.clock.advance(late)
    oncall.deliver("oncall", an_event())
    card = event_card(an_event(), report_url=REPORT, late=late if is_late else None)
    assert bodies(sink) == [slack.payload(card)]


def test_a_destination_that_was_down_for_an_hour_gets_each_event_once_and_late(
    oncall: Office, sink: Destination
) -> None:
    sink.replies = [Reply(503), Reply(503)]
    first, second = oncall.mail("oncall", numbered(1)), oncall.mail("oncall", numbered(2))
    assert oncall.invoke(first, second) == 2
    oncall.clock.advance(timedelta(hours=1))
    assert oncall.invoke(first.again(), second.again()) == 0
    cards = [
        event_card(numbered(number), report_url=REPORT, late=timedelta(hours=1))
        for number in (1, 2)
    ]
    assert bodies(sink)[2:] == [slack.payload(card) for card in cards]


# --- retried -------------------------------------------------------------------------------------


def test_one_that_fails_stays_on_the_queue_and_the_others_do_not(
    oncall: Office, sink: Destination
) -> None:
    sink.replies = [Reply(), Reply(500), Reply()]
    assert oncall.deliver("oncall", *map(numbered, range(3))) == 1
    assert len(sink.requests) == 3


def test_a_message_comes_back_after_five_seconds_and_then_later_and_later(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    sink.replies = [Reply(500)] * 9
    line, mailed = wire("sqs"), oncall.mail("oncall", an_event())
    for _ in range(9):
        assert oncall.invoke(mailed) == 1
        mailed = mailed.again()
    assert pauses(line) == [5, 10, 20, 40, 80, 160, 300, 300, 300]


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410, 429, 500, 503])
def test_every_refusal_is_tried_again(oncall: Office, sink: Destination, status: int) -> None:
    """A webhook that was revoked can be mended within the day."""
    sink.replies = [Reply(status)]
    mailed = oncall.mail("oncall", an_event())
    assert (oncall.invoke(mailed), oncall.invoke(mailed.again())) == (1, 0)
    assert len(sink.requests) == 2


@pytest.mark.parametrize("asked", ["7200", "999999", "9" * 20, "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize(
    ("severity", "seconds"),
    [
        (Severity.CRITICAL, 300),
        (Severity.WARNING, 1800),
        (Severity.GOOD, 7200),
        (Severity.INFO, 7200),
    ],
)
def test_a_long_retry_after_is_respected_as_far_as_the_severity_allows(
    oncall: Office, sink: Destination, wire: WireTo, asked: str, severity: Severity, seconds: int
) -> None:
    sink.replies = [Reply(429, "rate_limited", {"Retry-After": asked})]
    line = wire("sqs")
    assert oncall.deliver("oncall", an_event(severity=severity)) == 1
    assert pauses(line) == [seconds]


@pytest.mark.parametrize(("asked", "seconds"), [("30", 30), ("0", 5)])
def test_a_retry_after_is_respected(
    oncall: Office, sink: Destination, wire: WireTo, asked: str, seconds: int
) -> None:
    sink.replies = [Reply(429, "rate_limited", {"Retry-After": asked})]
    line = wire("sqs")
    assert oncall.deliver("oncall", an_event()) == 1
    assert pauses(line) == [seconds]


@pytest.mark.parametrize("asked", ["9" * 20, "86401", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_summary_comes_back_within_half_an_hour(
    oncall: Office, sink: Destination, wire: WireTo, asked: str
) -> None:
    sink.replies = [Reply(429, "rate_limited", {"Retry-After": asked})]
    line = wire("sqs")
    summary = {"daily_summary": {"scheduled_at": "2026-11-24T12:00:00Z"}}
    assert oncall.deliver("oncall", summary) == 1
    assert pauses(line) == [1800]


@pytest.mark.parametrize(
    ("name", "operation"), [("secretsmanager", "GetSecretValue"), ("dynamodb", "PutItem")]
)
def test_after_a_call_that_fails_the_next_attempt_delivers_once(
    oncall: Office, sink: Destination, wire: WireTo, name: str, operation: str
) -> None:
    wire(name).fails_before(client_error("InternalServiceError", operation), operation)
    mailed = oncall.mail("oncall", an_event())
    assert oncall.invoke(mailed) == 1
    assert sink.requests == []
    assert oncall.invoke(mailed.again()) == 0
    assert len(sink.requests) == 1


def test_a_failure_is_counted_and_in_the_log_with_its_reason(
    oncall: Office, sink: Destination, logs: Callable[[], str], counted: Counted
) -> None:
    sink.replies = [Reply(403, "invalid_token")]
    oncall.deliver("oncall", an_event())
    assert "oncall (slack) returned 403: invalid_token" in logs()
    assert sum(counted("DeliveriesFailed")) == 1


# --- killed --------------------------------------------------------------------------------------


def test_a_function_killed_before_it_posted_loses_nothing(
    oncall: Office, sink: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed = oncall.mail("oncall", an_event())
    with monkeypatch.context() as patch:
        patch.setattr(channels, "post", die)
        with pytest.raises(Killed):
            oncall.invoke(mailed, milliseconds=1)
    assert oncall.invoke(mailed.again()) == 0
    assert len(sink.requests) == 1


def test_what_another_function_is_telling_is_looked_at_again_in_five_seconds(
    oncall: Office, sink: Destination, wire: WireTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that was killed leaves its claim until its time would have been up."""
    mailed, line = oncall.mail("oncall", an_event()), wire("sqs")
    with monkeypatch.context() as patch:
        patch.setattr(channels, "post", die)
        with pytest.raises(Killed):
            oncall.invoke(mailed)
    again = mailed.again()
    for _ in range(3):
        assert oncall.invoke(again) == 1
        again = again.again()
    assert sink.requests == []
    assert pauses(line) == [5, 5, 5]


# --- secrets -------------------------------------------------------------------------------------


def test_a_secret_is_asked_for_once_in_five_minutes(oncall: Office, wire: WireTo) -> None:
    line = wire("secretsmanager")
    oncall.deliver("oncall", *map(numbered, range(3)))
    assert line.count("GetSecretValue") == 1


@pytest.mark.parametrize("status", [200, 302, 429, 500])
def test_no_log_contains_the_url_whatever_is_answered(
    oncall: Office, sink: Destination, logs: Callable[[], str], status: int
) -> None:
    sink.replies = [Reply(status, f"no such path: /services/T0/B0/{SECRET}")]
    oncall.deliver("oncall", an_event())
    assert len(sink.requests) == 1
    assert ('"delivered"' in logs()) == (status == 200)
    assert SECRET not in logs()


def test_no_dead_letter_contains_the_url(oncall: Office, sink: Destination) -> None:
    sink.replies = [Reply(404, f"no such path: /services/T0/B0/{SECRET}")]
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(2 * DAY)
    oncall.invoke(mailed)
    (dead,) = oncall.dead_letters("oncall")
    assert SECRET not in json.dumps(dead)


def test_a_url_that_must_not_be_called_fails_the_message(
    oncall: Office, logs: Callable[[], str]
) -> None:
    put_secret("truffle/oncall", f"http://hooks.slack.com/services/T0/B0/{SECRET}")
    assert oncall.deliver("oncall", an_event()) == 1
    assert "must begin with https" in logs()
    assert SECRET not in logs()


def test_an_unusable_secret_is_not_shown(oncall: Office, logs: Callable[[], str]) -> None:
    put_secret("truffle/oncall", f'{{"webhook": "{SECRET}"}}')
    assert oncall.deliver("oncall", an_event()) == 1
    assert "the secret truffle/oncall has no key url" in logs()
    assert SECRET not in logs()
