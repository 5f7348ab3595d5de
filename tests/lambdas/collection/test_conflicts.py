"""Collections that are repeated, concurrent or late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.collecting.collector import REPORT_TRIES
from tests.builders import DAY, HOUR, NOON, OHIO
from tests.lambdas.collection.builders import AFTER, BEFORE, HAPPENED, UNIT, Around, World
from tests.lambdas.fakes import client_error
from truffle.core.model import Failure, Snapshot


def test_of_two_collections_from_one_revision_the_second_starts_over(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    outcome = world.collect(Around(world.scopes.client, before={1: world.collect}))
    assert (world.stored(), world.recorded()) == (AFTER, HAPPENED)
    assert (outcome.changed, outcome.events) == (0, 0)


def test_two_collections_that_take_turns_lose_and_double_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    world.collect(Around(world.scopes.client, after={2: world.collect}))
    assert (world.stored(), world.recorded()) == (AFTER, HAPPENED)


def test_two_first_collections_at_once_make_one_baseline(world: World) -> None:
    world.holds(**BEFORE)
    world.collect(Around(world.scopes.client, before={2: world.collect}))
    assert (world.stored(), world.events()) == (BEFORE, [])


def test_a_snapshot_from_before_the_last_one_changes_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    before = world.items()
    world.clock.moment = NOON
    world.holds(**AFTER)
    (outcome,) = world.collector().collect(UNIT, NOON + HOUR)
    assert isinstance(outcome.result, Snapshot)
    assert (outcome.changed, outcome.events, world.items()) == (0, 0, before)


def test_a_snapshot_from_before_the_last_failure_does_not_end_it(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect()
    before = world.items()
    world.fleet.recovers()
    world.clock.moment -= timedelta(hours=1, minutes=30)
    world.collect()
    assert world.items() == before


@pytest.mark.parametrize("k", [2, 3, 4])
def test_an_older_snapshot_does_not_undo_the_half_of_a_newer_one(world: World, k: int) -> None:
    world.holds(**BEFORE)
    world.collect()
    started = world.clock()

    def older() -> None:
        world.holds(**BEFORE)
        world.clock.moment = started
        world.collect()

    world.holds(**AFTER)
    world.clock.advance(HOUR)
    world.collect(Around(world.scopes.client, before={k: older}))
    assert (world.stored(), world.recorded()) == (AFTER, HAPPENED)


def test_a_failure_from_before_the_last_snapshot_changes_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    before = world.items()
    world.clock.moment = NOON
    world.fleet.fails(OHIO, client_error("InternalError"))
    (outcome,) = world.collector().collect(UNIT, NOON + HOUR)
    assert isinstance(outcome.result, Failure)
    assert world.items() == before


def test_a_scope_that_others_write_again_and_again_fails_and_says_so(world: World) -> None:
    world.holds(a="active")
    world.collect()
    states = iter(["pending", "active"] * REPORT_TRIES)

    def other() -> object:
        world.holds(a=next(states))
        world.clock.moment += timedelta(seconds=1) - HOUR
        return world.collect()

    world.clock.moment = NOON + DAY
    meddling = dict.fromkeys(range(1, 2 * REPORT_TRIES), other)
    outcome = world.collect(Around(world.scopes.client, before=meddling))
    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.is_final) == ("Contended", False)


def test_a_scope_that_others_write_is_not_tried_again_after_the_deadline(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.holds(a="pending")

    def other() -> object:
        world.holds(a="expired")
        outcome = world.collect()
        world.clock.advance(HOUR)
        return outcome

    outcome = world.collect(Around(world.scopes.client, before={1: other}))
    assert outcome.failure is not None
    assert outcome.failure.code == "Contended"
    assert outcome.failure.message.endswith("attempts: 1.")


def test_an_answer_of_dynamodb_that_got_lost_doubles_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)

    def lost() -> None:
        raise client_error("InternalServerError", "TransactWriteItems")

    with pytest.raises(Exception, match="InternalServerError"):
        world.collect(Around(world.scopes.client, after={1: lost}))
    world.collect()
    assert (world.stored(), world.recorded()) == (AFTER, HAPPENED)
