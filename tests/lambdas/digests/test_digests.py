"""Events of one run for one destination: buffered until it is over, then delivered together or one
by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from sandbox.sink.destination import Destination
from tests.builders import a_run
from tests.lambdas.digests.builders import QUIET, digest, finish, flushes, put_aside, single
from tests.lambdas.fakes import Wire
from tests.lambdas.office import REPORT, RUN, Office, bodies, numbered, of_run, pauses, put_secret
from truffle.messages import slack
from truffle.messages.card import event_card

WireTo = Callable[[str], Wire]


# --- which and when ------------------------------------------------------------------------------


def test_many_events_of_a_run_are_one_digest(oncall: Office, sink: Destination) -> None:
    put_aside(oncall, range(4))
    finish(oncall)
    assert oncall.flush("oncall") == 0
    assert bodies(sink) == [digest(0, 1, 2, 3)]


def test_few_events_of_a_run_are_delivered_one_by_one(oncall: Office, sink: Destination) -> None:
    put_aside(oncall, range(3))
    finish(oncall)
    assert oncall.flush("oncall") == 0
    assert bodies(sink) == [single(number) for number in range(3)]


def test_many_events_of_one_listing_are_a_digest_without_any_run(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    """All blocks end at the same minute, at which one-time schedules have them collected."""
    line = wire("sqs")
    messages = [of_run(number, None, events_of_listing=4) for number in range(4)]
    assert oncall.deliver("oncall", *messages) == 0
    [(flush, delay)] = flushes(line)
    assert (sink.requests, delay) == ([], 5)
    oncall.clock.advance(QUIET)
    assert oncall.deliver("oncall", flush) == 0
    assert len(bodies(sink)) == 1
    assert "4 events" in json.dumps(bodies(sink))


def test_few_events_of_one_listing_without_a_run_are_delivered_at_once(
    oncall: Office, sink: Destination
) -> None:
    assert oncall.deliver("oncall", of_run(1, None, events_of_listing=3)) == 0
    assert bodies(sink) == [slack.payload(event_card(numbered(1), report_url=REPORT))]


def test_one_flush_is_sent_for_the_events_of_a_run(oncall: Office, wire: WireTo) -> None:
    line = wire("sqs")
    put_aside(oncall, range(4))
    assert flushes(line) == [({"flush": {"run_id": RUN}}, 5)]


def test_nothing_is_delivered_before_the_run_is_over(
    oncall: Office, sink: Destination, wire: WireTo
) -> None:
    put_aside(oncall, range(4))
    line = wire("sqs")
    flush = oncall.mail("oncall", {"flush": {"run_id": RUN}})
    assert (oncall.invoke(flush), oncall.invoke(flush.again())) == (1, 1)
    assert pauses(line) == [5, 5]
    assert sink.requests == []


def test_nothing_is_delivered_while_events_still_come(oncall: Office, sink: Destination) -> None:
    """The last events of a run are on their way when it is over."""
    finish(oncall)
    oncall.deliver("oncall", of_run(1))
    assert oncall.flush("oncall") == 1
    oncall.clock.advance(QUIET)
    assert oncall.flush("oncall") == 0
    assert bodies(sink) == [single(1)]


def test_a_run_that_never_ends_is_waited_for_for_a_quarter_of_an_hour(
    oncall: Office, sink: Destination
) -> None:
    put_aside(oncall, range(4))
    oncall.clock.advance(timedelta(minutes=14))
    assert oncall.flush("oncall") == 1
    oncall.clock.advance(timedelta(minutes=1))
    assert oncall.flush("oncall") == 0
    assert len(sink.requests) == 1


@pytest.mark.parametrize("run_id", [None, "unknown"])
def test_an_event_without_a_run_is_delivered_at_once(
    oncall: Office, sink: Destination, run_id: str | None
) -> None:
    assert oncall.deliver("oncall", of_run(1, run_id)) == 0
    assert bodies(sink) == [single(1)]


def test_without_digests_an_event_is_delivered_at_once(office: Office, sink: Destination) -> None:
    put_secret("truffle/oncall", sink.url())
    office.opens(oncall={"kind": "slack", "secret": "truffle/oncall"})
    office.opens_run(a_run(run_id=RUN, pending=frozenset({"us-east-1"})))
    assert office.deliver("oncall", of_run(1)) == 0
    assert bodies(sink) == [single(1)]


def test_what_is_muted_is_in_no_digest(oncall: Office, sink: Destination) -> None:
    oncall.mutes = [{"reason": "drain", "until": "2026-12-01T00:00:00Z", "region": ["us-east-2"]}]
    oncall.write()
    put_aside(oncall, range(4))
    finish(oncall)
    oncall.flush("oncall")
    assert sink.requests == []


def test_two_destinations_have_digests_of_their_own(oncall: Office, sink: Destination) -> None:
    oncall.opens(night={"kind": "slack", "secret": "truffle/oncall", "digest_above": 1})
    for number in range(2):
        oncall.deliver("oncall", of_run(number))
        oncall.deliver("night", of_run(number))
    oncall.clock.advance(QUIET)
    finish(oncall)
    assert (oncall.flush("oncall"), oncall.flush("night")) == (0, 0)
    assert bodies(sink) == [single(0), single(1), digest(0, 1)]
