"""Network nodes of reservations: requested when a scope has new ones, otherwise once a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.store.placements import PlacementStore, ScopePlacements
from truffle.core import error_codes
from truffle.core.model import BUDGET_EXCEEDED, DEADLINE_EXCEEDED, Scope, Snapshot
from truffle.ec2.errors import FAILURES, error_code
from truffle.ec2.topology import PAGE_SIZE, PLACED_STATES, TopologyEC2, list_placements

MOST_PLACEMENTS = 50 * PAGE_SIZE
"""Reservations of one scope: 50 calls, half of what EC2 allows an account at once in a region (EC2
Developer Guide, "Request throttling")."""

ASKED_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Placements:
    """Requests the placements of scopes of one region, and stores them."""

    ec2_of: Callable[[Scope], TopologyEC2]
    store: PlacementStore
    clock: Callable[[], datetime]

    def collect(
        self,
        snapshots: Iterable[Snapshot],
        stored: Mapping[Scope, ScopePlacements],
        deadline: datetime,
    ) -> None:
        """Request those of the scopes that are due; ``stored`` has the last known ones. Raises what
        DynamoDB does."""
        ids = {it.scope: _placed(it) for it in snapshots}
        for scope in ids.keys() & stored.keys():
            if not ids[scope]:
                self.store.remove(scope)
        now = self.clock()
        requested = [it for it in sorted(ids) if ids[it] and _is_due(ids[it], stored.get(it), now)]
        if not requested:
            return
        with ThreadPoolExecutor(min(PARALLEL_REQUESTS, len(requested))) as pool:
            answers = pool.map(
                lambda it: self._ask(it, ids[it], stored.get(it), deadline), requested
            )
            for scope, known in zip(requested, answers, strict=True):
                self.store.write(scope, known)

    def _ask(
        self,
        scope: Scope,
        ids: frozenset[str],
        before: ScopePlacements | None,
        deadline: datetime,
    ) -> ScopePlacements:
        at = self.clock()
        if at >= deadline:
            return _refused(ids, before, DEADLINE_EXCEEDED, at)
        try:
            listed = list_placements(self.ec2_of(scope), scope.region, scope.account_id, at)
            found = tuple(islice(listed, MOST_PLACEMENTS + 1))
        except FAILURES as error:
            code = error_code(error)
            if code in error_codes.UNSUPPORTED:
                return ScopePlacements(ids, (), at)
            logger.warning("topology not listed", extra={"scope": str(scope), "error": code})
            return _refused(ids, before, code, at)
        known = ScopePlacements(ids, found[:MOST_PLACEMENTS], at)
        is_cut = len(found) > MOST_PLACEMENTS
        return replace(known, error=BUDGET_EXCEEDED, failing_since=at) if is_cut else known


def _placed(snapshot: Snapshot) -> frozenset[str]:
    """A scope's own reservations that may have network nodes."""
    return frozenset(
        row.reservation_id
        for row in snapshot.reservations
        if row.state in PLACED_STATES
        and row.accelerator is not None
        and row.owner_id in (None, snapshot.scope.account_id)
    )


def _is_due(ids: frozenset[str], known: ScopePlacements | None, now: datetime) -> bool:
    """Whether there is a new reservation, or the response is a day old. A refused request is
    repeated with the next listing, an incomplete one a day later."""
    if known is None or known.asked_at is None or ids - known.ids:
        return True
    if known.error not in (None, BUDGET_EXCEEDED):
        return True
    return now - known.asked_at >= ASKED_EVERY


def _refused(
    ids: frozenset[str], before: ScopePlacements | None, code: str, at: datetime
) -> ScopePlacements:
    """Keep the known placements, with the error and the time when it began."""
    if before is None:
        return ScopePlacements(ids, (), None, code, at)
    return replace(before, error=code, failing_since=before.failing_since or at)
