"""Reservations that stay unused: since when, and how often an event reports it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON, OHIO
from tests.lambdas.fakes import a_raw_odcr, client_error
from tests.lambdas.timed_events.builders import END, Counting, Timed
from truffle.core.thresholds import Thresholds


def wasted(**facts: Any) -> dict[str, Any]:
    return a_raw_odcr("cr-a", **{"AvailableInstanceCount": 8, **facts})


def test_an_odcr_that_stays_unused_is_reported_once(world: Timed) -> None:
    world.fleet.holds(OHIO, wasted())
    for hours in (0, 10, 23, 25, 26, 60):
        world.collect_at(NOON + hours * HOUR)
    (event,) = world.events()
    assert (event["type"], event["observed_at"]) == ("idle", "2026-11-25T13:00:00Z")
    assert event["after"]["idle_since"] == "2026-11-24T12:00:00Z"


def test_its_rows_are_read_only_when_that_is_due(world: Timed) -> None:
    world.fleet.holds(OHIO, wasted())
    reads = []
    for hours in (0, 10, 23, 25, 26, 60):
        client = Counting(world.scopes.client)
        world.collect_at(NOON + hours * HOUR, client)
        reads.append(client.rows_read)
    assert reads[1:] == [0, 0, 1, 0, 0]


def test_other_changes_do_not_make_it_forgotten(world: Timed) -> None:
    for hours in (0, 10, 20, 25):
        tags = [{"Key": "hour", "Value": str(hours)}]
        world.fleet.holds(OHIO, wasted(Tags=tags))
        world.collect_at(NOON + hours * HOUR)
    (event,) = world.events()
    assert event["after"]["idle_since"] == "2026-11-24T12:00:00Z"


def test_what_was_used_meanwhile_is_idle_anew(world: Timed) -> None:
    for hours, available in ((0, 8), (10, 7), (20, 8), (30, 8), (45, 8)):
        world.fleet.holds(OHIO, wasted(AvailableInstanceCount=available))
        world.collect_at(NOON + hours * HOUR)
    (event,) = world.events()
    assert event["after"]["idle_since"] == "2026-11-25T08:00:00Z"


def test_other_lengths_hold_from_the_next_run_on(world: Timed) -> None:
    world.fleet.holds(OHIO, wasted())
    for hours in (0, 25):
        world.collect_at(NOON + hours * HOUR)
    world.thresholds = Thresholds(idle_odcrs=(DAY, 2 * DAY))
    for hours in (26, 49):
        world.collect_at(NOON + hours * HOUR)
    assert world.kinds() == [("idle", "24h"), ("idle", "2d")]


def test_it_is_remembered_over_failed_runs_and_a_crash(world: Timed) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 2)
        world.fleet.holds(OHIO, wasted(), a_raw_odcr("cr-b"))
        world.collect_at_and_die(NOON, 1)
        world.collect_at(NOON + HOUR)
        world.fleet.fails(OHIO, client_error("InternalError"))
        world.collect_at(NOON + 23 * HOUR)
        world.fleet.recovers()
        world.collect_at(NOON + 24 * HOUR)
    (event,) = world.events()
    assert event["after"]["idle_since"] == "2026-11-24T12:00:00Z"


def forget_idle(world: Timed) -> None:
    """The table as a version has left it that did not remember since when rows are idle."""
    for item in world.scopes.client.items.values():
        item.pop("idle_since", None)
        item.pop("idle", None)


def test_what_an_earlier_version_stored_counts_from_its_last_look(world: Timed) -> None:
    world.fleet.holds(OHIO, wasted())
    world.collect_at(NOON)
    forget_idle(world)
    for hours in range(1, 30):
        world.collect_at(NOON + hours * HOUR)
    (event,) = world.events()
    assert (event["type"], event["observed_at"]) == ("idle", "2026-11-25T12:00:00Z")
    assert event["after"]["idle_since"] == "2026-11-24T12:00:00Z"


def test_the_start_of_idleness_is_stored_with_its_event(world: Timed) -> None:
    world.has_block(State="active", TotalInstanceCount=16, AvailableInstanceCount=16)
    world.collect_at(END - 50 * HOUR)
    forget_idle(world)
    world.collect_at(END - 23 * HOUR)
    assert world.kinds() == [("ending_soon", "24h"), ("idle", "2h")]
    client = Counting(world.scopes.client)
    world.collect_at(END - 22 * HOUR, client)
    world.collect_at(END - 21 * HOUR, client)
    assert (client.rows_read, len(world.events())) == (0, 2)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_crash_while_that_is_stored_loses_nothing_of_it(world: Timed, k: int) -> None:
    names = [f"cr-{number}" for number in range(5)]
    rows = [a_raw_odcr(name, AvailableInstanceCount=8) for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 3)
        world.fleet.holds(OHIO, *rows)
        world.collect_at(NOON)
        forget_idle(world)
        world.collect_at_and_die(NOON + HOUR, k)
        for hours in range(2, 30):
            world.collect_at(NOON + hours * HOUR)
    assert Counter(world.kinds()) == {("idle", "24h"): 5}
    assert {event["after"]["idle_since"] for event in world.events()} == {"2026-11-24T12:00:00Z"}
