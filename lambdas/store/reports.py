"""The last report of each reservation, in the table: one item for all scopes.

A report's item is read before a listing and written conditionally on that version, so two accounts
never report the same change. It is kept when the reservation is gone, so a listing from before its
end cannot bring it back; an item that does not exist never did.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lambdas.store.table import (
    BASELINES,
    REPORT,
    Client,
    Item,
    body,
    fetch,
    key,
    number,
    read_body,
)
from truffle.core.codec import Json, decode, encode
from truffle.core.diff import NOT_COMPARED
from truffle.core.model import Reservation
from truffle.core.reports import Report
from truffle.core.times import format_time, parse_time

RETENTION = timedelta(days=90)
"""How long the report of a gone reservation is kept: longer than any listing takes."""


@dataclass(frozen=True, slots=True)
class ReportStore:
    """The reports in the table, by the ids of the reservations."""

    client: Client
    table: str

    def get(self, ids: Iterable[str]) -> dict[str, Report]:
        """The reports of these reservations; version 0 if there is none."""
        names = sorted(set(ids))
        items = fetch(self.client, self.table, [_key(name) for name in names])
        found = {item["pk"]["S"].partition("#")[2]: _to_report(item) for item in items}
        return {name: found.get(name, Report()) for name in names}

    def baselines(self, region: str) -> int:
        """The number of the last first snapshot that was written in a region."""
        answer = self.client.get_item(
            TableName=self.table, Key=baselines_key(region), ConsistentRead=True
        )
        return to_baselines(answer.get("Item"))

    def raise_baselines(self, region: str, count: int) -> None:
        """Raise the count of first snapshots in a region to this number."""
        try:
            self.client.update_item(
                TableName=self.table,
                Key=key(BASELINES, region),
                UpdateExpression="SET baselines = :number",
                ConditionExpression="attribute_not_exists(baselines) OR baselines < :number",
                ExpressionAttributeValues={":number": number(count)},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return

    def put(self, name: str, before: int, report: Report, at: datetime) -> Item:
        """The action of a transaction that replaces an older version of a report."""
        item = {**_key(name), "version": number(before + 1), "body": body(_to_json(report))}
        if not report.members:
            item["expires_at"] = number(int((at + RETENTION).timestamp()))
        put: dict[str, Any] = {"TableName": self.table, "Item": item}
        if before == 0:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "version = :version"
            put["ExpressionAttributeValues"] = {":version": number(before)}
        return {"Put": put}


def baselines_key(region: str) -> Item:
    return key(BASELINES, region)


def to_baselines(item: Item | None) -> int:
    """The number of the last first snapshot of a region; 0 if there was none."""
    return int(item["baselines"]["N"]) if item else 0


def stored_form(reservation: Reservation) -> Json:
    """A row without the fields that differ with every observation, which the scope's status has."""
    return {name: value for name, value in encode(reservation).items() if name not in NOT_COMPARED}


def _key(name: str) -> Item:
    return key(f"{REPORT}#{name}", REPORT)


def _to_json(report: Report) -> Json:
    return {
        "news": report.revision,
        "row": report.row and stored_form(report.row),
        "looked_at": report.checked_at and format_time(report.checked_at),
        "members": sorted(report.members),
        "is_known": report.is_known,
        "baseline": report.baseline,
        "idle_told": {name: format_time(at) for name, at in report.idle_reported.items()},
    }


def _to_report(item: Item) -> Report:
    data = read_body(item)
    return Report(
        version=int(item["version"]["N"]),
        revision=data["news"],
        row=data["row"] and decode(data["row"]),
        checked_at=data["looked_at"] and parse_time(data["looked_at"]),
        members=frozenset(data["members"]),
        is_known=data["is_known"],
        baseline=data["baseline"],
        idle_reported={name: parse_time(at) for name, at in data["idle_told"].items()},
    )
