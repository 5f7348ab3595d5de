"""Scopes and their reservations: read, and written so that no crash, repeat or delay can hurt.

State and events are written in one transaction. Every write names the scope's revision that it was
computed from, so that of two that run at once the second starts over; and nothing newer must have
been written or tried, so that a late delivery does nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from lambdas.store.events import event_item
from lambdas.store.items import (
    GONE,
    SCOPES,
    Client,
    Item,
    body,
    key,
    number,
    query,
    read_body,
    reservations_key,
    scope_key,
    text,
    to_scope,
)
from truffle.core.changes import NOT_COMPARED
from truffle.core.codec import Json, decode, encode
from truffle.core.events import Event
from truffle.core.idle import IdleSince, IdleWatch
from truffle.core.model import Failure, Reservation, Scope, Snapshot
from truffle.core.outages import after_failure
from truffle.core.status import ScopeError, ScopeStatus, Streak
from truffle.core.thresholds import Thresholds
from truffle.core.times import format_time, parse_time, sortable_time

MAX_ACTIONS = 100
"""The most actions of one transaction (DynamoDB API Reference, TransactWriteItems)."""

CONFLICT_TRIES = 5


class Conflict(Exception):
    """Another write came between reading a scope and writing it: read again."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One collection of a scope: whose run it belongs to, if to any, and how long it took, in
    seconds."""

    run_id: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class StoredStatus(ScopeStatus):
    """A scope's status as it is stored. ``written_at`` is when a snapshot was observed of which
    only a part is stored; None where the last one is complete. ``idle`` says until when the rows'
    memory need not be read; None where that is not known."""

    written_at: datetime | None = None
    idle: IdleWatch | None = None

    def is_newer_than(self, moment: datetime) -> bool:
        """Whether what was observed at a moment is too late to be written."""
        if self.observed_at is not None and self.observed_at >= moment:
            return True
        later = (self.attempted_at, self.written_at)
        return any(known is not None and known > moment for known in later)

    def outlasts(self, failure: Failure) -> bool:
        """Whether a failure is too late to be recorded."""
        observed, tried = self.observed_at, self.attempted_at
        at = failure.failed_at
        return (observed is not None and observed >= at) or (tried is not None and tried > at)


@dataclass(frozen=True, slots=True)
class Known:
    """The stored rows of a scope, by id, and what is remembered of them.

    ``looked_at`` is when a row was observed that a snapshot of which only a part is stored wrote.
    """

    reservations: tuple[Reservation, ...]
    idle_since: IdleSince
    looked_at: Mapping[str, datetime]


@dataclass(frozen=True, slots=True)
class Write:
    """What a snapshot changes: rows to put, rows that left the scope, and the events that say so.

    ``gone`` are those that left and that no other scope lists: their last row is kept. ``told_of``
    are rows that have events without having changed; ``newly_idle`` those that have not changed and
    of which it is not stored yet since when they are idle. ``idle_since`` is kept with the rows,
    ``idle`` with the scope, where it is not None.
    """

    changed: Sequence[Reservation] = ()
    left: Sequence[Reservation] = ()
    gone: Sequence[Reservation] = ()
    events: Sequence[Event] = ()
    told_of: Sequence[Reservation] = ()
    newly_idle: Sequence[Reservation] = ()
    idle_since: IdleSince = field(default_factory=dict)
    idle: IdleWatch | None = None


def stored_form(reservation: Reservation) -> Json:
    """A row without what differs at every observation; the scope's status has that."""
    return {name: value for name, value in encode(reservation).items() if name not in NOT_COMPARED}


def digest_of(reservations: Iterable[Reservation]) -> str:
    """The same for the same stored rows: an unchanged scope need not be read to be known."""
    digest = hashlib.sha256()
    for reservation in reservations:
        digest.update(json.dumps(stored_form(reservation), sort_keys=True).encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class ScopeStore:
    """The scopes in the table. ``retention_days`` is how long events stay."""

    client: Client
    table: str
    retention_days: int = 400

    def statuses(self) -> list[StoredStatus]:
        """Every scope that was ever attempted, but those that no run covers any more."""
        return [status for status, is_retired in self._all() if not is_retired]

    def retire_others(self, scopes: frozenset[Scope], started_at: datetime) -> None:
        """Take scopes that a run does not cover (an account removed, an empty region disabled) out
        of every answer; their rows stay, and collecting one again brings it back. One that was
        attempted since the run started is covered by a later run."""
        for status, is_retired in self._all():
            is_later = status.attempted_at is not None and status.attempted_at >= started_at
            if status.scope not in scopes and not is_retired and not is_later:
                self.client.update_item(
                    TableName=self.table,
                    Key=key(SCOPES, scope_key(status.scope)),
                    UpdateExpression="SET retired_at = :at",
                    ExpressionAttributeValues={":at": text(sortable_time(started_at))},
                )

    def _all(self) -> list[tuple[StoredStatus, bool]]:
        items = query(
            self.client,
            TableName=self.table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": text(SCOPES)},
            ConsistentRead=True,
        )
        return [(to_status(item), "retired_at" in item) for item in items]

    def status(self, scope: Scope) -> StoredStatus:
        """One scope; revision 0 where nothing is stored of it."""
        answer = self.client.get_item(
            TableName=self.table, Key=key(SCOPES, scope_key(scope)), ConsistentRead=True
        )
        return to_status(answer["Item"]) if "Item" in answer else StoredStatus(scope)

    def reservations(self, status: ScopeStatus) -> tuple[Reservation, ...]:
        """The stored rows of a scope, by id, observed when the scope last was."""
        return _to_rows(self._rows(status.scope), status)

    def known(self, status: ScopeStatus) -> Known:
        """The same rows with what is remembered of them."""
        items = list(self._rows(status.scope))
        last = sortable_time(status.observed_at) if status.observed_at else ""
        return Known(
            _to_rows(items, status),
            _moments(items, "idle_since"),
            _moments([item for item in items if _text(item, "looked_at") > last], "looked_at"),
        )

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
        for status, is_retired in self._all():
            if is_retired:
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
        self, before: ScopeStatus, snapshot: Snapshot, digest: str, write: Write, attempt: Attempt
    ) -> None:
        """Make a snapshot the scope's state. Raises Conflict.

        More than one transaction's worth goes in several: each carries whole reservations with
        their events, and only the last says that the scope was observed. After a crash between
        them the next snapshot finds what is left to do.
        """
        chunks = _chunks(self._groups(snapshot, write), MAX_ACTIONS - 1)
        revision = before.revision
        for chunk in chunks[:-1]:
            self._transact(chunk, self._bump(before, snapshot, revision))
            revision += 1
        final = self._observed(before, snapshot, revision, digest, write, attempt)
        self._transact(chunks[-1], final)

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
            actions = [self._put(event_item(event, self.retention_days))] if event else []
            try:
                self._transact(actions, self._failed(before, failure, attempt, streak))
            except Conflict:
                continue
            return True
        raise Conflict(f"{failure.scope} was written by others {CONFLICT_TRIES} times in a row")

    def _failed(
        self, before: StoredStatus, failure: Failure, attempt: Attempt, streak: Streak
    ) -> Item:
        """A failure on top of the status that its failed runs were counted from."""
        error = {"code": failure.code, "message": failure.message[:1000], "kind": failure.kind}
        setting_run, run = _run_of(attempt)
        setting_streak, counted = _streak_of(streak)
        as_read, read = _as_read(before)
        return {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(failure.scope)),
            "UpdateExpression": f"SET attempted_at = :at, {setting_run}{setting_streak}"
            "seconds = :seconds, #error = :error, "
            "failing_since = if_not_exists(failing_since, :at) REMOVE retired_at",
            "ConditionExpression": f"{as_read} AND {_NOT_TRIED_SINCE}",
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

    def _groups(self, snapshot: Snapshot, write: Write) -> list[list[Item]]:
        """The actions of each reservation, kept together."""
        groups: dict[str, list[Item]] = {}
        for row in write.changed:
            item = self._row_item(snapshot, row, write.idle_since.get(row.reservation_id))
            groups[row.reservation_id] = [self._put(item)]
        noted = {row.reservation_id: {"looked_at": snapshot.observed_at} for row in write.told_of}
        for row in write.newly_idle:
            since = {"idle_since": write.idle_since[row.reservation_id]}
            noted[row.reservation_id] = noted.get(row.reservation_id, {}) | since
        for name, moments in noted.items():
            groups[name] = [self._note(snapshot.scope, name, moments)]
        for row in write.left:
            groups[row.reservation_id] = [self._delete(snapshot.scope, row)]
        for row in write.gone:
            groups[row.reservation_id].append(self._put(_gone_item(row, snapshot.observed_at)))
        for event in write.events:
            item = event_item(event, self.retention_days)
            groups.setdefault(_subject(event), []).append(self._put(item))
        return list(groups.values())

    def _put(self, item: Item) -> Item:
        return {"Put": {"TableName": self.table, "Item": item}}

    def _delete(self, scope: Scope, row: Reservation) -> Item:
        name = key(reservations_key(scope), row.reservation_id)
        return {"Delete": {"TableName": self.table, "Key": name}}

    def _note(self, scope: Scope, name: str, moments: Mapping[str, datetime]) -> Item:
        """What is remembered of a row that has not changed. That it was looked at is written with
        what is told of it: after a crash between two transactions it must not be told again."""
        update = {
            "TableName": self.table,
            "Key": key(reservations_key(scope), name),
            "UpdateExpression": f"SET {', '.join(f'{each} = :{each}' for each in moments)}",
            "ExpressionAttributeValues": {
                f":{each}": text(sortable_time(moment)) for each, moment in moments.items()
            },
        }
        return {"Update": update}

    def _row_item(self, snapshot: Snapshot, row: Reservation, idle_since: datetime | None) -> Item:
        return {
            **key(reservations_key(snapshot.scope), row.reservation_id),
            "body": body(stored_form(row)),
            "looked_at": text(sortable_time(snapshot.observed_at)),
            **({"idle_since": text(sortable_time(idle_since))} if idle_since else {}),
        }

    def _bump(self, before: ScopeStatus, snapshot: Snapshot, revision: int) -> Item:
        """Part of a snapshot is written: the scope's revision moves, its observation does not, and
        its digest holds no more: even the snapshot before has to be compared with what is stored.
        """
        expression = "SET revision = :next, written_at = :at REMOVE digest"
        return self._update(before, snapshot, expression, {}, revision, revision + 1)

    def _observed(
        self,
        before: ScopeStatus,
        snapshot: Snapshot,
        revision: int,
        digest: str,
        write: Write,
        attempt: Attempt,
    ) -> Item:
        changed = len(write.changed) + len(write.left)
        setting_run, run = _run_of(attempt)
        setting_idle, idle = _idle_of(write)
        values = {
            **run,
            **idle,
            ":digest": text(digest),
            ":seconds": number(round(attempt.seconds, 3)),
            ":reservations": number(len(snapshot.reservations)),
            ":changed": number(changed),
            ":events": number(len(write.events)),
            ":unanswered": text(
                ",".join(f"{item.operation}: {item.code}" for item in snapshot.unanswered)
            ),
        }
        expression = (
            "SET revision = :next, observed_at = :at, attempted_at = :at, digest = :digest, "
            f"{setting_run}seconds = :seconds, reservations = :reservations, changed = :changed, "
            f"events = :events, {setting_idle}unanswered = :unanswered "
            "REMOVE #error, failing_since, streak, retired_at, written_at"
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
        condition = "revision = :revision" if revision else _NO_REVISION
        as_read, read = _as_read(before)
        update: dict[str, Any] = {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(snapshot.scope)),
            "UpdateExpression": expression,
            "ConditionExpression": f"({condition}) AND {as_read} AND {_NOT_OBSERVED_SINCE} AND "
            f"{_NOT_TRIED_SINCE} AND {_NOT_WRITTEN_SINCE}",
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

    def _transact(self, actions: Sequence[Item], update: Item) -> None:
        try:
            if actions:
                self.client.transact_write_items(TransactItems=[*actions, {"Update": update}])
            else:
                self.client.update_item(**update)
        except ClientError as error:
            if _is_conflict(error):
                raise Conflict from error
            raise


_NOT_OBSERVED_SINCE = "(attribute_not_exists(observed_at) OR observed_at < :at)"
_NOT_TRIED_SINCE = "(attribute_not_exists(attempted_at) OR attempted_at <= :at)"
_NOT_WRITTEN_SINCE = "(attribute_not_exists(written_at) OR written_at <= :at)"
_CONFLICTS = frozenset({"ConditionalCheckFailedException", "TransactionConflictException"})
_NO_REVISION = "attribute_not_exists(revision) OR revision = :revision"


def _as_read(before: ScopeStatus) -> tuple[str, Item]:
    """The condition that a scope's last look and its failed runs are those that time and failures
    were counted from: where no row changes, the revision tells nothing of them."""
    _, counted = _streak_of(before.streak)
    was = {
        "observed_at": before.observed_at and text(sortable_time(before.observed_at)),
        "streak": counted.get(":streak"),
    }
    conditions = (
        f"{name} = :was_{name}" if value else f"attribute_not_exists({name})"
        for name, value in was.items()
    )
    return " AND ".join(conditions), {f":was_{name}": it for name, it in was.items() if it}


def _run_of(attempt: Attempt) -> tuple[str, Item]:
    """What sets whose run a collection belongs to; outside of runs the last run's id stays."""
    if attempt.run_id is None:
        return "", {}
    return "run_id = :run, ", {":run": text(attempt.run_id)}


def _streak_of(streak: Streak) -> tuple[str, Item]:
    """What sets the failed runs; none are not written."""
    if streak == Streak():
        return "", {}
    told = {"runs": streak.runs, "is_told": streak.is_told}
    return "streak = :streak, ", {":streak": text(json.dumps(told))}


def _idle_of(write: Write) -> tuple[str, Item]:
    """What sets when the next idle row is due; where nothing new is known, it stays."""
    if write.idle is None:
        return "", {}
    watch = {"due": write.idle.due and format_time(write.idle.due), "lengths": write.idle.lengths}
    return "idle = :idle, ", {":idle": text(json.dumps(watch))}


def _is_conflict(error: ClientError) -> bool:
    """Whether a condition failed or another transaction held an item; anything else is a fault."""
    if error.response["Error"]["Code"] in _CONFLICTS:
        return True
    reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
    return bool(reasons & {"ConditionalCheckFailed", "TransactionConflict"})


def _to_rows(items: Iterable[Item], status: ScopeStatus) -> tuple[Reservation, ...]:
    seen = status.observed_at and format_time(status.observed_at)
    known = {"observed_at": seen, "seen_by": [status.scope.account_id]}
    return tuple(decode(read_body(item) | known) for item in items)


def _moments(items: Iterable[Item], name: str) -> dict[str, datetime]:
    """The moments that items have under a name, by the id of their row."""
    return {item["sk"]["S"]: parse_time(item[name]["S"]) for item in items if name in item}


def _text(item: Item, name: str) -> str:
    return str(item[name]["S"]) if name in item else ""


def _subject(event: Event) -> str:
    return event.reservation.reservation_id if event.reservation else ""


def _gone_item(row: Reservation, vanished_at: datetime) -> Item:
    return {
        **key(GONE, row.reservation_id),
        "body": body(encode(row)),
        "vanished_at": text(format_time(vanished_at)),
    }


def _chunks(groups: list[list[Item]], size: int) -> list[list[Item]]:
    """Groups in order, as many a chunk as fit; at least one chunk, if an empty one."""
    chunks: list[list[Item]] = [[]]
    for group in groups:
        if len(chunks[-1]) + len(group) > size:
            chunks.append([])
        chunks[-1] += group
    return chunks


def to_status(item: Item) -> StoredStatus:
    """A scope's status from its item."""

    def moment(name: str) -> datetime | None:
        return parse_time(item[name]["S"]) if name in item else None

    def count(name: str) -> int:
        return int(item[name]["N"]) if name in item else 0

    unanswered = item.get("unanswered", text(""))["S"]
    return StoredStatus(
        to_scope(item["sk"]["S"]),
        revision=count("revision"),
        observed_at=moment("observed_at"),
        attempted_at=moment("attempted_at"),
        digest=item.get("digest", text(""))["S"] or None,
        error=_to_error(item),
        run_id=item.get("run_id", text(""))["S"] or None,
        reservations=count("reservations"),
        changed=count("changed"),
        events=count("events"),
        seconds=float(item.get("seconds", number(0))["N"]),
        unanswered=tuple(unanswered.split(",")) if unanswered else (),
        streak=_to_streak(item),
        written_at=moment("written_at"),
        idle=_to_watch(item),
    )


def _to_streak(item: Item) -> Streak:
    if "streak" not in item:
        return Streak()
    told = json.loads(item["streak"]["S"])
    return Streak(tuple(told["runs"]), told["is_told"])


def _to_watch(item: Item) -> IdleWatch | None:
    if "idle" not in item:
        return None
    watch = json.loads(item["idle"]["S"])
    return IdleWatch(watch["due"] and parse_time(watch["due"]), watch["lengths"])


def _to_error(item: Item) -> ScopeError | None:
    if "error" not in item:
        return None
    error = json.loads(item["error"]["S"])
    since = parse_time(item["failing_since"]["S"])
    return ScopeError(error["code"], error["message"], error["kind"], since)
