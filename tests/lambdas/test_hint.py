"""``hint``: an event of EC2 puts its scope on the queue; any other payload does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from lambdas import hint
from lambdas.clients import service
from lambdas.collecting.units import read_unit
from lambdas.settings import HintSettings
from lambdas.store.scopes import Attempt
from tests.builders import HOME, OHIO, OTHER
from tests.effort import examples
from tests.lambdas.aws import Stack, retire_others
from tests.lambdas.fakes import Clock, Wire, client_error
from truffle.core.model import Failure, FailureKind, Scope

Json = dict[str, Any]
Invoke = Callable[[object], None]

SAMPLES = sorted((Path(__file__).parent.parent / "samples" / "eventbridge").glob("*.json"))
IRELAND = Scope(HOME, "eu-west-1")
SECOND = timedelta(seconds=1)


@pytest.fixture
def invoke(
    stack: Stack, deploy: Callable[..., None], clock: Clock, context: Any
) -> Callable[[object], None]:
    """Invokes the function, in a stack whose runs cover Ohio in two accounts, and Ireland."""
    deploy(HintSettings)
    cover(stack, OHIO, Scope(OTHER, "us-east-2"), IRELAND)
    return lambda event: hint.handler(event, context)


def cover(stack: Stack, *scopes: Scope) -> None:
    """Have scopes known to the stack."""
    stack.scopes.groups.write(None, {HOME: 0, OTHER: 0})
    for scope in scopes:
        failure = Failure(
            scope=scope,
            failed_at=Clock().moment,
            kind=FailureKind.ERROR,
            code="Throttled",
            message="slow down",
        )
        stack.scopes.write_failure(failure, Attempt("run-1", 1.0))


def an_event(scope: Scope = OHIO, **facts: Any) -> Json:
    """A block that is delivered."""
    return {
        "source": "aws.ec2",
        "detail-type": "Capacity Block Delivered",
        "account": scope.account_id,
        "region": scope.region,
        "detail": {"capacity-reservation-id": "cr-1"},
        **facts,
    }


@pytest.fixture
def sent(stack: Stack, wire: Callable[[str], Wire]) -> Callable[[], list[tuple[Json, int]]]:
    """Each unit that was put on the queue, with its delay in seconds."""
    line = wire("sqs")
    return lambda: [
        (json.loads(call["MessageBody"]), call["DelaySeconds"])
        for call in line.parameters("SendMessage")
        if call["QueueUrl"] == stack.units
    ]


Sent = Callable[[], list[tuple[Json, int]]]


def test_an_event_has_its_scope_collected_at_once(invoke: Invoke, sent: Sent) -> None:
    invoke(an_event())
    ((unit, delay),) = sent()
    assert (unit["run_id"], unit["region"], unit["accounts"]) == (None, "us-east-2", [HOME])
    assert delay == 0


def test_a_hint_makes_at_most_three_calls_to_the_table(
    invoke: Invoke, sent: Sent, wire: Callable[[str], Wire]
) -> None:
    line = wire("dynamodb")
    for _ in range(3):
        line.calls.clear()
        invoke(an_event())
        assert 2 <= line.count() <= 3


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_documented_event_is_understood(path: Path, invoke: Invoke, sent: Sent) -> None:
    envelope = json.loads(path.read_text())
    invoke({**envelope, "account": HOME})
    assert [unit["region"] for unit, _ in sent()] == ["us-east-2"]


@pytest.mark.parametrize(
    "event",
    [
        an_event(Scope("999999999999", "us-east-2")),
        an_event(Scope(HOME, "us-west-2")),
        an_event(Scope(OTHER, "eu-west-1")),
    ],
)
def test_scopes_that_no_run_covers_are_left(
    event: Json, invoke: Invoke, sent: Sent, logs: Callable[[], str]
) -> None:
    invoke(event)
    assert sent() == []
    assert "hint ignored" in logs()
    assert "Capacity Block Delivered" in logs()


@pytest.mark.parametrize("event", [None, [], {}, "x", 7, {"detail": []}, [an_event()]])
def test_garbage_is_ignored_and_the_next_event_works(
    event: object, invoke: Invoke, sent: Sent
) -> None:
    invoke(event)
    assert sent() == []
    invoke(an_event())
    assert len(sent()) == 1


@given(event=st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner)))
@hypothesis_settings(
    max_examples=examples(30),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
)
def test_no_payload_raises(event: object, invoke: Invoke) -> None:
    invoke(event)


def test_a_burst_is_two_collections(invoke: Invoke, sent: Sent) -> None:
    """A block that ends warns of each of its instances."""
    for _ in range(64):
        invoke(an_event())
    assert [delay for _, delay in sent()] == [0, 2]


def test_the_second_collection_of_a_burst_begins_when_the_window_is_over(
    invoke: Invoke, sent: Sent, clock: Clock
) -> None:
    invoke(an_event())
    clock.advance(1.2 * SECOND)
    invoke(an_event())
    assert [delay for _, delay in sent()] == [0, 1]


def test_the_next_window_is_collected_at_once(invoke: Invoke, sent: Sent, clock: Clock) -> None:
    invoke(an_event())
    clock.advance(2 * SECOND)
    invoke(an_event())
    assert [delay for _, delay in sent()] == [0, 0]


def test_each_scope_has_its_own_windows(invoke: Invoke, sent: Sent) -> None:
    for scope in (OHIO, IRELAND, Scope(OTHER, "us-east-2")):
        invoke(an_event(scope))
    assert [(unit["accounts"], unit["region"], delay) for unit, delay in sent()] == [
        ([HOME], "us-east-2", 0),
        ([HOME], "eu-west-1", 0),
        ([OTHER], "us-east-2", 0),
    ]


def test_what_a_hint_leaves_in_the_table_expires(invoke: Invoke, stack: Stack) -> None:
    invoke(an_event())
    (left,) = [item for item in stack.items() if item["pk"]["S"] == "HINTS"]
    assert int(left["expires_at"]["N"]) > Clock().moment.timestamp()


def test_a_hint_that_cannot_be_put_on_the_queue_is_sent_when_it_comes_again(
    invoke: Invoke, sent: Sent, wire: Callable[[str], Wire]
) -> None:
    wire("sqs").fails_before(client_error("ServiceUnavailable", "SendMessage"), "SendMessage")
    with pytest.raises(Exception, match="ServiceUnavailable"):
        invoke(an_event())
    invoke(an_event())
    assert [delay for _, delay in sent()][-1] == 2


def test_a_retired_scope_is_covered_no_more(invoke: Invoke, sent: Sent, stack: Stack) -> None:
    retire_others(stack.scopes, "us-east-2/0", (), Clock().moment + SECOND)
    invoke(an_event())
    assert sent() == []


def test_the_message_is_one_that_collect_reads(invoke: Invoke, stack: Stack) -> None:
    invoke(an_event(IRELAND))
    answer = service("sqs").receive_message(QueueUrl=stack.units)
    unit = read_unit(answer["Messages"][0]["Body"])
    assert (unit.run_id, unit.scopes) == (None, [IRELAND])
