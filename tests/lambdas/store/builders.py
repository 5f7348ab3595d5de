"""Writes to the table's scopes."""

from __future__ import annotations

from lambdas.store.scopes import Attempt, ScopeStore, StoredStatus, Write, digest_of
from tests.builders import OHIO, an_odcr
from truffle.core.diff import compare
from truffle.core.model import Reservation, Scope, Snapshot

ATTEMPT = Attempt("run-1", 1.2345)


def changes(before: Snapshot | None, after: Snapshot) -> Write:
    """Everything that differs between two snapshots, and what it means."""
    old = {row.reservation_id: row for row in before.reservations} if before else {}
    new = {row.reservation_id for row in after.reservations}
    left = [row for name, row in old.items() if name not in new]
    changed = [row for row in after.reservations if old.get(row.reservation_id) != row]
    return Write(
        changed=changed, left=left, gone=left, events=compare(before, after) if before else ()
    )


def write(
    scopes: ScopeStore,
    snapshot: Snapshot,
    before: Snapshot | None = None,
    status: StoredStatus | None = None,
) -> None:
    """Store a snapshot on top of the one before, as read from the table or from a given status."""
    scopes.write_snapshot(
        status or scopes.status(snapshot.scope),
        snapshot,
        digest_of(snapshot.reservations),
        changes(before, snapshot),
        ATTEMPT,
    )


def stored(scopes: ScopeStore, scope: Scope = OHIO) -> dict[str, str]:
    """The states of a scope's stored rows."""
    rows = scopes.reservations(scopes.status(scope))
    return {row.reservation_id: row.state for row in rows}


def many(count: int, **facts: object) -> list[Reservation]:
    return [an_odcr(f"cr-{number:04}", **facts) for number in range(count)]
