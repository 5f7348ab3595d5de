"""Writes of a unit's scopes that share transactions: the heartbeats of the unit are one item, which
DynamoDB bills as a whole with each write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lambdas.store.heartbeats import MOST_AT_ONCE, Beat, heartbeat_of
from lambdas.store.statuses import StoredStatus
from lambdas.store.table import Item
from lambdas.store.transactions import MOST_BYTES, Group


@dataclass(frozen=True, slots=True)
class Prepared:
    """The whole write of a scope: its status before and after, the actions for its reservations,
    and the update of its own item."""

    before: StoredStatus
    after: StoredStatus
    group: Group
    update: Item

    @property
    def beat(self) -> Beat:
        return Beat(self.before, heartbeat_of(self.after))

    def is_written(self, present: StoredStatus) -> bool:
        """Whether a status is the one after this write."""
        return present.heartbeat == self.beat.text


@dataclass(slots=True)
class Part:
    """One transaction: actions for reservations and own items, and the heartbeats of the scopes."""

    actions: list[Item] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    size: int = 0

    def has_room(self, prepared: Prepared, most_actions: int) -> bool:
        """Whether another scope's write fits. No item may be in a transaction twice."""
        return (
            len(self.actions) + len(prepared.group.actions) + 1 <= most_actions
            and len(self.beats) < MOST_AT_ONCE
            and self.size + prepared.group.size <= MOST_BYTES
            and not self.names & prepared.group.names
        )

    def add(self, prepared: Prepared) -> None:
        self.actions += [*prepared.group.actions, prepared.update]
        self.beats.append(prepared.beat)
        self.names |= prepared.group.names
        self.size += prepared.group.size


def parts(changed: Iterable[Prepared], beats: Iterable[Beat], most_actions: int) -> Iterator[Part]:
    """The transactions of a unit, each with whole scopes."""
    part = Part()
    for prepared in changed:
        if part.beats and not part.has_room(prepared, most_actions):
            yield part
            part = Part()
        part.add(prepared)
    for beat in beats:
        if len(part.beats) == MOST_AT_ONCE:
            yield part
            part = Part()
        part.beats.append(beat)
    if part.beats:
        yield part
