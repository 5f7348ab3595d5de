"""The network nodes of each scope's reservations, in one item: a copy that every listing
replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from lambdas.store.beside import BesideStore, ItemKind
from lambdas.store.table import Item, packed_body, read_packed_body
from truffle.core.model import Scope
from truffle.core.times import format_time, parse_time
from truffle.core.topology import Placement, from_json


@dataclass(frozen=True, slots=True)
class ScopePlacements:
    """EC2's response at ``asked_at``, and the ``ids`` that the scope listed then. ``error`` is the
    code of a later refused or incomplete response; None if there was none."""

    ids: frozenset[str]
    placements: tuple[Placement, ...]
    asked_at: datetime | None
    error: str | None = None
    failing_since: datetime | None = None


def to_placements(items: Mapping[Scope, Item]) -> dict[Scope, ScopePlacements]:
    """The placements of these items."""
    return {scope: _stored(item) for scope, item in items.items()}


@dataclass(frozen=True, slots=True)
class PlacementStore:
    """The placements in the table."""

    beside: BesideStore

    def of_scope(self, scope: Scope) -> ScopePlacements | None:
        items = self.beside.of_scopes([scope], ItemKind.PLACEMENTS)
        return to_placements(items[ItemKind.PLACEMENTS]).get(scope)

    def write(self, scope: Scope, known: ScopePlacements) -> None:
        data = {
            "ids": sorted(known.ids),
            "placements": [placement.to_json() for placement in known.placements],
            "asked_at": known.asked_at and format_time(known.asked_at),
            "error": known.error,
            "failing_since": known.failing_since and format_time(known.failing_since),
        }
        self.beside.put(scope, ItemKind.PLACEMENTS, body=packed_body(data))

    def remove(self, scope: Scope) -> None:
        self.beside.remove(scope, ItemKind.PLACEMENTS)


def _stored(item: Item) -> ScopePlacements:
    data = read_packed_body(item)
    asked_at, since = data["asked_at"], data["failing_since"]
    return ScopePlacements(
        frozenset(data["ids"]),
        tuple(map(from_json, data["placements"])),
        asked_at and parse_time(asked_at),
        data["error"],
        since and parse_time(since),
    )
