"""Consumers of shared reservations: the owner is asked once a listing, for what others list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.collecting.collector import Collector
from lambdas.store.beside import BesideStore
from lambdas.store.scopes import ScopeStore
from lambdas.store.shared import SharedStore
from tests.builders import HOUR
from tests.lambdas.collection.builders import Bucket, archive_in
from tests.lambdas.fakes import USAGE, Clock, Fleet, a_raw_block, a_raw_odcr, client_error
from tests.lambdas.memory import MemoryTable, scopes_in
from truffle.core.model import Consumer, Scope
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

OWNER, FRIEND = "123456789012", "210987654321"
REGION = "us-east-2"


@dataclass
class Noting(MemoryTable):
    """A table that notes which partitions were queried and which were updated alone."""

    touched: list[tuple[str, str]] = field(default_factory=list)

    def query(self, **call: Any) -> dict[str, Any]:
        self.touched.append(("query", call["ExpressionAttributeValues"][":pk"]["S"]))
        return super().query(**call)

    def update_item(self, **call: Any) -> dict[str, Any]:
        self.touched.append(("update_item", call["Key"]["pk"]["S"]))
        return super().update_item(**call)


@dataclass
class Sharing:
    """An owner and a friend, each in a region of which both, or one, are collected."""

    fleet: Fleet = field(default_factory=Fleet)
    table: Noting = field(default_factory=Noting)
    clock: Clock = field(default_factory=Clock)

    @property
    def scopes(self) -> ScopeStore:
        return scopes_in(self.table)

    def lists(self, account: str, *raw: dict[str, Any]) -> None:
        self.fleet.holds(Scope(account, REGION), *raw)

    def collect(self, *accounts: str, group: int | None = None) -> None:
        self.clock.advance(HOUR)
        self.fleet.asked.clear()
        archive = archive_in(Bucket())
        collector = Collector(
            ec2_of=self.fleet.of,
            types=DescribedTypes(),
            scopes=self.scopes,
            archive=archive,
            clock=self.clock,
        )
        collector.collect(Unit("run", REGION, accounts, group), self.clock() + HOUR)

    def consumers(self, account: str = OWNER) -> dict[str, tuple[Consumer, ...] | None]:
        rows = self.scopes.reservations(self.scopes.status(Scope(account, REGION)))
        return {row.reservation_id: row.consumers for row in rows}

    @property
    def asked(self) -> list[str]:
        """The accounts whose consumers were requested."""
        return [scope.account_id for scope, operation in self.fleet.asked if operation == USAGE]


@pytest.fixture
def sharing() -> Sharing:
    """The owner lends cr-a, and keeps cr-own to itself."""
    made = Sharing()
    made.lists(OWNER, a_raw_odcr("cr-a"), a_raw_odcr("cr-own"))
    made.lists(FRIEND, a_raw_odcr("cr-a"))
    made.fleet.usages = {"cr-a": {OWNER: 1, FRIEND: 4}}
    return made


def test_what_another_account_of_the_unit_lists_is_known_at_once(sharing: Sharing) -> None:
    sharing.collect(OWNER, FRIEND)
    assert sharing.consumers() == {
        "cr-a": (Consumer(OWNER, 1), Consumer(FRIEND, 4)),
        "cr-own": None,
    }
    assert sharing.consumers(FRIEND) == {"cr-a": None}
    assert sharing.asked == [OWNER]


def test_what_another_unit_lists_is_known_to_the_owners_next_listing(sharing: Sharing) -> None:
    sharing.collect(OWNER)
    assert (sharing.consumers()["cr-a"], sharing.asked) == (None, [])
    sharing.collect(FRIEND)
    assert sharing.asked == []
    sharing.collect(OWNER)
    assert sharing.consumers()["cr-a"] == (Consumer(OWNER, 1), Consumer(FRIEND, 4))


def test_an_owner_in_another_group_learns_of_it(sharing: Sharing) -> None:
    sharing.scopes.groups.write(None, {OWNER: 3, FRIEND: 7})
    for _ in range(2):
        sharing.collect(FRIEND, group=7)
        sharing.collect(OWNER, group=3)
    assert sharing.consumers()["cr-a"] == (Consumer(OWNER, 1), Consumer(FRIEND, 4))


def test_a_note_is_made_once(sharing: Sharing) -> None:
    sharing.collect(FRIEND)
    sharing.table.touched.clear()
    sharing.collect(FRIEND)
    assert ("update_item", "UNIT#us-east-2/0") not in sharing.table.touched


def test_a_block_has_consumers_too(sharing: Sharing) -> None:
    facts = {"State": "active", "TotalInstanceCount": 16, "AvailableInstanceCount": 2}
    for account in (OWNER, FRIEND):
        sharing.lists(account, a_raw_block("cr-b", **facts))
    sharing.fleet.usages = {"cr-b": {FRIEND: 14}}
    sharing.collect(OWNER, FRIEND)
    assert sharing.consumers() == {"cr-b": (Consumer(FRIEND, 14),)}


def test_a_use_that_moves_between_accounts_is_stored_and_no_event(sharing: Sharing) -> None:
    sharing.collect(OWNER, FRIEND)
    sharing.fleet.usages = {"cr-a": {OWNER: 5}}
    sharing.collect(OWNER, FRIEND)
    assert sharing.consumers()["cr-a"] == (Consumer(OWNER, 5),)
    assert sharing.scopes.status(Scope(OWNER, REGION)).events == 0


def test_a_refusal_is_named_and_says_nothing_of_consumers(sharing: Sharing) -> None:
    denied = client_error("UnauthorizedOperation", "GetCapacityReservationUsage")
    sharing.fleet.fails(Scope(OWNER, REGION), denied, USAGE)
    sharing.collect(OWNER, FRIEND)
    status = sharing.scopes.status(Scope(OWNER, REGION))
    assert sharing.consumers()["cr-a"] is None
    assert status.error is None
    assert status.unanswered == ("GetCapacityReservationUsage: UnauthorizedOperation",)


def test_a_refusal_that_changes_nothing_reads_no_rows(sharing: Sharing) -> None:
    denied = client_error("UnauthorizedOperation", "GetCapacityReservationUsage")
    sharing.fleet.fails(Scope(OWNER, REGION), denied, USAGE)
    sharing.collect(OWNER, FRIEND)
    sharing.table.touched.clear()
    sharing.collect(OWNER, FRIEND)
    assert ("query", f"SCOPE#{OWNER}#{REGION}") not in sharing.table.touched


def test_an_owner_that_fails_is_not_asked(sharing: Sharing) -> None:
    sharing.fleet.fails(Scope(OWNER, REGION), client_error("InternalError"))
    sharing.collect(OWNER, FRIEND)
    assert sharing.asked == []


def test_what_the_owner_does_not_list_any_more_is_forgotten(sharing: Sharing) -> None:
    sharing.collect(OWNER, FRIEND)
    sharing.lists(OWNER, a_raw_odcr("cr-own"))
    sharing.lists(FRIEND)
    sharing.collect(OWNER, FRIEND)
    owner = Scope(OWNER, REGION)
    assert not SharedStore(BesideStore(sharing.scopes.groups)).of([owner]).get(owner)
