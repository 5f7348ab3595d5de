"""Documents in the table that exceed the size of an item: compressed, in parts.

A head has the version and the number of its parts, and the facts that change without them. The
parts of a new version are written first, then the head, so a reader always finds a whole document;
the parts of the old version expire a day later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.store.table import (
    DOCUMENTS,
    Client,
    Item,
    body,
    key,
    number,
    packed,
    query,
    read_body,
    text,
    unpacked,
)

LARGEST_PART = 350_000
"""Bytes; an item is limited to 400 KB (Amazon DynamoDB Developer Guide, quotas)."""

KEPT_AFTER = timedelta(days=1)
"""Longer than any reader takes between a head and its parts."""


class Incomplete(Exception):
    """Parts of a document are missing."""


UNREADABLE = (ClientError, BotoCoreError, Incomplete)
"""The exceptions of reading and writing a document."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a document, written every time: the version of its content, the number of
    parts, and ``facts``, a small JSON object beside the content."""

    version: str
    parts: int
    facts: Any


@dataclass(frozen=True, slots=True)
class DocumentStore:
    """JSON documents by name, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def head(self, name: str) -> Head | None:
        """None if the document does not exist."""
        answer = self.client.get_item(
            TableName=self.table, Key=key(DOCUMENTS, name), ConsistentRead=True
        )
        if "Item" not in answer:
            return None
        item = answer["Item"]
        return Head(item["version"]["S"], int(item["parts"]["N"]), read_body(item))

    def content(self, name: str, head: Head) -> Any:
        """The content that a head names. Raises Incomplete."""
        found = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :version)",
            ExpressionAttributeValues={
                ":pk": text(_partition(name)),
                ":version": text(f"{head.version}#"),
            },
            ConsistentRead=True,
        )
        parts = [bytes(item["content"]["B"]) for item in found]
        if len(parts) != head.parts:
            raise Incomplete(f"{name} {head.version}: {len(parts)} of {head.parts} parts are there")
        return unpacked(b"".join(parts))

    def write(self, name: str, content: Any, facts: Any, at: datetime) -> None:
        """Replace a document; unchanged content is not written again."""
        plain = json.dumps(content, separators=(",", ":"), sort_keys=True).encode()
        version, before = sha256(plain).hexdigest()[:16], self.head(name)
        count = before.parts if before is not None else 0
        if before is None or before.version != version:
            count = self._write_parts(name, version, packed(plain))
        item = {
            **key(DOCUMENTS, name),
            "version": text(version),
            "parts": number(count),
            "body": body(facts),
        }
        self.client.put_item(TableName=self.table, Item=item)
        if before is not None and before.version != version:
            self._expire(name, before, at + KEPT_AFTER)

    def _write_parts(self, name: str, version: str, content: bytes) -> int:
        starts = range(0, len(content), LARGEST_PART)
        for index, start in enumerate(starts):
            part = {"B": content[start : start + LARGEST_PART]}
            item = {**_part(name, version, index), "content": part}
            self.client.put_item(TableName=self.table, Item=item)
        return len(starts)

    def _expire(self, name: str, head: Head, at: datetime) -> None:
        for index in range(head.parts):
            self.client.update_item(
                TableName=self.table,
                Key=_part(name, head.version, index),
                UpdateExpression="SET expires_at = :at",
                ExpressionAttributeValues={":at": number(int(at.timestamp()))},
            )


def _partition(name: str) -> str:
    return f"{DOCUMENTS}#{name}"


def _part(name: str, version: str, index: int) -> Item:
    return key(_partition(name), f"{version}#{index:04}")
