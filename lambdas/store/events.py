"""Events in the table: written together with the reported state, read by day or by reservation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.table import (
    BY_RESERVATION,
    EVENT_PREFIX,
    Client,
    Item,
    body,
    key,
    number,
    query,
    read_body,
    text,
)
from truffle.core.events import Event, to_message
from truffle.core.times import sortable_time

NEWEST_DAYS = 8
"""How many days are read at once when perhaps only the newest events are needed."""


def event_item(event: Event, retention_days: int) -> Item:
    """An event's item; ``expires_at`` is the table's TTL attribute, in epoch seconds."""
    expires_at = event.observed_at + timedelta(days=retention_days)
    item = {
        **key(_day(event.observed_at), f"{sortable_time(event.observed_at)}#{event.event_id}"),
        "body": body(to_message(event)),
        "expires_at": number(int(expires_at.timestamp())),
    }
    if event.reservation is not None:
        item["reservation_id"] = text(event.reservation.reservation_id)
    return item


def _days(since: datetime, until: datetime) -> list[date]:
    """The days from one moment to another, the last first."""
    last = until.astimezone(UTC).date()
    count = (last - since.astimezone(UTC).date()).days + 1
    return [last - timedelta(days=back) for back in range(count)]


def _day(moment: datetime) -> str:
    return f"{EVENT_PREFIX}{moment.astimezone(UTC):%Y-%m-%d}"


def _readable(items: Iterable[Item]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Sort keys and messages. An item that is not an event is logged and omitted, so that the
    others remain readable; the publisher, which read it first, has made it a dead letter."""
    for item in items:
        try:
            message = read_body(item)
            message["event_id"], message["type"], message["severity"], message["reservation_id"]
        except (ValueError, KeyError, TypeError) as error:
            facts = {"key": item["sk"]["S"], "error": repr(error)}
            logger.error("unreadable event", extra=facts)
            continue
        yield item["sk"]["S"], message


@dataclass(frozen=True, slots=True)
class EventStore:
    """The events in the table, the newest first."""

    client: Client
    table: str

    def of_reservation(self, reservation_id: str) -> list[dict[str, Any]]:
        """The messages of one reservation's events."""
        items = query(
            self.client,
            TableName=self.table,
            IndexName=BY_RESERVATION,
            KeyConditionExpression="reservation_id = :id",
            ExpressionAttributeValues={":id": text(reservation_id)},
            ScanIndexForward=False,
        )
        return [message for _, message in _readable(items)]

    def find(self, prefix: str, since: datetime, until: datetime) -> list[dict[str, Any]]:
        """The messages of events with this prefix of their id, on the days from one moment to the
        other.

        The newest days are read first; a complete id ends the search.
        """
        last = until.astimezone(UTC).date()
        days = (last - since.astimezone(UTC).date()).days + 1

        def of_day(back: int) -> list[dict[str, Any]]:
            items = query(
                self.client,
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                FilterExpression="contains(body, :id)",
                ExpressionAttributeValues={
                    ":pk": text(f"{EVENT_PREFIX}{last - timedelta(days=back)}"),
                    ":id": text(f'"event_id":"{prefix}'),
                },
            )
            messages = [message for _, message in _readable(items)]
            return [each for each in messages if each["event_id"].startswith(prefix)]

        found: list[dict[str, Any]] = []
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            for start in range(0, days, PARALLEL_REQUESTS):
                part = range(start, min(start + PARALLEL_REQUESTS, days))
                found += [message for messages in pool.map(of_day, part) for message in messages]
                if any(message["event_id"] == prefix for message in found):
                    break
        return found

    def since(
        self, since: datetime, until: datetime, after: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """The messages of ``since <= observed_at < until``, the oldest first, read lazily.
        ``after`` is the id of an event observed at ``since``; only later ones are returned."""
        start = f"{sortable_time(since)}#{after}" if after else sortable_time(since)
        last = until.astimezone(UTC).date()
        day = since.astimezone(UTC).date()
        while day <= last:
            items = query(
                self.client,
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
                ExpressionAttributeValues={
                    ":pk": text(f"{EVENT_PREFIX}{day}"),
                    ":since": text(start),
                    ":until": text(sortable_time(until)),
                },
            )
            yield from (message for sort_key, message in _readable(items) if sort_key != start)
            day += timedelta(days=1)

    def newest(self, since: datetime, until: datetime, most: int) -> list[dict[str, Any]]:
        """The messages of the newest events of ``since <= observed_at < until``, at most ``most``.
        A few days are read at a time, until there are enough events."""
        days = _days(since, until)

        def of_day(day: date) -> list[dict[str, Any]]:
            return [message for _, message in islice(self._of_day(day, since, until), most)]

        found: list[dict[str, Any]] = []
        with ThreadPoolExecutor(NEWEST_DAYS) as pool:
            for start in range(0, len(days), NEWEST_DAYS):
                part = days[start : start + NEWEST_DAYS]
                found += [message for messages in pool.map(of_day, part) for message in messages]
                if len(found) >= most:
                    break
        return found[:most]

    def _of_day(
        self, day: date, since: datetime, until: datetime
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Sort keys and messages of a day, the newest first."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :since AND :until",
            ExpressionAttributeValues={
                ":pk": text(f"{EVENT_PREFIX}{day}"),
                ":since": text(sortable_time(since)),
                ":until": text(sortable_time(until)),
            },
            ScanIndexForward=False,
        )
        return _readable(items)

    def between(self, since: datetime, until: datetime) -> list[tuple[str, dict[str, Any]]]:
        """Sort keys and messages of ``since <= observed_at < until``, the newest first."""
        if since >= until:
            return []
        days = _days(since, until)

        def of_day(day: date) -> list[tuple[str, dict[str, Any]]]:
            return list(self._of_day(day, since, until))

        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            return [event for events in pool.map(of_day, days) for event in events]
