"""The inventory in memory: what is kept between requests never makes an answer old."""

from __future__ import annotations

import gc
import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from lambdas.api.inventory import MOST_ORDERS, Inventory
from lambdas.store.scopes import StoredStatus
from tests.builders import HOME, HOUR, NOON, OHIO, a_block, an_odcr
from truffle.core.codec import encode
from truffle.core.filters import Filter
from truffle.core.model import Reservation, Scope
from truffle.core.order import SORT_FIELDS, Order

IRELAND = Scope(HOME, "eu-west-1")


@dataclass
class Store:
    """Scopes as the table has them; a write moves a scope's revision."""

    statuses_: dict[Scope, StoredStatus] = field(default_factory=dict)
    rows: dict[Scope, tuple[Reservation, ...]] = field(default_factory=dict)

    def observe(self, scope: Scope, at: datetime, *rows: Reservation) -> None:
        before = self.statuses_.get(scope, StoredStatus(scope=scope))
        moved = self.rows.get(scope) != rows
        self.rows[scope] = rows
        self.statuses_[scope] = replace(before, observed_at=at, revision=before.revision + moved)

    def cache(self) -> Store:
        return self

    def statuses(self, *, with_rows: bool = False) -> list[StoredStatus]:
        return list(self.statuses_.values())

    def reservations(self, status: StoredStatus) -> tuple[Reservation, ...]:
        return self.rows[status.scope]


class Refused(Exception):
    """The error of a read."""


OHIO_ROWS = (an_odcr("cr-a"), a_block("cr-b"))
IRISH_ROWS = (an_odcr("cr-c", region="eu-west-1", tags={"Größe": '"\\'}),)


@pytest.fixture
def store() -> Store:
    store = Store()
    store.observe(OHIO, NOON, *OHIO_ROWS)
    store.observe(IRELAND, NOON + HOUR, *IRISH_ROWS)
    return store


@pytest.fixture
def inventory(store: Store) -> Inventory:
    like_a_store: Any = store
    return Inventory(like_a_store)


def ids(rows: list[Reservation]) -> list[str]:
    return [row.reservation_id for row in rows]


def test_the_garbage_collector_pauses_while_rows_are_read(
    inventory: Inventory, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused: list[bool] = []

    def read(status: StoredStatus) -> tuple[Reservation, ...]:
        paused.append(not gc.isenabled())
        raise Refused

    monkeypatch.setattr(store, "reservations", read)
    with pytest.raises(Refused):
        inventory.view()
    assert set(paused) == {True}
    assert gc.isenabled()


def test_an_array_has_the_rows_with_the_time_of_their_scope(inventory: Inventory) -> None:
    rows: list[Reservation] = [*OHIO_ROWS, *IRISH_ROWS]
    seen = [NOON, NOON, NOON + HOUR]

    text = inventory.view().encoded_array(rows)

    expected = [encode(replace(row, observed_at=at)) for row, at in zip(rows, seen, strict=True)]
    assert text == json.dumps(expected, separators=(",", ":"))


def test_no_rows_are_an_empty_array(inventory: Inventory) -> None:
    assert inventory.view().encoded_array([]) == "[]"


def test_a_text_that_is_kept_has_the_newest_time(inventory: Inventory, store: Store) -> None:
    inventory.view().encoded_array(OHIO_ROWS)
    store.observe(OHIO, NOON + 2 * HOUR, *OHIO_ROWS)

    items = json.loads(inventory.view().encoded_array(OHIO_ROWS))

    assert [item["observed_at"] for item in items] == ["2026-11-24T14:00:00Z"] * 2


def test_a_text_that_is_kept_goes_with_the_row(inventory: Inventory, store: Store) -> None:
    inventory.view().encoded_array(OHIO_ROWS)
    changed = replace(OHIO_ROWS[0], state="expired")
    store.observe(OHIO, NOON, changed)

    (item,) = json.loads(inventory.view().encoded_array([changed]))

    assert item["state"] == "expired"


def test_an_order_is_kept_while_the_rows_are_the_same(inventory: Inventory, store: Store) -> None:
    first = inventory.view().sorted(Order())
    store.observe(OHIO, NOON + 2 * HOUR, *OHIO_ROWS)

    assert inventory.view().sorted(Order()) is first


def test_an_order_that_is_kept_goes_with_the_rows(inventory: Inventory, store: Store) -> None:
    assert ids(inventory.view().sorted(Order()).rows) == ["cr-c", "cr-a", "cr-b"]
    store.observe(IRELAND, NOON + HOUR)

    assert ids(inventory.view().sorted(Order()).rows) == ["cr-a", "cr-b"]


@pytest.mark.parametrize(
    ("sort", "before", "after"),
    [
        ("observed_at", ["cr-a", "cr-b", "cr-c"], ["cr-c", "cr-a", "cr-b"]),
        ("-observed_at", ["cr-c", "cr-a", "cr-b"], ["cr-a", "cr-b", "cr-c"]),
    ],
)
def test_the_order_by_observation_moves_with_the_scopes(
    inventory: Inventory, store: Store, sort: str, before: list[str], after: list[str]
) -> None:
    assert ids(inventory.view().sorted(Order(sort)).rows) == before
    store.observe(OHIO, NOON + 2 * HOUR, *OHIO_ROWS)

    assert ids(inventory.view().sorted(Order(sort)).rows) == after


def test_more_orders_than_are_kept_can_be_asked_for(inventory: Inventory) -> None:
    view = inventory.view()
    orders = [Order(name) for name in SORT_FIELDS if name != "observed_at"]
    assert len(orders) > MOST_ORDERS

    for order in (*orders, *orders):
        assert view.sorted(order).rows == order.sorted(view.rows)


def test_the_order_that_is_asked_for_again_and_again_is_kept(inventory: Inventory) -> None:
    view = inventory.view()
    usual = view.sorted(Order())
    for name in SORT_FIELDS:
        view.sorted(Order(name))
        assert view.sorted(Order()) is usual


def test_the_rows_of_an_instance_type_have_the_time_of_their_scope(inventory: Inventory) -> None:
    rows = inventory.view().of_instance_type("p5.48xlarge")

    assert rows == [replace(OHIO_ROWS[1], observed_at=NOON)]


def test_a_filter_and_a_summary_follow_the_rows(inventory: Inventory, store: Store) -> None:
    chosen = Filter(states=frozenset({"expired"}))
    assert len(inventory.view().sorted(Order()).matches(chosen)) == 0
    store.observe(OHIO, NOON, replace(OHIO_ROWS[0], state="expired"))

    ordered = inventory.view().sorted(Order())

    assert ids(ordered.matches(chosen).first(9)) == ["cr-a"]
    assert ordered.summarize(chosen).total.reservations == 1
    assert ordered.summarize(Filter()).total.reservations == 2
