"""The requests beside the listings of a unit: consumers, fleets, network nodes, extensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.collecting.consumers import Consumers
from lambdas.collecting.extensions import Extensions
from lambdas.collecting.fleets import Fleets
from lambdas.collecting.placements import Placements
from lambdas.scope_clients import ScopeEC2
from lambdas.store.beside import BesideStore, ItemKind, Items
from lambdas.store.extensions import ExtensionStore, to_extensions
from lambdas.store.fleets import FleetStore, to_fleets
from lambdas.store.placements import PlacementStore, to_placements
from lambdas.store.scopes import ScopeStore
from lambdas.store.shared import SharedStore, to_shared
from truffle.core.model import Scope, Snapshot


@dataclass(frozen=True, slots=True)
class Beside:
    """Requests additional data, without which a listing is still complete. ``fleet_short`` has the
    thresholds of that event."""

    ec2_of: Callable[[Scope], ScopeEC2]
    scopes: ScopeStore
    clock: Callable[[], datetime]
    fleet_short: Sequence[timedelta]

    def read(self, scopes: Iterable[Scope]) -> Items:
        """The stored facts beside the listings of scopes. Raises what DynamoDB does."""
        return self._store.of_scopes(scopes)

    def completed(
        self, snapshots: Sequence[Snapshot], stored: Items, deadline: datetime
    ) -> list[Snapshot]:
        """Add consumers to the shared reservations in snapshots of one unit. Raises what DynamoDB
        does."""
        asking = Consumers(self.ec2_of, SharedStore(self._store), self.clock)
        return asking.completed(snapshots, to_shared(stored[ItemKind.SHARED]), deadline)

    def collect(
        self,
        snapshots: Sequence[Snapshot],
        stored: Items,
        last_seen: Mapping[Scope, datetime | None],
        run_id: str | None,
        deadline: datetime,
    ) -> None:
        """Store fleets, network nodes and extensions of scopes of one unit, once their snapshots
        are stored. A snapshot that is older than ``last_seen`` changes nothing.

        Raises what DynamoDB does.
        """
        snapshots = [it for it in snapshots if not _is_late(it, last_seen[it.scope])]
        fleets = FleetStore(self._store, self.scopes.retention_days)
        asking = Fleets(self.ec2_of, fleets, self.clock, self.fleet_short)
        asking.collect(snapshots, to_fleets(stored[ItemKind.FLEETS]), last_seen, run_id, deadline)
        placing = Placements(self.ec2_of, PlacementStore(self._store), self.clock)
        placing.collect(snapshots, to_placements(stored[ItemKind.PLACEMENTS]), deadline)
        extending = Extensions(self.ec2_of, ExtensionStore(self._store), self.clock)
        extending.collect(snapshots, to_extensions(stored[ItemKind.EXTENSIONS]), deadline)

    @property
    def _store(self) -> BesideStore:
        return BesideStore(self.scopes.groups)


def _is_late(snapshot: Snapshot, last_seen: datetime | None) -> bool:
    return last_seen is not None and snapshot.observed_at < last_seen
