"""Findings beside idle capacity, in the table: an item for each requested scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.store.table import STRANDED, Client, body, key, number, query, read_body, text
from truffle.core.codec import Json
from truffle.core.model import Scope
from truffle.core.stranded import Stranded, from_json, to_json
from truffle.core.times import format_time, parse_time

KEPT = timedelta(days=7)
"""How long the item of a scope that is no longer collected is kept."""


@dataclass(frozen=True, slots=True)
class StrandedResult:
    """A scope's result at a moment: findings, or the error."""

    scope: Scope
    asked_at: datetime
    findings: tuple[Stranded, ...] = ()
    error: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class StrandedStore:
    """The results in the table, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def read(self, region: str = "") -> list[StrandedResult]:
        """Those of a region, or all."""
        prefix = f"{region}#" if region else ""
        condition = " AND begins_with(sk, :region)" if prefix else ""
        values = {":region": text(prefix)} if prefix else {}
        found = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression=f"pk = :pk{condition}",
            ExpressionAttributeValues={":pk": text(STRANDED), **values},
        )
        return [_from_body(read_body(item)) for item in found]

    def write(self, result: StrandedResult) -> None:
        data = {
            "account_id": result.scope.account_id,
            "region": result.scope.region,
            "asked_at": format_time(result.asked_at),
            "error": result.error,
            "message": result.message,
            "items": [to_json(finding) for finding in result.findings],
        }
        expires = number(int((result.asked_at + KEPT).timestamp()))
        item = {**_key(result.scope), "body": body(data), "expires_at": expires}
        self.client.put_item(TableName=self.table, Item=item)

    def remove(self, scopes: Iterable[Scope]) -> None:
        for scope in scopes:
            self.client.delete_item(TableName=self.table, Key=_key(scope))


def _from_body(data: Json) -> StrandedResult:
    return StrandedResult(
        Scope(data["account_id"], data["region"]),
        parse_time(data["asked_at"]),
        tuple(map(from_json, data["items"])),
        data["error"],
        data["message"],
    )


def _key(scope: Scope) -> dict[str, dict[str, str]]:
    return key(STRANDED, f"{scope.region}#{scope.account_id}")
