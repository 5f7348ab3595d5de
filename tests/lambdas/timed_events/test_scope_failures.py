"""Scopes that fail and recover, as they are collected."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.builders import HOME, HOUR, NOON, OHIO
from tests.lambdas.collection.builders import Around, dies
from tests.lambdas.fakes import Killed, client_error
from tests.lambdas.timed_events.builders import Timed, fail
from truffle.core.runs import Unit
from truffle.core.thresholds import Thresholds


def test_three_failed_runs_are_reported_once_and_then_the_recovery(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1", "run-1", "run-2", None, "run-2")
    assert world.events() == []
    fail(world, "run-3", "run-3", "run-4")
    (failing,) = world.events()
    assert (failing["type"], failing["run_id"]) == ("scope_failing", "run-3")
    assert (failing["after"]["failed_runs"], failing["after"]["since"]) == (
        3,
        "2026-11-24T13:00:00Z",
    )
    world.collect()
    world.collect()
    assert [event["type"] for event in world.events()] == ["scope_failing", "scope_recovered"]
    fail(world, "run-7", "run-8", "run-9")
    assert [event["type"] for event in world.events()][2:] == ["scope_failing"]
    assert len({event["event_id"] for event in world.events()}) == 3


def test_a_success_between_begins_the_count_anew(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1", "run-2")
    world.collect()
    fail(world, "run-3", "run-4")
    assert world.events() == []


def test_a_region_that_was_always_denied_is_silent_for_ever(world: Timed) -> None:
    fail(world, *(f"run-{number}" for number in range(9)), code="UnauthorizedOperation")
    world.collect()
    assert world.events() == []


def test_a_recovery_is_reported_with_its_snapshot(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1", "run-2", "run-3")
    client = Around(world.scopes.client, before={1: dies})
    with pytest.raises(Killed):
        world.collect(client)
    assert len(world.events()) == 1
    world.collect()
    assert len(world.events()) == 2


def test_a_success_after_a_failure_reports_its_end(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1", "run-2")
    moment = world.clock() + HOUR

    def other() -> None:
        world.clock.moment = moment - 2 * HOUR + timedelta(minutes=1)
        fail(world, "run-3")
        world.clock.moment = moment

    world.collect_at(moment, Around(world.scopes.client, before={1: other}), run_id="run-4")
    assert [event["type"] for event in world.events()] == ["scope_failing", "scope_recovered"]


def test_a_failure_that_another_one_came_before_is_counted_on_top(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1")
    world.fleet.fails(OHIO, client_error("InternalError"))
    moment = world.clock() + HOUR

    def other() -> None:
        world.collect_at(moment - timedelta(minutes=1), run_id="run-2")
        world.clock.moment = moment

    world.collect_at(moment, Around(world.scopes.client, before={1: other}), run_id="run-3")
    assert world.scopes.status(OHIO).streak.runs == ("run-1", "run-2", "run-3")
    assert [event["type"] for event in world.events()] == ["scope_failing"]


def test_the_number_of_runs_is_a_setting(world: Timed) -> None:
    world.thresholds = Thresholds(scope_failing=1)
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1")
    assert [event["type"] for event in world.events()] == ["scope_failing"]


def test_several_accounts_of_a_region_are_collected_in_one_unit_without_a_run() -> None:
    assert Unit(None, OHIO.region, (HOME,)).scopes == [OHIO]
