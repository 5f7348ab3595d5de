"""Changes of several scopes of a unit, which share transactions."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.collecting.collector import ScopeOutcome
from tests.builders import DAY, HOME, HOUR, OTHER
from tests.lambdas.collection.builders import Around, World
from tests.lambdas.fakes import LISTING, Killed, a_raw_odcr
from truffle.core.model import Scope
from truffle.core.runs import Unit

THIRD = "333344445555"
ACCOUNTS = (HOME, OTHER, THIRD)
REGION = "us-east-2"
UNIT = Unit("run-1", REGION, ACCOUNTS)
CHANGES = [(f"cr-{account}", "active → pending") for account in sorted(ACCOUNTS)]


@pytest.fixture(autouse=True)
def large_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The room that DynamoDB gives."""
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 100)


@pytest.fixture
def world() -> World:
    """Each account holds one ODCR, which has been collected."""
    made = World()
    hold(made, "active")
    collect(made)
    return made


def hold(world: World, state: str) -> None:
    for account in ACCOUNTS:
        row = a_raw_odcr(f"cr-{account}", State=state, OwnerId=account)
        world.fleet.holds(Scope(account, REGION), row)


def collect(
    world: World, client: Any = None, accounts: tuple[str, ...] = ACCOUNTS
) -> list[ScopeOutcome]:
    world.clock.advance(HOUR)
    unit = Unit("run-1", REGION, accounts)
    return world.collector(client).collect(unit, world.clock() + DAY)


def states(world: World) -> set[str]:
    statuses = [world.scopes.status(Scope(account, REGION)) for account in ACCOUNTS]
    return {row.state for status in statuses for row in world.scopes.reservations(status)}


def test_what_changed_and_what_did_not_is_one_transaction(world: World) -> None:
    hold(world, "pending")
    row = a_raw_odcr(f"cr-{THIRD}", OwnerId=THIRD)
    world.fleet.holds(Scope(THIRD, REGION), row)
    client = Around(world.scopes.client)
    outcomes = collect(world, client)
    assert client.writes == 1
    assert world.recorded() == CHANGES[:2]
    assert sorted((it.changed, it.events) for it in outcomes) == [(0, 0), (1, 1), (1, 1)]


def test_more_than_a_transaction_takes_is_several_with_whole_scopes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A row, its report, its event and the scope's own item, beside the two of the unit
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 2 * 4 + 2)
    hold(world, "pending")
    client = Around(world.scopes.client)
    collect(world, client)
    assert client.writes == 2
    assert (states(world), world.recorded()) == ({"pending"}, CHANGES)


def test_a_scope_that_was_written_meanwhile_is_listed_again_alone(world: World) -> None:
    hold(world, "pending")
    meanwhile = Around(world.scopes.client, before={1: lambda: collect(world, accounts=(HOME,))})
    outcomes = collect(world, meanwhile)
    assert (states(world), world.recorded()) == ({"pending"}, CHANGES)
    assert sorted(it.events for it in outcomes) == [0, 1, 1]


def test_what_one_of_two_transactions_wrote_is_not_listed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.store.scopes.MAX_ACTIONS", 4 + 2)
    hold(world, "pending")
    last = max(ACCOUNTS)
    meanwhile = Around(world.scopes.client, before={3: lambda: collect(world, accounts=(last,))})
    world.fleet.asked.clear()
    outcomes = collect(world, meanwhile)
    assert world.recorded() == CHANGES
    assert [it.events for it in outcomes] == [1, 1, 0]
    listed = [it.account_id for it, name in world.fleet.asked if name == LISTING]
    assert [listed.count(account) for account in sorted(ACCOUNTS)] == [1, 1, 3]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_collection_that_is_killed_at_its_write_loses_and_doubles_nothing(
    world: World, when: str
) -> None:
    def dies() -> None:
        raise Killed

    hold(world, "pending")
    client = Around(world.scopes.client)
    getattr(client, when)[1] = dies
    with pytest.raises(Killed):
        collect(world, client)
    collect(world)
    assert (states(world), world.recorded()) == ({"pending"}, CHANGES)


def test_a_shared_reservation_is_written_before_those_that_share_a_transaction(
    world: World,
) -> None:
    shared = {
        account: a_raw_odcr("cr-shared", State="active", OwnerId=HOME) for account in ACCOUNTS[:2]
    }
    for account, row in shared.items():
        world.fleet.holds(Scope(account, REGION), row)
    collect(world)
    collect(world)
    before = len(world.events())
    for account, row in shared.items():
        world.fleet.holds(Scope(account, REGION), row | {"State": "pending"})
    collect(world)
    collect(world)
    published = world.events()[before:]
    assert [(it["reservation_id"], it["reason"]) for it in published] == [
        ("cr-shared", "active → pending")
    ]
