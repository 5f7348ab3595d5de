"""Additional data of scopes, stored with the heartbeats of their unit.

One query reads a unit. The partition ``BESIDE`` counts the writes of each unit and kind, for
readers of all items of a kind. The data of a scope is removed when it is retired, because its
account may be in another group when it comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.groups import GroupStore
from lambdas.store.table import BESIDE, UNIT, Client, Item, fetch, key, number, query, text
from lambdas.store.transactions import transact
from truffle.core.model import Scope


class ItemKind(StrEnum):
    """The kinds of items; the values are the prefixes of their sort keys."""

    EXTENSIONS = "EXTENSIONS"
    FLEETS = "FLEETS"
    PLACEMENTS = "PLACEMENTS"
    SHARED = "SHARED"


Items = Mapping[ItemKind, Mapping[Scope, Item]]


@dataclass(frozen=True, slots=True)
class UnitItems:
    """One kind's items of a unit, at least as new as a ``version`` read before."""

    version: int
    items: Mapping[Scope, Item]


def to_items(items: Iterable[Item]) -> Items:
    """Items of units by kind and scope; other items are omitted."""
    found: dict[ItemKind, dict[Scope, Item]] = {kind: {} for kind in ItemKind}
    for item in items:
        kind, _, account_id = item["sk"]["S"].partition("#")
        if kind in found:
            region = item["pk"]["S"].removeprefix(f"{UNIT}#").partition("/")[0]
            found[ItemKind(kind)][Scope(account_id, region)] = item
    return found


@dataclass(frozen=True, slots=True)
class BesideStore:
    """The items in the table. ``groups`` looks up the scopes' units."""

    groups: GroupStore

    @property
    def client(self) -> Client:
        return self.groups.client

    @property
    def table(self) -> str:
        return self.groups.table

    def versions(self, kind: ItemKind) -> dict[str, int]:
        """How often the items of a kind were written, by unit. A name from before counts existed
        ends in an account, and is ignored."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": text(BESIDE), ":prefix": text(f"{kind}#")},
        )
        found: dict[str, int] = {}
        for item in items:
            unit = item["sk"]["S"].split("#")[1]
            found[unit] = max(found.get(unit, 0), int(item.get("version", number(0))["N"]))
        return found

    def of_units(
        self, kind: ItemKind, versions: Mapping[str, int], known: Mapping[str, UnitItems]
    ) -> dict[str, UnitItems]:
        """One kind's items of the units with these versions; only those whose ``known`` items have
        another version are read."""
        found = {unit: it for unit, it in known.items() if versions.get(unit) == it.version}
        unknown = [unit for unit in versions if unit not in found]
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            for unit, items in zip(
                unknown, pool.map(lambda unit: self._of_unit(unit, kind), unknown), strict=True
            ):
                found[unit] = UnitItems(versions[unit], items)
        return found

    def _of_unit(self, unit: str, kind: ItemKind) -> Mapping[Scope, Item]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": text(f"{UNIT}#{unit}"), ":prefix": text(f"{kind}#")},
            ConsistentRead=True,
        )
        return to_items(items)[kind]

    def of_scopes(self, scopes: Iterable[Scope], *kinds: ItemKind) -> Items:
        """The items of these scopes, of these kinds or of all kinds."""
        units = self.groups.units_of(scopes)
        keys = [
            _key(unit, scope.account_id, kind)
            for scope, unit in units.items()
            for kind in kinds or ItemKind
        ]
        return to_items(fetch(self.client, self.table, keys))

    def key(self, scope: Scope, kind: ItemKind) -> Item:
        return _key(self.groups.units_of([scope])[scope], scope.account_id, kind)

    def put(self, scope: Scope, kind: ItemKind, **attributes: Item) -> None:
        """Replace an item."""
        item = {**self.key(scope, kind), **attributes}
        last = {"Put": {"TableName": self.table, "Item": item}}
        transact(self.client, [self.counted(scope, kind)], last)

    def remove(self, scope: Scope, kind: ItemKind) -> None:
        """Remove an item."""
        last = {"Delete": {"TableName": self.table, "Key": self.key(scope, kind)}}
        transact(self.client, [self.counted(scope, kind)], last)

    def counted(self, scope: Scope, kind: ItemKind) -> Item:
        """The action, in an item's transaction, that counts its write."""
        return _counted(self.table, self.groups.units_of([scope])[scope], kind)


class ItemCopy(Protocol):
    """A copy of one kind's items, by unit, for the first read of a cache."""

    def read(self) -> Mapping[str, UnitItems]: ...


T = TypeVar("T")


class BesideCache(Generic[T]):
    """Caches one kind for every scope. Reads one small item for each unit, and the items of the
    units written since the last read, at first since the ``copy``. ``decode`` decodes the items of
    a unit."""

    def __init__(
        self,
        store: BesideStore,
        kind: ItemKind,
        decode: Callable[[Mapping[Scope, Item]], dict[Scope, T]],
        copy: ItemCopy | None = None,
    ) -> None:
        self._store, self._kind, self._decode, self._copy = store, kind, decode, copy
        self._versions: dict[str, int] = {}
        self._units: dict[str, dict[Scope, T]] = {}

    def everything(self) -> dict[Scope, T]:
        """The data of every scope that has some. Raises what DynamoDB does."""
        versions = self._store.versions(self._kind)
        moved = {it: versions[it] for it in versions if self._versions.get(it) != versions[it]}
        if moved:
            known = self._copy.read() if self._copy is not None else {}
            fresh = self._store.of_units(self._kind, moved, known)
            self._units |= {unit: self._decode(it.items) for unit, it in fresh.items()}
            self._copy = None
        self._versions = versions
        return {scope: it for unit in versions for scope, it in self._units[unit].items()}


def everything_removed(table: str, unit: str, scope: Scope, stored: Items) -> list[Item]:
    """The actions that remove all items of a scope, and count those that are stored."""
    removed = [
        {"Delete": {"TableName": table, "Key": _key(unit, scope.account_id, kind)}}
        for kind in ItemKind
    ]
    return [*removed, *(_counted(table, unit, kind) for kind in ItemKind if scope in stored[kind])]


def _key(unit: str, account_id: str, kind: ItemKind) -> Item:
    return key(f"{UNIT}#{unit}", f"{kind}#{account_id}")


def _counted(table: str, unit: str, kind: ItemKind) -> Item:
    return {
        "Update": {
            "TableName": table,
            "Key": key(BESIDE, f"{kind}#{unit}"),
            "UpdateExpression": "ADD version :one",
            "ExpressionAttributeValues": {":one": number(1)},
        }
    }
