"""The query function over a table that collections write to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas import wiring
from lambdas.api.inventory import Inventory
from lambdas.settings import QuerySettings
from lambdas.store.prices import PriceList
from lambdas.store.scopes import Attempt, StoredStatus, Write, digest_of
from lambdas.wiring.answers import Query
from tests.builders import HOME, NOON, OHIO, a_snapshot
from tests.lambdas.aws import Stack
from tests.lambdas.fakes import Clock
from truffle.core.diff import compare
from truffle.core.model import Failure, FailureKind, Reservation, Scope, Snapshot

IRELAND = Scope(HOME, "eu-west-1")
LISTS = ("/reservations", "/odcrs", "/capacity-blocks")
ROUTES = (*LISTS, "/summary", "/events", "/status", "/reservations/cr-a")
A_RUN = {"instance_type": "p5.48xlarge", "count": "8", "days": "7"}


@dataclass
class Api:
    """The function over a table that collections write to."""

    stack: Stack
    clock: Clock
    last: dict[Scope, Snapshot] = field(default_factory=dict)

    def collects(self, *rows: Reservation, scope: Scope = OHIO) -> None:
        """A collection finds these reservations, now."""
        scopes = self.stack.scopes
        status = scopes.status(scope)
        snapshot = a_snapshot(*rows, at=self.clock(), scope=scope)
        before = self.last.get(scope)
        old = {row.reservation_id: row for row in before.reservations} if before else {}
        stays = {row.reservation_id for row in rows}
        left = [row for row in scopes.reservations(status) if row.reservation_id not in stays]
        changed = [row for row in rows if old.get(row.reservation_id) != row]
        events = compare(before, snapshot) if before else []
        write = Write(changed=changed, left=left, gone=left, events=events)
        scopes.write_snapshot(status, snapshot, digest_of(rows), write, Attempt("run-1", 1))
        self.last[scope] = snapshot

    def fails(
        self,
        scope: Scope = OHIO,
        code: str = "RequestLimitExceeded",
        kind: FailureKind = FailureKind.ERROR,
    ) -> None:
        """A collection fails, now."""
        failure = Failure(
            scope=scope, failed_at=self.clock(), kind=kind, code=code, message="too fast"
        )
        self.stack.scopes.write_failure(failure, Attempt("run-1", 1))


@dataclass(frozen=True)
class Stored:
    """A store with these rows in one scope."""

    rows: list[Reservation]

    def cache(self) -> Stored:
        return self

    def statuses(self, *, with_rows: bool = False) -> list[StoredStatus]:
        return [StoredStatus(scope=OHIO, revision=1, observed_at=NOON, attempted_at=NOON)]

    def reservations(self, status: StoredStatus) -> tuple[Reservation, ...]:
        return tuple(self.rows)


class NoPrices:
    """A store in which no price was ever written."""

    def read(self) -> PriceList:
        return PriceList()


def query_settings() -> QuerySettings:
    """The settings of a query function whose stores are in memory."""
    return QuerySettings(
        table="table",
        bucket="bucket",
        schedule_minutes="60",
        event_retention_days="400",
        expected_denied="",
        queues="{}",
        publisher="publisher",
    )


@contextmanager
def inventory_of(rows: list[Reservation]) -> Iterator[None]:
    """The function over an inventory in memory."""
    store: Any = Stored(rows)
    parts = Query(QuerySettings)
    parts.settings = query_settings()
    parts.inventory = Inventory(store)
    prices: Any = NoPrices()
    parts.price_list = prices
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring, "query", lambda: parts)
        yield
