"""Accounts that list the same reservations, collected one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from lambdas.collecting.collector import Collector
from lambdas.store.scopes import ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOUR
from tests.lambdas.collection.builders import Around, Bucket, archive_in, dies
from tests.lambdas.fakes import Clock, Fleet, Killed, a_raw_odcr, client_error
from tests.lambdas.memory import memory_scopes
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

ONE, TWO, THREE = ACCOUNTS = ("111111111111", "222222222222", "333333333333")
STRANGER = "999999999999"
REGION = "us-east-2"


def shared(owner: str = STRANGER, accounts: Collection[str] = ACCOUNTS) -> Shared:
    """A reservation that these accounts list and have listed before."""
    made = Shared(owner)
    made.holds("active", accounts)
    made.collect()
    return made


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
        client: Any = Around(self.scopes.client, after={dies_after: dies} if dies_after else {})
        store = ScopeStore(client, self.scopes.table)
        archive = archive_in(Bucket())
        collector = Collector(
            ec2_of=self.fleet.of,
            types=DescribedTypes(),
            scopes=store,
            archive=archive,
            clock=self.clock,
        )
        try:
            collector.collect(Unit("run", REGION, accounts), self.clock() + HOUR)
        except Killed:
            assert dies_after

    def recorded(self) -> list[tuple[str, str]]:
        """The reporting account and type of each event, in order."""
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        found = [item for item in items if item["pk"]["S"].startswith(EVENT_PREFIX)]
        messages = [read_body(item) for item in sorted(found, key=lambda item: item["sk"]["S"])]
        return [(message["account_id"], message["type"]) for message in messages]
