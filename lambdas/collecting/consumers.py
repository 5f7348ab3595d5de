"""The consumers of shared reservations, requested once per listing, of their owners only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.shared import Shared, SharedStore
from truffle.core.model import Scope, Snapshot, Unanswered
from truffle.ec2.consumers import OPERATION, ConsumersEC2, with_consumers
from truffle.ec2.errors import FAILURES, error_code

MOST_NOTED = 1_000
"""Noted ids of one owner in one region: many times what is requested in an hour."""


@dataclass(frozen=True, slots=True)
class Consumers:
    """Completes snapshots of one region with the consumers of their shared reservations."""

    ec2_of: Callable[[Scope], ConsumersEC2]
    shared: SharedStore
    clock: Callable[[], datetime]

    def completed(
        self, snapshots: Sequence[Snapshot], noted: Shared, deadline: datetime
    ) -> list[Snapshot]:
        """Complete the snapshots, in their order; first, note what these accounts list of others.

        ``noted`` has the notes of their scopes. Raises what DynamoDB does.
        """
        shared = self._noted(snapshots, noted)
        if not any(shared.get(snapshot.scope) for snapshot in snapshots):
            return list(snapshots)
        with ThreadPoolExecutor(min(PARALLEL_REQUESTS, len(snapshots))) as pool:
            return list(pool.map(lambda it: self._asked(it, shared, deadline), snapshots))

    def _noted(self, snapshots: Sequence[Snapshot], noted: Shared) -> Shared:
        """Record what the snapshots show, and return all shared reservations of their scopes."""
        seen = _owners_of(snapshots)
        others = seen.keys() - {snapshot.scope for snapshot in snapshots}
        noted = {**noted, **(self.shared.of(others) if others else {})}
        for owner, ids in seen.items():
            known = noted.get(owner, frozenset())
            if (missing := ids - known) and len(known | ids) <= MOST_NOTED:
                self.shared.add(owner, missing)
        shared = {
            owner: noted.get(owner, frozenset()) | seen.get(owner, frozenset())
            for owner in noted.keys() | seen.keys()
        }
        for snapshot in snapshots:
            listed = {row.reservation_id for row in snapshot.reservations}
            if over := shared.get(snapshot.scope, frozenset()) - listed:
                self.shared.remove(snapshot.scope, over)
        return shared

    def _asked(self, snapshot: Snapshot, shared: Shared, deadline: datetime) -> Snapshot:
        ids = shared.get(snapshot.scope)
        if not ids:
            return snapshot
        try:
            client = self.ec2_of(snapshot.scope)
        except FAILURES as error:
            refusal = Unanswered(OPERATION, error_code(error))
            return replace(snapshot, unanswered=(*snapshot.unanswered, refusal))
        return with_consumers(client, snapshot, ids, self.clock, deadline)


def _owners_of(snapshots: Iterable[Snapshot]) -> dict[Scope, frozenset[str]]:
    """The reservations that these accounts list but do not own, by owner."""
    found: dict[Scope, frozenset[str]] = {}
    for snapshot in snapshots:
        for row in snapshot.reservations:
            if row.owner_id not in (None, snapshot.scope.account_id):
                owner = Scope(row.owner_id, snapshot.scope.region)
                found[owner] = found.get(owner, frozenset()) | {row.reservation_id}
    return found
