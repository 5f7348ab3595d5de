"""Events that time causes, and those of scopes, as they are collected: each once, come what may."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, OHIO
from tests.effort import examples
from tests.lambdas.collection.builders import UNIT, Around, dies
from tests.lambdas.fakes import EXTENSIONS, Killed, client_error
from tests.lambdas.timed_events.builders import END, START, Counting, Timed
from truffle.core.thresholds import Thresholds

SOON = Thresholds(starting_soon=(DAY, 6 * HOUR, HOUR), ending_soon=())


# --- time ----------------------------------------------------------------------------------------


def test_the_first_snapshot_reports_no_threshold(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - HOUR)
    assert world.events() == []


def test_time_makes_events_of_a_scope_in_which_nothing_changed(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    outcome = world.collect_at(START - 23 * HOUR, run_id="run-2")
    (event,) = world.events()
    assert (event["type"], event["run_id"]) == ("starting_soon", "run-2")
    assert event["after"] == {"threshold": "24h", "start_date": "2026-11-25T11:30:00Z"}
    assert event["reservation"]["reservation_id"] == "cr-b"
    assert (outcome.changed, outcome.events) == (0, 1)
    world.collect_at(START - 22 * HOUR)
    assert len(world.events()) == 1


def test_an_unchanged_scope_does_not_read_its_rows_for_that(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    client = Counting(world.scopes.client)
    world.collect_at(START - 23 * HOUR, client)
    assert (client.rows_read, len(world.events())) == (0, 1)


def test_an_event_of_an_unchanged_row_moves_no_revision(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    before = world.scopes.status(OHIO)
    world.collect_at(START - 23 * HOUR)
    after = world.scopes.status(OHIO)
    assert (after.revision, after.digest) == (before.revision, before.digest)


def test_a_change_and_a_threshold_are_reported_together(world: Timed) -> None:
    world.has_block(State="payment-pending")
    world.collect_at(START - 2 * DAY)
    world.has_block()
    world.collect_at(START - 23 * HOUR)
    assert set(world.kinds()) == {("state_changed", None), ("starting_soon", "24h")}


def test_a_refused_enrichment_does_not_move_a_threshold(world: Timed) -> None:
    world.has_block(StartDate=START, EndDate=START + 7 * DAY)
    world.collect_at(START - 2 * DAY)
    denied = client_error("UnauthorizedOperation", "DescribeCapacityBlocks")
    world.fleet.fails(OHIO, denied, "describe_capacity_blocks")
    world.collect_at(START - 23 * HOUR)
    assert world.kinds() == [("starting_soon", "24h")]


def test_a_failed_run_between_delays_an_event_and_does_not_lose_it(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect_at(START - 23 * HOUR)
    assert world.events() == []
    world.fleet.recovers()
    world.collect_at(START - 22 * HOUR)
    assert world.kinds() == [("starting_soon", "24h")]


def test_a_collection_outside_of_runs_reports_like_any_other(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    world.collect_at(START - 23 * HOUR, run_id=None)
    (event,) = world.events()
    assert event["run_id"] is None
    assert world.scopes.status(OHIO).run_id == "run-1"


def test_of_two_collections_at_once_one_reports(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    moment = START - 23 * HOUR

    def other() -> None:
        world.collect_at(moment - timedelta(minutes=1))
        world.clock.moment = moment

    world.collect_at(moment, Around(world.scopes.client, before={1: other}))
    assert world.kinds() == [("starting_soon", "24h")]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_after_a_crash_between_two_transactions_nothing_is_reported_twice(
    world: Timed, k: int
) -> None:
    names = [f"cr-{number}" for number in range(6)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 5)
        world.has_block(*names)
        world.collect_at(START - 2 * DAY)
        world.collect_at_and_die(START - 23 * HOUR, k)
        world.collect_at(START - 22 * HOUR)
    assert [event["type"] for event in world.events()] == ["starting_soon"] * 6
    assert len({event["event_id"] for event in world.events()}) == 6


@pytest.mark.parametrize("k", [1, 2])
def test_after_a_crash_a_moved_date_is_neither_lost_nor_reported_twice(
    world: Timed, k: int
) -> None:
    names = [f"cr-{number}" for number in range(6)]
    earlier = START - 23.5 * HOUR
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 5)
        world.has_block(*names)
        world.collect_at(START - 2 * DAY)
        world.has_block(*names, StartDate=earlier, EndDate=END)
        world.collect_at_and_die(earlier - HOUR, k)
        world.collect_at(earlier - HOUR / 2)
    soon = Counter(kind for kind in world.kinds() if kind[0] == "starting_soon")
    assert soon == {("starting_soon", "24h"): 6, ("starting_soon", "1h"): 6}


@settings(max_examples=examples(30))
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 600), st.sampled_from(["collect", "fail", "die"]), st.booleans()),
        max_size=10,
    ),
    k=st.integers(1, 3),
)
def test_each_threshold_between_the_first_and_the_last_observation_is_reported_once(
    steps: list[tuple[int, str, bool]], k: int
) -> None:
    world = Timed(thresholds=SOON)
    names = [f"cr-{number}" for number in range(4)]
    begin = START - 30 * HOUR
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 4)
        world.has_block(*names)
        world.collect_at(begin)
        moment = begin
        for number, (minutes, kind, changes) in enumerate(steps):
            moment += timedelta(minutes=minutes)
            tags = [{"Key": "step", "Value": str(number if changes else 0)}]
            world.has_block(*names, Tags=tags)
            if kind == "fail":
                world.fleet.fails(OHIO, client_error("InternalError"))
                world.collect_at(moment)
                world.fleet.recovers()
            elif kind == "die":
                with suppress(Killed):
                    world.collect_at(moment, Around(world.scopes.client, after={k: dies}))
            else:
                world.collect_at(moment)
        moment += timedelta(minutes=1)
        world.collect_at(moment)
    recorded = Counter(
        (event["reservation_id"], event["after"]["threshold"])
        for event in world.events()
        if event["type"] == "starting_soon"
    )
    crossed = [
        (name, text)
        for name in names
        for text, early in (("24h", DAY), ("6h", 6 * HOUR), ("1h", HOUR))
        if begin < START - early <= moment
    ]
    assert recorded == Counter(crossed)


# --- extensions ----------------------------------------------------------------------------------


def ending(world: Timed, **facts: Any) -> dict[str, Any]:
    """The facts about an extension when a block of a week has two hours left."""
    end = NOON + 9 * DAY
    dates = {"StartDate": end - 7 * DAY, "EndDate": end, "State": "active"}
    world.has_block(**{**dates, "TotalInstanceCount": 16, **facts})
    world.collect_at(end - 4 * HOUR)
    world.collect_at(end - 2 * HOUR)
    extension: dict[str, Any] = world.events()[-1]["after"]["extension"]
    return extension


def test_a_block_that_ends_soon_says_whether_an_extension_is_on_offer(world: Timed) -> None:
    world.fleet.extendable.add("cr-b")
    assert ending(world) == {"deadline": "2026-12-03T11:00:00Z", "on_offer": True, "error": None}


def test_ec2_may_have_none(world: Timed) -> None:
    assert ending(world)["on_offer"] is False


def test_an_event_is_reported_without_an_answer_about_extensions(world: Timed) -> None:
    world.fleet.fails(OHIO, client_error("CapacityBlockDescribeLimitExceeded"), EXTENSIONS)
    extension = ending(world)
    assert (extension["on_offer"], extension["error"]) == (
        None,
        "CapacityBlockDescribeLimitExceeded",
    )


def test_only_the_owner_of_a_block_can_extend_it(world: Timed) -> None:
    world.fleet.extendable.add("cr-b")
    assert ending(world, OwnerId="210987654321")["on_offer"] is None


def test_ec2_is_asked_once_for_a_block_and_only_when_its_end_is_reported(world: Timed) -> None:
    world.has_block(State="active", TotalInstanceCount=16)
    for before_end in (100, 50, 1):
        world.collect_at(END - before_end * HOUR)
    world.collect_at(END + HOUR)
    assert [operation for _, operation in world.fleet.asked].count(EXTENSIONS) == 1


def test_there_is_no_time_for_it_after_the_deadline(world: Timed) -> None:
    end = NOON + 9 * DAY
    world.has_block(StartDate=end - 7 * DAY, EndDate=end, State="active", TotalInstanceCount=16)
    world.collect_at(end - 4 * HOUR)
    world.clock.moment = end - 2 * HOUR
    world.collector().collect(UNIT, world.clock())
    assert world.events()[-1]["after"]["extension"]["error"] == "DeadlineExceeded"
