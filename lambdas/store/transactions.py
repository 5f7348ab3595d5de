"""Transactions of DynamoDB: how much goes into one, and what its refusal means."""

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
"""The most bytes of one transaction, as JSON text, which is longer than what DynamoDB counts: all
items together have at most 4 MB (DynamoDB API Reference, TransactWriteItems)."""

FIRST_PAUSE_SECONDS = 0.02

_CONFLICTS = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


class Conflict(Exception):
    """Another write came between reading and writing: read and list again."""


@dataclass(slots=True)
class Group:
    """Actions of some reservations, and the ids that other accounts are to check again."""

    actions: list[Item] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    rechecks: dict[str, set[str]] = field(default_factory=dict)

    @property
    def length(self) -> int:
        return len(self.actions) + len(self.rechecks)

    @property
    def size(self) -> int:
        """Bytes, rather too many than too few."""
        return sum(len(json.dumps(it, ensure_ascii=False).encode()) for it in self.actions)


def chunks(groups: Iterable[Group], most_actions: int) -> list[Group]:
    """The groups in order, as many a chunk as fit; at least one chunk, if an empty one."""
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
    """Do all actions or none. Raises Conflict where a condition does not hold, or what DynamoDB
    does. Where another transaction holds an item at that moment, the same is tried again."""
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
    """Why a transaction was cancelled, action by action; anything else is a fault."""
    return {str(it.get("Code")) for it in error.response.get("CancellationReasons", ())}
