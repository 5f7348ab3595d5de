"""A cause that closes many scopes of an account is one event, and its end another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.collecting.collector import Collector
from lambdas.store.scopes import ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOUR
from tests.lambdas.collection.builders import Bucket, archive_in
from tests.lambdas.fakes import Clock, Fleet, client_error
from tests.lambdas.memory import memory_scopes
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

ONE, TWO = "111111111111", "222222222222"
REGIONS = ("eu-west-1", "us-east-1", "us-east-2")


@dataclass
class Stacked:
    """Three regions of accounts, each region a unit of every run."""

    accounts: tuple[str, ...] = (ONE, TWO)
    fleet: Fleet = field(default_factory=Fleet)
    scopes: ScopeStore = field(default_factory=memory_scopes)
    clock: Clock = field(default_factory=Clock)
    runs: int = 0

    def run(self, count: int = 1) -> None:
        for _ in range(count):
            self.runs += 1
            self.clock.advance(HOUR)
            archive = archive_in(Bucket())
            types = DescribedTypes()
            collector = Collector(
                ec2_of=self.fleet.of,
                types=types,
                scopes=self.scopes,
                archive=archive,
                clock=self.clock,
            )
            for region in REGIONS:
                unit = Unit(f"run-{self.runs}", region, self.accounts)
                collector.collect(unit, self.clock() + HOUR)

    def recorded(self) -> list[dict[str, Any]]:
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        found = [item for item in items if item["pk"]["S"].startswith(EVENT_PREFIX)]
        return [read_body(item) for item in sorted(found, key=lambda item: item["sk"]["S"])]

    def summaries(self) -> list[str]:
        return [message["summary"] for message in self.recorded()]


@pytest.fixture
def stacked() -> Stacked:
    made = Stacked()
    made.run()
    return made


def test_an_account_without_its_role_is_one_event_and_one_recovery(stacked: Stacked) -> None:
    for region in REGIONS:
        denied = client_error("AccessDenied", "AssumeRole")
        stacked.fleet.no_client[Scope(ONE, region)] = denied
    stacked.run(5)
    stacked.fleet.recovers()
    stacked.run(2)
    assert stacked.summaries() == [
        f"No region of account {ONE} can be listed: AccessDenied, 3 consecutive runs.",
        f"Account {ONE} can be listed again, after 5 h.",
    ]
    failing, recovered = stacked.recorded()
    assert failing["region"] == recovered["region"]


def test_two_accounts_without_their_roles_are_two_events(stacked: Stacked) -> None:
    for account_id in (ONE, TWO):
        for region in REGIONS:
            error = client_error("ExpiredToken", "AssumeRole")
            stacked.fleet.no_client[Scope(account_id, region)] = error
    stacked.run(4)
    assert [message["account_id"] for message in stacked.recorded()] == [ONE, TWO]


def test_an_outage_of_an_account_that_comes_back_is_reported_again(stacked: Stacked) -> None:
    for _ in range(2):
        for region in REGIONS:
            error = client_error("AccessDenied", "AssumeRole")
            stacked.fleet.no_client[Scope(ONE, region)] = error
        stacked.run(3)
        stacked.fleet.recovers()
        stacked.run(2)
    kinds = [message["type"] for message in stacked.recorded()]
    assert kinds == ["scope_failing", "scope_recovered"] * 2
    assert len({message["event_id"] for message in stacked.recorded()}) == 4


def test_a_policy_that_closes_regions_in_one_run_is_one_event_until_all_are_open(
    stacked: Stacked,
) -> None:
    for region in REGIONS:
        stacked.fleet.fails(Scope(ONE, region), client_error("UnauthorizedOperation"))
    stacked.run(4)
    assert [message["type"] for message in stacked.recorded()] == ["scope_failing"]
    stacked.fleet.recovers()
    stacked.fleet.fails(Scope(ONE, REGIONS[2]), client_error("UnauthorizedOperation"))
    stacked.run(2)
    assert len(stacked.recorded()) == 1
    stacked.fleet.recovers()
    stacked.run(2)
    assert [message["type"] for message in stacked.recorded()] == [
        "scope_failing",
        "scope_recovered",
    ]


def test_a_region_that_fails_later_is_an_event_of_its_own(stacked: Stacked) -> None:
    stacked.fleet.fails(Scope(ONE, REGIONS[0]), client_error("InternalError"))
    stacked.run(2)
    stacked.fleet.fails(Scope(ONE, REGIONS[1]), client_error("InternalError"))
    stacked.run(3)
    assert [message["region"] for message in stacked.recorded()] == list(REGIONS[:2])
