"""The network nodes of each scope's reservations, in one item: a copy that any listing replaces."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime

from lambdas.store.table import PLACEMENTS, Client, Item, key, query, text
from lambdas.store.transactions import transact
from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time
from truffle.core.topology import Placement, from_json


@dataclass(frozen=True, slots=True)
class ScopePlacements:
    """The answer of EC2 of ``asked_at``, and the ``ids`` that the scope listed then. ``error`` is
    the code of one that was refused or cut short since; None where the answer is complete."""

    ids: frozenset[str]
    placements: tuple[Placement, ...]
    asked_at: datetime | None
    error: str | None = None
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlacementStore:
    """The placements in the table, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def of_region(self, region: str) -> dict[Scope, ScopePlacements]:
        """Every scope of a region of which something is stored."""
        return self._read(" AND begins_with(sk, :prefix)", {":prefix": text(f"{region}#")})

    def everything(self) -> dict[Scope, ScopePlacements]:
        """Every scope of which something is stored."""
        return self._read("", {})

    def of_scope(self, scope: Scope) -> ScopePlacements | None:
        answer = self.client.get_item(TableName=self.table, Key=_key(scope))
        return _stored(answer["Item"]) if "Item" in answer else None

    def _read(self, condition: str, values: Item) -> dict[Scope, ScopePlacements]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression=f"pk = :pk{condition}",
            ExpressionAttributeValues={":pk": text(PLACEMENTS), **values},
        )
        return {_scope(item): _stored(item) for item in items}

    def write(self, scope: Scope, known: ScopePlacements) -> None:
        told = {
            "ids": sorted(known.ids),
            "placements": [placement.to_json() for placement in known.placements],
            "asked_at": known.asked_at and format_time(known.asked_at),
            "error": known.error,
            "failing_since": known.failing_since and format_time(known.failing_since),
        }
        content = zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 6)
        self.client.put_item(TableName=self.table, Item={**_key(scope), "content": {"B": content}})

    def remove(self, scope: Scope) -> None:
        transact(self.client, [], {"Delete": {"TableName": self.table, "Key": _key(scope)}})


def _key(scope: Scope) -> Item:
    return key(PLACEMENTS, f"{scope.region}#{scope.account_id}")


def _scope(item: Item) -> Scope:
    region, _, account_id = item["sk"]["S"].partition("#")
    return Scope(account_id, region)


def _stored(item: Item) -> ScopePlacements:
    told = json.loads(zlib.decompress(bytes(item["content"]["B"])))
    asked_at, since = told["asked_at"], told["failing_since"]
    return ScopePlacements(
        frozenset(told["ids"]),
        tuple(map(from_json, told["placements"])),
        asked_at and parse_time(asked_at),
        told["error"],
        since and parse_time(since),
    )
