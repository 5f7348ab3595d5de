"""Shared reservations by owner: those that other accounts have listed.

EC2 does not show an owner whether a reservation is shared. The next listing of the account that
lists the reservation restores a lost record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lambdas.store.beside import BesideStore, ItemKind
from lambdas.store.table import Item
from truffle.core.model import Scope

Shared = Mapping[Scope, frozenset[str]]
"""The ids of shared reservations, by their owner's scope."""


def to_shared(items: Mapping[Scope, Item]) -> dict[Scope, frozenset[str]]:
    """The notes of these items."""
    return {owner: frozenset(it["ids"]["SS"]) for owner, it in items.items() if "ids" in it}


@dataclass(frozen=True, slots=True)
class SharedStore:
    """The notes in the table."""

    beside: BesideStore

    def of(self, owners: Iterable[Scope]) -> dict[Scope, frozenset[str]]:
        """The notes of these owners."""
        return to_shared(self.beside.of_scopes(owners, ItemKind.SHARED)[ItemKind.SHARED])

    def add(self, owner: Scope, ids: Collection[str]) -> None:
        """Record that other accounts list these reservations of an owner."""
        self._update(owner, "ADD", ids)

    def remove(self, owner: Scope, ids: Collection[str]) -> None:
        """Remove reservations that their owner no longer lists."""
        self._update(owner, "DELETE", ids)

    def _update(self, owner: Scope, verb: str, ids: Collection[str]) -> None:
        self.beside.client.update_item(
            TableName=self.beside.table,
            Key=self.beside.key(owner, ItemKind.SHARED),
            UpdateExpression=f"{verb} ids :ids",
            ExpressionAttributeValues={":ids": {"SS": sorted(ids)}},
        )
