"""The last attempt at each scope of a unit, in one item: an unchanged hour takes one write.

Every write of a scope's status replaces the scope's heartbeat, in the same transaction and only if
it is still the one that was read before the listing. So if two listings overlap, the second one to
write lists again, whatever either writes. A second, small item counts the writes of a unit: what a
reader has cached is current while that number stays the same. The first item has the same number,
for a reader that has cached nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, TypeVar

from lambdas.store.statuses import NO_ROWS, StoredStatus
from lambdas.store.table import (
    GROUPS,
    HEARTBEATS,
    UNIT,
    UNITS,
    Client,
    Item,
    fetch,
    key,
    number,
    query,
    text,
)
from truffle.core.model import Scope
from truffle.core.runs import SCHEDULED, run_id_of, scheduled_at

MOST_AT_ONCE = 50
"""Heartbeats in one update: an expression is limited to 4 KB (DynamoDB Developer Guide, quotas)."""

VERSION = "version"
"""The attribute that counts writes, of both items of a unit."""

SAME = 0
"""In place of the time of an attempt that observed the scope."""

_Item = TypeVar("_Item")
_NAMES_KEY = key(GROUPS, UNITS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Heartbeats = Mapping[str, str]
"""The stored heartbeats of a unit's scopes, by account."""


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat to write in place of the one with which a status was read; None removes it."""

    status: StoredStatus
    text: str | None


def heartbeat_of(status: StoredStatus) -> str:
    """The heartbeat of a status: the part that every attempt writes."""
    is_observed = status.attempted_at == status.observed_at
    plain = [
        status.observed_at and _microseconds(status.observed_at),
        SAME if is_observed else status.attempted_at and _microseconds(status.attempted_at),
        status.seconds,
        status.run_id and _short_run_id(status.run_id),
        status.delivery,
        status.baselines,
        status.reservations,
        status.changed,
        status.events,
        status.writes,
        int(status.is_plain),
    ]
    return json.dumps(plain, separators=(",", ":"))


def with_heartbeat(status: StoredStatus, heartbeat: str) -> StoredStatus:
    """A scope's status, updated from its heartbeat."""
    observed, attempted, *rest, plain = json.loads(heartbeat)
    seconds, run_id, delivery, baselines, reservations, changed, events, writes = rest
    facts = {
        "observed_at": _moment(observed),
        "attempted_at": _moment(observed if attempted == SAME else attempted),
        "seconds": seconds,
        "run_id": _long_run_id(run_id) if isinstance(run_id, int) else run_id,
        "delivery": delivery,
        "baselines": baselines,
        "changed": changed,
        "events": events,
        "writes": writes,
        "heartbeat": heartbeat,
    }
    if plain:
        return StoredStatus(scope=status.scope, digest=NO_ROWS, **facts)
    return replace(status, reservations=reservations, is_retired=False, **facts)


# The last two entries are read from the end of the text, so most heartbeats need not be parsed for
# them.


def is_plain(heartbeat: str | None) -> bool:
    """Whether a heartbeat has the complete state of its scope."""
    return heartbeat is not None and heartbeat.endswith(",1]")


def heartbeat_writes(heartbeat: str) -> int:
    """How often the scope's own item had been written."""
    return int(heartbeat.rsplit(",", 2)[1])


def _short_run_id(run_id: str) -> str | int:
    """The start of a scheduled run, in seconds; any other id as it is. Heartbeats of 50 accounts
    are billed by their size."""
    start = scheduled_at(run_id)
    return run_id if start is None else int(start.timestamp())


@lru_cache
def _long_run_id(seconds: int) -> str:
    return run_id_of(_EPOCH + timedelta(seconds=seconds), SCHEDULED)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class HeartbeatStore:
    """The heartbeats in the table, by the names of the units."""

    client: Client
    table: str

    def versions(self) -> dict[str, int]:
        """How often each unit was written."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(UNITS)},
            ConsistentRead=True,
        )
        return {item["sk"]["S"]: int(item["version"]["N"]) for item in items}

    def get(self, units: Iterable[str]) -> dict[str, Heartbeats]:
        """The stored heartbeats of these units."""
        names = sorted(set(units))
        items = fetch(self.client, self.table, [heartbeats_key(name) for name in names])
        found = {_unit_of(item): to_heartbeats(item) for item in items}
        return {name: found.get(name, {}) for name in names}

    def everything(self) -> tuple[dict[str, int], dict[str, Heartbeats]]:
        """``versions``, and the heartbeats of these units: of a table whose units have names by one
        item for each unit."""
        names = self.names()
        if names is None:
            versions = self.versions()
            return versions, self.get(versions)
        keys = [heartbeats_key(name) for name in sorted(names)]
        items = {_unit_of(item): item for item in fetch(self.client, self.table, keys)}
        # Before heartbeats had a number, any other number: then the unit is read once more.
        versions = {unit: int(it.get(VERSION, number(0))["N"]) for unit, it in items.items()}
        return versions, {unit: to_heartbeats(item) for unit, item in items.items()}

    def names(self) -> frozenset[str] | None:
        """The names of all units, and of some that no longer exist; None before a run stored
        any."""
        answer = self.client.get_item(TableName=self.table, Key=_NAMES_KEY, ConsistentRead=True)
        return frozenset(answer["Item"]["names"]["SS"]) if "Item" in answer else None

    def add_names(self, units: Iterable[str]) -> None:
        """Have units among the names, before anything of them is stored."""
        known = self.names()
        added = set(units) - known if known is not None else {*units, *self.versions()}
        if added:
            self.client.update_item(
                TableName=self.table,
                Key=_NAMES_KEY,
                UpdateExpression="ADD #names :added",
                ExpressionAttributeNames={"#names": "names"},
                ExpressionAttributeValues={":added": {"SS": sorted(added)}},
            )

    def write(self, unit: str, beats: Iterable[Beat]) -> list[Item]:
        """The actions of a transaction that replaces heartbeats of a unit."""
        update = _replacing(list(beats))
        return [
            {"Update": {"TableName": self.table, "Key": heartbeats_key(unit), **update}},
            {"Update": self._counting(unit)},
        ]

    def adopt(self, unit: str, statuses: Iterable[StoredStatus]) -> list[Item]:
        """The actions of a transaction that adds heartbeats for scopes without one."""
        names, values, sets = {}, {}, []
        for index, status in enumerate(statuses):
            name, value = f"#a{index:02}", f":a{index:02}"
            names[name], values[value] = status.scope.account_id, text(heartbeat_of(status))
            sets.append(f"{name} = if_not_exists({name}, {value})")
        update = {
            "UpdateExpression": f"SET {', '.join(sets)} ADD {VERSION} :one",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {**values, ":one": number(1)},
        }
        return [
            {"Update": {"TableName": self.table, "Key": heartbeats_key(unit), **update}},
            {"Update": self._counting(unit)},
        ]

    def forget(self, unit: str, version: int) -> list[Item]:
        """The actions of a transaction that removes a unit without scopes if it still has this
        version."""
        place = {"TableName": self.table, "Key": key(UNITS, unit)}
        condition = {
            "ConditionExpression": "version = :version",
            "ExpressionAttributeValues": {":version": number(version)},
        }
        return [
            {"Delete": {"TableName": self.table, "Key": heartbeats_key(unit)}},
            {"Delete": {**place, **condition}},
        ]

    def _counting(self, unit: str) -> Item:
        return {
            "TableName": self.table,
            "Key": key(UNITS, unit),
            "UpdateExpression": "ADD version :one",
            "ExpressionAttributeValues": {":one": number(1)},
        }


def _replacing(beats: list[Beat]) -> dict[str, Any]:
    """The expressions that replace the heartbeats that were read."""
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    sets, removed, conditions = [], [], []
    for index, beat in enumerate(beats):
        name = f"#a{index:02}"
        names[name] = beat.status.scope.account_id
        if beat.text is None:
            removed.append(name)
        else:
            values[f":a{index:02}"] = text(beat.text)
            sets.append(f"{name} = :a{index:02}")
        if beat.status.heartbeat is None:
            conditions.append(f"attribute_not_exists({name})")
        else:
            values[f":w{index:02}"] = text(beat.status.heartbeat)
            conditions.append(f"{name} = :w{index:02}")
    clauses = [
        *([f"SET {', '.join(sets)}"] if sets else []),
        *([f"REMOVE {', '.join(removed)}"] if removed else []),
        f"ADD {VERSION} :one",
    ]
    return {
        "UpdateExpression": " ".join(clauses),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {**values, ":one": number(1)},
    }


def heartbeats_key(unit: str) -> Item:
    return key(f"{UNIT}#{unit}", HEARTBEATS)


def to_heartbeats(item: Item) -> dict[str, str]:
    return {name: it["S"] for name, it in item.items() if name not in ("pk", "sk", VERSION)}


def _unit_of(item: Item) -> str:
    return str(item["pk"]["S"]).partition("#")[2]


def scopes_of(unit: str, heartbeats: Heartbeats) -> list[Scope]:
    """The scopes of a unit's heartbeats."""
    return [Scope(account_id, unit.partition("/")[0]) for account_id in heartbeats]


def in_parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    """Split into parts that fit into one update."""
    return (items[first : first + MOST_AT_ONCE] for first in range(0, len(items), MOST_AT_ONCE))
