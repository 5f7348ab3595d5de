"""The fleets of each scope, in one item: written with their events, and only when they change."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.store.events import event_item
from lambdas.store.table import FLEETS, Client, Item, key, number, query, text
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


@dataclass(frozen=True, slots=True)
class FleetStore:
    """The fleets in the table, with a boto3 DynamoDB client. ``retention_days`` is how long events
    stay."""

    client: Client
    table: str
    retention_days: int = 400

    def of_region(self, region: str) -> dict[Scope, StoredFleets]:
        """Every scope of a region of which something is stored."""
        return self._read(" AND begins_with(sk, :prefix)", {":prefix": text(f"{region}#")})

    def everything(self) -> dict[Scope, StoredFleets]:
        """Every scope of which something is stored."""
        return self._read("", {})

    def _read(self, condition: str, values: Item) -> dict[Scope, StoredFleets]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression=f"pk = :pk{condition}",
            ExpressionAttributeValues={":pk": text(FLEETS), **values},
            ConsistentRead=True,
        )
        return {_scope(item): _stored(item) for item in items}

    def write(
        self, scope: Scope, before: StoredFleets, known: ScopeFleets, events: Sequence[Event]
    ) -> None:
        """Put what is known in the place of what was read, with the events of it. Raises
        Conflict."""
        puts: list[Item] = [
            {"Put": {"TableName": self.table, "Item": event_item(event, self.retention_days)}}
            for event in events
        ]
        transact(self.client, puts, self._action(scope, before.version, known))

    def _action(self, scope: Scope, version: int, known: ScopeFleets) -> Item:
        where = {"TableName": self.table, **_condition(version)}
        place = key(FLEETS, f"{scope.region}#{scope.account_id}")
        if known.is_empty:
            return {"Delete": {**where, "Key": place}}
        plain = json.dumps(_to_json(known), separators=(",", ":")).encode()
        content = {"B": zlib.compress(plain, 6)}
        return {
            "Put": {**where, "Item": {**place, "version": number(version + 1), "content": content}}
        }


def _condition(version: int) -> Item:
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": number(version)},
    }


def _scope(item: Item) -> Scope:
    region, _, account_id = item["sk"]["S"].partition("#")
    return Scope(account_id, region)


def _stored(item: Item) -> StoredFleets:
    told = json.loads(zlib.decompress(bytes(item["content"]["B"])))
    return StoredFleets(_from_json(told), int(item["version"]["N"]))


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


def _from_json(told: Mapping[str, Any]) -> ScopeFleets:
    error = told["error"]
    return ScopeFleets(
        tuple(map(from_json, told["fleets"])),
        {
            name: Shortfall(parse_time(it["since"]), frozenset(it["reported"]))
            for name, it in told["shortfalls"].items()
        },
        error
        and FleetError(
            error["code"],
            parse_time(error["since"]),
            error["last_success"] and parse_time(error["last_success"]),
        ),
    )
