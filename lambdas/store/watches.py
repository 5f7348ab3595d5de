"""Watches in the table: each region's answers to them, and the regions' budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lambdas.store.events import event_item
from lambdas.store.table import (
    BUDGETS,
    WATCHES,
    Client,
    Item,
    body,
    key,
    number,
    query,
    read_body,
    text,
)
from lambdas.store.transactions import transact
from truffle.core.events import Event
from truffle.core.market.budget import TokenBucket, full_bucket
from truffle.core.market.states import WatchState
from truffle.core.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class Stored:
    """A state and the version of its item; None and 0 if there is no item."""

    state: WatchState | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class StoredBucket:
    bucket: TokenBucket
    version: int = 0


WatchKey = tuple[str, str]
"""A region and the name of a watch."""


@dataclass(frozen=True, slots=True)
class WatchStore:
    """The items of watches, with a boto3 DynamoDB client."""

    client: Client
    table: str
    retention_days: int = 400

    def states(self) -> dict[WatchKey, Stored]:
        """The states of all watches in all regions, read consistently.

        An unreadable state (of a newer version) counts as none: the next answer is a baseline.
        """
        return {_watch_key(item): _stored(item) for item in self._items(WATCHES)}

    def buckets(self) -> dict[str, StoredBucket]:
        """The buckets by region; a region without an item has a full bucket."""
        return {
            item["sk"]["S"]: StoredBucket(
                TokenBucket(float(item["tokens"]["N"]), parse_time(item["at"]["S"])),
                int(item["version"]["N"]),
            )
            for item in self._items(BUDGETS)
        }

    def claim(self, region: str, before: StoredBucket, after: TokenBucket) -> StoredBucket:
        """Take calls from a region's budget before they are made, so that they count even if the
        function ends. Raises Conflict if another invocation was faster."""
        item = {
            **key(BUDGETS, region),
            "tokens": number(after.tokens),
            "at": text(format_time(after.at)),
            "version": number(before.version + 1),
        }
        transact(self.client, [], self._put(item, before.version))
        return StoredBucket(after, before.version + 1)

    def record(
        self, name: WatchKey, before: Stored, state: WatchState, events: Sequence[Event]
    ) -> None:
        """Write a state with its events, in one transaction. Raises Conflict if another invocation
        recorded an answer since ``before`` was read."""
        item = {
            **key(WATCHES, "/".join(name)),
            "body": body(state.to_json()),
            "version": number(before.version + 1),
        }
        actions = [
            {"Put": {"TableName": self.table, "Item": event_item(it, self.retention_days)}}
            for it in events
        ]
        transact(self.client, actions, self._put(item, before.version))

    def forget(self, name: WatchKey) -> None:
        """Remove a watch that the settings no longer have in a region."""
        self.client.delete_item(TableName=self.table, Key=key(WATCHES, "/".join(name)))

    def _put(self, item: Item, version: int) -> Item:
        put: dict[str, Any] = {
            "TableName": self.table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if version:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": number(version)}
        return {"Put": put}

    def _items(self, pk: str) -> list[Item]:
        return list(
            query(
                self.client,
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": text(pk)},
                ConsistentRead=True,
            )
        )


def bucket_of(buckets: Mapping[str, StoredBucket], region: str, now: datetime) -> StoredBucket:
    return buckets.get(region) or StoredBucket(full_bucket(now))


def _watch_key(item: Item) -> WatchKey:
    region, _, name = item["sk"]["S"].partition("/")
    return region, name


def _stored(item: Item) -> Stored:
    version = int(item["version"]["N"])
    try:
        return Stored(WatchState.from_json(read_body(item)), version)
    except (ValueError, KeyError, TypeError):
        return Stored(None, version)
