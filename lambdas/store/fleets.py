"""The fleets of each scope, in one item: written with their events, and only when they change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.store.beside import BesideStore, ItemKind
from lambdas.store.events import event_item
from lambdas.store.table import Item, number, packed_body, read_packed_body
from lambdas.store.transactions import transact
from truffle.core.events import Event
from truffle.core.fleet_watch import FleetError, ScopeFleets, Shortfall
from truffle.core.fleets import from_json
from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class StoredFleets:
    """The known fleets of a scope, and the version that the next write replaces."""

    known: ScopeFleets
    version: int


NOTHING_STORED = StoredFleets(ScopeFleets(), 0)


def to_fleets(items: Mapping[Scope, Item]) -> dict[Scope, StoredFleets]:
    """The fleets of these items."""
    return {scope: _stored(item) for scope, item in items.items()}


@dataclass(frozen=True, slots=True)
class FleetStore:
    """The fleets in the table. ``retention_days`` is how long events are kept."""

    beside: BesideStore
    retention_days: int = 400

    def write(
        self, scope: Scope, before: StoredFleets, known: ScopeFleets, events: Sequence[Event]
    ) -> None:
        """Replace the fleets that were read, with their events. Raises Conflict."""
        items = [event_item(event, self.retention_days) for event in events]
        table = self.beside.table
        puts: list[Item] = [{"Put": {"TableName": table, "Item": item}} for item in items]
        puts.append(self.beside.counted(scope, ItemKind.FLEETS))
        transact(self.beside.client, puts, self._action(scope, before.version, known))

    def _action(self, scope: Scope, version: int, known: ScopeFleets) -> Item:
        where = {"TableName": self.beside.table, **_condition(version)}
        place = self.beside.key(scope, ItemKind.FLEETS)
        if known.is_empty:
            return {"Delete": {**where, "Key": place}}
        item = {**place, "version": number(version + 1), "body": packed_body(_to_json(known))}
        return {"Put": {**where, "Item": item}}


def _condition(version: int) -> Item:
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": number(version)},
    }


def _stored(item: Item) -> StoredFleets:
    return StoredFleets(_from_json(read_packed_body(item)), int(item["version"]["N"]))


def _to_json(known: ScopeFleets) -> dict[str, Any]:
    error = known.error
    return {
        "fleets": [fleet.to_json() for fleet in known.fleets],
        "shortfalls": {
            name: {"since": format_time(it.since), "reported": sorted(it.reported)}
            for name, it in known.shortfalls.items()
        },
        "error": error
        and {
            "code": error.code,
            "since": format_time(error.since),
            "last_success": error.last_success and format_time(error.last_success),
        },
    }


def _from_json(data: Mapping[str, Any]) -> ScopeFleets:
    error = data["error"]
    return ScopeFleets(
        tuple(map(from_json, data["fleets"])),
        {
            name: Shortfall(parse_time(it["since"]), frozenset(it["reported"]))
            for name, it in data["shortfalls"].items()
        },
        error
        and FleetError(
            error["code"],
            parse_time(error["since"]),
            error["last_success"] and parse_time(error["last_success"]),
        ),
    )
