"""Events that are put aside until their run is over, so that they can be told together.

The events of one destination and one run are a *pile*. A *round* is what is told of it at once: it
is fixed before anything is sent, so that however often the sending is repeated it is the same, and
no other round begins before it is finished. What was told stays until the pile expires, so that an
event that is delivered again is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from lambdas.store.items import (
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
"""Longer than a message can be under way: 14 days on a queue, 14 more as a dead letter."""

_STATE = "STATE"
_EVENT = "EVENT#"

Message = dict[str, Any]


class Placed(Enum):
    """How an event came to lie on its pile."""

    NEW = auto()
    AGAIN = auto()
    TOLD = auto()
    """It lies there, and was told."""


class Conflict(Exception):
    """Another flush began a round meanwhile: look again."""


@dataclass(frozen=True, slots=True)
class Pile:
    """The events of a run for a destination, as they lie in the table now.

    ``round_ids`` are the events of the round that is not finished, ``rounds`` counts the rounds
    that ever began. ``newest`` is when the last event was put here.
    """

    messages: dict[str, Message]
    told_ids: frozenset[str]
    round_ids: frozenset[str]
    rounds: int
    newest: datetime | None

    @property
    def waiting(self) -> frozenset[str]:
        """Ids of the events that are in no round yet."""
        return frozenset(self.messages) - self.told_ids - self.round_ids


@dataclass(frozen=True, slots=True)
class Round:
    """What is told at once; ``messages`` in the order of their ids, at least one."""

    number: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class PendingStore:
    """The piles in the table, by the destination's name and the run's id."""

    client: Client
    table: str

    def put_aside(self, destination: str, run_id: str, message: Message, at: datetime) -> Placed:
        """Lay an event on its pile, where it stays if it lies there already."""
        event_id: str = message["event_id"]
        try:
            self.client.put_item(
                TableName=self.table,
                Item={
                    **key(_pile_key(destination, run_id), f"{_EVENT}{event_id}"),
                    "body": body(message),
                    "put_at": text(sortable_time(at)),
                    "expires_at": _expiry(at),
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            told = _ids(self._state(destination, run_id), "told_ids")
            return Placed.TOLD if event_id in told else Placed.AGAIN
        return Placed.NEW

    def claim_flush(self, destination: str, run_id: str, at: datetime) -> bool:
        """Whether the caller is the one to send a flush of the pile: nobody is since the last one
        looked at it. A caller that does not come to it is delivered its event again."""
        try:
            self._update(
                destination,
                run_id,
                "SET flush_at = :at, expires_at = :expiry",
                {":at": text(sortable_time(at)), ":expiry": _expiry(at)},
                "attribute_not_exists(flush_at)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def forget_flush(self, destination: str, run_id: str) -> None:
        """The flush looks at the pile from now on: what is put there later needs another one."""
        self._update(destination, run_id, "REMOVE flush_at", {})

    def pile(self, destination: str, run_id: str) -> Pile:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(_pile_key(destination, run_id))},
            ConsistentRead=True,
        )
        by_key = {item["sk"]["S"]: item for item in items}
        state = by_key.pop(_STATE, {})
        return Pile(
            {name.removeprefix(_EVENT): read_body(item) for name, item in by_key.items()},
            _ids(state, "told_ids"),
            _ids(state, "round_ids"),
            int(state.get("rounds", number(0))["N"]),
            max((parse_time(item["put_at"]["S"]) for item in by_key.values()), default=None),
        )

    def next_round(self, destination: str, run_id: str) -> Round | None:
        """The round that is not finished, else a new one of all that waits; None where nothing
        does. Raises Conflict."""
        pile = self.pile(destination, run_id)
        if pile.round_ids:
            return _round(pile, pile.rounds, pile.round_ids)
        if not pile.waiting:
            return None
        condition = "rounds = :before" if pile.rounds else "attribute_not_exists(rounds)"
        values: dict[str, Any] = {
            ":ids": {"SS": sorted(pile.waiting)},
            ":next": number(pile.rounds + 1),
            **({":before": number(pile.rounds)} if pile.rounds else {}),
        }
        try:
            self._update(
                destination,
                run_id,
                "SET round_ids = :ids, rounds = :next",
                values,
                f"{condition} AND attribute_not_exists(round_ids)",
            )
        except self.client.exceptions.ConditionalCheckFailedException as error:
            raise Conflict from error
        return _round(pile, pile.rounds + 1, pile.waiting)

    def finish(self, destination: str, run_id: str, told: Round) -> None:
        """All of a round was told; finishing it again changes nothing."""
        ids = sorted(message["event_id"] for message in told.messages)
        try:
            self._update(
                destination,
                run_id,
                "ADD told_ids :ids REMOVE round_ids",
                {":ids": {"SS": ids}, ":number": number(told.number)},
                "rounds = :number AND attribute_exists(round_ids)",
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return

    def _state(self, destination: str, run_id: str) -> Item:
        place = key(_pile_key(destination, run_id), _STATE)
        answer = self.client.get_item(TableName=self.table, Key=place, ConsistentRead=True)
        item: Item = answer.get("Item", {})
        return item

    def _update(
        self,
        destination: str,
        run_id: str,
        expression: str,
        values: dict[str, Any],
        condition: str | None = None,
    ) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=key(_pile_key(destination, run_id), _STATE),
            UpdateExpression=expression,
            **({"ExpressionAttributeValues": values} if values else {}),
            **({"ConditionExpression": condition} if condition else {}),
        )


def _pile_key(destination: str, run_id: str) -> str:
    return f"{PENDING_PREFIX}{destination}#{run_id}"


def _expiry(at: datetime) -> dict[str, str]:
    return number(int((at + RETENTION).timestamp()))


def _ids(state: Item, name: str) -> frozenset[str]:
    return frozenset(state.get(name, {"SS": []})["SS"])


def _round(pile: Pile, turn: int, ids: frozenset[str]) -> Round:
    return Round(turn, tuple(pile.messages[event_id] for event_id in sorted(ids)))
