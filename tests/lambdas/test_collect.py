"""``collect``: units off the queue; the failed ones stay on it, for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas import clients, collect
from lambdas.clients import service
from lambdas.settings import CollectSettings
from lambdas.store.runs import RunStore
from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_run
from tests.lambdas.aws import Stack, deliver, messages
from tests.lambdas.fakes import (
    LISTING,
    Clock,
    FakeContext,
    Fleet,
    Killed,
    Wire,
    a_raw_block,
    a_raw_odcr,
    client_error,
)
from truffle.core.codec import decode
from truffle.core.model import Scope
from truffle.core.runs import Run

IRELAND = Scope(HOME, "eu-west-1")
OTHER_OHIO = Scope(OTHER, OHIO.region)

Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[[], list[str]]
WireTo = Callable[[str], Wire]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """What EC2 has, in place of the clients that the function would make."""
    made = Fleet()
    monkeypatch.setattr(clients, "EC2Clients", lambda *_: made)
    return made


@pytest.fixture
def lambda_(
    stack: Stack, deploy: Deploy, fleet: Fleet, clock: Clock, context: FakeContext
) -> Callable[[], list[str]]:
    """Invokes the function with all visible units; gives the regions that it reports as failed."""
    deploy(CollectSettings)

    def invoke() -> list[str]:
        event = deliver(stack.units)
        answer = collect.handler(event, context)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        bodies = {record["messageId"]: record["body"] for record in event["Records"]}
        for record in event["Records"]:
            if record["messageId"] not in failed:
                service("sqs").delete_message(
                    QueueUrl=stack.units, ReceiptHandle=record["receiptHandle"]
                )
        return sorted(_region(bodies[name]) for name in failed)

    return invoke


def _region(body: str) -> str:
    try:
        return str(json.loads(body)["region"])
    except (ValueError, TypeError, KeyError):
        return body


def open_run(stack: Stack, *regions: str, accounts: tuple[str, ...] = (HOME,)) -> RunStore:
    """A run with a message for each of its regions on the queue."""
    runs = RunStore(service("dynamodb"), stack.table)
    runs.open(a_run(run_id="run-1", regions=regions, accounts=accounts, pending=frozenset(regions)))
    for region in regions:
        stack.send_unit("run-1", region, *accounts)
    return runs


def run_of(runs: RunStore) -> Run:
    run = runs.get("run-1")
    assert run is not None
    return run


def visibility_changes(line: Wire) -> list[int]:
    return [call["VisibilityTimeout"] for call in line.parameters("ChangeMessageVisibility")]


# --- a run that succeeds -------------------------------------------------------------------------


def test_a_run_over_two_regions_is_stored_archived_and_closed(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    fleet.holds(IRELAND, a_raw_odcr("cr-c"))
    runs = open_run(stack, "us-east-2", "eu-west-1")
    assert lambda_() == []
    assert stack.keys() == [
        "latest/capacity-blocks.json",
        "latest/odcrs.json",
        "latest/regions/eu-west-1.json.gz",
        "latest/regions/us-east-2.json.gz",
        "runs/dt=2026-11-24/run-1.json",
        *snapshot_keys(stack),
    ]
    assert [name.rpartition("-")[0] for name in snapshot_keys(stack)] == [
        "snapshots/dt=2026-11-24/hour=12/eu-west-1-0-120000",
        "snapshots/dt=2026-11-24/hour=12/us-east-2-0-120000",
    ]
    odcrs = stack.document("latest/odcrs.json")
    assert [row["reservation_id"] for row in odcrs] == ["cr-c", "cr-a"]
    assert run_of(runs).succeeded == 2


def snapshot_keys(stack: Stack) -> list[str]:
    keys = stack.keys()
    return [key for key in keys if key.startswith("snapshots/")]


def test_a_units_object_has_a_line_for_each_scope_and_then_for_each_reservation(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    third = Scope("333344445555", "us-east-2")
    fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    fleet.fails(third, client_error("InternalError"))
    open_run(stack, "us-east-2", accounts=(HOME, OTHER, third.account_id))
    lambda_()
    (name,) = snapshot_keys(stack)
    lines = [json.loads(line) for line in stack.object(name).decode().splitlines()]
    scopes, rows = lines[:3], [decode(line) for line in lines[3:]]
    told = [
        (it["account_id"], it["region"], it["outcome"], it["reservations"], it["error"])
        for it in scopes
    ]
    assert told == [
        (HOME, "us-east-2", "succeeded", 2, None),
        (OTHER, "us-east-2", "succeeded", 0, None),
        (third.account_id, "us-east-2", "failed", None, "InternalError"),
    ]
    assert {(it["schema_version"], it["observed_at"]) for it in scopes} == {
        (1, "2026-11-24T12:00:00Z")
    }
    assert [(row.reservation_id, row.account_id, row.region) for row in rows] == [
        ("cr-a", HOME, "us-east-2"),
        ("cr-b", HOME, "us-east-2"),
    ]
    assert {row.observed_at for row in rows} == {NOON}


def test_the_same_snapshot_is_the_same_object(stack: Stack, fleet: Fleet, lambda_: Invoke) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    for _ in range(2):
        stack.send_unit("run-1", "us-east-2")
        lambda_()
    assert len(snapshot_keys(stack)) == 1


def test_the_counts_of_a_run_are_metrics_and_a_run_completes_once(
    stack: Stack, fleet: Fleet, lambda_: Invoke, counted: Counted, capsys: Any
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_odcr("cr-b"))
    open_run(stack, "us-east-2", "eu-west-1")
    lambda_()
    stack.send_unit("run-1", "us-east-2")
    lambda_()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    totals = {
        name: [value for line in lines for value in line.get(name, ())]
        for name in ("RunsCompleted", "ScopesSucceeded", "ScopesFailed", "ReservationsListed")
    }
    assert totals == {
        "RunsCompleted": [1.0],
        "ScopesSucceeded": [1.0, 1.0, 1.0],
        "ScopesFailed": [0.0, 0.0, 0.0],
        "ReservationsListed": [2.0, 0.0, 2.0],
    }


def test_a_change_is_counted_as_an_event(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, counted: Counted
) -> None:
    for state in ("active", "pending"):
        fleet.holds(OHIO, a_raw_odcr("cr-a", State=state))
        stack.send_unit("run-1", "us-east-2")
        lambda_()
        clock.advance(HOUR)
    assert counted("EventsRecorded") == [0.0, 1.0]
    assert stack.happenings() == [("cr-a", "active → pending")]


def test_a_unit_that_is_delivered_twice_changes_nothing(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    open_run(stack, "us-east-2")
    stack.send_unit("run-1", "us-east-2")
    assert lambda_() == []
    rows = [item["sk"]["S"] for item in stack.items() if item["pk"]["S"].startswith("SCOPE#")]
    assert (rows, stack.events()) == (["cr-a"], [])


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
        _show_again(stack)
    assert visibility_changes(line) == [15, 30, 30, 30, 0]
    assert deliver(stack.units) == {"Records": []}
    (dead,) = messages(stack.unit_dead_letters)
    assert _region(dead["Body"]) == "us-east-2"


def _show_again(stack: Stack) -> None:
    """Time passes for the queue: what it hides becomes visible."""
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[HOME]["us-east-2"].queues[stack.units.rpartition("/")[2]]
    for message in queue._messages:
        message.change_visibility(0)


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


def test_an_expected_denial_is_no_failure_of_the_run_and_no_event(
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
def test_a_message_that_is_no_unit_stays_for_the_dead_letters_and_harms_no_other(
    stack: Stack, fleet: Fleet, lambda_: Invoke, body: str, logs: Callable[[], str]
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    service("sqs").send_message(QueueUrl=stack.units, MessageBody=body)
    open_run(stack, "us-east-2")
    assert lambda_() == [_region(body)]
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
    _show_again(stack)
    assert lambda_() == []
    assert stack.happenings() == [("cr-a", "active → pending")]
    assert stack.document("latest/odcrs.json")[0]["state"] == "pending"
    assert run_of(runs).is_answered


@pytest.mark.parametrize("call", range(1, 7))
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
    _show_again(stack)
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
    _show_again(stack)
    assert lambda_() == ["us-east-2"]
    assert listed(fleet) == [OTHER]
    written = [call["Key"] for call in line.parameters("PutObject")]
    assert [key for key in written if not key.startswith("snapshots/")] == []


def test_a_retry_that_succeeds_brings_the_papers_up_to_date(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock
) -> None:
    fleet.fails(OTHER_OHIO, client_error("InternalError"))
    open_run(stack, "us-east-2", accounts=(HOME, OTHER))
    lambda_()
    fleet.recovers()
    clock.advance(timedelta(seconds=15))
    _show_again(stack)
    assert lambda_() == []
    assert stack.document("runs/dt=2026-11-24/run-1.json")["counts"]["succeeded"] == 2


def test_a_retry_of_which_nothing_is_left_to_list_still_closes_its_run(
    stack: Stack, fleet: Fleet, lambda_: Invoke, clock: Clock, wire: WireTo
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"))
    runs = open_run(stack, "us-east-2")
    wire("s3").fails_before(client_error("AccessDenied", "PutObject"), "PutObject", call=3)
    assert lambda_() == ["us-east-2"]
    fleet.asked.clear()
    clock.advance(timedelta(minutes=4))
    _show_again(stack)
    assert lambda_() == []
    assert (listed(fleet), run_of(runs).succeeded) == ([], 1)


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
