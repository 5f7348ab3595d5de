"""Transactions of DynamoDB: their size limits, and their errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import random
from time import sleep
from typing import Any

from botocore.exceptions import ClientError

from lambdas.store.table import Client, Item

MOST_BYTES = 3_500_000
"""The maximum size of one transaction in bytes, as JSON text, which is longer than what DynamoDB
counts: all items together are limited to 4 MB (DynamoDB API Reference, TransactWriteItems)."""

FIRST_PAUSE_SECONDS = 0.02

_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


class Conflict(Exception):
    """Another write came between the read and this write: read and list again."""


@dataclass(slots=True)
class Group:
    """Actions for some reservations, and the ids that other accounts must check again."""

    actions: list[Item] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    rechecks: dict[str, set[str]] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return len(self.actions) + len(self.rechecks)

    @property
    def size(self) -> int:
        """The size in bytes, an upper bound."""
        return sum(len(json.dumps(it, ensure_ascii=False).encode()) for it in self.actions)


def chunks(groups: Iterable[Group], most_actions: int) -> list[Group]:
    """The groups in order, in chunks of as many as fit; at least one chunk, which may be empty."""
    made, size = [Group()], 0
    for group in groups:
        more = group.size
        is_full = made[-1].length + group.length > most_actions or size + more > MOST_BYTES
        if is_full and made[-1].length:
            made.append(Group())
            size = 0
        size += more
        made[-1].actions += group.actions
        made[-1].names |= group.names
        for account_id, ids in group.rechecks.items():
            made[-1].rechecks.setdefault(account_id, set()).update(ids)
    return made


CONTENTION_TRIES = 6


def transact(client: Client, actions: Sequence[Item], last: Item) -> None:
    """Perform all actions or none. Raises Conflict if a condition does not hold, or what DynamoDB
    does. If another transaction holds an item at that moment, it is retried."""
    everything: list[Any] = [*actions, last]
    for left in reversed(range(CONTENTION_TRIES)):
        try:
            client.transact_write_items(TransactItems=everything)
            return
        except ClientError as error:
            reasons = _reasons(error)
            if left and reasons and reasons <= {"TransactionConflict", "None"}:
                sleep(random() * FIRST_PAUSE_SECONDS * 2 ** (CONTENTION_TRIES - left))
                continue
            if reasons & _CONFLICTS:
                raise Conflict from error
            raise


def _reasons(error: ClientError) -> set[str]:
    """The reasons why a transaction was cancelled, by action; any other error is raised."""
    return {str(it.get("Code")) for it in error.response.get("CancellationReasons", ())}
