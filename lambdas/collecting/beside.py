"""The questions beside the listings of a unit: consumers, fleets, network nodes, extensions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.clients import ScopeEC2
from lambdas.collecting.consumers import Consumers
from lambdas.collecting.extensions import Extensions
from lambdas.collecting.fleets import Fleets
from lambdas.collecting.placements import Placements
from lambdas.store.extensions import ExtensionStore
from lambdas.store.fleets import FleetStore
from lambdas.store.placements import PlacementStore
from lambdas.store.scopes import ScopeStore
from lambdas.store.shared import SharedStore
from truffle.core.model import Scope, Snapshot


@dataclass(frozen=True, slots=True)
class Beside:
    """Asks what no listing fails without. ``fleet_short`` are the thresholds of that event."""

    ec2_of: Callable[[Scope], ScopeEC2]
    scopes: ScopeStore
    clock: Callable[[], datetime]
    fleet_short: Sequence[timedelta]

    def completed(self, snapshots: Sequence[Snapshot], deadline: datetime) -> list[Snapshot]:
        """Snapshots of one region with the consumers of what is shared. Raises what DynamoDB
        does."""
        shared = SharedStore(self.scopes.client, self.scopes.table)
        return Consumers(self.ec2_of, shared, self.clock).completed(snapshots, deadline)

    def collect(
        self,
        snapshots: Sequence[Snapshot],
        last_seen: Mapping[Scope, datetime | None],
        run_id: str | None,
        deadline: datetime,
    ) -> None:
        """Store fleets, network nodes and extensions of scopes of one region, once their snapshots
        are stored. A snapshot that is older than ``last_seen`` changes nothing.

        Raises what DynamoDB does.
        """
        snapshots = [it for it in snapshots if not _is_late(it, last_seen[it.scope])]
        client, table = self.scopes.client, self.scopes.table
        fleets = FleetStore(client, table, self.scopes.retention_days)
        asking = Fleets(self.ec2_of, fleets, self.clock, self.fleet_short)
        asking.collect(snapshots, last_seen, run_id, deadline)
        Placements(self.ec2_of, PlacementStore(client, table), self.clock).collect(
            snapshots, deadline
        )
        Extensions(self.ec2_of, ExtensionStore(client, table), self.clock).collect(
            snapshots, deadline
        )


def _is_late(snapshot: Snapshot, last_seen: datetime | None) -> bool:
    return last_seen is not None and snapshot.observed_at < last_seen
