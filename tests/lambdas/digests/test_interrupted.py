"""Digests whose functions are killed, repeated or late: each event is delivered once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, cast

import pytest

from lambdas import wiring
from lambdas.delivery import deliverer
from lambdas.delivery.channels import Alert, Channels
from lambdas.delivery.queue_message import QueueMessage
from lambdas.store.digest_buffer import DigestBatch, DigestBuffer
from sandbox.sink.destination import Destination, Reply
from tests.effort import seeds, some
from tests.lambdas.digests.builders import QUIET, digest, finish, flushes, put_aside, single
from tests.lambdas.fakes import Killed, Wire, client_error
from tests.lambdas.office import RUN, Mailed, Office, bodies, of_run, pauses
from truffle.core.events import Event

WireTo = Callable[[str], Wire]


# --- once ----------------------------------------------------------------------------------------


def test_a_flush_that_comes_twice_delivers_once(oncall: Office, sink: Destination) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    assert (oncall.flush("oncall"), oncall.flush("oncall")) == (0, 0)
    assert len(sink.requests) == 1


@pytest.mark.parametrize("events", [2, 5])
def test_an_event_repeated_after_the_flush_is_not_delivered_again(
    oncall: Office, sink: Destination, events: int
) -> None:
    put_aside(oncall, range(events))
    finish(oncall)
    oncall.flush("oncall")
    delivered = len(sink.requests)
    put_aside(oncall, range(events))
    assert oncall.flush("oncall") == 0
    assert len(sink.requests) == delivered


def test_an_event_that_first_comes_after_the_flush_is_delivered_by_another_one(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    oncall.flush("oncall")
    line = wire("sqs")
    put_aside(oncall, [7])
    assert len(flushes(line)) == 1
    assert oncall.flush("oncall") == 0
    assert bodies(sink) == [digest(0, 1, 2, 3), single(7)]


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("is_last_look", [False, True])
def test_an_event_that_comes_during_a_flush_is_delivered_once_by_it_or_by_another(
    oncall: Office,
    sink: Destination,
    wire: WireTo,
    monkeypatch: pytest.MonkeyPatch,
    is_last_look: bool,
) -> None:
    """It comes after the flush has read, and cannot know whether it reads again."""
    put_aside(oncall, range(4))
    finish(oncall)
    line, look, late = wire("sqs"), DigestBuffer.next_batch, [of_run(7)]

    def look_and_wait(
        store: DigestBuffer, name: str, run_id: str, at: datetime
    ) -> DigestBatch | None:
        seen = look(store, name, run_id, at)
        if late and (seen is None) is is_last_look:
            assert oncall.deliver("oncall", late.pop()) == 0
        return seen

    monkeypatch.setattr(DigestBuffer, "next_batch", look_and_wait)
    oncall.flush("oncall")
    assert len(flushes(line)) == 1
    oncall.clock.advance(QUIET)
    oncall.flush("oncall")
    assert bodies(sink) == [digest(0, 1, 2, 3), single(7)]


# --- crashes -------------------------------------------------------------------------------------


def killed_at(office: Office, line: Wire, operation: str, call: int, mailed: Mailed) -> bool:
    """Whether the function was killed right after a call of an operation took effect."""
    line.fails_after(Killed(), operation, call=call)
    try:
        office.invoke(mailed, milliseconds=1)
    except Killed:
        return True
    finally:
        line.mends()
    return False


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem"])
def test_an_event_whose_function_is_killed_while_it_is_put_aside_still_gets_a_flush(
    oncall: Office, sink: Destination, wire: WireTo, operation: str
) -> None:
    mailed = oncall.mail("oncall", of_run(1))
    assert killed_at(oncall, wire("dynamodb"), operation, 1, mailed)
    line = wire("sqs")
    assert oncall.invoke(mailed.again()) == 0
    assert len(flushes(line)) == 1
    oncall.clock.advance(QUIET)
    finish(oncall)
    oncall.flush("oncall")
    assert bodies(sink) == [single(1)]


def test_another_event_may_rely_on_a_flush_whose_sender_was_killed(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    """The sender's own event comes again, and sends it."""
    first = oncall.mail("oncall", of_run(1))
    assert killed_at(oncall, wire("dynamodb"), "UpdateItem", 1, first)
    line = wire("sqs")
    oncall.deliver("oncall", of_run(2))
    assert flushes(line) == []
    oncall.invoke(first.again())
    assert len(flushes(line)) == 1


@pytest.mark.parametrize(
    ("operation", "call", "events"), some(5, ("PutItem", "UpdateItem"), range(1, 7), (2, 4))
)
def test_a_flush_that_is_killed_anywhere_is_finished_by_its_next_delivery(
    oncall: Office, sink: Destination, wire: WireTo, operation: str, call: int, events: int
) -> None:
    """Except between the POST and its record, everything is delivered once."""
    put_aside(oncall, range(events))
    finish(oncall)
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    killed_at(oncall, wire("dynamodb"), operation, call, flush)
    assert oncall.invoke(flush.again()) == 0
    delivered = [json.dumps(body) for body in bodies(sink)]
    expected = [digest(*range(events))] if events > 3 else [single(it) for it in range(events)]
    assert sorted(delivered) == sorted(json.dumps(body) for body in expected)


def test_a_flush_whose_destination_is_down_is_tried_again(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    sink.replies = [Reply(503), Reply(503)]
    line = wire("sqs")
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    results = []
    for _ in range(3):
        results.append(oncall.invoke(flush))
        flush = flush.again()
    assert results == [1, 1, 0]
    assert pauses(line) == [5, 10]
    assert len(sink.requests) == 3


def test_events_that_a_flush_delivered_are_not_delivered_again(
    oncall: Office, sink: Destination
) -> None:
    put_aside(oncall, range(3))
    finish(oncall)
    sink.replies = [Reply(), Reply(503)]
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    assert (oncall.invoke(flush), oncall.invoke(flush.again())) == (1, 0)
    assert bodies(sink) == [single(0), single(1), single(1), single(2)]


def test_a_batch_too_slow_for_one_invocation_is_delivered_in_several(
    oncall: Office, sink: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(oncall, range(3))
    finish(oncall)
    monkeypatch.setattr(deliverer, "monotonic", count(step=20).__next__)
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    assert (oncall.invoke(flush), oncall.invoke(flush.again())) == (1, 1)
    monkeypatch.setattr(deliverer, "monotonic", lambda: 0)
    assert oncall.invoke(flush.again().again()) == 0
    assert bodies(sink) == [single(0), single(1), single(2)]


def test_an_event_between_the_deliveries_of_a_flush_is_delivered_once(
    oncall: Office, sink: Destination
) -> None:
    """The failed digest is delivered unchanged; later events follow it."""
    put_aside(oncall, range(4))
    finish(oncall)
    sink.replies = [Reply(503)]
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    assert oncall.invoke(flush) == 1
    put_aside(oncall, [4])
    assert oncall.invoke(flush.again()) == 0
    assert bodies(sink)[1:] == [digest(0, 1, 2, 3), single(4)]


def test_a_flush_that_is_given_up_is_a_dead_letter_that_can_be_put_back(
    oncall: Office, sink: Destination
) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    sink.replies = [Reply(503)]
    oncall.clock.advance(timedelta(days=2))
    assert oncall.invoke(flush) == 0
    (dead,) = oncall.dead_letters("oncall")
    assert oncall.deliver("oncall", dead["Body"]) == 0
    assert "4 events" in json.dumps(bodies(sink)[-1])


def test_a_call_that_fails_leaves_the_event_on_its_queue(oncall: Office, wire: WireTo) -> None:
    error = client_error("ProvisionedThroughputExceededException", "PutItem")
    wire("dynamodb").fails_before(error, "PutItem")
    assert oncall.deliver("oncall", of_run(1)) == 1


def test_a_digest_that_two_functions_send_at_once_is_delivered_once(
    oncall: Office, sink: Destination, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    show, other = Channels.show, oncall.mail("oncall", {"flush": {"run_id": RUN}})

    def meanwhile(*arguments: Any) -> bool:
        monkeypatch.setattr(Channels, "show", show)
        assert oncall.invoke(other) == 1
        return show(*arguments)

    monkeypatch.setattr(Channels, "show", meanwhile)
    assert oncall.flush("oncall") == 0
    assert oncall.invoke(other.again()) == 0
    assert len(sink.requests) == 1


# --- any order at all ----------------------------------------------------------------------------


@dataclass
class Chaos:
    """A queue that delivers in any order and more than once, to a function that is killed after any
    of its writes; its messages are recorded instead of sent."""

    office: Office
    line: Wire
    random: Random
    live: list[Mailed] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)

    def send(self, _arn: str, body: str, _delay: timedelta) -> None:
        """Queue a message of the function, which may be killed before or after that."""
        if self.random.random() < 0.1:
            raise Killed
        self.live.append(self.office.mail("oncall", body))
        if self.random.random() < 0.1:
            raise Killed

    def hide(self, _message: QueueMessage, _pause: timedelta) -> None:
        """A message that is not done comes again in any case."""

    def deliver(self, _destination: Any, alert: Alert) -> bool:
        self.delivered.append(alert.event.event_id)
        return True

    def show(self, _destination: Any, events: list[Event]) -> bool:
        self.delivered += [event.event_id for event in events]
        return True

    def step(self) -> None:
        """One delivery of some message, whose function may be killed; the clock goes on."""
        mailed = self.random.choice(self.live)
        self.live.remove(mailed)
        if self.random.random() < 0.3:
            operation = self.random.choice(["PutItem", "UpdateItem"])
            self.line.fails_after(Killed(), operation, call=self.random.randint(1, 4))
        try:
            failed = self.office.invoke(mailed, milliseconds=1) == 1
        except Killed:
            failed = True
        self.line.mends()
        if failed or self.random.random() < 0.2:
            self.live.append(mailed.again())
        self.office.clock.advance(timedelta(seconds=self.random.choice([0, 1, 6])))


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("seed", seeds(1))
def test_repeated_reordered_or_killed_each_event_is_delivered_once(
    oncall: Office, wire: WireTo, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chaos = Chaos(oncall, wire("dynamodb"), Random(seed))
    parts, fake = wiring.deliver(), cast(Any, chaos)
    parts.deliverer = replace(parts.deliverer, queues=fake, channels=fake)
    monkeypatch.setattr(deliverer, "digest_card", lambda events, **_: events)
    coming = [of_run(number) for number in range(9)]
    finishes_at = chaos.random.randint(0, len(coming))
    while coming:
        if len(coming) == finishes_at:
            finish(oncall)
        chaos.live.append(oncall.mail("oncall", coming.pop()))
        for _ in range(chaos.random.randint(0, 4)):
            if chaos.live:
                chaos.step()
    finish(oncall)
    for _ in range(400):
        if not chaos.live:
            break
        chaos.step()
    assert chaos.live == []
    assert sorted(chaos.delivered) == [f"{number:032}" for number in range(9)]
