"""A collection killed between its writes."""

from __future__ import annotations

import pytest

from tests.builders import OHIO
from tests.lambdas.collection.builders import AFTER, BEFORE, HAPPENED, Around, World


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_a_collection_killed_around_any_write_is_completed_by_the_next(
    world: World, when: str, k: int
) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    assert world.collect_and_die(when, k)
    world.collect()
    assert (world.stored(), world.recorded()) == (AFTER, HAPPENED)


def test_these_changes_take_four_writes_and_their_network_nodes_one(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    client = Around(world.scopes.client)
    world.collect(client)
    assert client.writes == 5


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_change_undone_after_a_crash_is_reported_both_ways(world: World, k: int) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    assert world.collect_and_die("after", k)
    recorded = set(world.recorded())
    world.holds(**BEFORE)
    world.collect()
    undone = {
        ("a", "pending → active"),
        ("b", "pending → active"),
        ("e", "first seen in state active"),
        ("f", "active → no longer listed"),
    }
    names = {name for name, _ in recorded}
    assert world.stored() == BEFORE
    assert set(world.recorded()) - recorded == {
        (name, why) for name, why in undone if name in names
    }


@pytest.mark.parametrize(("when", "k"), [("before", 1), ("after", 1), ("before", 2)])
def test_a_baseline_that_was_killed_halfway_is_still_a_baseline(
    world: World, when: str, k: int
) -> None:
    world.holds(**BEFORE)
    assert world.collect_and_die(when, k)
    world.holds(**AFTER)
    world.collect()
    assert (world.stored(), world.events()) == (AFTER, [])


def test_a_half_written_scope_does_not_count_as_collected(world: World) -> None:
    world.holds(**BEFORE)
    assert world.collect_and_die("after", 1)
    status = world.scopes.status(OHIO)
    assert (status.observed_at, status.run_id) == (None, None)
