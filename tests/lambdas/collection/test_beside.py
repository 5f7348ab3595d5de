"""Beside a listing: what is asked only while there is time, and where it is stored."""

from __future__ import annotations

from lambdas.store.beside import BesideStore
from lambdas.store.placements import PlacementStore
from tests.builders import DAY, HOME, NOON, OHIO
from tests.lambdas.aws import retire_others
from tests.lambdas.collection.builders import UNIT, World
from tests.lambdas.fakes import (
    EXTENSION_HISTORY,
    FLEETS,
    TOPOLOGY,
    USAGE,
    a_raw_block,
    a_raw_odcr,
)

BESIDE = {EXTENSION_HISTORY, FLEETS, TOPOLOGY, USAGE}


def hold(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_odcr("a"), a_raw_block("b", EndDate=NOON + 8 * DAY))


def operations(world: World) -> set[str]:
    return {operation for _, operation in world.fleet.asked}


def test_a_listing_with_time_left_asks_all_but_the_consumers_of_nothing(world: World) -> None:
    hold(world)
    world.collect()
    assert BESIDE & operations(world) == BESIDE - {USAGE}


def test_at_the_deadline_nothing_is_asked_beside_the_listing(world: World) -> None:
    hold(world)
    world.collector().collect(UNIT, world.clock())
    assert world.stored().keys() == {"a", "b"}
    assert not BESIDE & operations(world)


def test_what_was_not_asked_in_time_is_named_and_asked_next_time(world: World) -> None:
    hold(world)
    world.collector().collect(UNIT, world.clock())
    placements = PlacementStore(BesideStore(world.scopes.groups))
    first = placements.of_scope(OHIO)
    world.collect()
    second = placements.of_scope(OHIO)
    assert (first and first.error, second and second.error) == ("DeadlineExceeded", None)


def test_an_account_that_leaves_takes_along_what_is_beside_its_reservations(world: World) -> None:
    hold(world)
    world.collect()
    retire_others(world.scopes, "us-east-2/0", (), world.clock() + DAY)
    left = [(it["pk"]["S"], it["sk"]["S"]) for it in world.items()]
    assert not [place for place in left if place[0] != "SCOPES" and place[1].endswith(f"#{HOME}")]


def counts(world: World) -> dict[str, str]:
    """How often items beside reservations were written, by kind and unit."""
    return {it["sk"]["S"]: it["version"]["N"] for it in world.items() if it["pk"]["S"] == "BESIDE"}


def test_an_account_that_leaves_counts_only_for_what_it_had(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_odcr("a"))
    world.collect()
    before = counts(world)
    assert before.keys() == {"PLACEMENTS#us-east-2/0"}
    retire_others(world.scopes, "us-east-2/0", (), world.clock() + DAY)
    assert counts(world) == {"PLACEMENTS#us-east-2/0": str(int(*before.values()) + 1)}
