"""``collect``: units off the queue; the failed ones stay on it, for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import HOME, HOUR, NOON, OHIO, OTHER
from tests.lambdas.aws import Stack
from tests.lambdas.collect.builders import IRELAND, open_run, run_of
from tests.lambdas.fakes import (
    Clock,
    Fleet,
    a_raw_block,
    a_raw_odcr,
    client_error,
)
from truffle.core.codec import decode
from truffle.core.model import Scope

Counted = Callable[[str], list[float]]
Deploy = Callable[..., None]
Invoke = Callable[[], list[str]]


pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


# --- a run that succeeds -------------------------------------------------------------------------


def test_a_run_over_two_regions_is_stored_archived_and_closed(
    stack: Stack, fleet: Fleet, lambda_: Invoke
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    fleet.holds(IRELAND, a_raw_odcr("cr-c"))
    runs = open_run(stack, "us-east-2", "eu-west-1")
    assert lambda_() == []
    assert stack.keys() == [
        "latest/beside/placements.json.gz",
        "latest/capacity-blocks.json",
        "latest/db-capacity-reservations.json",
        "latest/odcrs.json",
        "latest/regions/eu-west-1.json.gz",
        "latest/regions/us-east-2.json.gz",
        "latest/report.html",
        "latest/training-plans.json",
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
    recorded = [
        (it["account_id"], it["region"], it["outcome"], it["reservations"], it["error"])
        for it in scopes
    ]
    assert recorded == [
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
