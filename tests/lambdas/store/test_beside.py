"""Additional data: how much of the table a reader of everything reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.store.beside import BesideCache, BesideStore, ItemKind
from lambdas.store.groups import GroupStore
from lambdas.store.placements import PlacementStore, ScopePlacements, to_placements
from lambdas.store.table import key
from tests.builders import NOON
from tests.lambdas.memory import MemoryTable
from truffle.core.model import Scope

REGIONS = ("us-east-1", "us-east-2", "eu-west-1")
ACCOUNTS = tuple(f"{n:012}" for n in range(60))
GROUPS = {account_id: n // 30 for n, account_id in enumerate(ACCOUNTS)}
UNITS = 6
SCOPES = [Scope(account_id, region) for region in REGIONS for account_id in ACCOUNTS]


@dataclass
class Counted(MemoryTable):
    """A table that counts the requests of readers and the items that they get."""

    counts: Counter[str] = field(default_factory=Counter)

    def query(self, **call: Any) -> dict[str, Any]:
        answer = super().query(**call)
        self.counts.update(requests=1, items=len(answer["Items"]))
        return answer

    def batch_get_item(self, **call: Any) -> dict[str, Any]:
        answer = super().batch_get_item(**call)
        self.counts.update(requests=1, items=sum(map(len, answer["Responses"].values())))
        return answer


@dataclass
class Table:
    """A table in which each scope of six units has placements, and one reader of them."""

    client: Counted

    def __post_init__(self) -> None:
        client: Any = self.client
        self.store = BesideStore(GroupStore(client, "table", dict(GROUPS)))
        self.start_reader()
        for scope in SCOPES:
            self.place(scope, "cr-1")

    def start_reader(self) -> None:
        self.cache = BesideCache(self.store, ItemKind.PLACEMENTS, to_placements)

    def place(self, scope: Scope, *ids: str) -> None:
        PlacementStore(self.store).write(scope, ScopePlacements(frozenset(ids), (), NOON))

    def read(self) -> dict[Scope, frozenset[str]]:
        self.client.counts.clear()
        return {scope: it.ids for scope, it in self.cache.everything().items()}


@pytest.fixture
def table() -> Table:
    return Table(Counted())


def test_the_first_read_is_a_request_for_each_unit(table: Table) -> None:
    assert table.read() == dict.fromkeys(SCOPES, frozenset({"cr-1"}))
    assert table.client.counts["requests"] == 1 + UNITS


def test_a_repeated_read_is_one_small_item_for_each_unit(table: Table) -> None:
    first = table.read()
    assert table.read() == first
    assert table.client.counts == {"requests": 1, "items": UNITS}


def test_after_a_write_only_its_unit_is_read_again(table: Table) -> None:
    first = table.read()
    table.place(SCOPES[0], "cr-2")
    assert table.read() == {**first, SCOPES[0]: frozenset({"cr-2"})}
    assert table.client.counts == {"requests": 2, "items": UNITS + 30}


def test_a_removed_item_is_gone_from_the_next_read(table: Table) -> None:
    first = table.read()
    PlacementStore(table.store).remove(SCOPES[0])
    assert table.read().keys() == first.keys() - {SCOPES[0]}


def test_a_table_that_names_each_item_is_read_on(table: Table) -> None:
    """As the table was before writes were counted by unit."""
    first = table.read()
    for (pk, _), item in list(table.client.items.items()):
        if pk == "BESIDE":
            table.client.delete({"Key": {"pk": item["pk"], "sk": item["sk"]}})
    for scope in SCOPES:
        unit = f"{scope.region}/{GROUPS[scope.account_id]}"
        name = key("BESIDE", f"PLACEMENTS#{unit}#{scope.account_id}")
        table.client.put({"Item": name})
    table.start_reader()
    assert table.read() == first
    table.place(SCOPES[0], "cr-2")
    assert table.read() == {**first, SCOPES[0]: frozenset({"cr-2"})}
