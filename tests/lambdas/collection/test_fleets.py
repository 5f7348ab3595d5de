"""Fleets are asked with the listings of scopes that may have some, and stored with their events."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.store.beside import BesideCache, BesideStore, ItemKind
from lambdas.store.fleets import to_fleets
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOUR, OHIO
from tests.lambdas.collection.builders import World
from tests.lambdas.fakes import FLEETS, a_raw_odcr, client_error
from truffle.core.fleet_watch import ScopeFleets


def a_raw_fleet(fulfilled: float = 12.0, fleet_id: str = "crf-1", **facts: Any) -> dict[str, Any]:
    """A fleet as EC2 gives it, with less than its target of 20."""
    arn = f"arn:aws:ec2:us-east-2:123456789012:capacity-reservation-fleet/{fleet_id}"
    return {
        "CapacityReservationFleetId": fleet_id,
        "CapacityReservationFleetArn": arn,
        "State": "partially_fulfilled",
        "TotalTargetCapacity": 20,
        "TotalFulfilledCapacity": fulfilled,
        "InstanceTypeSpecifications": [],
        **facts,
    }


def known(world: World) -> ScopeFleets | None:
    cache = BesideCache(BesideStore(world.scopes.groups), ItemKind.FLEETS, to_fleets)
    stored = cache.everything().get(OHIO)
    return None if stored is None else stored.known


def events(world: World) -> list[tuple[str, str]]:
    items: list[Any] = world.scopes.client.scan(TableName=world.scopes.table)["Items"]
    bodies = [read_body(item) for item in items if item["pk"]["S"].startswith(EVENT_PREFIX)]
    return [(it["type"], it["after"]["fleet_id"]) for it in bodies if "fleet" in it["type"]]


def asked(world: World) -> int:
    return sum(operation == FLEETS for _, operation in world.fleet.asked)


@pytest.fixture
def short(world: World) -> World:
    """A world with a reservation and a fleet that falls short, seen once."""
    world.holds(a="active")
    world.fleet.fleets[OHIO] = [a_raw_fleet()]
    world.collect()
    return world


def test_a_fleet_that_stays_short_for_an_hour_is_one_event(short: World) -> None:
    assert events(short) == []
    short.collect()
    short.collect()
    assert events(short) == [("fleet_short", "crf-1")]


def test_an_hour_in_which_nothing_changes_writes_nothing_of_fleets(short: World) -> None:
    short.collect()
    before = short.scopes.client.scan(TableName=short.scopes.table)["Items"]
    short.collect()
    after = short.scopes.client.scan(TableName=short.scopes.table)["Items"]
    assert [it for it in before if it["sk"]["S"].startswith("FLEETS")] == [
        it for it in after if it["sk"]["S"].startswith("FLEETS")
    ]


def test_an_empty_scope_is_asked_at_first_and_once_a_day(world: World) -> None:
    world.collect()
    assert asked(world) == 1
    for _ in range(24):
        world.collect()
    assert asked(world) == 2


def test_a_fleet_without_reservations_is_found_within_a_day(world: World) -> None:
    world.collect()
    world.fleet.fleets[OHIO] = [a_raw_fleet(0.0)]
    for _ in range(24):
        world.collect()
    assert known(world) is not None


def test_what_others_own_is_no_reason_to_ask(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_odcr("cr-a", OwnerId="999999999999"))
    for _ in range(25):
        world.collect()
    assert asked(world) == 2


def test_a_scope_that_had_fleets_is_asked_until_they_are_gone(short: World) -> None:
    short.holds()
    short.collect()
    assert known(short) is not None
    short.fleet.fleets.clear()
    short.collect()
    assert known(short) is None
    short.fleet.asked.clear()
    for _ in range(24):
        short.collect()
    assert asked(short) <= 1


def test_a_fleet_that_cannot_be_asked_keeps_its_state_and_fails_no_listing(short: World) -> None:
    short.fleet.fails(OHIO, client_error("UnauthorizedOperation"), FLEETS)
    outcome = short.collect()
    found = known(short)
    assert outcome.failure is None
    assert found is not None
    assert [fleet.fleet_id for fleet in found.fleets] == ["crf-1"]
    assert found.error is not None
    assert (found.error.code, found.error.since) == ("UnauthorizedOperation", short.clock())
    assert found.error.last_success == short.clock() - HOUR
    assert events(short) == []
    short.fleet.recovers()
    short.collect()
    assert events(short) == [("fleet_short", "crf-1")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_loses_and_repeats_no_event_of_a_fleet(short: World, when: str) -> None:
    for write in range(1, 9):
        if not short.collect_and_die(when, write):
            break
    short.collect()
    assert events(short) == [("fleet_short", "crf-1")]
