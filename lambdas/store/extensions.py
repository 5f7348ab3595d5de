"""The extensions of each scope's capacity blocks, in one item: a copy that any listing replaces."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.store.table import EXTENSIONS, Client, Item, key, number, query, text
from truffle.core.extensions import Extension, from_json, to_json
from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time

KEPT = timedelta(days=30)
"""An item of a scope without blocks. ``prices`` has taken what it needs by then."""


@dataclass(frozen=True, slots=True)
class ScopeExtensions:
    """The answer of EC2 of ``asked_at``, and the ``blocks`` that the scope listed then, each with
    its end. ``error`` is the code with which EC2 refused since; None where the answer counts."""

    blocks: frozenset[str]
    extensions: tuple[Extension, ...]
    asked_at: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ExtensionStore:
    """The extensions in the table, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def read(self, region: str = "") -> dict[Scope, ScopeExtensions]:
        """Those of a region, or all."""
        condition = " AND begins_with(sk, :prefix)" if region else ""
        values: Item = {":prefix": text(f"{region}#")} if region else {}
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression=f"pk = :pk{condition}",
            ExpressionAttributeValues={":pk": text(EXTENSIONS), **values},
        )
        return {_scope(item): _stored(item) for item in items}

    def write(self, scope: Scope, known: ScopeExtensions, now: datetime) -> None:
        data = {
            "blocks": sorted(known.blocks),
            "extensions": [to_json(it) for it in known.extensions],
            "asked_at": known.asked_at and format_time(known.asked_at),
            "error": known.error,
        }
        content = zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 6)
        name = key(EXTENSIONS, f"{scope.region}#{scope.account_id}")
        expires = number(int((now + KEPT).timestamp()))
        item: Item = {**name, "content": {"B": content}, "expires_at": expires}
        self.client.put_item(TableName=self.table, Item=item)


def _scope(item: Item) -> Scope:
    region, _, account_id = item["sk"]["S"].partition("#")
    return Scope(account_id, region)


def _stored(item: Item) -> ScopeExtensions:
    data = json.loads(zlib.decompress(bytes(item["content"]["B"])))
    return ScopeExtensions(
        frozenset(data["blocks"]),
        tuple(map(from_json, data["extensions"])),
        data["asked_at"] and parse_time(data["asked_at"]),
        data["error"],
    )
