"""Transactions of DynamoDB: how much goes into one, and what its refusal means."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from lambdas.store.table import Client, Item

MOST_BYTES = 3_500_000
"""The most bytes of one transaction, as JSON text, which is longer than what DynamoDB counts: all
items together have at most 4 MB (DynamoDB API Reference, TransactWriteItems)."""

_CONFLICTS = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})


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


def transact(client: Client, actions: Sequence[Item], update: Mapping[str, object]) -> None:
    """Do the actions and an update, all or nothing. Raises Conflict, or what DynamoDB does."""
    try:
        if actions:
            client.transact_write_items(TransactItems=[*actions, {"Update": update}])
        else:
            client.update_item(**update)
    except ClientError as error:
        if _is_conflict(error):
            raise Conflict from error
        raise


def _is_conflict(error: ClientError) -> bool:
    """Whether a condition failed or another transaction held an item; anything else is a fault."""
    if error.response["Error"]["Code"] in _CONFLICTS:
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return bool(reasons & {"ConditionalCheckFailed", "TransactionConflict"})
