"""The deliveries of an event, recorded for ``truffle alerts explain``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.clients import service
from lambdas.store.deliveries import DeliveryStore
from sandbox.sink.destination import Destination, Reply
from tests.builders import DAY, a_run, an_event
from tests.lambdas.fakes import Wire, client_error
from tests.lambdas.office import RUN, Office, numbered, of_run, put_secret
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery

QUIET = timedelta(seconds=5)


@pytest.fixture
def oncall(office: Office, sink: Destination) -> Office:
    put_secret("truffle/oncall", sink.url())
    office.opens(oncall={"kind": "slack", "secret": "truffle/oncall", "digest_above": 3})
    office.opens_run(a_run(run_id=RUN, pending=frozenset({"us-east-1"})))
    return office


def became(office: Office, event_id: str) -> ExplainedDelivery | None:
    store = DeliveryStore(service("dynamodb"), office.stack.table)
    return store.of_event(event_id).get("oncall")


def status(office: Office, number: int) -> DeliveryStatus | None:
    found = became(office, numbered(number).event_id)
    return None if found is None else found.status


def test_nothing_is_recorded_of_what_is_muted(oncall: Office) -> None:
    oncall.mutes = [{"reason": "drain", "until": "2026-12-01T00:00:00Z", "region": ["us-east-2"]}]
    oncall.write()
    oncall.deliver("oncall", an_event())
    assert became(oncall, an_event().event_id) is None


def test_what_was_delivered_is_so_since_the_first_time(oncall: Office) -> None:
    noon = oncall.clock()
    oncall.deliver("oncall", an_event())
    oncall.clock.advance(DAY)
    oncall.deliver("oncall", an_event())
    assert became(oncall, an_event().event_id) == ExplainedDelivery(DeliveryStatus.DELIVERED, noon)


def test_a_failed_attempt_has_the_response_and_the_time_of_the_next(
    oncall: Office, sink: Destination
) -> None:
    sink.replies = [Reply(403, "invalid_token")] * 2
    mailed = oncall.mail("oncall", an_event())
    oncall.invoke(mailed)
    oncall.invoke(mailed.again())
    noon = oncall.clock()
    assert became(oncall, an_event().event_id) == ExplainedDelivery(
        DeliveryStatus.RETRYING,
        noon,
        2,
        "oncall (slack) returned 403: invalid_token",
        noon + timedelta(seconds=10),
    )
    oncall.invoke(mailed.again().again())
    assert became(oncall, an_event().event_id) == ExplainedDelivery(DeliveryStatus.DELIVERED, noon)


def test_a_destination_without_its_secret_is_retried_and_not_sent(
    oncall: Office, wire: Callable[[str], Wire]
) -> None:
    error = client_error("ResourceNotFoundException", "GetSecretValue")
    wire("secretsmanager").fails_before(error, "GetSecretValue")
    oncall.deliver("oncall", an_event())
    found = became(oncall, an_event().event_id)
    assert found is not None
    assert found.status is DeliveryStatus.RETRYING
    assert "truffle/oncall cannot be read: ResourceNotFoundException: " in (found.detail or "")


def test_a_dead_letter_says_why(oncall: Office, sink: Destination) -> None:
    sink.replies = [Reply(410, "gone")]
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(DAY)
    oncall.invoke(mailed)
    found = became(oncall, an_event().event_id)
    reason = "oncall (slack) returned 410: gone"
    assert found == ExplainedDelivery(DeliveryStatus.DEAD_LETTER, oncall.clock(), 1, reason)


def test_a_dead_letter_that_is_put_back_is_delivered(oncall: Office, sink: Destination) -> None:
    sink.replies = [Reply(410, "gone")]
    mailed = oncall.mail("oncall", an_event())
    oncall.clock.advance(DAY)
    oncall.invoke(mailed)
    oncall.deliver("oncall", an_event())
    found = became(oncall, an_event().event_id)
    assert found == ExplainedDelivery(DeliveryStatus.DELIVERED, oncall.clock())


def test_the_events_of_a_run_wait_and_are_delivered_in_a_digest(oncall: Office) -> None:
    oncall.deliver("oncall", *(of_run(number) for number in range(4)))
    assert [status(oncall, it) for it in range(4)] == [DeliveryStatus.WAITING] * 4
    oncall.clock.advance(QUIET)
    oncall.finishes_run(a_run(run_id=RUN))
    oncall.flush("oncall")
    assert [became(oncall, numbered(it).event_id) for it in range(4)] == [
        ExplainedDelivery(
            DeliveryStatus.DELIVERED, oncall.clock(), detail="In a digest of 4 events."
        )
    ] * 4


def test_few_events_of_a_run_wait_and_are_delivered_one_by_one(oncall: Office) -> None:
    oncall.deliver("oncall", of_run(1))
    oncall.clock.advance(QUIET)
    oncall.finishes_run(a_run(run_id=RUN))
    oncall.flush("oncall")
    found = became(oncall, numbered(1).event_id)
    assert found == ExplainedDelivery(DeliveryStatus.DELIVERED, oncall.clock())


def test_the_events_of_a_digest_that_is_refused_are_retried(
    oncall: Office, sink: Destination
) -> None:
    oncall.deliver("oncall", *(of_run(number) for number in range(4)))
    oncall.clock.advance(QUIET)
    oncall.finishes_run(a_run(run_id=RUN))
    sink.replies = [Reply(403, "no")]
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    oncall.invoke(flush)
    found = became(oncall, numbered(2).event_id)
    assert found is not None
    assert (found.status, found.detail) == (
        DeliveryStatus.RETRYING,
        "oncall (slack) returned 403: no",
    )
    oncall.invoke(flush.again())
    assert status(oncall, 2) is DeliveryStatus.DELIVERED


def test_an_event_that_comes_after_its_run_s_refused_digest_waits(
    oncall: Office, sink: Destination
) -> None:
    oncall.deliver("oncall", *(of_run(number) for number in range(4)))
    oncall.clock.advance(QUIET)
    oncall.finishes_run(a_run(run_id=RUN))
    sink.replies = [Reply(403, "no")]
    oncall.flush("oncall")
    oncall.clock.advance(QUIET)
    oncall.deliver("oncall", of_run(7))
    assert status(oncall, 7) is DeliveryStatus.WAITING
    assert status(oncall, 1) is DeliveryStatus.RETRYING


def test_a_record_that_cannot_be_written_sends_nothing_twice(
    oncall: Office, sink: Destination, wire: Callable[[str], Wire]
) -> None:
    mailed = oncall.mail("oncall", an_event())
    error = client_error("ProvisionedThroughputExceededException", "PutItem")
    wire("dynamodb").fails_before(error, "PutItem", call=2)
    assert oncall.invoke(mailed) == 1
    assert oncall.invoke(mailed.again()) == 0
    assert len(sink.requests) == 1
    assert became(oncall, an_event().event_id) == ExplainedDelivery(
        DeliveryStatus.DELIVERED, oncall.clock()
    )
