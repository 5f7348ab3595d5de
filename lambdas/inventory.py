"""The inventory in memory: read once, and again only where a scope's revision moved.

An inventory is small (10,000 reservations are a few MB), so that any filter and any order is
answered from memory; what a request costs is one small read of the scopes' statuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.store.scopes import ScopeStore
from truffle.core.codec import Json, encode
from truffle.core.merging import merge
from truffle.core.model import Reservation, Scope
from truffle.core.order import Order
from truffle.core.status import ScopeStatus
from truffle.core.times import format_time

PARALLEL_SCOPES = 16


@dataclass(frozen=True, slots=True)
class View:
    """The inventory as of one request. Orders are computed once for an unchanged inventory."""

    statuses: Sequence[ScopeStatus]
    rows: list[Reservation]
    by_id: dict[str, Reservation]
    orders: dict[Order, list[Reservation]] = field(default_factory=dict)
    last_seen: dict[tuple[str | None, str], datetime | None] = field(init=False)

    def __post_init__(self) -> None:
        seen = {
            (status.scope.account_id, status.scope.region): status.observed_at
            for status in self.statuses
        }
        object.__setattr__(self, "last_seen", seen)

    def sorted(self, order: Order) -> list[Reservation]:
        """All rows in an order."""
        if order.sort is not None and order.sort.removeprefix("-") == "observed_at":
            return order.sorted(self.observed(self.rows))
        if order not in self.orders:
            self.orders[order] = order.sorted(self.rows)
        return self.orders[order]

    def observed(self, rows: Iterable[Reservation]) -> list[Reservation]:
        """Rows with the time at which their scope was last listed."""
        return [replace(row, observed_at=self._seen(row)) for row in rows]

    def encoded(self, rows: Iterable[Reservation]) -> list[Json]:
        """The same as JSON objects."""
        return [
            encode(row) | {"observed_at": seen and format_time(seen)}
            for row in rows
            for seen in (self._seen(row),)
        ]

    def _seen(self, row: Reservation) -> datetime | None:
        return self.last_seen.get((row.account_id, row.region), row.observed_at)


class Inventory:
    """Keeps the decoded inventory between requests."""

    def __init__(self, scopes: ScopeStore) -> None:
        self._scopes = scopes
        self._held: dict[Scope, tuple[int, tuple[Reservation, ...]]] = {}
        self._view = View([], [], {})

    def view(self) -> View:
        """The inventory as it is now. Raises what DynamoDB does."""
        statuses = self._scopes.statuses()
        moved = [status for status in statuses if not self._is_held(status)]
        if not moved and len(statuses) == len(self._held):
            self._view = replace(self._view, statuses=statuses)
            return self._view
        with ThreadPoolExecutor(PARALLEL_SCOPES) as pool:
            loaded = list(pool.map(self._scopes.reservations, moved))
        fresh = {
            status.scope: (status.revision, rows)
            for status, rows in zip(moved, loaded, strict=True)
        }
        self._held = {
            status.scope: fresh.get(status.scope) or self._held[status.scope] for status in statuses
        }
        rows = merge(row for _, members in self._held.values() for row in members)
        self._view = View(statuses, rows, {row.reservation_id: row for row in rows})
        return self._view

    def _is_held(self, status: ScopeStatus) -> bool:
        held = self._held.get(status.scope)
        return held is not None and held[0] == status.revision
