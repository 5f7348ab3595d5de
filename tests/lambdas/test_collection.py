"""Collecting a unit: nothing lost and nothing doubled, whatever fails, repeats or dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.collecting.collector import Collector, Outcome
from lambdas.store.archive import Archive
from lambdas.store.scopes import CONFLICT_TRIES, Conflict, ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import DAY, HOME, HOUR, NOON, OHIO
from tests.lambdas.aws import make_scopes
from tests.lambdas.fakes import Clock, Fleet, Killed, a_raw_block, a_raw_odcr, client_error
from tests.lambdas.memory import memory_scopes
from truffle.core.model import Failure, Snapshot
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

UNIT = Unit("run-1", OHIO.region, (HOME,))
WRITES = frozenset({"transact_write_items", "update_item", "put_item", "delete_item"})


@pytest.fixture(autouse=True)
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three actions beside the status, so that a few changes need several."""
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 4)


@dataclass
class Around:
    """A DynamoDB client that does something before or after its n-th write."""

    client: Any
    before: dict[int, Callable[[], object]] = field(default_factory=dict)
    after: dict[int, Callable[[], object]] = field(default_factory=dict)
    writes: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)
        return self._watched(call) if name in WRITES else call

    def _watched(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(**parameters: Any) -> Any:
            self.writes += 1
            number = self.writes
            self.before.get(number, int)()
            answer = call(**parameters)
            self.after.get(number, int)()
            return answer

        return watched


class Bucket:
    """An S3 client that keeps what it is given."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, **parameters: Any) -> None:
        self.objects[parameters["Key"]] = parameters["Body"]


def dies() -> None:
    raise Killed


@dataclass
class World:
    """EC2, a table, and collections of the one unit, each an hour after the one before."""

    fleet: Fleet = field(default_factory=Fleet)
    scopes: ScopeStore = field(default_factory=make_scopes)
    bucket: Bucket = field(default_factory=Bucket)
    clock: Clock = field(default_factory=Clock)

    def holds(self, **states: str) -> None:
        """EC2 lists these ODCRs from now on, by id, in these states."""
        self.fleet.holds(
            OHIO, *(a_raw_odcr(name, State=state) for name, state in sorted(states.items()))
        )

    def collector(self, client: Any = None) -> Collector:
        scopes = ScopeStore(client or self.scopes.client, self.scopes.table)
        archive = Archive(self.bucket, "bucket")
        return Collector(self.fleet.of, DescribedTypes(), scopes, archive, self.clock)

    def collect(self, client: Any = None) -> Outcome:
        self.clock.advance(HOUR)
        (outcome,) = self.collector(client).collect(UNIT, self.clock() + HOUR)
        return outcome

    def collect_and_die(self, when: str, k: int) -> bool:
        """A collection that is killed before or after its n-th write; False where it has fewer."""
        client = Around(self.scopes.client)
        hooks = {"before": client.before, "after": client.after}[when]
        hooks[k] = dies
        try:
            self.collect(client)
        except Killed:
            return True
        return False

    def stored(self) -> dict[str, str]:
        rows = self.scopes.reservations(self.scopes.status(OHIO))
        return {row.reservation_id: row.state for row in rows}

    def items(self) -> list[Any]:
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        return items

    def events(self) -> list[dict[str, Any]]:
        """The messages of all events, the oldest first."""
        found = [item for item in self.items() if item["pk"]["S"].startswith(EVENT_PREFIX)]
        return [read_body(item) for item in sorted(found, key=lambda item: item["sk"]["S"])]

    def told(self) -> list[tuple[str, str]]:
        """What the events say, by id, in the order of their ids."""
        return sorted((event["reservation_id"], event["reason"]) for event in self.events())


@pytest.fixture
def world() -> World:
    return World()


def ids(count: int) -> list[str]:
    return [f"cr_{number}" for number in range(count)]


# --- what happens to reservations ----------------------------------------------------------------


def test_the_first_snapshot_of_a_scope_is_its_baseline_and_tells_nothing(world: World) -> None:
    world.holds(a="active", b="payment-failed")
    outcome = world.collect()
    assert (outcome.changed, outcome.events) == (2, 0)
    assert (world.stored(), world.events()) == ({"a": "active", "b": "payment-failed"}, [])


def test_what_changed_since_the_baseline_is_told_once(world: World) -> None:
    world.holds(a="active", b="active", c="active")
    world.collect()
    world.holds(a="pending", b="active", d="active")
    outcome = world.collect()
    assert (outcome.changed, outcome.events) == (3, 3)
    assert world.told() == [
        ("a", "active → pending"),
        ("c", "active → no longer listed"),
        ("d", "first seen in state active"),
    ]


def test_a_second_run_over_the_same_fleet_writes_no_reservation_and_no_event(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_odcr("cr-a"), a_raw_block("cr-b"))
    world.collect()
    before = [item for item in world.items() if item["pk"]["S"] != "SCOPES"]
    client = Around(world.scopes.client)
    outcome = world.collect(client)
    assert (outcome.changed, outcome.events, client.writes) == (0, 0, 1)
    assert [item for item in world.items() if item["pk"]["S"] != "SCOPES"] == before


def test_a_reservation_in_a_terminal_state_leaves_silently_and_keeps_its_last_row(
    world: World,
) -> None:
    world.holds(a="expired")
    world.collect()
    world.holds()
    world.collect()
    gone = world.scopes.gone("a")
    assert (world.stored(), world.events()) == ({}, [])
    assert gone is not None
    assert gone["state"] == "expired"


def test_an_events_times_are_those_of_the_two_snapshots(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.collect()
    world.holds(a="pending")
    world.collect()
    (event,) = world.events()
    assert event["previous_observed_at"] == "2026-11-24T14:00:00Z"
    assert event["observed_at"] == "2026-11-24T15:00:00Z"


# --- failures of every kind ----------------------------------------------------------------------

FAULTS = {
    "throttled to the end of its retries": ("RequestLimitExceeded", "throttled"),
    "a server error": ("InternalError", "error"),
    "denied": ("UnauthorizedOperation", "denied"),
    "disabled": ("AuthFailure", "disabled"),
}


def is_failed(world: World, outcome: Outcome, code: str, kind: str) -> bool:
    """Whether the outcome and the scope both name a failure."""
    error = world.scopes.status(OHIO).error
    assert outcome.failure is not None
    assert error is not None
    return (outcome.failure.code, error.code) == (code, code) and (
        (outcome.failure.kind, error.kind) == (kind, kind)
    )


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("after_pages", [0, 1, 2])
def test_a_listing_that_fails_on_any_page_changes_no_reservation_and_tells_nothing(
    world: World, fault: str, after_pages: int
) -> None:
    code, kind = FAULTS[fault]
    world.holds(a="active", b="active", c="active", d="active", e="active")
    world.collect()
    before = world.stored()
    world.holds(a="expired", b="expired", c="expired", d="expired", e="expired")
    world.fleet.fails(OHIO, client_error(code), after_pages=after_pages)
    assert is_failed(world, world.collect(), code, kind)
    assert (world.stored(), world.events()) == (before, [])


def test_a_call_that_times_out_is_a_failure_with_the_name_of_its_error(world: World) -> None:
    world.fleet.fails(OHIO, ReadTimeoutError(endpoint_url="https://ec2"))
    assert is_failed(world, world.collect(), "ReadTimeoutError", "error")


def test_a_listing_that_runs_out_of_time_is_a_failure(world: World) -> None:
    world.holds(a="active", b="active", c="active")
    late = world.clock() - timedelta(seconds=1)
    (outcome,) = world.collector().collect(UNIT, late)
    assert is_failed(world, outcome, "DeadlineExceeded", "error")
    assert world.stored() == {}


def test_a_role_that_cannot_be_assumed_is_a_failure(world: World) -> None:
    world.fleet.no_client[OHIO] = client_error("AccessDenied", "AssumeRole")
    assert is_failed(world, world.collect(), "AccessDenied", "denied")


def test_an_enrichment_that_fails_makes_the_whole_a_failure(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_block("cr-b"))
    world.fleet.fails(OHIO, client_error("RequestLimitExceeded"), "describe_capacity_blocks")
    assert is_failed(world, world.collect(), "RequestLimitExceeded", "throttled")


def test_an_enrichment_that_is_denied_is_named_and_the_listing_stands(world: World) -> None:
    world.fleet.holds(OHIO, a_raw_block("cr-b"))
    denied = client_error("UnauthorizedOperation", "DescribeCapacityBlockStatus")
    world.fleet.fails(OHIO, denied, "describe_capacity_block_status")
    assert world.collect().failure is None
    unanswered = world.scopes.status(OHIO).unanswered
    assert unanswered == ("DescribeCapacityBlockStatus: UnauthorizedOperation",)


def test_what_changed_during_a_failure_is_told_when_it_ends(world: World) -> None:
    world.holds(a="active")
    world.collect()
    world.holds(a="pending")
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect()
    world.fleet.recovers()
    world.collect()
    assert world.told() == [("a", "active → pending")]
    assert world.scopes.status(OHIO).error is None


def test_a_failed_collection_writes_no_snapshot_to_the_bucket(world: World) -> None:
    world.fleet.fails(OHIO, client_error("InternalError"))
    world.collect()
    assert world.bucket.objects == {}


# --- killed between its writes -------------------------------------------------------------------

BEFORE = {"a": "active", "b": "active", "c": "active", "d": "active", "e": "active"}
AFTER = {"a": "pending", "b": "pending", "c": "active", "d": "active", "f": "active"}
HAPPENED = [
    ("a", "active → pending"),
    ("b", "active → pending"),
    ("e", "active → no longer listed"),
    ("f", "first seen in state active"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_a_collection_killed_around_any_write_is_completed_by_the_next(
    world: World, when: str, k: int
) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    assert world.collect_and_die(when, k)
    world.collect()
    assert (world.stored(), world.told()) == (AFTER, HAPPENED)


def test_these_changes_take_four_writes(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    client = Around(world.scopes.client)
    world.collect(client)
    assert client.writes == 4


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_change_that_is_undone_after_a_kill_is_told_both_ways(world: World, k: int) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    assert world.collect_and_die("after", k)
    told = set(world.told())
    world.holds(**BEFORE)
    world.collect()
    undone = {
        ("a", "pending → active"),
        ("b", "pending → active"),
        ("e", "first seen in state active"),
        ("f", "active → no longer listed"),
    }
    names = {name for name, _ in told}
    assert world.stored() == BEFORE
    assert set(world.told()) - told == {(name, why) for name, why in undone if name in names}


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


# --- repeated, concurrent and late ---------------------------------------------------------------


def test_of_two_collections_from_one_revision_the_second_starts_over(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    outcome = world.collect(Around(world.scopes.client, before={1: world.collect}))
    assert (world.stored(), world.told()) == (AFTER, HAPPENED)
    assert (outcome.changed, outcome.events) == (0, 0)


def test_two_collections_that_take_turns_lose_and_double_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)
    world.collect(Around(world.scopes.client, after={2: world.collect}))
    assert (world.stored(), world.told()) == (AFTER, HAPPENED)


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
    assert (world.stored(), world.told()) == (AFTER, HAPPENED)


def test_a_failure_from_before_the_last_snapshot_changes_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    before = world.items()
    world.clock.moment = NOON
    world.fleet.fails(OHIO, client_error("InternalError"))
    (outcome,) = world.collector().collect(UNIT, NOON + HOUR)
    assert isinstance(outcome.result, Failure)
    assert world.items() == before


def test_a_scope_that_others_write_again_and_again_is_given_up_and_says_so(world: World) -> None:
    world.holds(a="active")
    world.collect()
    states = iter(["pending", "active"] * CONFLICT_TRIES)
    moments = iter(NOON + hours * HOUR for hours in range(2, 20))

    def other() -> None:
        world.holds(a=next(states))
        world.clock.moment = next(moments)
        world.collect()

    world.clock.moment = NOON + DAY
    meddling = Around(world.scopes.client, before=dict.fromkeys(range(1, 10), other))
    with pytest.raises(Conflict, match="was written by others 5 times in a row"):
        world.collect(meddling)


def test_an_answer_of_dynamodb_that_got_lost_doubles_nothing(world: World) -> None:
    world.holds(**BEFORE)
    world.collect()
    world.holds(**AFTER)

    def lost() -> None:
        raise client_error("InternalServerError", "TransactWriteItems")

    with pytest.raises(Exception, match="InternalServerError"):
        world.collect(Around(world.scopes.client, after={1: lost}))
    world.collect()
    assert (world.stored(), world.told()) == (AFTER, HAPPENED)


# --- any sequence of all that --------------------------------------------------------------------

STATES = ("active", "pending", "scheduled", "delayed")
FLEETS = st.dictionaries(st.sampled_from("abcde"), st.sampled_from(STATES), max_size=5)
KTHS = st.integers(1, 4)
STEPS = st.one_of(
    st.tuples(st.just("collect"), FLEETS),
    st.tuples(st.just("repeat"), st.none()),
    st.tuples(st.just("fail"), st.sampled_from(["InternalError", "UnauthorizedOperation"])),
    st.tuples(st.just("die"), st.tuples(FLEETS, st.sampled_from(["before", "after"]), KTHS)),
    st.tuples(st.just("race"), st.tuples(FLEETS, FLEETS, KTHS, st.sampled_from([-1, 1]))),
    st.tuples(st.just("late"), FLEETS),
)


def play(world: World, kind: str, detail: Any) -> None:
    """One step of a story."""
    if kind == "collect":
        world.holds(**detail)
        world.collect()
    elif kind == "repeat":
        world.collect()
    elif kind == "fail":
        world.fleet.fails(OHIO, client_error(detail))
        world.collect()
        world.fleet.recovers()
    elif kind == "die":
        states, when, k = detail
        world.holds(**states)
        world.collect_and_die(when, k)
    elif kind == "race":
        mine, theirs, k, later = detail
        started = world.clock.advance(HOUR)

        def other() -> None:
            world.holds(**theirs)
            world.clock.moment = started + later * timedelta(minutes=30)
            world.collect()

        world.holds(**mine)
        world.collect(Around(world.scopes.client, before={k: other}))
        world.clock.moment = started + 2 * HOUR
    else:
        moment, raw = world.clock(), dict(world.fleet.raw)
        world.clock.moment = NOON - HOUR
        world.holds(**detail)
        world.collect()
        world.clock.moment, world.fleet.raw = moment, raw


def links(world: World) -> Iterator[tuple[str, str | None, str | None]]:
    """What each event says: a reservation's state before it and after it, None for not listed."""
    for event in world.events():
        before, after = event["before"], event["after"]
        yield event["reservation_id"], before and before["state"], after and after["state"]


def timeless(world: World) -> list[Any]:
    """All items, but for how long the collections took."""
    items = [item | {"seconds": None} for item in world.items()]
    return sorted(items, key=lambda item: (item["pk"]["S"], item["sk"]["S"]))


def test_the_table_in_memory_holds_what_dynamodb_does() -> None:
    worlds = World(), World(scopes=memory_scopes())
    for world in worlds:
        play(world, "collect", BEFORE)
        play(world, "fail", "InternalError")
        play(world, "die", (AFTER, "after", 2))
        play(world, "race", (BEFORE, {}, 2, -1))
        play(world, "race", (AFTER, BEFORE, 3, 1))
        play(world, "late", {})
        play(world, "fail", "UnauthorizedOperation")
    assert timeless(worlds[0]) == timeless(worlds[1])


@settings(max_examples=150)
@given(baseline=FLEETS, steps=st.lists(STEPS, max_size=8), end=FLEETS)
def test_the_events_of_any_story_lead_from_its_baseline_to_its_end_without_gap_or_repeat(
    baseline: dict[str, str], steps: list[tuple[str, Any]], end: dict[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lambdas.store.scopes.MAX_ACTIONS", 4)
        world = World(scopes=memory_scopes())
        play(world, "collect", baseline)
        for kind, detail in steps:
            play(world, kind, detail)
        play(world, "collect", end)
    known: dict[str, str | None] = dict(baseline)
    for name, before, after in links(world):
        assert known.get(name) == before
        assert before != after
        known[name] = after
    assert {name: state for name, state in known.items() if state} == end
    assert world.stored() == end
