"""Collecting a unit: list its scopes, compare each with what is stored, write what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lambdas.collecting.reporting import Ground, Outdated, Reporter, Reports
from lambdas.observability import logger
from lambdas.store.archive import Archive
from lambdas.store.scopes import (
    CONFLICT_TRIES,
    Attempt,
    Conflict,
    ScopeStore,
    StoredStatus,
    Write,
    digest_of,
)
from truffle.core.carry_forward import carry_forward
from truffle.core.events import Event
from truffle.core.expected import NOTHING_EXPECTED, ExpectedDenials
from truffle.core.model import DEADLINE_EXCEEDED, Failure, FailureKind, Scope, Snapshot
from truffle.core.runs import Unit
from truffle.core.scope_health import ASSUME_ROLE, after_success, ended
from truffle.core.thresholds import Thresholds
from truffle.core.timed_events import extension_deadline, with_extension
from truffle.ec2.errors import FAILURES, error_code, to_failure
from truffle.ec2.extensions import Answer, ask_for_extension
from truffle.ec2.listing import EC2, DescribedTypes, list_scope

PARALLEL_SCOPES = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scope: what was listed or why not, and how much of it was written.

    ``is_news`` says that the papers of a run that is closed already have to say so, too.
    """

    result: Snapshot | Failure
    changed: int = 0
    events: int = 0
    is_news: bool = False

    @property
    def failure(self) -> Failure | None:
        return self.result if isinstance(self.result, Failure) else None


@dataclass(frozen=True, slots=True)
class _Visit:
    """One attempt at a scope: its run, until when it may ask EC2, the message that asked for it,
    and what EC2 said of extensions."""

    run_id: str | None
    deadline: datetime
    delivery: str | None = None
    extensions: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What a scope's listing gave, what had been read before it, and the seconds that it took."""

    ground: Ground
    result: Snapshot | Failure
    seconds: float


@dataclass(frozen=True, slots=True)
class Collector:
    """The collector with everything it uses at its edges, and when time makes an event."""

    ec2_of: Callable[[Scope], EC2]
    types: DescribedTypes
    scopes: ScopeStore
    archive: Archive
    clock: Callable[[], datetime]
    thresholds: Thresholds = field(default_factory=Thresholds)
    expected: ExpectedDenials = NOTHING_EXPECTED

    def left_of(self, unit: Unit, delivery: str) -> tuple[Unit, datetime | None]:
        """What of a unit its message has not observed yet, and when it observed the rest last."""
        statuses = self.scopes.statuses_of(unit.scopes).values()
        done = [it for it in statuses if it.delivery == delivery and it.error is None]
        accounts = {it.scope.account_id for it in done}
        left = tuple(it for it in unit.accounts if it not in accounts)
        seen = [it.observed_at for it in done if it.observed_at is not None]
        return replace(unit, accounts=left), max(seen, default=None)

    def collect(self, unit: Unit, deadline: datetime, delivery: str | None = None) -> list[Outcome]:
        """List every scope of a unit and store what each gave, a snapshot or a failure.

        A scope that is not reached before the deadline is a failure. ``delivery`` is the id of the
        message that asks for it. Raises what DynamoDB and S3 do, and Conflict.
        """
        scopes = sorted(unit.scopes)
        if not scopes:
            return []
        statuses = self.scopes.statuses_of(scopes)
        baselines = self._baselines(unit.region, list(statuses.values()))
        peers = {scope.account_id: status for scope, status in statuses.items()}

        def visit(scope: Scope) -> _Listing:
            return self._list(Ground(statuses[scope], baselines, {}, peers), deadline)

        with ThreadPoolExecutor(min(PARALLEL_SCOPES, len(scopes))) as pool:
            listings = list(pool.map(visit, scopes))
        # Failures first: the others report in place of an owner that is known to fail.
        order = sorted(listings, key=lambda it: isinstance(it.result, Snapshot))
        outcomes = {
            it.result.scope: self._store(it, _Visit(unit.run_id, deadline, delivery))
            for it in order
        }
        return [outcomes[scope] for scope in scopes]

    @property
    def _reporter(self) -> Reporter:
        return Reporter(self.scopes, self.thresholds)

    def _baselines(self, region: str, statuses: list[StoredStatus]) -> int:
        """The number of the region's last first snapshot; made good where a collection died
        between writing one and counting it."""
        reports = self._reporter.reports
        counted, written = reports.baselines(region), max(it.baselines or 0 for it in statuses)
        if written > counted:
            reports.raise_baselines(region, written)
        return max(counted, written)

    def _list(self, ground: Ground, deadline: datetime) -> _Listing:
        """List a scope after the reports were read that it has to look at."""
        began, scope = time.monotonic(), ground.status.scope
        noted = self._reporter.read_noted(ground.status)
        number = ground.baseline + (ground.status.observed_at is None)
        ground = replace(ground, baseline=number, reports={**ground.reports, **noted})
        result = self.expected.marked(self._ask_ec2(scope, deadline))
        return _Listing(ground, result, time.monotonic() - began)

    def _ask_ec2(self, scope: Scope, deadline: datetime) -> Snapshot | Failure:
        at = self.clock()
        if at > deadline:
            message = "The time for the whole unit was up before this scope was reached."
            return Failure(scope, at, FailureKind.ERROR, DEADLINE_EXCEEDED, message)
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            # Without credentials no region of the account can be listed, whatever the error.
            return replace(to_failure(error, scope, at), operation=ASSUME_ROLE)
        return list_scope(client, scope, self.types, self.clock, deadline)

    def _list_again(self, ground: Ground, reports: Reports, deadline: datetime) -> _Listing:
        """A listing is compared only with what was read before it began: both anew."""
        status = self.scopes.status(ground.status.scope)
        baselines = self._baselines(status.scope.region, [status])
        before = Ground(status, baselines, reports, ground.peers)
        return _after(status, self._list(before, deadline))

    def _store(self, listing: _Listing, visit: _Visit) -> Outcome:
        """Write what a listing gave; list again where something it relies on was written since."""
        scope = listing.result.scope
        for _ in range(CONFLICT_TRIES):
            reports: Reports = {}
            try:
                return self._written(listing, visit)
            except Outdated as error:
                reports = error.reports
            except Conflict:
                pass
            listing = self._list_again(listing.ground, reports, visit.deadline)
        raise Conflict(f"{scope} was written by others {CONFLICT_TRIES} times in a row")

    def _written(self, listing: _Listing, visit: _Visit) -> Outcome:
        """Raises Conflict or Outdated."""
        status, snapshot = listing.ground.status, listing.result
        attempt = Attempt(visit.run_id, listing.seconds, visit.delivery)
        is_news = visit.run_id is not None and not status.is_of_run(visit.run_id)
        if isinstance(snapshot, Failure):
            written = self.scopes.write_failure(snapshot, attempt, self.thresholds.scope_failing)
            logger.warning("scope failed", extra={"failure": str(snapshot), "written": written})
            is_first = is_news and status.run_id != visit.run_id
            return Outcome(snapshot, is_news=is_first and written)
        if status.is_newer_than(snapshot.observed_at):
            logger.info("late delivery", extra={"scope": str(snapshot.scope)})
            self.archive.write_snapshot(snapshot)
            return Outcome(snapshot)
        known = snapshot
        if snapshot.unanswered:
            known = carry_forward(snapshot, self.scopes.reservations(status))
        digest = digest_of(known.reservations)
        found = self._reporter.write_of(listing.ground, known, digest)
        # The bucket first: a status must not name a snapshot that is not there.
        self.archive.write_snapshot(known)
        write = self._told(found, listing, known.observed_at, visit)
        self.scopes.write_snapshot(status, known, digest, write, attempt)
        if status.observed_at is None:
            self._reporter.reports.raise_baselines(known.scope.region, listing.ground.baseline)
        changed = len(write.changed) + len(write.left)
        return Outcome(snapshot, changed, len(write.events), is_news or changed > 0)

    def _told(self, write: Write, listing: _Listing, observed_at: datetime, visit: _Visit) -> Write:
        """The write with what its events say, and with the recovery of the scope."""
        run_id, status = visit.run_id, listing.ground.status
        recovered, outage = after_success(status, observed_at, run_id), None
        if recovered is not None and status.streak.outage is not None:
            known = self.scopes.outages.get(status.scope.account_id, status.streak.outage)
            recovered, outage = ended(recovered, known)
        number = len(write.events) + (recovered is not None)
        events = [
            replace(event, run_id=run_id, events_of_listing=number)
            for event in (
                *(self._extendable(event, visit) for event in write.events),
                # Last, and so in the transaction that says that the scope was observed.
                *([recovered] if recovered else ()),
            )
        ]
        return replace(write, events=events, outage=outage)

    def _extendable(self, event: Event, visit: _Visit) -> Event:
        """The event, with whether its ending block can be extended; only its owner can."""
        row, deadline = event.reservation, extension_deadline(event)
        if row is None or deadline is None or row.owner_id not in (None, event.account_id):
            return event
        if row.reservation_id not in visit.extensions:
            scope = Scope(event.account_id, event.region)
            visit.extensions[row.reservation_id] = self._ask(scope, row.reservation_id, visit)
        answer = visit.extensions[row.reservation_id]
        return with_extension(event, answer.on_offer, answer.error)

    def _ask(self, scope: Scope, reservation_id: str, visit: _Visit) -> Answer:
        """Calls are few, and an event does not wait for its extras."""
        if self.clock() >= visit.deadline:
            return Answer(None, DEADLINE_EXCEEDED)
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            return Answer(None, error_code(error))
        return ask_for_extension(client, reservation_id)


def _after(status: StoredStatus, listing: _Listing) -> _Listing:
    """A listing that began after a status was read is later than all that the status names,
    whatever the clocks say that both were made by."""
    snapshot = listing.result
    if isinstance(snapshot, Failure) or not status.is_newer_than(snapshot.observed_at):
        return listing
    known = (status.observed_at, status.attempted_at, status.written_at)
    at = max(moment for moment in known if moment is not None) + timedelta(milliseconds=1)
    rows = tuple(replace(row, observed_at=at) for row in snapshot.reservations)
    return replace(listing, result=replace(snapshot, observed_at=at, reservations=rows))
