"""``fan_out``: one run for one start, one message for each of its units."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas import fan_out
from lambdas.clients import service
from lambdas.collecting.units import read_unit
from lambdas.settings import FanOutSettings
from lambdas.store.runs import RunStore
from lambdas.store.scopes import Attempt, Write, digest_of
from lambdas.store.table import key
from tests.builders import HOME, HOUR, NOON, OHIO, OTHER, a_run, a_snapshot, an_odcr
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, Wire, client_error
from tests.lambdas.fan_out.builders import NEXT, fail, units_of
from truffle.core.model import Reservation, Scope
from truffle.core.runs import Run, Unit

SCHEDULED_RUN = "20261124T120000Z-scheduled"
REGIONS = ["eu-west-1", "us-east-2"]


Choose = Callable[..., None]
Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[..., dict[str, Any]]
WireTo = Callable[[str], Wire]


def runs_of(stack: Stack) -> list[Run]:
    return RunStore(service("dynamodb"), stack.table).latest(100)


def test_a_run_is_one_message_for_each_region(stack: Stack, invoke: Invoke) -> None:
    assert invoke() == {"run_id": SCHEDULED_RUN, "units": 2}
    assert units_of(stack) == [
        {
            "run_id": SCHEDULED_RUN,
            "region": region,
            "accounts": [HOME],
            "group": 0,
            "opened_at": "2026-11-24T12:00:00Z",
        }
        for region in REGIONS
    ]


def test_an_opened_run_waits_for_all_its_regions(
    stack: Stack, invoke: Invoke, clock: Clock
) -> None:
    invoke()
    run = a_run(SCHEDULED_RUN, clock(), REGIONS, pending=REGIONS)
    assert runs_of(stack) == [replace(run, units=())]
    assert RunStore(service("dynamodb"), stack.table).get(SCHEDULED_RUN) == run


def test_configured_accounts_are_in_every_unit(
    stack: Stack, invoke: Invoke, deploy: Deploy, choose: Choose
) -> None:
    choose(listed=(OTHER, HOME))
    deploy(FanOutSettings, regions="us-east-2")
    invoke()
    (unit,) = units_of(stack)
    assert unit["accounts"] == [HOME, OTHER]


def test_without_configured_regions_a_run_covers_every_enabled_one(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["sa-east-1", "af-south-1"])
    deploy(FanOutSettings, regions="")
    invoke()
    assert [unit["region"] for unit in units_of(stack)] == ["af-south-1", "sa-east-1"]


def test_a_disabled_region_in_which_something_is_held_stays_in_the_runs(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["sa-east-1"])
    deploy(FanOutSettings, regions="")
    finds(stack, OHIO, an_odcr())
    finds(stack, Scope(HOME, "eu-west-1"))
    finds(stack, Scope(OTHER, "eu-west-3"), an_odcr("cr-2"))
    invoke()
    units = units_of(stack)
    assert [it["region"] for it in units if it["accounts"]] == ["sa-east-1", "us-east-2"]
    assert [it["region"] for it in units if not it["accounts"]] == ["eu-west-1", "eu-west-3"]


def finds(stack: Stack, scope: Scope, *rows: Reservation) -> None:
    """A collection an hour ago found these reservations."""
    snapshot = a_snapshot(*rows, at=NOON - HOUR, scope=scope)
    status = stack.scopes.status(scope)
    stack.scopes.write_snapshot(
        status, snapshot, digest_of(rows), Write(changed=rows), Attempt("run-0", 1)
    )


def test_regions_that_cannot_be_asked_for_start_no_run(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: Any
) -> None:
    def refuse(client: object) -> list[str]:
        raise client_error("RequestLimitExceeded", "DescribeRegions")

    deploy(FanOutSettings, regions="")
    monkeypatch.setattr(fan_out, "enabled_regions", refuse)
    with pytest.raises(ClientError):
        invoke()
    assert (runs_of(stack), units_of(stack)) == ([], [])


# --- which run -----------------------------------------------------------------------------------


@pytest.mark.parametrize("request_id", ["1-1", "2-2"])
def test_a_repeated_start_for_the_same_moment_is_the_same_run(
    stack: Stack, invoke: Invoke, clock: Clock, request_id: str
) -> None:
    first = invoke()
    clock.advance(timedelta(minutes=1))
    assert invoke(request_id=request_id) == first
    assert len(runs_of(stack)) == 1


def test_the_next_moment_is_another_run(stack: Stack, invoke: Invoke) -> None:
    invoke()
    invoke({"scheduled_at": "2026-11-24T13:00:00Z"})
    assert [run.run_id for run in runs_of(stack)] == ["20261124T130000Z-scheduled", SCHEDULED_RUN]


@pytest.mark.parametrize("event", [{}, {"scheduled_at": "<aws.scheduler.scheduled-time>"}])
def test_a_start_by_hand_is_a_run_of_its_own(
    stack: Stack, invoke: Invoke, event: dict[str, Any]
) -> None:
    ids = [invoke(event, request)["run_id"] for request in ("aaaa-1111-x", "bbbb-2222-x")]
    assert ids == ["20261124T120000Z-aaaa1111", "20261124T120000Z-bbbb2222"]


def test_a_repeated_delivery_of_a_start_by_hand_is_the_same_run(
    stack: Stack, invoke: Invoke
) -> None:
    assert invoke({}, "aaaa-1111") == invoke({}, "aaaa-1111")
    assert len(runs_of(stack)) == 1


def test_a_start_may_name_its_run(stack: Stack, invoke: Invoke) -> None:
    assert invoke({"run_id": "mine"})["run_id"] == "mine"


# --- repeats and faults --------------------------------------------------------------------------


def test_a_repeated_delivery_sends_only_units_that_are_pending(
    stack: Stack, invoke: Invoke
) -> None:
    invoke()
    units_of(stack)
    RunStore(service("dynamodb"), stack.table).record_attempt(SCHEDULED_RUN, "eu-west-1/0")
    assert invoke() == {"run_id": SCHEDULED_RUN, "units": 1}
    assert [unit["region"] for unit in units_of(stack)] == ["us-east-2"]


def test_a_run_that_died_after_its_opening_is_sent_by_the_repeated_delivery(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage")
    with pytest.raises(ClientError):
        invoke()
    units_of(stack)
    assert invoke()["units"] == 2
    assert [unit["region"] for unit in units_of(stack)] == REGIONS


@pytest.mark.parametrize("call", range(1, 6))
def test_a_unit_that_sqs_does_not_take_fails_the_start_and_the_next_delivery_sends_it(
    stack: Stack, invoke: Invoke, deploy: Deploy, wire: WireTo, call: int
) -> None:
    regions = [f"us-east-{number}" for number in range(1, 6)]
    deploy(FanOutSettings, regions=",".join(regions))
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage", call=call)
    with pytest.raises(ClientError, match="ServiceUnavailable"):
        invoke()
    units_of(stack)
    assert invoke()["units"] == 5
    assert [unit["region"] for unit in units_of(stack)] == regions


def test_as_many_units_as_there_are_regions_are_sent(
    stack: Stack, invoke: Invoke, deploy: Deploy
) -> None:
    regions = [f"us-east-{number}" for number in range(10, 45)]
    deploy(FanOutSettings, regions=",".join(regions))
    assert invoke()["units"] == 35
    assert [unit["region"] for unit in units_of(stack)] == regions


def test_a_region_that_is_covered_no_more_is_left_to_collect_to_retire(
    stack: Stack, invoke: Invoke, wire: WireTo
) -> None:
    fail(stack, Scope(HOME, "sa-east-1"))
    fail(stack, OHIO)
    line = wire("dynamodb")
    assert invoke()["units"] == 2
    (retired,) = [
        read_unit(it["Body"]) for it in messages(stack.units) if '"accounts": []' in it["Body"]
    ]
    assert retired == Unit(None, "sa-east-1", (), 0, NOON)
    (names,) = line.parameters("UpdateItem")
    assert names["Key"] == key("GROUPS", "UNITS"), "no scope is written"
    assert stack.scopes.heartbeats.names() == frozenset(
        {"eu-west-1/0", "sa-east-1/0", "us-east-2/0"}
    )


def test_nothing_is_retired_where_the_held_scopes_cannot_be_read(
    stack: Stack, invoke: Invoke, deploy: Deploy, monkeypatch: pytest.MonkeyPatch, wire: WireTo
) -> None:
    monkeypatch.setattr(fan_out, "enabled_regions", lambda client: ["eu-west-1"])
    deploy(FanOutSettings, regions="")
    finds(stack, OHIO, an_odcr())
    wire("dynamodb").fails_before(client_error("InternalServerError", "Query"), "Query")
    invoke()
    (unit,) = [read_unit(it["Body"]) for it in messages(stack.units)]
    assert (unit.region, unit.opened_at) == ("eu-west-1", None)


def bodies(stack: Stack) -> list[dict[str, Any]]:
    return [json.loads(message["Body"]) for message in messages(stack.units)]


def test_a_run_that_lost_its_units_is_put_on_the_queue_by_the_next(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo
) -> None:
    invoke()
    bodies(stack)
    clock.advance(HOUR)
    line = wire("s3")
    invoke(NEXT)
    assert {"finish": SCHEDULED_RUN} in bodies(stack)
    assert line.calls == []


@pytest.mark.parametrize("minutes", [1, 5, 60, 1440])
def test_when_a_run_is_lost_follows_from_the_schedule(
    stack: Stack, invoke: Invoke, deploy: Deploy, clock: Clock, minutes: int
) -> None:
    deploy(FanOutSettings, schedule_minutes=str(minutes))
    invoke({"run_id": "zzz"})
    clock.advance(timedelta(minutes=minutes))
    for number in range(6):
        invoke({"run_id": f"zz{number}"})
    assert {"finish": "zzz"} in bodies(stack)


def test_a_run_of_the_present_is_not_lost(stack: Stack, invoke: Invoke, clock: Clock) -> None:
    invoke({"run_id": "one"})
    clock.advance(timedelta(minutes=20))
    invoke({"run_id": "two"})
    assert not [body for body in bodies(stack) if "finish" in body]


def test_no_fault_of_tidying_up_keeps_a_run_from_its_start(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo, counted: Counted
) -> None:
    invoke()
    fail(stack, Scope(HOME, "sa-east-1"))
    clock.advance(HOUR)
    bodies(stack)
    line = wire("dynamodb")
    line.fails_before(client_error("InternalServerError", "Query"), "Query", call=1)
    line.fails_before(client_error("InternalServerError", "Query"), "Query", call=2)
    assert invoke(NEXT)["units"] == 2
    assert [body["run_id"] for body in bodies(stack)] == ["20261124T130000Z-scheduled"] * 2
    assert counted("TidyingFailed")[-1] == 2.0


def test_lost_runs_that_the_queue_does_not_take_are_for_the_next_run(
    stack: Stack, invoke: Invoke, clock: Clock, wire: WireTo, counted: Counted
) -> None:
    invoke()
    clock.advance(HOUR)
    wire("sqs").fails_before(client_error("ServiceUnavailable"), "SendMessage", call=3)
    assert invoke(NEXT)["units"] == 2
    assert counted("TidyingFailed")[-1] == 1.0


@pytest.mark.parametrize("run_id", ["x" * 201, "研" * 67, 7])
def test_a_run_cannot_be_called_what_no_key_can_hold(
    stack: Stack, invoke: Invoke, run_id: object
) -> None:
    with pytest.raises(fan_out.InvalidRunId, match="at most 200 bytes"):
        invoke({"run_id": run_id})
    assert runs_of(stack) == []
