"""Capacity Reservation Fleets: requested with the listings of scopes that may have some."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.fleets import NOTHING_STORED, FleetStore, StoredFleets
from lambdas.store.transactions import Conflict
from truffle.core import error_codes
from truffle.core.events import Event
from truffle.core.fleet_watch import daily_moment, observed, refused
from truffle.core.fleets import CapacityFleet
from truffle.core.model import DEADLINE_EXCEEDED, Scope, Snapshot
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.fleets import list_fleets
from truffle.ec2.listing import ListingEC2


@dataclass(frozen=True, slots=True)
class Fleets:
    """Requests the fleets of scopes of one region, and stores changes with their events.

    ``lengths`` are the times for which a fleet must be short to cause an event.
    """

    ec2_of: Callable[[Scope], ListingEC2]
    store: FleetStore
    clock: Callable[[], datetime]
    lengths: Sequence[timedelta]

    def collect(
        self,
        snapshots: Iterable[Snapshot],
        stored: Mapping[Scope, StoredFleets],
        last_seen: Mapping[Scope, datetime | None],
        run_id: str | None,
        deadline: datetime,
    ) -> None:
        """Request those of each scope that lists its own reservations or has known fleets, and of
        the others at their first listing and once a day: one call for 100 fleets.

        ``stored`` has the last known fleets, ``last_seen`` the previous listings. Raises what
        DynamoDB does.
        """
        requested = [
            it
            for it in snapshots
            if it.scope in stored or _has_own(it) or _is_due(it, last_seen[it.scope])
        ]
        if not requested:
            return
        with ThreadPoolExecutor(min(PARALLEL_REQUESTS, len(requested))) as pool:
            answers = list(pool.map(lambda it: self._ask(it.scope, deadline), requested))
        for snapshot, answer in zip(requested, answers, strict=True):
            before, seen = stored.get(snapshot.scope, NOTHING_STORED), last_seen[snapshot.scope]
            self._store(snapshot, before, answer, seen, run_id)

    def _ask(self, scope: Scope, deadline: datetime) -> list[CapacityFleet] | str:
        """Request every fleet of a scope; the code of the error if that fails."""
        at = self.clock()
        if at >= deadline:
            return DEADLINE_EXCEEDED
        try:
            return list(list_fleets(self.ec2_of(scope), scope.region, scope.account_id, at))
        except FAILURES as error:
            code = error_code(error)
            return [] if code in error_codes.UNSUPPORTED else code

    def _store(
        self,
        snapshot: Snapshot,
        before: StoredFleets,
        answer: list[CapacityFleet] | str,
        listed_at: datetime | None,
        run_id: str | None,
    ) -> None:
        scope, at = snapshot.scope, snapshot.observed_at
        known, events = before.known, list[Event]()
        if isinstance(answer, str):
            known = refused(known, answer, at, listed_at)
            logger.warning("fleets not listed", extra={"scope": str(scope), "error": answer})
        else:
            known, events = observed(known, scope, answer, at, self.lengths)
        if known == before.known:
            return
        try:
            recorded = [replace(event, run_id=run_id) for event in events]
            self.store.write(scope, before, known, recorded)
        except Conflict:
            # Another listing of the scope came first, and what it wrote is just as new.
            logger.info("fleets were written by another listing", extra={"scope": str(scope)})


def _is_due(snapshot: Snapshot, last_seen: datetime | None) -> bool:
    moment = daily_moment(snapshot.scope, snapshot.observed_at)
    return last_seen is None or last_seen < moment


def _has_own(snapshot: Snapshot) -> bool:
    account_id = snapshot.scope.account_id
    return any(row.owner_id in (None, account_id) for row in snapshot.reservations)
