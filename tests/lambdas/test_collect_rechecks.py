"""``collect`` outside of runs: it schedules rechecks, and records no attempt of a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lambdas import collect, scope_clients
from lambdas.alert_settings import FILE_VARIABLE
from lambdas.clients import service
from lambdas.collecting import rechecks
from lambdas.collecting.units import read_unit
from lambdas.settings import CollectSettings
from lambdas.store.runs import RunStore
from tests.builders import DAY, HOME, HOUR, NOON, OHIO, OTHER, a_run
from tests.lambdas.aws import Stack, deliver
from tests.lambdas.fakes import (
    Clock,
    Fleet,
    Wire,
    a_raw_block,
    a_raw_odcr,
    client_error,
)
from truffle.core.model import Scope

Counted = Callable[[str], list[float]]
Collect = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")

MINUTE = timedelta(minutes=1)
OTHER_OHIO = Scope(OTHER, OHIO.region)


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """EC2's data, in place of the clients that the function would create."""
    made = Fleet()
    monkeypatch.setattr(scope_clients, "ScopeClients", lambda *_: made)
    return made


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch, fleet: Fleet) -> Wire:
    """The line to EventBridge Scheduler."""
    client = rechecks.make_client()
    monkeypatch.setattr(rechecks, "make_client", lambda: client)
    return Wire(client)


@pytest.fixture
def collect_ohio(
    stack: Stack, deploy: Callable[..., None], scheduler: Wire, clock: Clock, context: Any
) -> Collect:
    """Collects a unit of Ohio, outside of runs unless one is named."""
    deploy(CollectSettings)

    def invoke(run_id: str | None = None, *accounts: str) -> dict[str, Any]:
        unit = {
            "run_id": run_id,
            "region": OHIO.region,
            "accounts": list(accounts or (HOME,)),
            "group": 0,
        }
        service("sqs").send_message(QueueUrl=stack.units, MessageBody=json.dumps(unit))
        answer: dict[str, Any] = collect.handler(deliver(stack.units), context)
        return answer

    return invoke


def open_run(stack: Stack) -> RunStore:
    """A run that waits for Ohio."""
    runs = RunStore(service("dynamodb"), stack.table)
    region = OHIO.region
    runs.open(a_run(run_id="run-1", regions=(region,), pending=frozenset({region})))
    return runs


def planned(scheduler: Wire) -> list[str]:
    """The times of the created or requested schedules."""
    return [call["ScheduleExpression"] for call in scheduler.parameters("CreateSchedule")]


def a_starting_block(name: str = "cr-block", after: timedelta = 90 * MINUTE) -> dict[str, Any]:
    return a_raw_block(name, StartDate=NOON + after, EndDate=NOON + after + 7 * DAY)


def test_a_start_within_two_periods_is_planned(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect
) -> None:
    """With the warning an hour before it, and late delivery 15 minutes after it."""
    fleet.holds(OHIO, a_starting_block())
    collect_ohio()
    assert planned(scheduler) == [
        "at(2026-11-24T12:31:00)",
        "at(2026-11-24T13:31:00)",
        "at(2026-11-24T13:46:00)",
    ]


def test_what_comes_after_two_periods_is_planned_by_the_next_run(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect
) -> None:
    fleet.holds(OHIO, a_starting_block(after=2 * HOUR + MINUTE))
    collect_ohio()
    assert planned(scheduler) == ["at(2026-11-24T13:02:00)"]


def test_only_accounts_that_hold_what_is_due_are_collected_then_outside_of_runs(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect, stack: Stack
) -> None:
    open_run(stack)
    fleet.holds(OHIO, a_starting_block())
    fleet.holds(OTHER_OHIO)
    collect_ohio("run-1", HOME, OTHER)
    inputs = [call["Target"]["Input"] for call in scheduler.parameters("CreateSchedule")]
    units = {read_unit(text) for text in inputs}
    assert {(unit.run_id, unit.region, unit.accounts) for unit in units} == {
        (None, "us-east-2", (HOME,))
    }


def test_a_region_without_such_blocks_makes_no_call_to_scheduler(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect
) -> None:
    fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    collect_ohio()
    assert scheduler.count() == 0


def test_the_settings_of_alerts_say_when_a_warning_is_due(
    fleet: Fleet,
    scheduler: Wire,
    collect_ohio: Collect,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "alerts.json"
    file.write_text('{"thresholds": {"starting_soon": ["30m"], "late_delivery": ["20m"]}}')
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    fleet.holds(OHIO, a_starting_block())
    collect_ohio()
    assert planned(scheduler) == [
        "at(2026-11-24T13:01:00)",
        "at(2026-11-24T13:31:00)",
        "at(2026-11-24T13:51:00)",
    ]


def test_a_longer_period_is_planned_further_ahead(
    fleet: Fleet,
    scheduler: Wire,
    collect_ohio: Collect,
    deploy: Callable[..., None],
) -> None:
    deploy(CollectSettings, schedule_minutes="360")
    fleet.holds(OHIO, a_starting_block(after=11 * HOUR))
    collect_ohio()
    assert "at(2026-11-24T23:01:00)" in planned(scheduler)


def test_a_scope_that_fails_hides_nothing_of_the_others(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect
) -> None:
    fleet.holds(OHIO, a_starting_block())
    fleet.fails(OTHER_OHIO, client_error("RequestLimitExceeded"))
    collect_ohio(None, HOME, OTHER)
    assert len(planned(scheduler)) == 3


def test_scheduler_refusing_is_counted_and_fails_nothing(
    fleet: Fleet, scheduler: Wire, collect_ohio: Collect, stack: Stack, counted: Counted
) -> None:
    fleet.holds(OHIO, a_starting_block())
    scheduler.fails_before(client_error("AccessDenied", "CreateSchedule"), "CreateSchedule")
    assert collect_ohio() == {"batchItemFailures": []}
    assert counted("ChecksFailed") == [3.0]
    assert stack.scopes.status(OHIO).reservations == 1


def test_what_goes_well_is_not_counted(
    fleet: Fleet, collect_ohio: Collect, counted: Counted
) -> None:
    fleet.holds(OHIO, a_starting_block())
    collect_ohio()
    assert counted("ChecksFailed") == []


def test_a_collection_outside_of_runs_answers_none(
    fleet: Fleet, collect_ohio: Collect, stack: Stack, counted: Counted
) -> None:
    runs = open_run(stack)
    fleet.holds(OHIO, a_raw_odcr())
    assert collect_ohio() == {"batchItemFailures": []}
    run = runs.get("run-1")
    assert run is not None
    assert run.pending == {"us-east-2/0"}
    assert counted("RunsCompleted") == []


@pytest.mark.parametrize("fault", [None, client_error("UnauthorizedOperation")])
def test_outside_of_runs_a_scope_keeps_the_last_runs_id(
    fault: Exception | None, fleet: Fleet, collect_ohio: Collect, stack: Stack, clock: Clock
) -> None:
    open_run(stack)
    fleet.holds(OHIO, a_raw_odcr())
    collect_ohio("run-1")
    clock.advance(HOUR)
    if fault is not None:
        fleet.fails(OHIO, fault)
    collect_ohio()
    status = stack.scopes.status(OHIO)
    assert (status.run_id, status.attempted_at) == ("run-1", NOON + HOUR)
