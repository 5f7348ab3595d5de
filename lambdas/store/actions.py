"""The actions of a transaction that writes a snapshot's changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lambdas.store.events import event_item
from lambdas.store.reports import ReportStore, stored_form
from lambdas.store.table import (
    GONE,
    SCOPES,
    Client,
    Item,
    body,
    key,
    number,
    reservations_key,
    scope_key,
    text,
)
from lambdas.store.transactions import Group
from truffle.core.codec import encode
from truffle.core.events import Event
from truffle.core.idle import IdleSince, IdleWatch
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.core.reports import Deferral, Report
from truffle.core.scope_health import Outage
from truffle.core.times import format_time, sortable_time

MOST_RECHECKS = 10
"""How many other accounts are asked to check a report again: one that is listed is enough."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A report that replaces a version; ``rechecks`` are accounts that must read it."""

    before: int
    report: Report
    rechecks: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """The changes of a snapshot: rows to put, rows that left the scope, and the events of both.

    ``gone`` has the last rows of those that left and that no other scope lists. ``newly_idle`` are
    unchanged rows whose start of idle time is not stored yet. ``idle_since`` and ``versions`` (of
    the reports as read) are stored with the rows, ``idle``, ``deferrals`` and ``baselines`` with
    the scope. ``outage`` is one that the scope leaves.
    """

    changed: Sequence[Reservation] = ()
    left: Sequence[Reservation] = ()
    gone: Sequence[Reservation] = ()
    events: Sequence[Event] = ()
    newly_idle: Sequence[Reservation] = ()
    idle_since: IdleSince = field(default_factory=dict)
    idle: IdleWatch | None = None
    reports: Mapping[str, Reported] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    deferrals: Mapping[str, Deferral] = field(default_factory=dict)
    baselines: int | None = None
    outage: Outage | None = None

    @property
    def is_empty(self) -> bool:
        """Whether only the scope's own status is written."""
        parts = (self.changed, self.left, self.gone, self.events, self.newly_idle, self.reports)
        return not any(parts) and self.outage is None


@dataclass(frozen=True, slots=True)
class Actions:
    """Builds the actions on a table. ``retention_days`` is how long events are kept."""

    client: Client
    table: str
    retention_days: int

    def groups(self, snapshot: Snapshot, write: Write) -> list[Group]:
        """The actions of each reservation, kept together."""
        groups: dict[str, Group] = {}
        for row in write.changed:
            since = write.idle_since.get(row.reservation_id)
            item = self._row_item(snapshot.scope, row, since, _version(write, row.reservation_id))
            groups[row.reservation_id] = Group([self.put(item)])
        for name, notes in self._notes(snapshot, write).items():
            groups[name] = Group([self._note(snapshot.scope, name, notes)])
        for row in write.left:
            groups[row.reservation_id] = Group([self._delete(snapshot.scope, row)])
        for row in write.gone:
            put = self.put(_gone_item(row, snapshot.observed_at))
            groups.setdefault(row.reservation_id, Group()).actions.append(put)
        store = ReportStore(self.client, self.table)
        for name, update in write.reports.items():
            group = groups.setdefault(name, Group())
            put = store.put(name, update.before, update.report, snapshot.observed_at)
            group.actions.append(put)
            group.rechecks.update({it: {name} for it in update.rechecks[:MOST_RECHECKS]})
        for event in write.events:
            item = event_item(event, self.retention_days)
            groups.setdefault(_subject(event), Group()).actions.append(self.put(item))
        for name, group in groups.items():
            group.names.add(name)
        return list(groups.values())

    def _notes(self, snapshot: Snapshot, write: Write) -> Mapping[str, Item]:
        """The remembered facts of unchanged rows."""
        notes: dict[str, dict[str, Any]] = {}
        changed = {row.reservation_id for row in write.changed}
        for name in {row.reservation_id for row in snapshot.reservations} - changed:
            if name in write.reports:
                notes[name] = {"reported": number(_version(write, name))}
        for row in write.newly_idle:
            since = text(sortable_time(write.idle_since[row.reservation_id]))
            notes.setdefault(row.reservation_id, {})["idle_since"] = since
        return notes

    def put(self, item: Item) -> Item:
        return {"Put": {"TableName": self.table, "Item": item}}

    def _delete(self, scope: Scope, row: Reservation) -> Item:
        name = key(reservations_key(scope), row.reservation_id)
        return {"Delete": {"TableName": self.table, "Key": name}}

    def _note(self, scope: Scope, name: str, notes: Item) -> Item:
        update = {
            "TableName": self.table,
            "Key": key(reservations_key(scope), name),
            "UpdateExpression": f"SET {', '.join(f'{each} = :{each}' for each in notes)}",
            "ExpressionAttributeValues": {f":{each}": value for each, value in notes.items()},
        }
        return {"Update": update}

    def _row_item(
        self, scope: Scope, row: Reservation, idle_since: datetime | None, version: int
    ) -> Item:
        return {
            **key(reservations_key(scope), row.reservation_id),
            "body": body(stored_form(row)),
            "reported": number(version),
            **({"idle_since": text(sortable_time(idle_since))} if idle_since else {}),
        }

    def recheck(self, scope: Scope, ids: Iterable[str]) -> Item:
        """The action for another account to check reports again, even with unchanged rows."""
        update = {
            "TableName": self.table,
            "Key": key(SCOPES, scope_key(scope)),
            "UpdateExpression": "ADD rechecks :ids",
            "ExpressionAttributeValues": {":ids": {"SS": sorted(ids)}},
        }
        return {"Update": update}


def _version(write: Write, name: str) -> int:
    """The version of a row's report once the row is written."""
    update = write.reports.get(name)
    return update.before + 1 if update else write.versions.get(name, 0)


def _subject(event: Event) -> str:
    return event.reservation.reservation_id if event.reservation else ""


def _gone_item(row: Reservation, vanished_at: datetime) -> Item:
    return {
        **key(GONE, row.reservation_id),
        "body": body(encode(row)),
        "vanished_at": text(format_time(vanished_at)),
    }
