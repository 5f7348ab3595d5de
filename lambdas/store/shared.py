"""Which reservations are shared, by region and owner: what other accounts were seen to list.

EC2 does not say to an owner whether a reservation is shared. A note that is lost is made again by
the next listing of the account that lists the reservation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lambdas.store.table import SHARED, Client, Item, key, query, text
from truffle.core.model import Scope


@dataclass(frozen=True, slots=True)
class SharedStore:
    """The notes in the table, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def of_region(self, region: str) -> Mapping[str, frozenset[str]]:
        """The ids of shared reservations of a region, by their owner's account."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(_partition(region))},
        )
        return {item["sk"]["S"]: frozenset(item["ids"]["SS"]) for item in items if "ids" in item}

    def add(self, owner: Scope, ids: Collection[str]) -> None:
        """Note that others list these reservations of an owner."""
        self._update(owner, "ADD", ids)

    def remove(self, owner: Scope, ids: Collection[str]) -> None:
        """Forget reservations that their owner does not list any more."""
        self._update(owner, "DELETE", ids)

    def _update(self, owner: Scope, verb: str, ids: Collection[str]) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=_key(owner),
            UpdateExpression=f"{verb} ids :ids",
            ExpressionAttributeValues={":ids": {"SS": sorted(ids)}},
        )


def _partition(region: str) -> str:
    return f"{SHARED}#{region}"


def _key(owner: Scope) -> Item:
    return key(_partition(owner.region), owner.account_id)
