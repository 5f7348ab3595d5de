"""A reservation that several accounts list: each event is published once, by one of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.collecting.reporting import PriorState, Reporter
from lambdas.store.scopes import digest_of
from tests.builders import HOUR
from tests.lambdas.aws import retire_others
from tests.lambdas.sharing import ACCOUNTS, ONE, REGION, STRANGER, THREE, TWO, Shared, shared
from truffle.core.events import EventType
from truffle.core.model import Scope, Snapshot
from truffle.core.thresholds import Thresholds


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
    prior = PriorState(world.scopes.status(scope), 0, before)
    gone = Snapshot(scope, world.clock() + HOUR, ())
    write = reporter.write_of(prior, gone, digest_of(()))
    assert [event.type for event in write.events] == [EventType.VANISHED]


@pytest.mark.parametrize("owner", ACCOUNTS)
def test_the_owner_reports_a_change(owner: str) -> None:
    world = shared(owner)
    world.holds("pending", ACCOUNTS)
    world.collect()
    assert world.recorded() == [(owner, "state_changed")]


def test_without_the_owner_the_first_account_reports_a_change() -> None:
    world = shared(accounts=[TWO, THREE])
    world.holds("pending", [TWO, THREE])
    world.collect()
    assert world.recorded() == [(TWO, "state_changed")]


def test_a_change_is_reported_once_while_the_owners_scope_fails() -> None:
    world = shared(ONE)
    world.holds("pending", ACCOUNTS)
    world.collect(failing=[ONE])
    assert world.recorded() == [(TWO, "state_changed")]
    world.collect()
    assert world.recorded() == [(TWO, "state_changed")]


def test_an_owner_that_was_never_listed_keeps_no_account_from_reporting() -> None:
    world = Shared(ONE)
    world.holds("active", ACCOUNTS)
    world.collect(failing=[ONE])
    world.holds("pending", ACCOUNTS)
    world.collect(failing=[ONE])
    assert world.recorded() == [(TWO, "state_changed")]


def test_an_owner_whose_baseline_shows_the_change_keeps_no_account_from_reporting() -> None:
    world = Shared(ONE)
    world.holds("active", ACCOUNTS)
    world.collect(failing=[ONE])
    world.holds("pending", ACCOUNTS)
    world.collect()
    assert world.recorded() == [(TWO, "state_changed")]


def test_the_owner_reports_the_end_of_a_reservation() -> None:
    world = shared(ONE)
    world.holds("active", [])
    world.collect()
    assert world.recorded() == [(ONE, "vanished")]


def test_without_the_owner_the_last_account_that_loses_a_reservation_reports_its_end() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect()
    assert world.recorded() == [(TWO, "vanished")]


def test_a_reservation_that_someone_may_still_list_has_not_vanished() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect(failing=[ONE])
    assert world.recorded() == []


@pytest.mark.parametrize("owner", [STRANGER, ONE])
def test_an_account_that_loses_its_share_reports_nothing_and_keeps_no_last_row(owner: str) -> None:
    world = shared(owner)
    world.holds("active", [ONE, TWO])
    world.collect()
    assert (world.recorded(), world.scopes.gone("cr-a")) == ([], None)


@pytest.mark.parametrize("owner", [STRANGER, THREE])
def test_an_account_that_gets_a_share_reports_nothing(owner: str) -> None:
    world = shared(owner, [TWO, THREE])
    world.holds("active", ACCOUNTS)
    world.collect()
    assert world.recorded() == []


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
    assert world.recorded() == [(TWO, "vanished")]


# --- whoever answers reports ---------------------------------------------------------------------


def test_while_the_owner_fails_others_report_and_its_return_repeats_nothing() -> None:
    world = shared(ONE, [ONE, TWO])
    for state in ("scheduled", "delayed", "cancelled"):
        world.holds(state, [ONE, TWO])
        world.collect(failing=[ONE])
    world.holds("cancelled", [])
    world.collect(failing=[ONE])
    expected = [(TWO, "state_changed")] * 3
    assert world.recorded() == expected
    world.collect()
    world.collect()
    assert world.recorded() == expected


def test_units_of_one_account_each_report_the_same() -> None:
    world = shared(ONE, [ONE, TWO])
    for state in ("scheduled", "delayed"):
        world.holds(state, [ONE, TWO])
        world.collect(accounts=(TWO,))
        world.collect(accounts=(ONE,))
    assert world.recorded() == [(ONE, "state_changed")] * 2


def test_an_owner_that_is_no_longer_listed_soon_keeps_no_account_from_reporting() -> None:
    world = shared(ONE, [ONE, TWO])
    world.holds("delayed", [ONE, TWO])
    world.collect(accounts=(TWO,))
    assert world.recorded() == []
    world.collect(accounts=(TWO,))
    assert world.recorded() == [(TWO, "state_changed")]


def test_an_owner_that_only_fails_still_holds_what_the_others_lost() -> None:
    world = shared(ONE, [ONE, TWO])
    world.holds("active", [])
    for _ in range(3):
        world.collect(failing=[ONE])
    assert world.recorded() == []
    world.collect()
    assert world.recorded() == [(ONE, "vanished")]


def test_an_account_that_is_collected_no_more_keeps_no_reservation_alive() -> None:
    world = shared(accounts=[ONE, TWO])
    world.holds("active", [])
    world.collect(accounts=(ONE,))
    assert world.recorded() == []
    retire_others(world.scopes, f"{REGION}/0", [ONE], world.clock() + HOUR)
    world.collect(accounts=(ONE,))
    assert world.recorded() == [(ONE, "vanished")]


def test_a_find_of_another_first_snapshot_is_news_to_accounts_listed_before_it() -> None:
    world = Shared()
    world.collect(accounts=(ONE,))
    world.holds("active", [ONE, TWO])
    world.collect(accounts=(TWO,))
    world.collect(accounts=(ONE,))
    assert world.recorded() == [(ONE, "discovered")]


def test_a_discovery_left_to_the_owner_outlives_another_first_snapshot() -> None:
    world = Shared(ONE)
    world.collect(accounts=(ONE, THREE))
    world.holds("active", ACCOUNTS)
    world.collect(accounts=(THREE,))
    world.collect(accounts=(TWO,))
    world.holds("active", [])
    world.collect()
    assert sorted(world.recorded()) == [(THREE, "discovered"), (THREE, "vanished")]


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
    assert [kind for _, kind in world.recorded()] == ["discovered"]
