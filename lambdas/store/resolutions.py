"""The times at which incidents were resolved: queues are unordered, and a late trigger must not
reopen an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.store.table import RESOLVED_PREFIX, Client, key, number, text
from truffle.core.times import parse_time, sortable_time

RETENTION = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ResolutionStore:
    """Resolutions in the table, by the destination's name and the incident's key."""

    client: Client
    table: str

    def latest(self, destination: str, incident: str) -> datetime | None:
        """When the last event that resolved an incident was observed; None if there was none."""
        place = key(f"{RESOLVED_PREFIX}{destination}", incident)
        answer = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True)
        return parse_time(answer["Item"]["resolved_at"]["S"]) if "Item" in answer else None

    def note(self, destination: str, incident: str, at: datetime) -> None:
        """Record the observation time of an event that resolves an incident; a later one is
        kept."""
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    **key(f"{RESOLVED_PREFIX}{destination}", incident),
                    "resolved_at": text(sortable_time(at)),
                    "expires_at": number(int((at + RETENTION).timestamp())),
                },
                ConditionExpression="attribute_not_exists(resolved_at) OR resolved_at < :at",
                ExpressionAttributeValues={":at": text(sortable_time(at))},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return
