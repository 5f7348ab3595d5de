"""Outages shared by several scopes of an account, in the table: one item, one event."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.store.table import OUTAGES, Client, Item, body, key, number, read_body
from truffle.core.scope_health import Outage
from truffle.core.times import format_time, parse_time


@dataclass(frozen=True, slots=True)
class OutageStore:
    """The outages in the table, by account and name; each write names the version it replaces."""

    client: Client
    table: str

    def get(self, account_id: str, name: str) -> Outage | None:
        answer = self.client.get_item(
            TableName=self.table, Key=_key(account_id, name), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        item = answer["Item"]
        data = read_body(item)
        return Outage(
            account_id,
            name,
            data["region"],
            parse_time(data["since"]),
            frozenset(data["regions"]),
            int(item["version"]["N"]),
        )

    def write(self, outage: Outage) -> Item:
        """The action of a transaction that stores an outage, or removes an ended one."""
        where = {"TableName": self.table, **_condition(outage.version)}
        if not outage.regions:
            return {"Delete": {**where, "Key": _key(outage.account_id, outage.name)}}
        data = {
            "region": outage.region,
            "since": format_time(outage.since),
            "regions": sorted(outage.regions),
        }
        item = {
            **_key(outage.account_id, outage.name),
            "version": number(outage.version + 1),
            "body": body(data),
        }
        return {"Put": {**where, "Item": item}}


def _condition(version: int) -> Item:
    if version == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": number(version)},
    }


def _key(account_id: str, name: str) -> Item:
    return key(f"{OUTAGES}#{account_id}", name)
