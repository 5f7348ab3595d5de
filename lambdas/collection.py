"""Collecting a unit: list its scopes, compare each with what is stored, write what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from lambdas.archive import Archive
from lambdas.store.scopes import Attempt, Conflict, ScopeStore, Write, digest_of
from lambdas.telemetry import logger
from lambdas.witnesses import Witnesses, sightings
from truffle.core.carrying import carry_forward
from truffle.core.changes import compare, is_same
from truffle.core.events import Event
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.runs import Unit
from truffle.core.status import ScopeStatus
from truffle.ec2.errors import FAILURES, to_failure
from truffle.ec2.listing import EC2, DescribedTypes, list_scope

PARALLEL_SCOPES = 16
CONFLICT_TRIES = 5


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
class Collector:
    """The collector with everything it uses at its edges."""

    ec2_of: Callable[[Scope], EC2]
    types: DescribedTypes
    scopes: ScopeStore
    archive: Archive
    clock: Callable[[], datetime]

    def collect(self, unit: Unit, deadline: datetime) -> list[Outcome]:
        """List every scope of a unit and store what each gave, a snapshot or a failure.

        In the order of the accounts, on which Witnesses relies.
        """
        scopes = sorted(unit.scopes)
        with ThreadPoolExecutor(min(PARALLEL_SCOPES, len(scopes))) as pool:
            timed = list(pool.map(lambda scope: self._list(scope, deadline), scopes))
        witnesses = self._witnesses([result for result, _ in timed]) if len(scopes) > 1 else None
        return [
            self._store(result, Attempt(unit.run_id, took), witnesses) for result, took in timed
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
        self, result: Snapshot | Failure, attempt: Attempt, witnesses: Witnesses | None
    ) -> Outcome:
        if isinstance(result, Failure):
            written = self.scopes.write_failure(result, attempt)
            logger.warning("scope failed", extra={"failure": str(result), "written": written})
            return Outcome(result)
        return self._write(result, attempt, witnesses)

    def _write(self, snapshot: Snapshot, attempt: Attempt, witnesses: Witnesses | None) -> Outcome:
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
            write = self._changes(status, known, digest, witnesses)
            try:
                self.scopes.write_snapshot(status, known, digest, write, attempt)
            except Conflict:
                continue
            changed = len(write.changed) + len(write.left)
            return Outcome(snapshot, changed, len(write.events))
        raise Conflict(f"{snapshot.scope} was written by others {CONFLICT_TRIES} times in a row")

    def _changes(
        self,
        status: ScopeStatus,
        snapshot: Snapshot,
        digest: str,
        witnesses: Witnesses | None,
    ) -> Write:
        """What has to be written; a scope's first snapshot is its baseline and has no events."""
        if status.digest == digest and status.observed_at is not None:
            return Write()
        stored = self.scopes.reservations(status)
        changed, left = _difference(stored, snapshot.reservations)
        events: list[Event] = []
        if status.observed_at is not None:
            events = compare(Snapshot(snapshot.scope, status.observed_at, stored), snapshot)
        if witnesses is None:
            return Write(changed, left, left, events)
        account_id = snapshot.scope.account_id
        gone = [row for row in left if witnesses.is_gone(row, account_id)]
        return Write(changed, left, gone, [event for event in events if witnesses.tells(event)])


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
