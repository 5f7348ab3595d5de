"""``collect``: scopes that fail, messages that come back, and functions that are killed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas.clients import service
from lambdas.settings import CollectSettings
from tests.builders import HOME, HOUR, OHIO, OTHER
from tests.effort import some
from tests.lambdas.aws import Stack, deliver, messages, show_again
from tests.lambdas.collect.builders import IRELAND, OTHER_OHIO, open_run, region, run_of
from tests.lambdas.fakes import (
    Clock,
    FakeContext,
    Fleet,
    Killed,
    Wire,
    a_raw_odcr,
    client_error,
)

Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[[], list[str]]
WireTo = Callable[[str], Wire]


pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


def visibility_changes(line: Wire) -> list[int]:
    return [call["VisibilityTimeout"] for call in line.parameters("ChangeMessageVisibility")]


# --- a run that fails ----------------------------------------------------------------------------


def test_one_failed_region_stays_on_the_queue_and_the_others_do_not(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.holds(IRELAND, a_raw_odcr("cr-c"))
    fleet.fails(OHIO, client_error("InternalError"))
    runs = open_run(stack, "us-east-2", "eu-west-1")
    assert lambda_() == ["us-east-2"]
    assert (run_of(runs).succeeded, run_of(runs).failed) == (1, 1)


def test_a_failed_region_is_named_with_its_error_by_its_scope_and_its_run(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.fails(OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2")
    lambda_()
    error = stack.scopes.status(OHIO).error
    (failure,) = stack.document("runs/dt=2026-11-24/run-1.json")["failures"]
    assert error is not None
    assert error.code == failure["code"] == "InternalError"


def test_a_failed_unit_comes_back_after_15_and_then_30_seconds_and_the_fifth_time_is_its_last(
    stack: Stack, fleet: Fleet, lambda_: Invoke, wire: WireTo
) -> None:
    fleet.fails(OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2")
    line = wire("sqs")
    for _ in range(5):
        assert lambda_() == ["us-east-2"]
        show_again(stack.units)
    assert visibility_changes(line) == [15, 30, 30, 30, 0]
    assert deliver(stack.units) == {"Records": []}
    (dead,) = messages(stack.unit_dead_letters)
    assert region(dead["Body"]) == "us-east-2"


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "AuthFailure", "OptInRequired"])
def test_a_denied_or_disabled_region_is_recorded_and_not_tried_again(
    stack: Stack, fleet: Fleet, lambda_: Invoke, wire: WireTo, code: str
) -> None:
    fleet.fails(OHIO, client_error(code))
    fleet.holds(IRELAND)
    runs = open_run(stack, "us-east-2", "eu-west-1")
    line = wire("sqs")
    assert lambda_() == []
    assert visibility_changes(line) == []
    error = stack.scopes.status(OHIO).error
    assert error is not None
    assert (error.code, run_of(runs).failed) == (code, 1)


def test_an_expected_denial_is_not_a_failure_of_the_run_and_no_event(
    stack: Stack, fleet: Fleet, lambda_: Invoke, deploy: Deploy, clock: Clock, counted: Counted
) -> None:
    deploy(CollectSettings, expected_denied="*/us-east-2")
    fleet.holds(IRELAND)
    runs = open_run(stack, "us-east-2", "eu-west-1")
    lambda_()
    fleet.fails(OHIO, client_error("UnauthorizedOperation"))
    for number in range(4):
        clock.advance(HOUR)
        stack.send_unit(f"run-{number}", "us-east-2")
        lambda_()
    assert set(counted("ScopesFailed")) == {0.0}
    assert stack.events() == []
    stack.send_unit("run-1", "us-east-2")
    lambda_()
    counts = stack.document("runs/dt=2026-11-24/run-1.json")["counts"]
    assert (counts["succeeded"], counts["failed"], counts["closed"]) == (1, 0, 1)
    assert run_of(runs).failed == 0


def test_a_denied_region_does_not_keep_a_run_from_completing(
    stack: Stack, fleet: Fleet, lambda_: Invoke, counted: Counted
) -> None:
    fleet.fails(OHIO, client_error("UnauthorizedOperation"))
    open_run(stack, "us-east-2", "eu-west-1")
    lambda_()
    assert counted("RunsCompleted") == [1.0]


def test_a_run_in_which_everything_fails_completes_with_its_first_success(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, counted: Counted
) -> None:
    fleet.fails(OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2")
    lambda_()
    assert counted("RunsCompleted") == []
    fleet.recovers()
    for _ in range(2):
        clock.advance(HOUR)
        stack.send_unit("run-1", "us-east-2")
        lambda_()
    assert counted("RunsCompleted") == [1.0]


def test_an_account_that_fails_brings_the_unit_back_and_the_other_is_stored(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    fleet.no_client[OTHER_OHIO] = client_error("InternalError", "AssumeRole")
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    assert lambda_() == ["us-east-2"]
    assert stack.scopes.ids(OHIO) == {"cr-a"}


def test_an_account_whose_role_may_not_be_assumed_is_not_tried_again(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.no_client[OTHER_OHIO] = client_error("AccessDenied", "AssumeRole")
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    assert lambda_() == []


# --- faults of everything else -------------------------------------------------------------------


@pytest.mark.parametrize("body", [" ", "no json", "{}", "[]", '{"run_id": "r", "region": "x"}'])
def test_a_message_that_is_not_a_unit_stays_for_the_dead_letters_and_harms_no_other(
    stack: Stack, fleet: Fleet, lambda_: Invoke, body: str, logs: Callable[[], str]
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    service("sqs").send_message(QueueUrl=stack.units, MessageBody=body)
    open_run(stack, "us-east-2")
    assert lambda_() == [region(body)]
    assert stack.scopes.ids(OHIO) == {"cr-a"}
    assert "Traceback" in logs()


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("s3", "PutObject"),
        ("dynamodb", "GetItem"),
        ("dynamodb", "TransactWriteItems"),
        ("dynamodb", "Query"),
        ("dynamodb", "UpdateItem"),
    ],
)
def test_a_call_that_fails_once_is_made_up_for_by_the_next_delivery(
    stack: Stack,
    fleet: Fleet,
    lambda_: Invoke,
    clock: Clock,
    wire: WireTo,
    name: str,
    operation: str,
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    runs = open_run(stack, "us-east-2")
    lambda_()
    clock.advance(HOUR)
    fleet.holds(OHIO, a_raw_odcr("cr-a", State="pending"))
    stack.send_unit("run-1", "us-east-2")
    wire(name).fails_before(client_error("InternalServerError", operation), operation)
    assert lambda_() == ["us-east-2"]
    clock.advance(HOUR)
    show_again(stack.units)
    assert lambda_() == []
    assert stack.happenings() == [("cr-a", "active → pending")]
    assert stack.document("latest/odcrs.json")[0]["state"] == "pending"
    assert run_of(runs).has_all_attempts


@pytest.mark.parametrize("call", some(2, range(1, 7)))
def test_a_function_killed_around_any_of_its_writes_loses_and_doubles_nothing(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, wire: WireTo, call: int
) -> None:
    writes = ("PutObject", "TransactWriteItems", "UpdateItem")
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    open_run(stack, "us-east-2")
    lambda_()
    clock.advance(HOUR)
    fleet.holds(OHIO, a_raw_odcr("cr-a", State="pending"))
    stack.send_unit("run-1", "us-east-2")
    _kill_at(wire, call, writes)
    with pytest.raises(Killed):
        lambda_()
    clock.advance(HOUR)
    show_again(stack.units)
    assert lambda_() == []
    assert stack.happenings() == [("cr-a", "active → pending")]
    assert stack.document("latest/odcrs.json")[0]["state"] == "pending"


def _kill_at(wire: WireTo, call: int, operations: tuple[str, ...]) -> None:
    """Kill the function after its n-th write, to whichever service."""
    left = [call]

    def strike(model: Any, **_: Any) -> None:
        left[0] -= model.name in operations
        if left[0] == 0:
            left[0] = -1
            raise Killed

    for name in ("dynamodb", "s3"):
        wire(name).on(f"after-call.{name}", strike)


def test_the_listing_ends_50_seconds_before_the_function_does(
    stack: Stack, fleet: Fleet, lambda_: Invoke, context: FakeContext
) -> None:
    fleet.holds(OHIO, *(a_raw_odcr(f"cr-{number}") for number in range(3)))
    open_run(stack, "us-east-2")
    context.remaining_milliseconds = 50_000
    assert lambda_() == ["us-east-2"]
    error = stack.scopes.status(OHIO).error
    assert error is not None
    assert error.code == "DeadlineExceeded"


def test_a_message_that_cannot_be_hidden_still_fails(
    stack: Stack, fleet: Fleet, lambda_: Invoke, wire: WireTo
) -> None:
    fleet.fails(OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2")
    wire("sqs").fails_before(client_error("AccessDenied"), "ChangeMessageVisibility")
    assert lambda_() == ["us-east-2"]
