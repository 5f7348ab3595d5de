"""Scopes that fail, or succeed again, with one cause: people get one digest of them."""

from __future__ import annotations

import json

import pytest

from sandbox.sink.destination import Destination
from tests.builders import a_run, a_scope_event
from tests.lambdas.digests.builders import QUIET, finish
from tests.lambdas.office import RUN, Office, bodies, of_run, put_secret
from truffle.core.codec import Json
from truffle.core.events import to_message


def failing(number: int) -> Json:
    event = a_scope_event(event_id=f"{number:032}", account_id=f"{number:012}")
    return {**to_message(event), "run_id": RUN}


@pytest.fixture
def people(office: Office, sink: Destination) -> Office:
    """A destination without a limit of its own, and a run that is not over."""
    put_secret("truffle/oncall", sink.url())
    office.opens(oncall={"kind": "slack", "secret": "truffle/oncall"})
    office.opens_run(a_run(run_id=RUN, pending=frozenset({"us-east-1"})))
    return office


def deliver(people: Office, *messages: Json) -> None:
    assert people.deliver("oncall", *messages) == 0
    people.clock.advance(QUIET)


def test_a_policy_that_closes_many_scopes_is_one_digest(people: Office, sink: Destination) -> None:
    deliver(people, *map(failing, range(11)))
    finish(people)
    assert people.flush("oncall") == 0
    [body] = bodies(sink)
    assert "11 events" in json.dumps(body)


def test_some_failing_scopes_are_a_message_each(people: Office, sink: Destination) -> None:
    deliver(people, *map(failing, range(10)))
    finish(people)
    assert people.flush("oncall") == 0
    assert len(bodies(sink)) == 10


def test_other_events_wait_for_no_end_of_a_run(people: Office, sink: Destination) -> None:
    deliver(people, *map(of_run, range(12)))
    assert len(bodies(sink)) == 12


def test_programs_get_an_event_each_at_once(people: Office, sink: Destination) -> None:
    put_secret("truffle/hook", json.dumps({"url": sink.url(), "key": "k" * 32}))
    people.opens(oncall={"kind": "https", "secret": "truffle/hook"})
    deliver(people, *map(failing, range(12)))
    assert len(sink.requests) == 12
