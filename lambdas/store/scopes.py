"""Scopes and their reservations: reads, and writes that are safe against crashes, repetitions and
delays.

State and events are written in one transaction with the scope's heartbeat. Each write replaces
exactly the heartbeat that was read before the listing began, so if two listings overlap, the second
one starts over. An observation that is older than the stored one is not written, so a late delivery
changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from lambdas.store.actions import Actions, Reported, Write
from lambdas.store.beside import Items, everything_removed
from lambdas.store.events import event_item
from lambdas.store.heartbeats import Beat, heartbeat_of, with_heartbeat
from lambdas.store.outages import OutageStore
from lambdas.store.reports import ReportStore
from lambdas.store.rows import KnownRows, digest_of, to_known, to_rows
from lambdas.store.status_reader import StatusReader
from lambdas.store.statuses import StatusItems, StoredStatus
from lambdas.store.table import GONE, Item, fetch, key, query, read_body, reservations_key, text
from lambdas.store.transactions import Conflict, Group, chunks, transact
from lambdas.store.unit_writes import Prepared, parts
from truffle.core.codec import Json, decode
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.scope_health import after_failure, outage_name, shared
from truffle.core.status import ScopeStatus
from truffle.core.thresholds import Thresholds
from truffle.core.times import format_time

__all__ = [
    "Attempt",
    "Conflict",
    "KnownRows",
    "Reported",
    "ScopeStore",
    "StoredStatus",
    "Write",
    "digest_of",
]

MAX_ACTIONS = 100
"""The maximum number of actions in one transaction (DynamoDB API Reference, TransactWriteItems)."""

STATUS_ACTIONS = 3
"""The actions of each transaction that write a scope's status: its item, its heartbeat, the
counter."""

UNIT_ACTIONS = 2
"""Those of them that all scopes of a transaction share."""

CONFLICT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One collection of a scope: its run, if any, its duration in seconds, and the id of the
    message that requested it."""

    run_id: str | None
    seconds: float
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeStore(StatusReader):
    """The scopes in the table. ``retention_days`` is how long events are kept."""

    retention_days: int = 400

    @property
    def actions(self) -> Actions:
        return Actions(self.client, self.table, self.retention_days)

    @property
    def outages(self) -> OutageStore:
        return OutageStore(self.client, self.table)

    @property
    def items(self) -> StatusItems:
        return StatusItems(self.table)

    def holders(self, reservation_id: str, region: str) -> frozenset[str]:
        """The accounts for which a reservation is stored, if it has no report yet."""
        return frozenset(
            status.scope.account_id
            for status in self.statuses()
            if status.scope.region == region and reservation_id in self.ids(status.scope)
        )

    def retire(
        self, unit: str, beats: Mapping[Scope, str], opened_at: datetime, beside: Items
    ) -> None:
        """Retire scopes of a unit that a run does not cover (an account removed, a region
        disabled): no response includes them; their rows are kept, and collecting one again brings
        it back. A scope that was attempted after the run opened is covered by a later run.
        ``beside`` is what is stored beside the reservations of the unit. Raises Conflict."""
        for status in self.merged(beats, beats).values():
            if status.attempted_at is None or status.attempted_at < opened_at:
                retired = self.items.retired(status, opened_at)
                actions = [
                    *self.heartbeats.write(unit, [Beat(status, None)]),
                    *everything_removed(self.table, unit, status.scope, beside),
                ]
                transact(self.client, actions, retired)

    def forget_unit(self, unit: str) -> None:
        """Remove the items of a unit that no longer has scopes."""
        version = self.heartbeats.versions().get(unit)
        if version is not None and not self.heartbeats.get([unit])[unit]:
            first, last = self.heartbeats.forget(unit, version)
            transact(self.client, [first], last)

    def reservations(self, status: ScopeStatus) -> tuple[Reservation, ...]:
        """The stored rows of a scope, by id, with the observation time of the scope."""
        return to_rows(self._rows(status.scope), status)

    def known(self, status: ScopeStatus, names: Collection[str] | None = None) -> KnownRows:
        """The rows with their stored facts; only the named ones, if any are named."""
        if names is None:
            items = list(self._rows(status.scope))
        else:
            place = reservations_key(status.scope)
            keys = [key(place, name) for name in sorted(names)]
            items = list(fetch(self.client, self.table, keys))
        return to_known(items, status)

    def row(self, scope: Scope, reservation_id: str) -> Reservation | None:
        """One stored row; None if it does not exist."""
        rows = self.known(self.status(scope), [reservation_id]).reservations
        return rows[0] if rows else None

    def _rows(self, scope: Scope) -> Iterator[Item]:
        return query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(reservations_key(scope))},
            ConsistentRead=True,
        )

    def ids(self, scope: Scope) -> frozenset[str]:
        """The ids of a scope's stored rows."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(reservations_key(scope))},
            ProjectionExpression="sk",
            ConsistentRead=True,
        )
        return frozenset(item["sk"]["S"] for item in items)

    def uncovered(self, reservation_id: str) -> Json | None:
        """The last known row of a reservation in a retired scope."""
        report = ReportStore(self.client, self.table).get([reservation_id])[reservation_id]
        if report.row is not None:
            scopes = [Scope(it, report.row.region) for it in report.members]
        else:
            scopes = self.retired_before_reports()
        statuses = self.statuses_of(scopes)
        retired = {reservations_key(it): it for it in statuses if statuses[it].is_retired}
        places = [key(place, reservation_id) for place in sorted(retired)]
        items = {it["pk"]["S"]: it for it in fetch(self.client, self.table, places)}
        if not items:
            return None
        scope = retired[min(items)]
        seen = statuses[scope].observed_at
        known = {"observed_at": seen and format_time(seen), "seen_by": [scope.account_id]}
        return dict(read_body(items[min(items)])) | known

    def gone(self, reservation_id: str) -> Json | None:
        """The last known row of a reservation that is gone, with its ``vanished_at``."""
        answer = self.client.get_item(TableName=self.table, Key=key(GONE, reservation_id))
        if "Item" not in answer:
            return None
        item = answer["Item"]
        return dict(read_body(item)) | {"vanished_at": item["vanished_at"]["S"]}

    def all_gone(self) -> list[Reservation]:
        """The last known rows of everything that EC2 no longer lists."""
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(GONE)},
        )
        return [decode(read_body(item)) for item in items]

    def write_snapshot(
        self, before: StoredStatus, snapshot: Snapshot, digest: str, write: Write, attempt: Attempt
    ) -> None:
        """Store a snapshot as the scope's state. Raises Conflict.

        If one transaction does not suffice, several are written: each has whole reservations with
        their events, and only the last one marks the scope as observed. After a crash between them,
        the next snapshot finds the remaining changes.
        """
        if before.is_newer_than(snapshot.observed_at):
            raise Conflict(f"{snapshot.scope} has a newer observation")
        most = MAX_ACTIONS - STATUS_ACTIONS - (write.outage is not None)
        made = chunks(self.actions.groups(snapshot, write), most)
        deferrals = dict(before.deferrals)
        for chunk in made[:-1]:
            deferrals |= {name: it for name, it in write.deferrals.items() if name in chunk.names}
            update = self.items.bumped(before, snapshot.observed_at, deferrals)
            part = replace(
                before, digest=None, written_at=snapshot.observed_at, deferrals=deferrals
            )
            part = replace(part, revision=part.revision + 1, writes=part.writes + 1)
            before = self._write(before, part, chunk, update)
        after = after_snapshot(before, snapshot, digest, write, attempt)
        after = replace(after, writes=before.writes + 1)
        if write.outage is not None:
            made[-1].actions.append(self.outages.write(write.outage))
        is_changed = bool(write.changed or write.left)
        self._write(before, after, made[-1], self.items.observed(before, after, is_changed))

    def prepare(
        self, before: StoredStatus, snapshot: Snapshot, digest: str, write: Write, attempt: Attempt
    ) -> Prepared | None:
        """A snapshot's write that can share a transaction with those of other scopes; None if it
        takes several, or if another account lists one of its reservations and needs it first."""
        account_id = snapshot.scope.account_id
        reported = write.reports.values()
        is_shared = any(it.rechecks or it.report.members - {account_id} for it in reported)
        if is_shared or before.observed_at is None or write.outage is not None:
            return None
        if before.is_newer_than(snapshot.observed_at):
            return None
        made = chunks(self.actions.groups(snapshot, write), MAX_ACTIONS - STATUS_ACTIONS)
        if len(made) > 1:
            return None
        after = after_snapshot(before, snapshot, digest, write, attempt)
        after = replace(after, writes=before.writes + 1)
        is_changed = bool(write.changed or write.left)
        return Prepared(before, after, made[0], self.items.observed(before, after, is_changed))

    def write_together(
        self,
        changed: Iterable[Prepared],
        unchanged: Iterable[tuple[StoredStatus, StoredStatus]],
    ) -> None:
        """Write several scopes in as few transactions as possible: what was prepared, and attempts
        that changed only a scope's heartbeat, each as its status before and after. Raises Conflict
        if another write came first for any of them; some may be written by then."""
        prepared = list(changed)
        beats = [Beat(before, heartbeat_of(after)) for before, after in unchanged]
        statuses = [it.before for it in prepared] + [it.status for it in beats]
        names = self.groups.units_of(it.scope for it in statuses)
        for unit in dict.fromkeys(names.values()):
            own = [it for it in prepared if names[it.before.scope] == unit]
            others = [it for it in beats if names[it.status.scope] == unit]
            for part in parts(own, others, MAX_ACTIONS - UNIT_ACTIONS):
                *actions, last = self.heartbeats.write(unit, part.beats)
                transact(self.client, [*part.actions, *actions], last)

    def write_failure(
        self,
        failure: Failure,
        attempt: Attempt,
        failing_after: int = Thresholds().scope_failing,
    ) -> bool:
        """Record a failure, with its event if enough consecutive runs failed; False if the scope
        was observed or attempted since. Raises Conflict."""
        for _ in range(CONFLICT_TRIES):
            before = self.status(failure.scope)
            if before.outlasts(failure):
                return False
            try:
                self._write_failure(before, failure, attempt, failing_after)
            except Conflict:
                continue
            return True
        raise Conflict(f"{failure.scope} was modified concurrently {CONFLICT_TRIES} times in a row")

    def _write_failure(
        self, before: StoredStatus, failure: Failure, attempt: Attempt, failing_after: int
    ) -> None:
        streak, event = after_failure(before, failure, attempt.run_id, failing_after)
        chunk = Group()
        if event is not None and attempt.run_id is not None:
            name = outage_name(failure, attempt.run_id)
            event, outage = shared(event, self.outages.get(event.account_id, name), name)
            streak = replace(streak, outage=name)
            chunk.actions.append(self.outages.write(outage))
        if event is not None:
            chunk.actions.append(self.actions.put(event_item(event, self.retention_days)))
        after = before.after_failure(failure, attempt.run_id, attempt.seconds, streak)
        after = replace(after, writes=before.writes + 1)
        self._write(before, after, chunk, self.items.failed(before, after))

    def _write(
        self, before: StoredStatus, after: StoredStatus, chunk: Group, update: Item
    ) -> StoredStatus:
        """Perform a transaction's actions with those that write the status; return the status after
        that."""
        scope, heartbeat = before.scope, heartbeat_of(after)
        unit = self.groups.units_of([scope])[scope]
        actions = [
            *chunk.actions,
            *(
                self.actions.recheck(Scope(account_id, scope.region), ids)
                for account_id, ids in sorted(chunk.rechecks.items())
            ),
            *self.heartbeats.write(unit, [Beat(before, heartbeat)]),
        ]
        transact(self.client, actions, update)
        return replace(after, heartbeat=heartbeat)


def after_snapshot(
    before: StoredStatus, snapshot: Snapshot, digest: str, write: Write, attempt: Attempt
) -> StoredStatus:
    """A scope's status after a snapshot is completely stored."""
    at = snapshot.observed_at
    changed = len(write.changed) + len(write.left)
    return StoredStatus(
        scope=before.scope,
        revision=before.revision + bool(changed),
        observed_at=at,
        attempted_at=at,
        digest=digest,
        run_id=attempt.run_id or before.run_id,
        reservations=len(snapshot.reservations),
        changed=changed,
        events=len(write.events),
        seconds=round(attempt.seconds, 3),
        unanswered=tuple(f"{item.operation}: {item.code}" for item in snapshot.unanswered),
        idle=write.idle or before.idle,
        deferrals=dict(write.deferrals),
        baselines=before.baselines if write.baselines is None else write.baselines,
        delivery=attempt.delivery or before.delivery,
        writes=before.writes,
        heartbeat=before.heartbeat,
    )


def is_unchanged(before: StoredStatus, after: StoredStatus, write: Write) -> bool:
    """Whether a snapshot changes only the heartbeat of a scope."""
    if not write.is_empty:
        return False
    if before == StoredStatus(scope=before.scope):
        return after.is_plain
    known = with_heartbeat(before, heartbeat_of(after))
    return before.is_plain == after.is_plain and known == after
