"""``collect``: retries of a unit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.clients import service
from lambdas.collecting.units import latest_message
from tests.builders import HOME, NOON, OHIO, OTHER
from tests.lambdas.aws import Stack, messages, show_again
from tests.lambdas.collect.builders import OTHER_OHIO, open_run, run_of
from tests.lambdas.fakes import (
    LISTING,
    Clock,
    FakeContext,
    Fleet,
    Wire,
    a_raw_odcr,
    client_error,
)
from truffle.core.runs import WriteLatest

Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[[], list[str]]
WireTo = Callable[[str], Wire]


pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


# --- retries and lost runs -----------------------------------------------------------------------


def listed(fleet: Fleet) -> list[str]:
    return [scope.account_id for scope, operation in fleet.asked if operation == LISTING]


def test_a_retry_lists_only_the_scopes_that_failed_and_closes_nothing_again(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, wire: WireTo
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    fleet.fails(OTHER_OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    assert lambda_() == ["us-east-2"]
    fleet.asked.clear()
    line = wire("s3")
    clock.advance(timedelta(seconds=15))
    show_again(stack.units)
    assert lambda_() == ["us-east-2"]
    assert listed(fleet) == [OTHER]
    written = [call["Key"] for call in line.parameters("PutObject")]
    assert [key for key in written if not key.startswith("snapshots/")] == []


def test_a_retry_that_succeeds_updates_the_manifest(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock
) -> None:
    fleet.fails(OTHER_OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    lambda_()
    fleet.recovers()
    clock.advance(timedelta(seconds=15))
    show_again(stack.units)
    assert lambda_() == []
    assert stack.document("runs/dt=2026-11-24/run-1.json")["counts"]["succeeded"] == 2


def test_a_retry_of_which_nothing_is_left_to_list_still_closes_its_run(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, wire: WireTo
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    runs = open_run(stack, "us-east-2")
    wire("s3").fails_before(client_error("AccessDenied", "PutObject"), "PutObject", call=2)
    assert lambda_() == ["us-east-2"]
    fleet.asked.clear()
    clock.advance(timedelta(minutes=4))
    show_again(stack.units)
    assert lambda_() == []
    assert (listed(fleet), run_of(runs).succeeded) == ([], 1)


def test_a_latest_inventory_that_is_refused_comes_back_soon(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, wire: WireTo
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    runs = open_run(stack, "us-east-2")
    lines, queue = wire("s3"), wire("sqs")
    lines.fails_before(client_error("AccessDenied", "PutObject"), "PutObject", call=4)
    assert lambda_() == [latest_message(WriteLatest("run-1", clock()))]
    assert run_of(runs).finished_at is not None
    (hidden,) = queue.parameters("ChangeMessageVisibility")
    assert hidden["VisibilityTimeout"] == 15
    clock.advance(timedelta(seconds=15))
    show_again(stack.units)
    assert lambda_() == []
    assert run_of(runs).latest_at == clock()


def test_a_lost_run_is_closed_when_its_message_comes(
    stack: Stack, fleet: Fleet, lambda_: Invoke, counted: Counted
) -> None:
    runs = open_run(stack, "us-east-2", "eu-west-1")
    messages(stack.units)
    stack.send_unit("run-1", "us-east-2")
    service("sqs").send_message(QueueUrl=stack.units, MessageBody='{"finish": "run-1"}')
    assert lambda_() == []
    assert run_of(runs).finished_at == NOON
    (failure,) = stack.document("runs/dt=2026-11-24/run-1.json")["failures"]
    assert (failure["region"], failure["code"]) == ("eu-west-1", "NotCollected")
    assert counted("RunsCompleted") == [1.0]


def test_scopes_that_a_unit_does_not_reach_before_its_deadline_are_failures(
    stack: Stack, fleet: Fleet, lambda_: Invoke, context: FakeContext
) -> None:
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    context.remaining_milliseconds = 49_000
    assert lambda_() == ["us-east-2"]
    assert listed(fleet) == []
    errors = [stack.scopes.status(scope).error for scope in (OHIO, OTHER_OHIO)]
    assert [error and error.code for error in errors] == ["DeadlineExceeded"] * 2
