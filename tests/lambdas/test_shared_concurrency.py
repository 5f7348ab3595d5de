"""Accounts that list the same reservation at the same time, or in any order."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.collecting.collector import Collector, ScopeOutcome
from lambdas.store.reports import ReportStore
from tests.builders import HOUR, NOON
from tests.effort import examples
from tests.lambdas.aws import make_scopes
from tests.lambdas.collection.builders import Bucket, archive_in
from tests.lambdas.fakes import Fleet, a_raw_odcr
from tests.lambdas.memory import MemoryTable, scopes_in, timeless
from tests.lambdas.sharing import ACCOUNTS, ONE, REGION, STRANGER, THREE, TWO, Shared, shared
from truffle.core.model import Failure, Scope
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes


class Slow:
    """An EC2 that does something before it reads the first page of an account's listing, or
    after."""

    def __init__(self, fleet: Fleet, before: Any = int, after: Any = int) -> None:
        self.fleet, self.before, self.after = fleet, before, after

    def of(self, scope: Scope) -> Any:
        client, slow = self.fleet.of(scope), self

        class Client:
            def get_paginator(self, operation: str) -> Any:
                class Pages:
                    def paginate(self, **parameters: Any) -> Any:
                        before, slow.before = slow.before, int
                        before()
                        pages = list(client.get_paginator(operation).paginate(**parameters))
                        after, slow.after = slow.after, int
                        after()
                        return pages

                return Pages()

            def describe_capacity_reservation_topology(self, **parameters: Any) -> Any:
                return client.describe_capacity_reservation_topology(**parameters)

            def get_capacity_reservation_usage(self, **parameters: Any) -> Any:
                return client.get_capacity_reservation_usage(**parameters)

        return Client()


CROWD = tuple(f"{400_000_000_000 + number}" for number in range(30))
UNITS = [CROWD[first : first + 3] for first in range(0, len(CROWD), 3)]


class Serial:
    """A table that answers one call after the other, each after a moment in which others write."""

    def __init__(self, client: Any) -> None:
        self.client, self.lock = client, Lock()
        self.exceptions = client.exceptions

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.client, name)

        def one_at_a_time(**parameters: Any) -> Any:
            time.sleep(0.001)
            with self.lock:
                return call(**parameters)

        return one_at_a_time


def all_at_once(world: Shared) -> list[Failure]:
    """The failures of the crowd's units that are collected at the same time."""
    at = world.clock.advance(HOUR)

    def collect(accounts: tuple[str, ...]) -> list[ScopeOutcome]:
        archive = archive_in(Bucket())
        collector = Collector(
            ec2_of=world.fleet.of,
            types=DescribedTypes(),
            scopes=world.scopes,
            archive=archive,
            clock=world.clock,
        )
        return collector.collect(Unit("run", REGION, accounts), at + HOUR)

    with ThreadPoolExecutor(len(UNITS)) as pool:
        outcomes = [outcome for unit in pool.map(collect, UNITS) for outcome in unit]
    assert len(outcomes) == len(CROWD)
    return [outcome.failure for outcome in outcomes if outcome.failure]


def shared_with_all(fleet: Fleet, *states: str) -> None:
    """One reservation of another account, in these states, listed by every account."""
    raw = [a_raw_odcr("cr-a", State=state, OwnerId=STRANGER) for state in states]
    for account_id in CROWD:
        fleet.holds(Scope(account_id, REGION), *raw)


def test_units_that_all_list_one_reservation_are_stored_whole_and_report_once() -> None:
    world = Shared(scopes=scopes_in(Serial(MemoryTable())))
    for states in (["active"], ["active"], ["expired"], [], []):
        shared_with_all(world.fleet, *states)
        assert all_at_once(world) == []

    assert [kind for _, kind in world.recorded()] == ["state_changed"]
    report = ReportStore(world.scopes.client, world.scopes.table).get(["cr-a"])["cr-a"]
    assert report.members == frozenset()


def overlapping(world: Shared, slow: Slow, account_id: str) -> None:
    world.clock.advance(HOUR)
    archive = archive_in(Bucket())
    collector = Collector(
        ec2_of=slow.of,
        types=DescribedTypes(),
        scopes=world.scopes,
        archive=archive,
        clock=world.clock,
    )
    collector.collect(Unit("run", REGION, (account_id,)), world.clock() + HOUR)


@pytest.mark.parametrize("other", [ONE, TWO])
def test_a_listing_from_before_a_newer_write_is_made_again(other: str) -> None:
    world = shared(accounts=[])

    def purchase() -> None:
        world.holds("scheduled", [ONE, TWO])
        world.collect(accounts=(other,))

    overlapping(world, Slow(world.fleet, after=purchase), ONE)
    world.collect()
    assert [kind for _, kind in world.recorded()] == ["discovered"]


def test_a_listing_that_began_first_and_read_later_is_the_newer_one() -> None:
    world = shared(accounts=[ONE])

    def end() -> None:
        world.collect(accounts=(ONE,))
        world.holds("active", [])

    overlapping(world, Slow(world.fleet, before=end), ONE)
    world.collect()
    assert [kind for _, kind in world.recorded()] == ["vanished"]


def test_the_table_in_memory_holds_of_several_accounts_what_dynamodb_does() -> None:
    worlds = Shared(ONE), Shared(ONE, scopes=make_scopes())
    for world in worlds:
        world.collect(failing=[THREE])
        world.holds("active", [ONE, TWO])
        world.collect(accounts=(TWO,))
        world.holds("delayed", [ONE, TWO])
        world.collect(accounts=(TWO,))
        world.collect(failing=[ONE])
        world.collect(dies_after=1)
        world.holds("delayed", [])
        world.collect()
    tables = [it.scopes.client.scan(TableName=it.scopes.table)["Items"] for it in worlds]
    assert timeless(tables[0]) == timeless(tables[1])


# --- any sequence of that ------------------------------------------------------------------------

SOME = st.sets(st.sampled_from(ACCOUNTS), min_size=1)
PASSES = st.lists(
    st.tuples(st.sets(st.sampled_from(ACCOUNTS)), st.none() | st.integers(1, 4)), max_size=3
)
HAPPENINGS = ("state_changed", "vanished", "discovered")


@settings(max_examples=examples(50))
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)),
    accounts=SOME,
    happening=st.sampled_from(HAPPENINGS),
    passes=PASSES,
)
def test_despite_failures_and_crashes_each_event_is_reported_exactly_once(
    owner: str, accounts: set[str], happening: str, passes: list[tuple[set[str], int | None]]
) -> None:
    accounts |= {owner} & set(ACCOUNTS)
    world = shared(owner, [] if happening == "discovered" else accounts)
    after = "pending" if happening == "state_changed" else "active"
    world.holds(after, [] if happening == "vanished" else accounts)
    for failing, dies_after in passes:
        world.collect(failing, dies_after)
    world.collect()
    world.collect()
    assert [kind for _, kind in world.recorded()] == [happening]
    assert (world.scopes.gone("cr-a") is not None) == (happening == "vanished")


@settings(max_examples=examples(30))
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)),
    before=SOME,
    after=SOME,
    passes=PASSES,
)
def test_gaining_or_losing_a_share_is_not_an_event(
    owner: str, before: set[str], after: set[str], passes: list[tuple[set[str], int | None]]
) -> None:
    keeper = {owner} & set(ACCOUNTS) or {min(before)}
    world = shared(owner, before | keeper)
    world.holds("active", after | keeper)
    for failing, dies_after in passes:
        world.collect(failing, dies_after)
    world.collect()
    assert (world.recorded(), world.scopes.gone("cr-a")) == ([], None)


@settings(max_examples=examples(40))
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)), accounts=SOME, is_new=st.booleans(), passes=PASSES
)
def test_despite_failures_and_crashes_a_threshold_is_reported_exactly_once(
    owner: str, accounts: set[str], is_new: bool, passes: list[tuple[set[str], int | None]]
) -> None:
    accounts |= {owner} & set(ACCOUNTS)
    world = Shared(owner)
    dates = {"CreateDate": NOON - HOUR, "StartDate": NOON + 25.5 * HOUR}
    raw = a_raw_odcr("cr-a", State="scheduled", OwnerId=owner, **dates)
    if is_new:
        world.collect()
    for account_id in accounts:
        world.fleet.holds(Scope(account_id, REGION), raw)
    if not is_new:
        world.collect()
    for failing, dies_after in passes:
        world.collect(failing, dies_after)
    world.collect()
    world.collect()
    recorded = [kind for _, kind in world.recorded()]
    assert recorded.count("starting_soon") == 1
    assert set(recorded) == {"starting_soon"} | ({"discovered"} if is_new else set())
