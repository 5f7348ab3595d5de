"""Collecting a unit: list its scopes, compare each with its stored state, write the changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import random

from lambdas.collecting.beside import Beside
from lambdas.collecting.event_details import EventDetails
from lambdas.collecting.reporting import Outdated, PriorState, Reporter, Reports
from lambdas.collecting.visits import ChangedScope, ScopeBatch, ScopeListing, UnchangedScope, Visit
from lambdas.observability import logger
from lambdas.parallel import PARALLEL_REQUESTS
from lambdas.scope_clients import ScopeEC2
from lambdas.store.archive import Archive
from lambdas.store.beside import Items
from lambdas.store.scopes import (
    CONFLICT_TRIES,
    Attempt,
    Conflict,
    ScopeStore,
    StoredStatus,
    Write,
    after_snapshot,
    digest_of,
    is_unchanged,
)
from lambdas.store.status_reader import UnitState
from lambdas.store.transactions import FIRST_PAUSE_SECONDS
from truffle.core.carry_forward import carry_forward
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.model import DEADLINE_EXCEEDED, Failure, FailureKind, Scope, Snapshot
from truffle.core.pricing import NO_PRICES, PriceBook
from truffle.core.runs import Unit
from truffle.core.scope_health import ASSUME_ROLE, after_failure, after_success, ended
from truffle.core.thresholds import Thresholds
from truffle.ec2.billing_requests import listed_with_requests
from truffle.ec2.errors import FAILURES, to_failure
from truffle.ec2.listing import DescribedTypes, list_scope
from truffle.ec2.other_kinds import OtherKinds

REPORT_TRIES = 30
"""The maximum number of writes of a scope that shares reservations with others. Twenty units of a
region that all list the same reservation for the first time take turns to write its one report."""

LONGEST_PAUSE_SECONDS = 1.0

CONTENDED = "Contended"
"""The error code of a scope whose every write came after one of another account."""


@dataclass(frozen=True, slots=True)
class ScopeOutcome:
    """The outcome of one scope: its snapshot or failure, and how much was written.

    ``has_changes`` means that the manifest of an already closed run must be updated.
    """

    result: Snapshot | Failure
    changed: int = 0
    events: int = 0
    has_changes: bool = False

    @property
    def failure(self) -> Failure | None:
        return self.result if isinstance(self.result, Failure) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """The collector, with its clients and stores, and the thresholds of events that time causes.

    ``prices`` reads the known prices.
    """

    ec2_of: Callable[[Scope], ScopeEC2]
    types: DescribedTypes
    scopes: ScopeStore
    archive: Archive
    clock: Callable[[], datetime]
    thresholds: Thresholds = field(default_factory=Thresholds)
    expected: ExpectedDenials = NOTHING_EXPECTED
    prices: Callable[[], PriceBook] = lambda: NO_PRICES
    others_of: Callable[[Scope], OtherKinds | None] = lambda scope: None

    def left_of(self, unit: Unit, delivery: str) -> tuple[Unit, datetime | None]:
        """The scopes of a unit not yet observed for its message, and when the others were
        observed."""
        statuses = self.scopes.statuses_of(unit.scopes).values()
        done = [it for it in statuses if it.delivery == delivery and it.error is None]
        accounts = {it.scope.account_id for it in done}
        left = tuple(it for it in unit.accounts if it not in accounts)
        seen = [it.observed_at for it in done if it.observed_at is not None]
        return replace(unit, accounts=left, opened_at=None), max(seen, default=None)

    def collect(
        self, unit: Unit, deadline: datetime, delivery: str | None = None
    ) -> list[ScopeOutcome]:
        """List every scope of a unit and store the result of each: a snapshot or a failure.

        A scope that is not reached before the deadline is a failure. ``delivery`` is the id of the
        message that requests it. Raises what DynamoDB and S3 do, and Conflict.
        """
        scopes = sorted(unit.scopes)
        state = self.scopes.read_unit(unit)
        self._retire(unit, state)
        if not scopes:
            return []
        statuses = state.statuses
        baselines = self._baselines(unit.region, state.baselines, list(statuses.values()))
        peers = {scope.account_id: status for scope, status in statuses.items()}

        def visit(scope: Scope) -> ScopeListing:
            return self._list(PriorState(statuses[scope], baselines, {}, peers), deadline)

        with ThreadPoolExecutor(min(PARALLEL_REQUESTS, len(scopes))) as pool:
            listings = self._completed(list(pool.map(visit, scopes)), state.beside, deadline)
        # The bucket first: the history then has everything that the table has, even after a crash.
        self._archive(listings)
        # Failures first: other accounts report in place of an owner that is known to fail.
        order = sorted(listings, key=lambda it: isinstance(it.result, Snapshot))
        together = Visit(unit.run_id, deadline, delivery)
        outcomes = {it.result.scope: self._store(it, together) for it in order}
        outcomes |= self._write_together(together)
        snapshots = [it.result for it in listings if isinstance(it.result, Snapshot)]
        last_seen = {it.result.scope: it.prior.status.observed_at for it in listings}
        self._beside.collect(snapshots, state.beside, last_seen, unit.run_id, deadline)
        return [outcomes[scope] for scope in scopes]

    def _completed(
        self, listings: Sequence[ScopeListing], stored: Items, deadline: datetime
    ) -> list[ScopeListing]:
        """Complete the listings of one unit with the consumers of shared reservations, and with the
        stored values of what AWS refused to return this time."""
        snapshots = [it.result for it in listings if isinstance(it.result, Snapshot)]
        found = {it.scope: it for it in self._beside.completed(snapshots, stored, deadline)}
        whole = [replace(it, result=found.get(it.result.scope, it.result)) for it in listings]
        return list(map(self._with_stored_values, whole))

    def _with_stored_values(self, listing: ScopeListing) -> ScopeListing:
        snapshot, status = listing.result, listing.prior.status
        if isinstance(snapshot, Failure) or not snapshot.unanswered:
            return listing
        if status.written_at is None and status.digest == digest_of(snapshot.reservations):
            # The stored rows have nothing to add, so they need not be read.
            return listing
        known = carry_forward(snapshot, self.scopes.reservations(status))
        return replace(listing, result=known)

    @property
    def _beside(self) -> Beside:
        return Beside(self.ec2_of, self.scopes, self.clock, self.thresholds.fleet_short)

    def _archive(self, listings: Sequence[ScopeListing]) -> None:
        """Write listings of scopes of one unit to the bucket."""
        units = self.scopes.groups.units_of(it.result.scope for it in listings)
        for unit in sorted(set(units.values())):
            results = [it.result for it in listings if units[it.result.scope] == unit]
            self.archive.write_snapshots(unit, results)

    def _retire(self, unit: Unit, state: UnitState) -> None:
        """Retire the scopes of a unit that its run does not cover."""
        if unit.opened_at is None:
            return
        self.scopes.retire(unit.name, state.others, unit.opened_at, state.beside)
        if not unit.accounts:
            self.scopes.forget_unit(unit.name)

    def _write_together(self, visit: Visit) -> dict[Scope, ScopeOutcome]:
        """Write the batch of a unit; store alone what others wrote meanwhile, and what changed with
        it. Returns the outcomes of these."""
        batch, alone = visit.batch or ScopeBatch(), replace(visit, batch=None)
        outcomes: dict[Scope, ScopeOutcome] = {}
        changed, left = list(batch.changed), list(batch.unchanged)
        for _ in range(CONFLICT_TRIES):
            try:
                self.scopes.write_together(
                    [it.prepared for it in changed], [(it.before, it.after) for it in left]
                )
            except Conflict:
                listings = [*(it.listing for it in changed), *(it.listing for it in left)]
                present = self.scopes.statuses_of(it.result.scope for it in listings)
                others = [it for it in left if it.is_overtaken(present[it.before.scope])]
                left = [it for it in left if it not in others]
                again = [it.listing for it in changed if not it.is_written(present)]
                again += [it.listing for it in others]
                changed = []
                outcomes |= {it.result.scope: self._store(it, alone) for it in again}
                continue
            firsts = [it.listing for it in left if it.is_first]
            if firsts:
                self._count_baselines(firsts[0])
            return outcomes
        raise Conflict(f"scopes were modified concurrently {CONFLICT_TRIES} times in a row")

    @property
    def _reporter(self) -> Reporter:
        return Reporter(self.scopes, self.thresholds)

    def _baselines(self, region: str, counted: int, statuses: list[StoredStatus]) -> int:
        """The number of the region's last first snapshot; corrected if a collection ended between
        writing one and counting it."""
        written = max(it.baselines or 0 for it in statuses)
        if written > counted:
            self._reporter.reports.raise_baselines(region, written)
        return max(counted, written)

    def _list(self, prior: PriorState, deadline: datetime) -> ScopeListing:
        """List a scope, after reading the reports that it depends on."""
        began, scope = time.monotonic(), prior.status.scope
        noted = self._reporter.read_noted(prior.status)
        number = prior.baseline + (prior.status.observed_at is None)
        prior = replace(prior, baseline=number, reports={**prior.reports, **noted})
        result = self.expected.marked(self._ask_ec2(scope, deadline))
        return ScopeListing(prior, result, time.monotonic() - began)

    def _ask_ec2(self, scope: Scope, deadline: datetime) -> Snapshot | Failure:
        at = self.clock()
        if at > deadline:
            message = "The unit's time was up before this scope was collected."
            return Failure(
                scope=scope,
                failed_at=at,
                kind=FailureKind.ERROR,
                code=DEADLINE_EXCEEDED,
                message=message,
            )
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            # Without credentials, no region of the account can be listed, whatever the error.
            return replace(to_failure(error, scope, at), operation=ASSUME_ROLE)
        others, clock = self.others_of(scope), self.clock
        listing = partial(list_scope, client, scope, self.types, clock, deadline, others)
        return listed_with_requests(listing, client, clock, deadline)

    def _list_again(self, prior: PriorState, reports: Reports, deadline: datetime) -> ScopeListing:
        """A listing is compared only with state that was read before it began, so read both
        again."""
        status = self.scopes.status(prior.status.scope)
        region = status.scope.region
        counted = self._reporter.reports.baselines(region)
        baselines = self._baselines(region, counted, [status])
        before = PriorState(status, baselines, reports, prior.peers)
        return _after(status, self._list(before, deadline))

    def _store(self, listing: ScopeListing, visit: Visit) -> ScopeOutcome:
        """Write the result of a listing; list again if something it depends on was written
        since."""
        scope = listing.result.scope
        for tried in range(REPORT_TRIES):
            try:
                return self._written(listing, visit)
            except Outdated as error:
                listing = self._stored_again(listing.prior, error.reports, visit)
            except Conflict:
                if self.clock() >= visit.deadline:
                    break
                listing = self._after_conflict(listing, tried, visit)
        message = f"Other accounts kept updating the same reservations; attempts: {tried + 1}."
        failure = Failure(
            scope=scope,
            failed_at=self.clock(),
            kind=FailureKind.ERROR,
            code=CONTENDED,
            message=message,
        )
        return self._written(replace(listing, result=failure), visit)

    def _stored_again(self, prior: PriorState, reports: Reports, visit: Visit) -> ScopeListing:
        """A new listing, also stored in the bucket."""
        listing = self._list_again(prior, reports, visit.deadline)
        stored = self._beside.read([listing.result.scope])
        (listing,) = self._completed([listing], stored, visit.deadline)
        self._archive([listing])
        return listing

    def _after_conflict(self, listing: ScopeListing, tried: int, visit: Visit) -> ScopeListing:
        """The next write: of another listing if the scope itself was written, otherwise of the same
        one, after a short pause for the writers of the same reports."""
        prior = listing.prior
        if self.scopes.status(prior.status.scope).heartbeat != prior.status.heartbeat:
            return self._stored_again(prior, {}, visit)
        time.sleep(random() * min(FIRST_PAUSE_SECONDS * 2**tried, LONGEST_PAUSE_SECONDS))
        return replace(listing, prior=replace(prior, is_contended=True))

    def _written(self, listing: ScopeListing, visit: Visit) -> ScopeOutcome:
        """Raises Conflict or Outdated."""
        status, snapshot = listing.prior.status, listing.result
        attempt = Attempt(visit.run_id, listing.seconds, visit.delivery)
        has_changes = visit.run_id is not None and not status.is_of_run(visit.run_id)
        if isinstance(snapshot, Failure):
            written = self._write_failure(listing, snapshot, attempt, visit)
            logger.warning("scope failed", extra={"failure": str(snapshot), "written": written})
            is_first = has_changes and status.run_id != visit.run_id
            return ScopeOutcome(snapshot, has_changes=is_first and written)
        if status.is_newer_than(snapshot.observed_at):
            logger.info("late delivery", extra={"scope": str(snapshot.scope)})
            return ScopeOutcome(snapshot)
        digest = digest_of(snapshot.reservations)
        found = self._reporter.write_of(listing.prior, snapshot, digest)
        write = self._with_details(found, listing, snapshot.observed_at, visit)
        after = after_snapshot(status, snapshot, digest, write, attempt)
        changed = len(write.changed) + len(write.left)
        outcome = ScopeOutcome(snapshot, changed, len(write.events), has_changes or changed > 0)
        if is_unchanged(status, after, write):
            self._unchanged(UnchangedScope(listing, status, after), visit)
            return outcome
        prepared = visit.batch and self.scopes.prepare(status, snapshot, digest, write, attempt)
        if visit.batch and prepared:
            visit.batch.changed.append(ChangedScope(listing, prepared))
            return outcome
        self.scopes.write_snapshot(status, snapshot, digest, write, attempt)
        if status.observed_at is None:
            self._count_baselines(listing)
        return outcome

    def _unchanged(self, attempt: UnchangedScope, visit: Visit) -> None:
        """Raises Conflict if it is written at once."""
        if visit.batch is not None:
            visit.batch.unchanged.append(attempt)
            return
        self.scopes.write_together([], [(attempt.before, attempt.after)])
        if attempt.is_first:
            self._count_baselines(attempt.listing)

    def _count_baselines(self, listing: ScopeListing) -> None:
        self._reporter.reports.raise_baselines(listing.result.scope.region, listing.prior.baseline)

    def _write_failure(
        self, listing: ScopeListing, failure: Failure, attempt: Attempt, visit: Visit
    ) -> bool:
        """Record a failure; False if the scope was observed or attempted since."""
        status, most = listing.prior.status, self.thresholds.scope_failing
        if status.outlasts(failure):
            return False
        streak, event = after_failure(status, failure, attempt.run_id, most)
        after = status.after_failure(failure, attempt.run_id, attempt.seconds, streak)
        if event is None and status.fails_as_before(after):
            self._unchanged(
                UnchangedScope(listing, status, replace(after, error=status.error)), visit
            )
            return True
        return self.scopes.write_failure(failure, attempt, most)

    def _with_details(
        self, write: Write, listing: ScopeListing, observed_at: datetime, visit: Visit
    ) -> Write:
        """The write with the details of its events, and with the recovery of the scope."""
        run_id, status = visit.run_id, listing.prior.status
        recovered, outage = after_success(status, observed_at, run_id), None
        if recovered is not None and status.streak.outage is not None:
            known = self.scopes.outages.get(status.scope.account_id, status.streak.outage)
            recovered, outage = ended(recovered, known)
        details = EventDetails(self.ec2_of, self.clock, self.prices, visit.deadline)
        number = len(write.events) + (recovered is not None)
        events = [
            replace(event, run_id=run_id, events_of_listing=number)
            for event in (
                *(details.added(event, visit.extensions) for event in write.events),
                # Last, and so in the transaction that marks the scope as observed.
                *([recovered] if recovered else ()),
            )
        ]
        return replace(write, events=events, outage=outage)


def _after(status: StoredStatus, listing: ScopeListing) -> ScopeListing:
    """A listing that began after a status was read is later than every time in the status, even if
    the two clocks disagree."""
    snapshot = listing.result
    if isinstance(snapshot, Failure) or not status.is_newer_than(snapshot.observed_at):
        return listing
    known = (status.observed_at, status.attempted_at, status.written_at)
    at = max(moment for moment in known if moment is not None) + timedelta(milliseconds=1)
    rows = tuple(replace(row, observed_at=at) for row in snapshot.reservations)
    return replace(listing, result=replace(snapshot, observed_at=at, reservations=rows))
