"""Chat threads in the table: the first message about a subject, to which later ones reply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.store.table import THREADS_PREFIX, Client, key, number, text

RETENTION = timedelta(days=200)
"""Longer than a capacity block lasts (182 days)."""


@dataclass(frozen=True, slots=True)
class ThreadStore:
    """Threads in the table, by the destination's name and the subject: a reservation or a scope."""

    client: Client
    table: str

    def get(self, destination: str, subject: str) -> str | None:
        """The id of a subject's thread; None before its first message."""
        place = key(f"{THREADS_PREFIX}{destination}", subject)
        answer = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True)
        return str(answer["Item"]["thread"]["S"]) if "Item" in answer else None

    def put(self, destination: str, subject: str, thread: str, at: datetime) -> None:
        self.client.put_item(
            TableName=self.table,
            Item={
                **key(f"{THREADS_PREFIX}{destination}", subject),
                "thread": text(thread),
                "expires_at": number(int((at + RETENTION).timestamp())),
            },
        )

    def forget(self, destination: str, subject: str) -> None:
        self.client.delete_item(
            TableName=self.table, Key=key(f"{THREADS_PREFIX}{destination}", subject)
        )
