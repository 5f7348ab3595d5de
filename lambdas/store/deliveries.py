"""The delivery of each event to each destination, in the table: for ``truffle alerts explain``.

The events of a run that wait for its digest share the result of that: while an event is
``waiting``, a later record of its run at the destination applies to it.
"""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from lambdas.store.table import DELIVERIES_PREFIX, Client, Item, key, number, query, text
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery
from truffle.core.times import parse_time, sortable_time

RETENTION = timedelta(days=30)
"""Longer than a message can exist: 14 days on a queue, 14 more as a dead letter."""

_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class DeliveryStore:
    """The records in the table, by the event's id and the destination's name."""

    client: Client
    table: str

    def note(
        self, destination: str, event_ids: Collection[str], delivery: ExplainedDelivery
    ) -> None:
        """Record the outcome of events; a delivered event stays delivered."""
        put = partial(self._put, destination, delivery, run_id=None)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            list(pool.map(put, event_ids))

    def note_waiting(self, destination: str, event_id: str, run_id: str, at: datetime) -> None:
        """Record that an event waits for the end of its run, unless it has a later record."""
        waiting = ExplainedDelivery(DeliveryStatus.WAITING, at)
        self._put(destination, waiting, event_id, run_id=run_id, condition=_UNKNOWN)

    def note_run(self, destination: str, run_id: str, delivery: ExplainedDelivery) -> None:
        """Record the outcome of the waiting events of a run."""
        self._put(destination, delivery, run_id, run_id=None, condition=None)

    def of_event(self, event_id: str) -> dict[str, ExplainedDelivery]:
        """The deliveries of an event, by destination."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": key(f"{DELIVERIES_PREFIX}{event_id}", "")["pk"]},
        )
        return {item["sk"]["S"]: self._of_item(item) for item in items}

    def _of_item(self, item: Item) -> ExplainedDelivery:
        own = _delivery(item)
        if own.status is not DeliveryStatus.WAITING or "run_id" not in item:
            return own
        place = key(f"{DELIVERIES_PREFIX}{item['run_id']['S']}", item["sk"]["S"])
        answer = self.client.get_item(TableName=self.table, Key=place)
        of_run = _delivery(answer["Item"]) if "Item" in answer else own
        return of_run if of_run.at > own.at else own

    def _put(
        self,
        destination: str,
        delivery: ExplainedDelivery,
        subject: str,
        *,
        run_id: str | None,
        condition: str | None = "attribute_not_exists(pk) OR #status <> :delivered",
    ) -> None:
        expiry = number(int((delivery.at + RETENTION).timestamp()))
        place = key(f"{DELIVERIES_PREFIX}{subject}", destination)
        item = {**place, **_attributes(delivery, run_id), "expires_at": expiry}
        names: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if condition and "#status" in condition:
            names["ExpressionAttributeNames"] = {"#status": "status"}
            names["ExpressionAttributeValues"] = {":delivered": text(DeliveryStatus.DELIVERED)}
        try:
            self.client.put_item(TableName=self.table, Item=item, **names)
        except self.client.exceptions.ConditionalCheckFailedException:
            return


_UNKNOWN = "attribute_not_exists(pk)"


def _attributes(delivery: ExplainedDelivery, run_id: str | None) -> dict[str, dict[str, str]]:
    values = {
        "status": text(delivery.status),
        "at": text(sortable_time(delivery.at)),
        "attempts": None if delivery.attempts is None else number(delivery.attempts),
        "detail": text(delivery.detail) if delivery.detail else None,
        "retry_at": text(sortable_time(delivery.retry_at)) if delivery.retry_at else None,
        "run_id": text(run_id) if run_id else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _delivery(item: Item) -> ExplainedDelivery:
    return ExplainedDelivery(
        DeliveryStatus(item["status"]["S"]),
        parse_time(item["at"]["S"]),
        int(item["attempts"]["N"]) if "attempts" in item else None,
        item["detail"]["S"] if "detail" in item else None,
        parse_time(item["retry_at"]["S"]) if "retry_at" in item else None,
    )
