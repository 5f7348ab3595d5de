"""A reservation that several accounts list: whatever happens to it is told once, by one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.collecting.collector import Collector
from lambdas.collecting.reporting import Ground, Reporter
from lambdas.store.archive import Archive
from lambdas.store.scopes import ScopeStore, digest_of
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOUR, NOON
from tests.lambdas.aws import make_scopes, retire_others
from tests.lambdas.fakes import Clock, Fleet, Killed, a_raw_odcr, client_error
from tests.lambdas.memory import memory_scopes, timeless
from tests.lambdas.test_collection import Around, Bucket, dies
from truffle.core.events import EventType
from truffle.core.model import Scope, Snapshot
from truffle.core.runs import Unit
from truffle.core.thresholds import Thresholds
from truffle.ec2.listing import DescribedTypes

ONE, TWO, THREE = ACCOUNTS = ("111111111111", "222222222222", "333333333333")
STRANGER = "999999999999"
REGION = "us-east-2"


@dataclass
class Shared:
    """One region of three accounts, and one reservation in it that some of them list."""

    owner: str = STRANGER
    fleet: Fleet = field(default_factory=Fleet)
    scopes: ScopeStore = field(default_factory=memory_scopes)
    clock: Clock = field(default_factory=Clock)

    def holds(self, state: str, accounts: Collection[str]) -> None:
        """Who lists the reservation from now on, and in which state."""
        for account_id in ACCOUNTS:
            raw = [a_raw_odcr("cr-a", State=state, OwnerId=self.owner)]
            self.fleet.holds(Scope(account_id, REGION), *(raw if account_id in accounts else []))

    def collect(
        self,
        failing: Iterable[str] = (),
        dies_after: int | None = None,
        accounts: tuple[str, ...] = ACCOUNTS,
    ) -> None:
        """A collection in which some accounts fail, and that may be killed after a write."""
        self.fleet.recovers()
        for account_id in failing:
            self.fleet.fails(Scope(account_id, REGION), client_error("InternalError"))
        self.clock.advance(HOUR)
        client = Around(self.scopes.client, after={dies_after: dies} if dies_after else {})
        store = ScopeStore(client, self.scopes.table)
        archive = Archive(Bucket(), "bucket")
        collector = Collector(self.fleet.of, DescribedTypes(), store, archive, self.clock)
        try:
            collector.collect(Unit("run", REGION, accounts), self.clock() + HOUR)
        except Killed:
            assert dies_after

    def told(self) -> list[tuple[str, str]]:
        """Who told what, in order."""
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        found = [item for item in items if item["pk"]["S"].startswith(EVENT_PREFIX)]
        messages = [read_body(item) for item in sorted(found, key=lambda item: item["sk"]["S"])]
        return [(message["account_id"], message["type"]) for message in messages]


def shared(owner: str = STRANGER, accounts: Collection[str] = ACCOUNTS) -> Shared:
    """A reservation that these accounts list and have listed before."""
    made = Shared(owner)
    made.holds("active", accounts)
    made.collect()
    return made


def test_a_report_that_is_older_than_the_stored_row_is_read_again() -> None:
    """Between the report and the status, another collection of the same account wrote both."""
    world, scope = Shared(), Scope(ONE, REGION)
    reporter = Reporter(world.scopes, Thresholds())
    world.collect()
    for accounts in ([ONE], []):
        world.holds("active", accounts)
        world.collect()
    before = reporter.reports.get(["cr-a"])
    world.holds("active", [ONE])
    world.collect()
    ground = Ground(world.scopes.status(scope), 0, before)
    gone = Snapshot(scope, world.clock() + HOUR, ())
    write = reporter.write_of(ground, gone, digest_of(()))
    assert [event.type for event in write.events] == [EventType.VANISHED]


@pytest.mark.parametrize("owner", ACCOUNTS)
def test_the_owner_tells_of_a_change(owner: str) -> None:
    world = shared(owner)
    world.holds("pending", ACCOUNTS)
    world.collect()
    assert world.told() == [(owner, "state_changed")]


def test_without_the_owner_the_first_account_tells_of_a_change() -> None:
    world = shared(accounts=[TWO, THREE])
    world.holds("pending", [TWO, THREE])
    world.collect()
    assert world.told() == [(TWO, "state_changed")]


def test_a_change_is_reported_once_while_the_owners_scope_fails() -> None:
    world = shared(ONE)
    world.holds("pending", ACCOUNTS)
    world.collect(failing=[ONE])
    assert world.told() == [(TWO, "state_changed")]
    world.collect()
    assert world.told() == [(TWO, "state_changed")]


def test_an_owner_that_was_never_listed_keeps_nobody_from_telling() -> None:
    world = Shared(ONE)
    world.holds("active", ACCOUNTS)
    world.collect(failing=[ONE])
    world.holds("pending", ACCOUNTS)
    world.collect(failing=[ONE])
    assert world.told() == [(TWO, "state_changed")]


def test_an_owner_whose_baseline_shows_the_change_keeps_nobody_from_telling() -> None:
    world = Shared(ONE)
    world.holds("active", ACCOUNTS)
    world.collect(failing=[ONE])
    world.holds("pending", ACCOUNTS)
    world.collect()
    assert world.told() == [(TWO, "state_changed")]


def test_the_end_of_a_reservation_is_told_by_the_owner() -> None:
    world = shared(ONE)
    world.holds("active", [])
    world.collect()
    assert world.told() == [(ONE, "vanished")]


def test_without_the_owner_the_last_account_that_loses_a_reservation_tells_of_its_end() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect()
    assert world.told() == [(TWO, "vanished")]


def test_a_reservation_that_someone_may_still_list_has_not_vanished() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect(failing=[ONE])
    assert world.told() == []


@pytest.mark.parametrize("owner", [STRANGER, ONE])
def test_an_account_that_loses_its_share_tells_nothing_and_keeps_no_last_row(owner: str) -> None:
    world = shared(owner)
    world.holds("active", [ONE, TWO])
    world.collect()
    assert (world.told(), world.scopes.gone("cr-a")) == ([], None)


@pytest.mark.parametrize("owner", [STRANGER, THREE])
def test_an_account_that_gets_a_share_tells_nothing(owner: str) -> None:
    world = shared(owner, [TWO, THREE])
    world.holds("active", ACCOUNTS)
    world.collect()
    assert world.told() == []


def test_the_last_row_of_a_reservation_is_its_owners() -> None:
    world = shared(ONE)
    world.holds("active", [])
    world.collect()
    gone = world.scopes.gone("cr-a")
    assert gone is not None
    assert gone["account_id"] == ONE


def test_the_order_of_the_accounts_in_a_message_changes_nothing() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect(accounts=(TWO, ONE), dies_after=1)
    world.collect(accounts=(TWO, ONE))
    assert world.told() == [(TWO, "vanished")]


# --- whoever answers reports ---------------------------------------------------------------------


def test_while_the_owner_fails_others_report_and_its_return_repeats_nothing() -> None:
    world = shared(ONE, [ONE, TWO])
    for state in ("scheduled", "delayed", "cancelled"):
        world.holds(state, [ONE, TWO])
        world.collect(failing=[ONE])
    world.holds("cancelled", [])
    world.collect(failing=[ONE])
    expected = [(TWO, "state_changed")] * 3
    assert world.told() == expected
    world.collect()
    world.collect()
    assert world.told() == expected


def test_units_of_one_account_each_report_the_same() -> None:
    world = shared(ONE, [ONE, TWO])
    for state in ("scheduled", "delayed"):
        world.holds(state, [ONE, TWO])
        world.collect(accounts=(TWO,))
        world.collect(accounts=(ONE,))
    assert world.told() == [(ONE, "state_changed")] * 2


def test_an_owner_that_is_not_listed_any_more_keeps_nobody_from_reporting_for_long() -> None:
    world = shared(ONE, [ONE, TWO])
    world.holds("delayed", [ONE, TWO])
    world.collect(accounts=(TWO,))
    assert world.told() == []
    world.collect(accounts=(TWO,))
    assert world.told() == [(TWO, "state_changed")]


def test_an_owner_that_only_fails_still_holds_what_the_others_lost() -> None:
    world = shared(ONE, [ONE, TWO])
    world.holds("active", [])
    for _ in range(3):
        world.collect(failing=[ONE])
    assert world.told() == []
    world.collect()
    assert world.told() == [(ONE, "vanished")]


def test_an_account_that_is_collected_no_more_keeps_no_reservation_alive() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect(accounts=(ONE,))
    assert world.told() == []
    retire_others(world.scopes, f"{REGION}/0", [ONE], world.clock() + HOUR)
    world.collect(accounts=(ONE,))
    assert world.told() == [(ONE, "vanished")]


def test_what_another_first_snapshot_showed_is_news_to_whoever_looked_before_it() -> None:
    world = Shared()
    world.collect(accounts=(ONE,))
    world.holds("active", [ONE, TWO])
    world.collect(accounts=(TWO,))
    world.collect(accounts=(ONE,))
    assert world.told() == [(ONE, "discovered")]


def test_a_discovery_left_to_the_owner_outlives_another_first_snapshot() -> None:
    world = Shared(ONE)
    world.collect(accounts=(ONE, THREE))
    world.holds("active", ACCOUNTS)
    world.collect(accounts=(THREE,))
    world.collect(accounts=(TWO,))
    world.holds("active", [])
    world.collect()
    assert sorted(world.told()) == [(THREE, "discovered"), (THREE, "vanished")]


def test_a_unit_that_comes_late_takes_no_event_with_it() -> None:
    world = Shared()
    world.collect()
    world.holds("delayed", [ONE, TWO])
    hint = world.clock() + HOUR
    world.collect(failing=[ONE], accounts=(ONE, TWO))
    world.clock.moment = hint - timedelta(hours=1, seconds=2)
    world.collect(accounts=(ONE, TWO))
    world.clock.moment = hint
    for _ in range(3):
        world.collect()
    assert [kind for _, kind in world.told()] == ["discovered"]


# --- listings that overlap -----------------------------------------------------------------------


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

        return Client()


def overlapping(world: Shared, slow: Slow, account_id: str) -> None:
    world.clock.advance(HOUR)
    archive = Archive(Bucket(), "bucket")
    collector = Collector(slow.of, DescribedTypes(), world.scopes, archive, world.clock)
    collector.collect(Unit("run", REGION, (account_id,)), world.clock() + HOUR)


@pytest.mark.parametrize("other", [ONE, TWO])
def test_a_listing_from_before_a_newer_write_is_made_again(other: str) -> None:
    world = shared(accounts=[])

    def purchase() -> None:
        world.holds("scheduled", [ONE, TWO])
        world.collect(accounts=(other,))

    overlapping(world, Slow(world.fleet, after=purchase), ONE)
    world.collect()
    assert [kind for _, kind in world.told()] == ["discovered"]


def test_a_listing_that_began_first_and_read_later_is_the_newer_one() -> None:
    world = shared(accounts=[ONE])

    def end() -> None:
        world.collect(accounts=(ONE,))
        world.holds("active", [])

    overlapping(world, Slow(world.fleet, before=end), ONE)
    world.collect()
    assert [kind for _, kind in world.told()] == ["vanished"]


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


@settings(max_examples=150)
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)),
    accounts=SOME,
    happening=st.sampled_from(HAPPENINGS),
    passes=PASSES,
)
def test_whatever_fails_or_dies_on_the_way_what_happens_is_told_exactly_once(
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
    assert [kind for _, kind in world.told()] == [happening]
    assert (world.scopes.gone("cr-a") is not None) == (happening == "vanished")


@settings(max_examples=75)
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)),
    before=SOME,
    after=SOME,
    passes=PASSES,
)
def test_whoever_gets_or_loses_a_share_nothing_has_happened(
    owner: str, before: set[str], after: set[str], passes: list[tuple[set[str], int | None]]
) -> None:
    keeper = {owner} & set(ACCOUNTS) or {min(before)}
    world = shared(owner, before | keeper)
    world.holds("active", after | keeper)
    for failing, dies_after in passes:
        world.collect(failing, dies_after)
    world.collect()
    assert (world.told(), world.scopes.gone("cr-a")) == ([], None)


@settings(max_examples=100)
@given(
    owner=st.sampled_from((*ACCOUNTS, STRANGER)), accounts=SOME, is_new=st.booleans(), passes=PASSES
)
def test_whatever_fails_or_dies_on_the_way_a_threshold_is_told_exactly_once(
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
    told = [kind for _, kind in world.told()]
    assert told.count("starting_soon") == 1
    assert set(told) == {"starting_soon"} | ({"discovered"} if is_new else set())
