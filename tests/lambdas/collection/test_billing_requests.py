"""Billing requests of shared ODCRs: each side knows them, and each change is one event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.collecting.collector import Collector
from lambdas.store.scopes import ScopeStore
from lambdas.store.table import EVENT_PREFIX, read_body
from tests.builders import HOUR, NOON
from tests.lambdas.collection.builders import Bucket, archive_in
from tests.lambdas.fakes import BILLING_REQUESTS, Clock, Fleet, a_raw_odcr, client_error
from tests.lambdas.memory import memory_scopes
from truffle.core.model import Scope
from truffle.core.runs import Unit
from truffle.ec2.listing import DescribedTypes

OWNER, PAYER = "123456789012", "210987654321"
REGION = "us-east-2"
SIDES = ((OWNER, "odcr-owner"), (PAYER, "unused-reservation-billing-owner"))


@dataclass
class Sharing:
    """An owner that shares cr-a with the account that it asks to pay."""

    fleet: Fleet = field(default_factory=Fleet)
    scopes: ScopeStore = field(default_factory=memory_scopes)
    clock: Clock = field(default_factory=Clock)

    def asks(self, status: str) -> None:
        request = {
            "CapacityReservationId": "cr-a",
            "RequestedBy": OWNER,
            "UnusedReservationBillingOwnerId": PAYER,
            "LastUpdateTime": NOON,
            "Status": status,
        }
        for account, role in SIDES:
            self.fleet.billing_requests[Scope(account, REGION), role] = [request]

    def collect(self, *accounts: str) -> None:
        self.clock.advance(HOUR)
        archive = archive_in(Bucket())
        collector = Collector(
            ec2_of=self.fleet.of,
            types=DescribedTypes(),
            scopes=self.scopes,
            archive=archive,
            clock=self.clock,
        )
        collector.collect(Unit("run", REGION, accounts), self.clock() + HOUR)

    def status(self, account: str) -> str | None:
        (row,) = self.scopes.reservations(self.scopes.status(Scope(account, REGION)))
        return row.billing_request.status if row.billing_request else None

    def events(self) -> list[str]:
        items: list[Any] = self.scopes.client.scan(TableName=self.scopes.table)["Items"]
        bodies = [read_body(item) for item in items if item["pk"]["S"].startswith(EVENT_PREFIX)]
        return sorted(it["reason"] for it in bodies if it["type"] == "billing_request")


@pytest.fixture
def sharing() -> Sharing:
    made = Sharing()
    for account, _ in SIDES:
        made.fleet.holds(Scope(account, REGION), a_raw_odcr("cr-a", OwnerId=OWNER))
    made.collect(OWNER, PAYER)
    return made


def test_both_sides_know_it_and_it_is_one_event(sharing: Sharing) -> None:
    sharing.asks("pending")
    for _ in range(3):
        sharing.collect(OWNER, PAYER)

    assert [sharing.status(account) for account, _ in SIDES] == ["pending", "pending"]
    assert sharing.events() == ["no request → pending"]

    sharing.asks("accepted")
    sharing.collect(OWNER, PAYER)
    assert sharing.events() == ["no request → pending", "pending → accepted"]


def test_where_the_owner_may_not_ask_the_payers_answer_is_reported_once(sharing: Sharing) -> None:
    sharing.asks("pending")
    denied = client_error("UnauthorizedOperation", "DescribeCapacityReservationBillingRequests")
    sharing.fleet.fails(Scope(OWNER, REGION), denied, BILLING_REQUESTS)

    for used in range(6):
        for account, _ in SIDES:
            row = a_raw_odcr("cr-a", OwnerId=OWNER, AvailableInstanceCount=used)
            sharing.fleet.holds(Scope(account, REGION), row)
        sharing.collect(OWNER, PAYER)

    assert [sharing.status(account) for account, _ in SIDES] == [None, "pending"]
    assert sharing.events() == ["no request → pending"]
    known = sharing.scopes.status(Scope(OWNER, REGION))
    assert known.error is None
    assert known.unanswered == (
        "DescribeCapacityReservationBillingRequests: UnauthorizedOperation",
    )


def test_a_refusal_later_on_keeps_what_was_known(sharing: Sharing) -> None:
    sharing.asks("pending")
    sharing.collect(OWNER, PAYER)
    for account, _ in SIDES:
        throttled = client_error("RequestLimitExceeded", "Describe")
        sharing.fleet.fails(Scope(account, REGION), throttled, BILLING_REQUESTS)

    sharing.collect(OWNER, PAYER)
    sharing.fleet.recovers()
    sharing.collect(OWNER, PAYER)

    assert [sharing.status(account) for account, _ in SIDES] == ["pending", "pending"]
    assert sharing.events() == ["no request → pending"]
