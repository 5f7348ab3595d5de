"""The inventory in memory: read once, and again only for scopes with a new revision.

An inventory is small (10,000 reservations are a few MB), so any filter and any order is applied in
memory; a request costs one small read of the scopes' statuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.garbage import no_garbage_collection
from lambdas.store.latest import LatestRegions
from lambdas.store.scopes import ScopeStore
from lambdas.store.statuses import NO_ROWS, StoredStatus
from truffle.core.codec import Json, encode
from truffle.core.columns import Columns
from truffle.core.filters import Filter
from truffle.core.json_text import json_around
from truffle.core.merging import merge
from truffle.core.model import Reservation, Scope
from truffle.core.order import Order
from truffle.core.status import ScopeStatus
from truffle.core.times import format_time

MOST_ORDERS = 8
"""The maximum number of orders kept, each with its columns; the least recently used is dropped
first."""


LONGEST_TEXT_KEPT = 4_096
"""Characters of JSON. A row with very many long tags has 80,000; its text is not kept, so that the
kept texts fit into the function's memory."""


@dataclass(slots=True)
class View:
    """The inventory as of one request; only what is kept changes.

    ``orders`` and ``texts`` are kept while the rows are unchanged: the rows in each requested
    order, and the JSON of each requested row, around its ``observed_at``.
    """

    statuses: Sequence[ScopeStatus]
    rows: list[Reservation]
    by_id: dict[str, Reservation]
    orders: dict[Order, Columns] = field(default_factory=dict)
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    last_seen: dict[tuple[str | None, str], datetime | None] = field(init=False)

    def __post_init__(self) -> None:
        self.last_seen = {
            (status.scope.account_id, status.scope.region): status.observed_at
            for status in self.statuses
        }

    def as_of(self, statuses: Sequence[ScopeStatus]) -> View:
        """The same rows with newer statuses; an identical list means identical statuses."""
        if statuses is self.statuses:
            return self
        newer = replace(self, statuses=statuses)
        if newer.last_seen != self.last_seen:
            for order in [order for order in self.orders if order.field == "observed_at"]:
                del self.orders[order]
        return newer

    def sorted(self, order: Order) -> Columns:
        """All rows in an order."""
        columns = self.orders.pop(order, None)
        if columns is None:
            is_seen = order.field == "observed_at"
            columns = Columns(order.sorted(self.observed(self.rows) if is_seen else self.rows))
        self.orders[order] = columns
        if len(self.orders) > MOST_ORDERS:
            del self.orders[next(iter(self.orders))]
        return columns

    def of_instance_type(self, name: str) -> list[Reservation]:
        """Rows of one instance type, with the time of their scope's last listing."""
        chosen = Filter(instance_types=frozenset({name}))
        return self.observed(self.sorted(Order()).matches(chosen).first(len(self.rows)))

    def observed(self, rows: Iterable[Reservation]) -> list[Reservation]:
        """Rows with the time of their scope's last listing."""
        return [replace(row, observed_at=self._seen(row)) for row in rows]

    def encoded(self, row: Reservation) -> Json:
        """The same as a JSON object."""
        seen = self._seen(row)
        return encode(row) | {"observed_at": seen and format_time(seen)}

    def encoded_array(self, rows: Iterable[Reservation]) -> str:
        """Many rows as the text of a JSON array."""
        written: dict[datetime | None, str] = {}
        pieces: list[str] = []
        for row in rows:
            around = self.texts.get(row.reservation_id)
            if around is None:
                around = json_around(row, "observed_at")
                if len(around[0]) + len(around[1]) <= LONGEST_TEXT_KEPT:
                    self.texts[row.reservation_id] = around
            seen = self._seen(row)
            if seen not in written:
                written[seen] = json.dumps(seen and format_time(seen))
            pieces += (",", around[0], written[seen], around[1])
        return f"[{''.join(pieces[1:])}]"

    def _seen(self, row: Reservation) -> datetime | None:
        return self.last_seen.get((row.account_id, row.region), row.observed_at)


class Inventory:
    """Keeps the decoded inventory between requests. ``latest`` has the data that the first request
    need not read from the table."""

    def __init__(self, scopes: ScopeStore, latest: LatestRegions | None = None) -> None:
        self._scopes = scopes
        self._latest = latest
        self._statuses = scopes.cache() if latest is None else scopes.cache(latest)
        self._held: dict[Scope, tuple[int, tuple[Reservation, ...]]] = {}
        self._view = View([], [], {})

    def view(self) -> View:
        """The present inventory. Raises what DynamoDB does."""
        with no_garbage_collection():
            return self._present()

    def _present(self) -> View:
        statuses = self._statuses.statuses(with_rows=True)
        if statuses is self._view.statuses:
            return self._view
        moved = [status for status in statuses if not self._is_held(status)]
        if not moved and len(statuses) == len(self._held):
            self._view = self._view.as_of(statuses)
            return self._view
        fresh = self._read(moved)
        self._held = {
            status.scope: fresh.get(status.scope) or self._held[status.scope] for status in statuses
        }
        rows = merge(row for _, members in self._held.values() for row in members)
        self._view = View(statuses, rows, {row.reservation_id: row for row in rows})
        if self._latest is not None:
            self._latest.forget()
        return self._view

    def statuses(self) -> Sequence[ScopeStatus]:
        """The statuses as they are now, for a request that needs no rows: a cold function decodes
        none. Raises what DynamoDB does."""
        return self._statuses.statuses()

    def _read(
        self, moved: Sequence[StoredStatus]
    ) -> dict[Scope, tuple[int, tuple[Reservation, ...]]]:
        """The rows of scopes with their revisions. Most need no read: a task for each of an
        organization's empty scopes takes seconds."""
        fresh, unknown = {}, []
        if self._latest is not None:
            self._latest.fetch(it.scope for it in moved if it.digest != NO_ROWS)
        for status in moved:
            rows = self._known(status)
            if rows is None:
                unknown.append(status)
            else:
                fresh[status.scope] = status.revision, rows
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            for status, rows in zip(
                unknown, pool.map(self._scopes.reservations, unknown), strict=True
            ):
                fresh[status.scope] = status.revision, rows
        return fresh

    def _known(self, status: StoredStatus) -> tuple[Reservation, ...] | None:
        """Rows that need not be read from the table."""
        if status.digest == NO_ROWS:
            return ()
        return self._latest.rows(status) if self._latest is not None else None

    def _is_held(self, status: ScopeStatus) -> bool:
        held = self._held.get(status.scope)
        return held is not None and held[0] == status.revision
