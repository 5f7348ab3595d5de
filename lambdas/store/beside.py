"""Facts of scopes beside their reservations, stored with the heartbeats of their unit.

A unit is read with one query. The partition ``BESIDE`` names what there is, for those who read all
of a kind. Everything of a scope is removed when it is retired: a later return may bring its account
into another group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from lambdas.store.table import BESIDE, UNIT, Client, Item, fetch, key, query, text
from lambdas.store.transactions import transact
from truffle.core.model import Scope

if TYPE_CHECKING:
    from lambdas.store.status_reader import StatusReader


class Kind(StrEnum):
    """The kinds of items; the values are the beginnings of their sort keys."""

    EXTENSIONS = "EXTENSIONS"
    FLEETS = "FLEETS"
    PLACEMENTS = "PLACEMENTS"
    SHARED = "SHARED"


Items = Mapping[Kind, Mapping[Scope, Item]]


def to_items(items: Iterable[Item]) -> Items:
    """Items of units by what they are; others are left out."""
    found: dict[Kind, dict[Scope, Item]] = {kind: {} for kind in Kind}
    for item in items:
        kind, _, account_id = item["sk"]["S"].partition("#")
        if kind in found:
            region = item["pk"]["S"].removeprefix(f"{UNIT}#").partition("/")[0]
            found[Kind(kind)][Scope(account_id, region)] = item
    return found


@dataclass(frozen=True, slots=True)
class BesideStore:
    """The items in the table. ``statuses`` knows the scopes' units."""

    statuses: StatusReader

    @property
    def client(self) -> Client:
        return self.statuses.client

    @property
    def table(self) -> str:
        return self.statuses.table

    def of_kind(self, kind: Kind) -> Mapping[Scope, Item]:
        """One kind's items of all scopes."""
        names = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": text(BESIDE), ":prefix": text(f"{kind}#")},
        )
        units = (item["sk"]["S"].removeprefix(f"{kind}#").rpartition("#") for item in names)
        keys = [_key(unit, account_id, kind) for unit, _, account_id in units]
        return to_items(fetch(self.client, self.table, keys))[kind]

    def of_scopes(self, scopes: Iterable[Scope], *kinds: Kind) -> Items:
        """The items of these scopes, of these kinds or of all."""
        units = self.statuses.units_of(scopes)
        keys = [
            _key(unit, scope.account_id, kind)
            for scope, unit in units.items()
            for kind in kinds or Kind
        ]
        return to_items(fetch(self.client, self.table, keys))

    def key(self, scope: Scope, kind: Kind) -> Item:
        return _key(self.statuses.units_of([scope])[scope], scope.account_id, kind)

    def put(self, scope: Scope, kind: Kind, **attributes: Item) -> None:
        """Replace an item; if it expires, so does its name."""
        item = {**self.key(scope, kind), **attributes}
        expiry = {name: it for name, it in attributes.items() if name == "expires_at"}
        last = {"Put": {"TableName": self.table, "Item": item}}
        transact(self.client, [self.named(scope, kind, **expiry)], last)

    def remove(self, scope: Scope, kind: Kind) -> None:
        """Remove an item and its name."""
        last = {"Delete": {"TableName": self.table, "Key": self.key(scope, kind)}}
        transact(self.client, [self.removed(scope, kind)], last)

    def named(self, scope: Scope, kind: Kind, **attributes: Item) -> Item:
        """The action that names an item for ``of_kind``, in the transaction that makes it."""
        place = _name(self.statuses.units_of([scope])[scope], scope.account_id, kind)
        return {"Put": {"TableName": self.table, "Item": {**place, **attributes}}}

    def removed(self, scope: Scope, kind: Kind) -> Item:
        """The action that removes the name, in the transaction that removes its item."""
        place = _name(self.statuses.units_of([scope])[scope], scope.account_id, kind)
        return {"Delete": {"TableName": self.table, "Key": place}}


def everything_removed(table: str, unit: str, account_id: str) -> list[Item]:
    """The actions that remove whatever there is of a scope."""
    places = [place(unit, account_id, kind) for place in (_key, _name) for kind in Kind]
    return [{"Delete": {"TableName": table, "Key": place}} for place in places]


def _key(unit: str, account_id: str, kind: Kind) -> Item:
    return key(f"{UNIT}#{unit}", f"{kind}#{account_id}")


def _name(unit: str, account_id: str, kind: Kind) -> Item:
    return key(BESIDE, f"{kind}#{unit}#{account_id}")
