"""Network nodes are asked when a scope has new reservations, and else once a day."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.store.beside import BesideStore
from lambdas.store.placements import PlacementStore, ScopePlacements
from tests.builders import HOUR, OHIO
from tests.lambdas.collection.builders import World
from tests.lambdas.fakes import TOPOLOGY, a_raw_odcr, client_error


def a_raw_placement(reservation_id: str = "a", *nodes: str) -> dict[str, Any]:
    return {
        "CapacityReservationId": reservation_id,
        "InstanceType": "p4d.24xlarge",
        "State": "active",
        "NetworkNodes": list(nodes or ("nn-1", "nn-2", "nn-3")),
    }


def known(world: World) -> ScopePlacements | None:
    return PlacementStore(BesideStore(world.scopes.groups)).of_scope(OHIO)


def nodes(world: World) -> dict[str, tuple[str, ...] | None]:
    found = known(world)
    assert found is not None
    return {it.reservation_id: it.network_nodes for it in found.placements}


def asked(world: World) -> int:
    return sum(operation == TOPOLOGY for _, operation in world.fleet.asked)


@pytest.fixture
def placed(world: World) -> World:
    world.holds(a="active")
    world.fleet.placements[OHIO] = [a_raw_placement()]
    world.collect()
    return world


def test_a_reservation_is_placed_with_its_first_listing(placed: World) -> None:
    assert nodes(placed) == {"a": ("nn-1", "nn-2", "nn-3")}


def test_an_hour_in_which_nothing_changes_asks_nothing(placed: World) -> None:
    placed.collect()
    assert asked(placed) == 1


def test_a_new_reservation_is_asked_for_at_once(placed: World) -> None:
    placed.holds(a="active", b="active")
    placed.fleet.placements[OHIO] = [a_raw_placement("a"), a_raw_placement("b", "nn-9")]
    placed.collect()
    assert nodes(placed)["b"] == ("nn-9",)


def test_one_that_ends_costs_no_call(placed: World) -> None:
    placed.holds(a="active", b="active")
    placed.collect()
    placed.holds(a="active")
    placed.collect()
    assert asked(placed) == 2


def test_nodes_are_at_most_a_day_old(placed: World) -> None:
    for _ in range(24):
        placed.collect()
    found = known(placed)
    assert found is not None
    assert (asked(placed), found.asked_at) == (2, placed.clock())


@pytest.mark.parametrize(
    "raw",
    [
        a_raw_odcr("a", State="scheduled"),
        a_raw_odcr("a", OwnerId="999999999999"),
        a_raw_odcr("a", InstanceType="m5.large"),
    ],
    ids=["not there yet", "another owner's", "no accelerator"],
)
def test_what_has_no_nodes_is_not_asked_for(world: World, raw: dict[str, Any]) -> None:
    world.fleet.holds(OHIO, raw)
    world.collect()
    assert (asked(world), known(world)) == (0, None)


def test_a_scope_without_such_reservations_is_forgotten(placed: World) -> None:
    placed.holds()
    placed.collect()
    assert known(placed) is None


def test_a_refusal_keeps_what_was_known_and_fails_no_listing(placed: World) -> None:
    placed.fleet.fails(OHIO, client_error("UnauthorizedOperation"), TOPOLOGY)
    placed.holds(a="active", b="active")
    assert placed.collect().failure is None
    since = placed.clock()
    placed.collect()
    found = known(placed)
    assert found is not None
    assert (found.error, found.failing_since) == ("UnauthorizedOperation", since)
    assert found.asked_at == since - HOUR
    assert nodes(placed) == {"a": ("nn-1", "nn-2", "nn-3")}


def test_a_region_without_the_call_has_no_nodes_and_no_error(world: World) -> None:
    world.holds(a="active")
    world.fleet.fails(OHIO, client_error("UnsupportedOperation"), TOPOLOGY)
    world.collect()
    found = known(world)
    assert found is not None
    assert (found.placements, found.error) == ((), None)


def test_more_reservations_than_the_budget_are_named_as_cut_short(world: World) -> None:
    world.holds(a="active")
    world.fleet.placements[OHIO] = [a_raw_placement(f"cr-{n:03}") for n in range(501)]
    world.collect()
    found = known(world)
    assert found is not None
    assert (len(found.placements), found.error) == (500, "BudgetExceeded")
