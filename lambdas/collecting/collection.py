"""Collecting a unit: list its scopes, compare each with what is stored, write what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime

from lambdas.archive import Archive
from lambdas.collecting.witnesses import Witnesses, sightings
from lambdas.store.scopes import (
    CONFLICT_TRIES,
    Attempt,
    Conflict,
    ScopeStore,
    StoredStatus,
    Write,
    digest_of,
)
from lambdas.telemetry import logger
from truffle.core.carrying import carry_forward
from truffle.core.changes import compare, is_same
from truffle.core.due import due, extension_deadline, with_extension
from truffle.core.events import Event
from truffle.core.idle import idle_since, watch
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.outages import after_success
from truffle.core.runs import Unit
from truffle.core.thresholds import Thresholds
from truffle.ec2.errors import FAILURES, error_code, to_failure
from truffle.ec2.extensions import Answer, ask_for_extension
from truffle.ec2.listing import EC2, DescribedTypes, list_scope

PARALLEL_SCOPES = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one scope: what was listed or why not, and how much of it was written."""

    result: Snapshot | Failure
    changed: int = 0
    events: int = 0

    @property
    def failure(self) -> Failure | None:
        return self.result if isinstance(self.result, Failure) else None


@dataclass(frozen=True, slots=True)
class _Visit:
    """One attempt at a scope, until when it may ask EC2, and what that said of extensions."""

    attempt: Attempt
    deadline: datetime
    extensions: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collector:
    """The collector with everything it uses at its edges, and when time makes an event."""

    ec2_of: Callable[[Scope], EC2]
    types: DescribedTypes
    scopes: ScopeStore
    archive: Archive
    clock: Callable[[], datetime]
    thresholds: Thresholds = field(default_factory=Thresholds)

    def collect(self, unit: Unit, deadline: datetime) -> list[Outcome]:
        """List every scope of a unit and store what each gave, a snapshot or a failure.

        In the order of the accounts, on which Witnesses relies.
        """
        scopes = sorted(unit.scopes)
        with ThreadPoolExecutor(min(PARALLEL_SCOPES, len(scopes))) as pool:
            timed = list(pool.map(lambda scope: self._list(scope, deadline), scopes))
        witnesses = self._witnesses([result for result, _ in timed]) if len(scopes) > 1 else None
        return [
            self._store(result, _Visit(Attempt(unit.run_id, took), deadline), witnesses)
            for result, took in timed
        ]

    def _list(self, scope: Scope, deadline: datetime) -> tuple[Snapshot | Failure, float]:
        """What a scope's listing gave, and how long it took, in seconds."""
        began = time.monotonic()
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            result: Snapshot | Failure = to_failure(error, scope, self.clock())
        else:
            result = list_scope(client, scope, self.types, self.clock, deadline)
        return result, time.monotonic() - began

    def _witnesses(self, results: Iterable[Snapshot | Failure]) -> Witnesses:
        established: set[str] = set()
        known: list[tuple[str, frozenset[str]]] = []
        listed: list[tuple[str, frozenset[str]]] = []
        for result in results:
            account_id = result.scope.account_id
            stored = self.scopes.ids(result.scope)
            if self.scopes.status(result.scope).observed_at is not None:
                established.add(account_id)
                known.append((account_id, stored))
            listed.append((account_id, stored if isinstance(result, Failure) else _ids(result)))
        return Witnesses(frozenset(established), sightings(known), sightings(listed))

    def _store(
        self, result: Snapshot | Failure, visit: _Visit, witnesses: Witnesses | None
    ) -> Outcome:
        if isinstance(result, Failure):
            written = self.scopes.write_failure(
                result, visit.attempt, self.thresholds.scope_failing
            )
            logger.warning("scope failed", extra={"failure": str(result), "written": written})
            return Outcome(result)
        return self._write(result, visit, witnesses)

    def _write(self, snapshot: Snapshot, visit: _Visit, witnesses: Witnesses | None) -> Outcome:
        """Compare and write, from the start again where another write came between."""
        for _ in range(CONFLICT_TRIES):
            status = self.scopes.status(snapshot.scope)
            if status.is_newer_than(snapshot.observed_at):
                logger.info("late delivery", extra={"scope": str(snapshot.scope)})
                self.archive.write_snapshot(snapshot)
                return Outcome(snapshot)
            known = snapshot
            if snapshot.unanswered:
                known = carry_forward(snapshot, self.scopes.reservations(status))
            self.archive.write_snapshot(known)
            digest = digest_of(known.reservations)
            write = self._told(
                self._changes(status, known, digest), status, known, visit, witnesses
            )
            try:
                self.scopes.write_snapshot(status, known, digest, write, visit.attempt)
            except Conflict:
                continue
            changed = len(write.changed) + len(write.left)
            return Outcome(snapshot, changed, len(write.events))
        raise Conflict(f"{snapshot.scope} was written by others {CONFLICT_TRIES} times in a row")

    def _changes(self, status: StoredStatus, snapshot: Snapshot, digest: str) -> Write:
        """What has to be written; a scope's first snapshot is its baseline and has no events."""
        observed_at = status.observed_at
        is_quiet = status.idle is not None and status.idle.is_quiet(
            snapshot.observed_at, self.thresholds
        )
        if observed_at is not None and status.digest == digest and is_quiet:
            unchanged = replace(snapshot, observed_at=observed_at)
            return Write(events=due(unchanged, snapshot, self.thresholds))
        known = self.scopes.known(status)
        previous = Snapshot(snapshot.scope, observed_at or snapshot.observed_at, known.reservations)
        changed, left = _difference(known.reservations, snapshot.reservations)
        since = idle_since(previous, snapshot, known.idle_since)
        stored = known.idle_since.keys() | {row.reservation_id for row in changed}
        events: list[Event] = []
        if observed_at is not None:
            timed = due(previous, snapshot, self.thresholds, since, known.looked_at)
            events = [*compare(previous, snapshot), *timed]
        return Write(
            changed,
            left,
            left,
            events,
            newly_idle=[
                row for row in snapshot.reservations if row.reservation_id in since.keys() - stored
            ],
            idle_since=since,
            idle=watch(snapshot, since, self.thresholds),
        )

    def _told(
        self,
        write: Write,
        status: StoredStatus,
        snapshot: Snapshot,
        visit: _Visit,
        witnesses: Witnesses | None,
    ) -> Write:
        """The write with the events that this scope has to tell, and with what they say."""
        scope, gone, events = snapshot.scope, write.gone, list(write.events)
        if witnesses is not None:
            gone = [row for row in gone if witnesses.is_gone(row, scope.account_id)]
            events = [event for event in events if witnesses.tells(event)]
        run_id = visit.attempt.run_id
        recovered = after_success(status, snapshot.observed_at, run_id)
        number = len(events) + (recovered is not None)
        told = [
            replace(event, run_id=run_id, events_of_listing=number)
            for event in (
                *(self._extendable(event, visit) for event in events),
                # Last, and so in the transaction that says that the scope was observed.
                *([recovered] if recovered else ()),
            )
        ]
        written = {row.reservation_id for row in (*write.changed, *write.left)}
        told_of = {row.reservation_id: row for event in told if (row := event.reservation)}
        return replace(
            write,
            gone=gone,
            events=told,
            told_of=[row for name, row in told_of.items() if name not in written],
        )

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
            return Answer(None, "DeadlineExceeded")
        try:
            client = self.ec2_of(scope)
        except FAILURES as error:
            return Answer(None, error_code(error))
        return ask_for_extension(client, reservation_id)


def _ids(snapshot: Snapshot) -> frozenset[str]:
    return frozenset(row.reservation_id for row in snapshot.reservations)


def _difference(
    stored: Iterable[Reservation], present: Iterable[Reservation]
) -> tuple[list[Reservation], list[Reservation]]:
    """The rows to write, and those that left."""
    before = {row.reservation_id: row for row in stored}
    after = {row.reservation_id: row for row in present}
    changed = [
        row for name, row in after.items() if name not in before or not is_same(before[name], row)
    ]
    return changed, [row for name, row in before.items() if name not in after]
