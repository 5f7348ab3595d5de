"""Events that are buffered until the end of their run, to be delivered together.

The events of one destination and one run are a *buffer*. A *batch* is the part of it that is
delivered at once: it is fixed before anything is sent, so every retry sends the same events, and
the next batch begins after it is finished. Delivered events stay until the buffer expires, so a
repeated event is recognized.

A buffer is unlimited; a batch is limited, since its ids are in one item and its events are read at
once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from math import ceil
from typing import Any

from lambdas.store.table import (
    PENDING_PREFIX,
    Client,
    Item,
    body,
    key,
    number,
    query,
    read_body,
    text,
)
from truffle.core.times import parse_time, sortable_time

RETENTION = timedelta(days=30)
"""Longer than a message can exist: 14 days on a queue, 14 more as a dead letter."""

MOST_EVENTS = 5_000
"""The maximum number of events in a batch."""
MOST_BODIES = 8_000_000
"""The maximum size of a batch's events in bytes; the function holds them in memory."""
MOST_IDS = 300_000
"""The maximum size of a batch's ids in bytes, of the 400 KB of an item (Amazon DynamoDB Developer
Guide, quotas)."""

_STATE = "STATE"
_EVENT = "EVENT#"
_BATCH = "ROUND#"

Message = dict[str, Any]


class Placed(Enum):
    """The result of adding an event."""

    NEW = auto()
    BUFFERED = auto()
    DELIVERED = auto()
    """It is in the buffer, and was delivered."""


class BatchConflict(Exception):
    """Another flush began a batch meanwhile: read the buffer again."""


@dataclass(frozen=True, slots=True)
class DigestContents:
    """The events of a run for a destination, as stored in the table now.

    ``sizes`` has the size of each event in bytes, by id. ``batches`` has the ids of each batch so
    far; ``open_batch`` is the number of the unfinished one. ``newest`` is when the last event was
    added.
    """

    sizes: Mapping[str, int]
    batches: Mapping[int, frozenset[str]]
    open_batch: int | None
    newest: datetime | None

    @property
    def waiting(self) -> list[str]:
        """The ids of the events that are not in a batch yet, in order."""
        return sorted(set(self.sizes).difference(*self.batches.values()))

    def next_part(self) -> frozenset[str]:
        """The ids of the next batch: all that wait, or a part if they are too many; parts are of
        about equal size."""
        waiting = self.waiting
        bodies, ids = sum(self.sizes[it] for it in waiting), sum(len(it.encode()) for it in waiting)
        parts = max(
            ceil(len(waiting) / MOST_EVENTS), ceil(bodies / MOST_BODIES), ceil(ids / MOST_IDS), 1
        )
        first = waiting[: ceil(len(waiting) / parts)]
        return frozenset(self._fitting(first))

    def _fitting(self, ids: Iterable[str]) -> Iterator[str]:
        """The first of these events that fit into a batch, at least one."""
        bodies = names = 0
        for place, event_id in enumerate(ids):
            bodies += self.sizes[event_id]
            names += len(event_id.encode())
            if place and (bodies > MOST_BODIES or names > MOST_IDS):
                return
            yield event_id


@dataclass(frozen=True, slots=True)
class DigestBatch:
    """A batch to deliver at once; ``messages`` in the order of their ids, at least one."""

    number: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class DigestBuffer:
    """The buffers in the table, by the destination's name and the run's id."""

    client: Client
    table: str

    def add(self, destination: str, run_id: str, message: Message, at: datetime) -> Placed:
        """Add an event, unless it is in the buffer already."""
        place = key(_buffer_key(destination, run_id), f"{_EVENT}{message['event_id']}")
        content = body(message)
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    **place,
                    "body": content,
                    "body_bytes": number(len(content["S"].encode(errors="replace"))),
                    "put_at": text(sortable_time(at)),
                    "expires_at": _expiry(at),
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return self._placed(destination, run_id, place["sk"]["S"].removeprefix(_EVENT))
        return Placed.NEW

    def _placed(self, destination: str, run_id: str, event_id: str) -> Placed:
        batches = self._items(destination, run_id, _BATCH)
        delivered = any(event_id in item["ids"]["SS"] for item in batches if "told_at" in item)
        return Placed.DELIVERED if delivered else Placed.BUFFERED

    def claim_flush(self, destination: str, run_id: str, at: datetime) -> bool:
        """Whether the caller must send a flush of the buffer: no other caller has claimed it since
        the last flush read the buffer. If the caller fails to send it, its event is delivered
        again."""
        try:
            self.client.update_item(
                TableName=self.table,
                Key=key(_buffer_key(destination, run_id), _STATE),
                UpdateExpression="SET flush_at = :at, expires_at = :expiry",
                ExpressionAttributeValues={":at": text(sortable_time(at)), ":expiry": _expiry(at)},
                ConditionExpression="attribute_not_exists(flush_at)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def forget_flush(self, destination: str, run_id: str) -> None:
        """Record that the flush reads the buffer from now on: an event that is added later needs
        another flush."""
        self.client.update_item(
            TableName=self.table,
            Key=key(_buffer_key(destination, run_id), _STATE),
            UpdateExpression="REMOVE flush_at",
        )

    def buffer(self, destination: str, run_id: str) -> DigestContents:
        """The content of a buffer, without the events' bodies."""
        events = self._items(
            destination, run_id, _EVENT, ProjectionExpression="sk, body_bytes, put_at"
        )
        batches = self._items(destination, run_id, _BATCH)
        numbers = {_turn(item): frozenset(item["ids"]["SS"]) for item in batches}
        unfinished = [_turn(item) for item in batches if "told_at" not in item]
        return DigestContents(
            {_event_id(item): int(item["body_bytes"]["N"]) for item in events},
            numbers,
            min(unfinished, default=None),
            max((parse_time(item["put_at"]["S"]) for item in events), default=None),
        )

    def next_batch(self, destination: str, run_id: str, at: datetime) -> DigestBatch | None:
        """The unfinished batch, else a new one of the waiting events; None if there are none.

        Raises Conflict.
        """
        buffer = self.buffer(destination, run_id)
        if buffer.open_batch is not None:
            turn, ids = buffer.open_batch, buffer.batches[buffer.open_batch]
        else:
            turn, ids = max(buffer.batches, default=0) + 1, buffer.next_part()
            if not ids:
                return None
            self._begin(destination, run_id, turn, ids, at)
        return DigestBatch(turn, tuple(self._bodies(destination, run_id, ids)))

    def _begin(
        self, destination: str, run_id: str, turn: int, ids: frozenset[str], at: datetime
    ) -> None:
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    **_batch_key(destination, run_id, turn),
                    "ids": {"SS": sorted(ids)},
                    "expires_at": _expiry(at),
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise BatchConflict from error

    def finish(self, destination: str, run_id: str, turn: int, at: datetime) -> None:
        """Record that the whole batch was delivered; finishing it again changes nothing."""
        self.client.update_item(
            TableName=self.table,
            Key=_batch_key(destination, run_id, turn),
            UpdateExpression="SET told_at = if_not_exists(told_at, :at)",
            ExpressionAttributeValues={":at": text(sortable_time(at))},
        )

    def _bodies(self, destination: str, run_id: str, ids: frozenset[str]) -> list[Message]:
        """The events of a batch, by id; only the range from its first to its last id is read."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues={
                ":pk": key(_buffer_key(destination, run_id), _EVENT)["pk"],
                ":first": text(f"{_EVENT}{min(ids)}"),
                ":last": text(f"{_EVENT}{max(ids)}"),
            },
            ConsistentRead=True,
        )
        return [read_body(item) for item in items if _event_id(item) in ids]

    def _items(self, destination: str, run_id: str, prefix: str, **more: Any) -> list[Item]:
        return list(
            query(
                self.client,
                TableName=self.table,
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues={
                    ":pk": key(_buffer_key(destination, run_id), prefix)["pk"],
                    ":prefix": text(prefix),
                },
                ConsistentRead=True,
                **more,
            )
        )


def _buffer_key(destination: str, run_id: str) -> str:
    return f"{PENDING_PREFIX}{destination}#{run_id}"


def _batch_key(destination: str, run_id: str, turn: int) -> dict[str, dict[str, str]]:
    return key(_buffer_key(destination, run_id), f"{_BATCH}{turn:06}")


def _turn(item: Item) -> int:
    return int(item["sk"]["S"].removeprefix(_BATCH))


def _event_id(item: Item) -> str:
    return str(item["sk"]["S"].removeprefix(_EVENT))


def _expiry(at: datetime) -> dict[str, str]:
    return number(int((at + RETENTION).timestamp()))
