"""Events that time causes, and those of scopes, as they are collected: each once, come what may."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.collecting.collector import Collector, Outcome
from lambdas.store.scopes import ScopeStore
from tests.builders import DAY, HOME, HOUR, NOON, OHIO
from tests.lambdas.fakes import EXTENSIONS, Killed, a_raw_block, a_raw_odcr, client_error
from tests.lambdas.memory import memory_scopes
from tests.lambdas.test_collection import UNIT, Around, World, dies
from truffle.core.runs import Unit
from truffle.core.thresholds import Thresholds

START = NOON + timedelta(hours=23.5)
END = START + 7 * DAY
SOON = Thresholds(starting_soon=(DAY, 6 * HOUR, HOUR), ending_soon=())


@dataclass
class Timed(World):
    """The world of collections, with thresholds and run ids."""

    scopes: ScopeStore = field(default_factory=memory_scopes)
    thresholds: Thresholds = field(default_factory=Thresholds)

    def collector(self, client: Any = None) -> Collector:
        return replace(super().collector(client), thresholds=self.thresholds)

    def collect_at(
        self, moment: datetime, client: Any = None, run_id: str | None = "run-1"
    ) -> Outcome:
        self.clock.moment = moment
        unit = replace(UNIT, run_id=run_id)
        (outcome,) = self.collector(client).collect(unit, moment + HOUR)
        return outcome

    def collect_at_and_die(self, moment: datetime, k: int) -> None:
        """Killed after its k-th write."""
        with pytest.raises(Killed):
            self.collect_at(moment, Around(self.scopes.client, after={k: dies}))

    def has_block(self, *names: str, **facts: Any) -> None:
        self.fleet.holds(OHIO, *(a_raw_block(name, **facts) for name in names or ("cr-b",)))

    def kinds(self) -> list[tuple[str, Any]]:
        """Type and threshold of all events, in order."""
        return [(event["type"], (event["after"] or {}).get("threshold")) for event in self.events()]


@pytest.fixture
def world() -> Timed:
    return Timed()


class Counting:
    """A DynamoDB client that counts what is read of a scope's rows."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.rows_read = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def query(self, **call: Any) -> Any:
        self.rows_read += call["ExpressionAttributeValues"][":pk"]["S"].startswith("SCOPE#")
        return self.client.query(**call)


# --- time ----------------------------------------------------------------------------------------


def test_the_first_snapshot_tells_of_no_threshold(world: Timed) -> None:
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


def test_a_change_and_a_threshold_are_told_together(world: Timed) -> None:
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


def test_a_collection_outside_of_runs_tells_as_any_other(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    world.collect_at(START - 23 * HOUR, run_id=None)
    (event,) = world.events()
    assert event["run_id"] is None
    assert world.scopes.status(OHIO).run_id == "run-1"


def test_of_two_collections_at_once_one_tells(world: Timed) -> None:
    world.has_block()
    world.collect_at(START - 2 * DAY)
    moment = START - 23 * HOUR

    def other() -> None:
        world.collect_at(moment - timedelta(minutes=1))
        world.clock.moment = moment

    world.collect_at(moment, Around(world.scopes.client, before={1: other}))
    assert world.kinds() == [("starting_soon", "24h")]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_after_a_crash_between_two_transactions_nothing_is_told_twice(world: Timed, k: int) -> None:
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
def test_after_a_crash_a_moved_date_is_neither_lost_nor_told_twice(world: Timed, k: int) -> None:
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


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.integers(1, 600), st.sampled_from(["collect", "fail", "die"]), st.booleans()),
        max_size=10,
    ),
    k=st.integers(1, 3),
)
def test_whatever_happens_each_threshold_between_the_first_and_the_last_look_is_told_once(
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
    told = Counter(
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
    assert told == Counter(crossed)


# --- being idle ----------------------------------------------------------------------------------


def wasted(**facts: Any) -> dict[str, Any]:
    return a_raw_odcr("cr-a", **{"AvailableInstanceCount": 8, **facts})


def test_an_odcr_that_stays_unused_is_told_once(world: Timed) -> None:
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


def test_since_when_a_row_is_idle_is_stored_with_what_is_told_of_it(world: Timed) -> None:
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


# --- extensions ----------------------------------------------------------------------------------


def ending(world: Timed, **facts: Any) -> dict[str, Any]:
    """What is told of an extension when a block of a week has two hours left."""
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


def test_an_event_is_told_though_ec2_does_not_say(world: Timed) -> None:
    world.fleet.fails(OHIO, client_error("CapacityBlockDescribeLimitExceeded"), EXTENSIONS)
    extension = ending(world)
    assert (extension["on_offer"], extension["error"]) == (
        None,
        "CapacityBlockDescribeLimitExceeded",
    )


def test_only_the_owner_of_a_block_can_extend_it(world: Timed) -> None:
    world.fleet.extendable.add("cr-b")
    assert ending(world, OwnerId="210987654321")["on_offer"] is None


def test_ec2_is_asked_once_for_a_block_and_only_when_it_is_told(world: Timed) -> None:
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


# --- scopes --------------------------------------------------------------------------------------


def fail(world: Timed, *runs: str | None, code: str = "InternalError") -> None:
    """A failed attempt for each of these run ids."""
    world.fleet.fails(OHIO, client_error(code))
    for run_id in runs:
        world.clock.advance(HOUR)
        world.collect_at(world.clock(), run_id=run_id)
    world.fleet.recovers()


def test_three_failed_runs_are_told_once_and_then_the_recovery(world: Timed) -> None:
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


def test_a_recovery_is_told_with_the_snapshot_that_it_is(world: Timed) -> None:
    world.holds(a="active")
    world.collect_at(NOON)
    fail(world, "run-1", "run-2", "run-3")
    client = Around(world.scopes.client, before={1: dies})
    with pytest.raises(Killed):
        world.collect(client)
    assert len(world.events()) == 1
    world.collect()
    assert len(world.events()) == 2


def test_a_success_that_a_failure_came_before_tells_of_its_end(world: Timed) -> None:
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
