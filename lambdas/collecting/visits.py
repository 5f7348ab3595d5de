"""Attempts at the scopes of a unit, and those of their writes that share transactions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lambdas.collecting.event_details import ExtensionChecks
from lambdas.collecting.reporting import PriorState
from lambdas.store.scopes import StoredStatus
from lambdas.store.unit_writes import Prepared
from truffle.core.model import Failure, Scope, Snapshot


@dataclass(frozen=True, slots=True)
class ScopeListing:
    """A scope's listing, the status read before it, and the seconds that it took."""

    prior: PriorState
    result: Snapshot | Failure
    seconds: float


@dataclass(frozen=True, slots=True)
class UnchangedScope:
    """An attempt that changes only the scope's heartbeat."""

    listing: ScopeListing
    before: StoredStatus
    after: StoredStatus

    @property
    def is_first(self) -> bool:
        """Whether it is the scope's first success."""
        return self.before.observed_at is None and self.after.observed_at is not None

    def is_overtaken(self, present: StoredStatus) -> bool:
        """Whether the scope was written after it was read for this attempt."""
        return present.heartbeat != self.before.heartbeat


@dataclass(frozen=True, slots=True)
class ChangedScope:
    """An attempt whose write can share a transaction."""

    listing: ScopeListing
    prepared: Prepared

    def is_written(self, present: Mapping[Scope, StoredStatus]) -> bool:
        """Whether the present statuses have this write."""
        return self.prepared.is_written(present[self.prepared.before.scope])


@dataclass(frozen=True, slots=True)
class ScopeBatch:
    """The attempts of a unit that are written together at its end."""

    unchanged: list[UnchangedScope] = field(default_factory=list)
    changed: list[ChangedScope] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Visit:
    """Attempts at scopes of a unit: their run, the deadline of requests to EC2, the message that
    requested them, and EC2's responses about extensions. ``batch`` has the attempts to write
    together; None if each is written at once."""

    run_id: str | None
    deadline: datetime
    delivery: str | None = None
    extensions: ExtensionChecks = field(default_factory=dict)
    batch: ScopeBatch | None = field(default_factory=ScopeBatch)
