"""Scopes and their reservations: read, and written so that no crash, repeat or delay can hurt.

State and events are written in one transaction. Every write names the scope's revision that was
read before the listing began, so that of two that overlap the second starts over; and nothing newer
must have been written or tried, so that a late delivery does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lambdas.store.actions import Actions, Reported, Write
from lambdas.store.events import event_item
from lambdas.store.outages import OutageStore
from lambdas.store.rows import Known, digest_of, to_known, to_rows
from lambdas.store.statuses import (
    NO_REVISION,
    NOT_OBSERVED_SINCE,
    NOT_TRIED_SINCE,
    NOT_WRITTEN_SINCE,
    StoredStatus,
    as_read,
    setting_baselines,
    setting_delivery,
    setting_idle,
    setting_relied,
    setting_run,
    setting_streak,
    to_status,
    together,
)
from lambdas.store.table import (
    GONE,
    SCOPES,
    Client,
    Item,
    fetch,
    key,
    number,
    query,
    read_body,
    reservations_key,
    scope_key,
    text,
)
from lambdas.store.transactions import Conflict, Group, chunks, transact
from truffle.core.codec import Json
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.reports import Reliance
from truffle.core.scope_health import after_failure, outage_name, shared
from truffle.core.status import ScopeStatus, Streak
from truffle.core.thresholds import Thresholds
from truffle.core.times import format_time, sortable_time

__all__ = [
    "Attempt",
    "Conflict",
    "Known",
    "Reported",
    "ScopeStore",
    "StoredStatus",
    "Write",
    "digest_of",
]

MAX_ACTIONS = 100
"""The most actions of one transaction (DynamoDB API Reference, TransactWriteItems)."""

CONFLICT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One collection of a scope: whose run it belongs to, if to any, how long it took, in seconds,
    and the id of the message that asked for it."""

    run_id: str | None
    seconds: float
    delivery: str | None = None


@dataclass(frozen=True, slots=True)
class ScopeStore:
    """The scopes in the table. ``retention_days`` is how long events stay."""

    client: Client
    table: str
    retention_days: int = 400

    @property
    def actions(self) -> Actions:
        return Actions(self.client, self.table, self.retention_days)

    @property
    def outages(self) -> OutageStore:
        return OutageStore(self.client, self.table)

    def statuses(self) -> list[StoredStatus]:
        """Every scope that was ever attempted, but those that no run covers any more."""
        return [status for status in self._all() if not status.is_retired]

    def statuses_of(self, scopes: Iterable[Scope]) -> dict[Scope, StoredStatus]:
        """These scopes, retired ones too; revision 0 where nothing is stored of one."""
        wanted = sorted(set(scopes))
        keys = [key(SCOPES, scope_key(scope)) for scope in wanted]
        found = {it.scope: it for it in map(to_status, fetch(self.client, self.table, keys))}
        return {scope: found.get(scope, StoredStatus(scope)) for scope in wanted}

    def holders(self, reservation_id: str, region: str) -> frozenset[str]:
        """The accounts for which a reservation is stored, where no report says so yet."""
        return frozenset(
            status.scope.account_id
            for status in self.statuses()
            if status.scope.region == region and reservation_id in self.ids(status.scope)
        )

    def retire_others(
        self,
        scopes: frozenset[Scope],
        started_at: datetime,
        statuses: Iterable[ScopeStatus] | None = None,
    ) -> None:
        """Take scopes that a run does not cover (an account removed, an empty region disabled) out
        of every answer; their rows stay, and collecting one again brings it back. One that was
        attempted since the run started is covered by a later run. ``statuses`` are read unless they
        are given."""
        for status in self.statuses() if statuses is None else statuses:
            is_later = status.attempted_at is not None and status.attempted_at >= started_at
            if status.scope not in scopes and not is_later:
                self.client.update_item(
                    TableName=self.table,
                    Key=key(SCOPES, scope_key(status.scope)),
                    UpdateExpression="SET retired_at = :at",
                    ExpressionAttributeValues={":at": text(sortable_time(started_at))},
                )

    def _all(self) -> Iterator[StoredStatus]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(SCOPES)},
            ConsistentRead=True,
        )
        return map(to_status, items)

    def status(self, scope: Scope) -> StoredStatus:
        """One scope; revision 0 where nothing is stored of it."""
        answer = self.client.get_item(
            TableName=self.table, Key=key(SCOPES, scope_key(scope)), ConsistentRead=True
        )
        return to_status(answer["Item"]) if "Item" in answer else StoredStatus(scope)

    def reservations(self, status: ScopeStatus) -> tuple[Reservation, ...]:
        """The stored rows of a scope, by id, observed when the scope last was."""
        return to_rows(self._rows(status.scope), status)

    def known(self, status: ScopeStatus, names: Collection[str] | None = None) -> Known:
        """The same rows with what is remembered of them; only these, where any are named."""
        if names is None:
            items = list(self._rows(status.scope))
        else:
            place = reservations_key(status.scope)
            keys = [key(place, name) for name in sorted(names)]
            items = list(fetch(self.client, self.table, keys))
        return to_known(items, status)

    def row(self, scope: Scope, reservation_id: str) -> Reservation | None:
        """One stored row; None where it is not stored."""
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
        """The last known row of a reservation in a scope that no run covers any more."""
        for status in self._all():
            if status.is_retired:
                place = key(reservations_key(status.scope), reservation_id)
                answer = self.client.get_item(TableName=self.table, Key=place)
                if "Item" in answer:
                    seen = status.observed_at and format_time(status.observed_at)
                    seers = [status.scope.account_id]
                    return dict(read_body(answer["Item"])) | {"observed_at": seen, "seen_by": seers}
        return None

    def gone(self, reservation_id: str) -> Json | None:
        """The last known row of a reservation that is gone, with its ``vanished_at``."""
        answer = self.client.get_item(TableName=self.table, Key=key(GONE, reservation_id))
        if "Item" not in answer:
            return None
        item = answer["Item"]
        return dict(read_body(item)) | {"vanished_at": item["vanished_at"]["S"]}

    def write_snapshot(
        self, before: StoredStatus, snapshot: Snapshot, digest: str, write: Write, attempt: Attempt
    ) -> None:
        """Make a snapshot the scope's state. Raises Conflict.

        More than one transaction's worth goes in several: each carries whole reservations with
        their events, and only the last says that the scope was observed. After a crash between
        them the next snapshot finds what is left to do.
        """
        made = chunks(
            self.actions.groups(snapshot, write), MAX_ACTIONS - 1 - (write.outage is not None)
        )
        revision, relied = before.revision, dict(before.relied)
        for chunk in made[:-1]:
            relied |= {name: it for name, it in write.relied.items() if name in chunk.names}
            self._transact(chunk, snapshot.scope, self._bump(before, snapshot, relied, revision))
            revision += 1
        final = self._observed(before, snapshot, revision, digest, write, attempt)
        if write.outage is not None:
            made[-1].actions.append(self.outages.write(write.outage))
        self._transact(made[-1], snapshot.scope, final)

    def write_failure(
        self,
        failure: Failure,
        attempt: Attempt,
        failing_after: int = Thresholds().scope_failing,
    ) -> bool:
        """Record a failure, with its event where so many runs failed in a row; False where the
        scope has been observed or attempted since. Raises Conflict."""
        for _ in range(CONFLICT_TRIES):
            before = self.status(failure.scope)
            if before.outlasts(failure):
                return False
            streak, event = after_failure(before, failure, attempt.run_id, failing_after)
            actions: list[Item] = []
            if event is not None and attempt.run_id is not None:
                name = outage_name(failure, attempt.run_id)
                event, outage = shared(event, self.outages.get(event.account_id, name), name)
                streak = replace(streak, outage=name)
                actions.append(self.outages.write(outage))
            if event is not None:
                actions.append(self.actions.put(event_item(event, self.retention_days)))
            try:
                transact(self.client, actions, self._failed(before, failure, attempt, streak))
            except Conflict:
                continue
            return True
        raise Conflict(f"{failure.scope} was written by others {CONFLICT_TRIES} times in a row")

    def _failed(
        self, before: StoredStatus, failure: Failure, attempt: Attempt, streak: Streak
    ) -> Item:
        """A failure on top of the status that its failed runs were counted from."""
        error = {"code": failure.code, "message": failure.short_message, "kind": failure.kind}
        set_run, run = setting_run(attempt.run_id)
        set_streak, counted = setting_streak(streak)
        is_as_read, read = as_read(before)
        return {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(failure.scope)),
            "UpdateExpression": f"SET attempted_at = :at, {set_run}{set_streak}"
            "seconds = :seconds, #error = :error, "
            "failing_since = if_not_exists(failing_since, :at) REMOVE retired_at",
            "ConditionExpression": f"{is_as_read} AND {NOT_TRIED_SINCE}",
            "ExpressionAttributeNames": {"#error": "error"},
            "ExpressionAttributeValues": {
                **read,
                **run,
                **counted,
                ":at": text(sortable_time(failure.failed_at)),
                ":seconds": number(round(attempt.seconds, 3)),
                ":error": text(json.dumps(error)),
            },
        }

    def _bump(
        self,
        before: StoredStatus,
        snapshot: Snapshot,
        relied: Mapping[str, Reliance],
        revision: int,
    ) -> Item:
        """Part of a snapshot is written: the scope's revision moves, its observation does not, and
        its digest holds no more: even the snapshot before has to be compared with what is stored.
        """
        setting, values = setting_relied(relied)
        expression = f"SET {setting}revision = :next, written_at = :at REMOVE digest"
        return self._update(before, snapshot, expression, values, revision, revision + 1)

    def _observed(
        self,
        before: StoredStatus,
        snapshot: Snapshot,
        revision: int,
        digest: str,
        write: Write,
        attempt: Attempt,
    ) -> Item:
        changed = len(write.changed) + len(write.left)
        unanswered = ",".join(f"{item.operation}: {item.code}" for item in snapshot.unanswered)
        setting, more = together(
            setting_run(attempt.run_id),
            setting_delivery(attempt.delivery),
            setting_idle(write.idle),
            setting_relied(write.relied),
            setting_baselines(write.baselines),
        )
        values = {
            **more,
            ":digest": text(digest),
            ":seconds": number(round(attempt.seconds, 3)),
            ":reservations": number(len(snapshot.reservations)),
            ":changed": number(changed),
            ":events": number(len(write.events)),
            ":unanswered": text(unanswered),
        }
        over = "#error, failing_since, streak, retired_at, written_at"
        over += "" if write.relied else ", relied"
        if before.rechecks:
            over += " DELETE rechecks :rechecks"
            values[":rechecks"] = {"SS": sorted(before.rechecks)}
        expression = (
            f"SET {setting}revision = :next, observed_at = :at, attempted_at = :at, "
            "digest = :digest, seconds = :seconds, reservations = :reservations, "
            f"changed = :changed, events = :events, unanswered = :unanswered REMOVE {over}"
        )
        following = revision + 1 if changed else revision
        return self._update(before, snapshot, expression, values, revision, following)

    def _update(
        self,
        before: ScopeStatus,
        snapshot: Snapshot,
        expression: str,
        values: Item,
        revision: int,
        following: int,
    ) -> Item:
        condition = "revision = :revision" if revision else NO_REVISION
        is_as_read, read = as_read(before)
        update: dict[str, Any] = {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(snapshot.scope)),
            "UpdateExpression": expression,
            "ConditionExpression": f"({condition}) AND {is_as_read} AND {NOT_OBSERVED_SINCE} AND "
            f"{NOT_TRIED_SINCE} AND {NOT_WRITTEN_SINCE}",
            "ExpressionAttributeValues": {
                **values,
                **read,
                ":at": text(sortable_time(snapshot.observed_at)),
                ":revision": number(revision),
                ":next": number(following),
            },
        }
        if "#error" in expression:
            update["ExpressionAttributeNames"] = {"#error": "error"}
        return update

    def _transact(self, chunk: Group, scope: Scope, update: Item) -> None:
        rechecks = [
            self.actions.recheck(Scope(account_id, scope.region), ids)
            for account_id, ids in sorted(chunk.rechecks.items())
        ]
        transact(self.client, [*chunk.actions, *rechecks], update)
