"""Carrying forward the fields of a scope's last snapshot that EC2 refused to return this time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truffle.core.model import Reservation, Snapshot


def carry_forward(snapshot: Snapshot, stored: Iterable[Reservation]) -> Snapshot:
    """Return the snapshot with the last known values of its refused enrichments.

    A refusal does not describe a reservation, so it must not look like a change. Rows of a kind
    whose own listing was refused stay, with the time at which they were last observed.
    """
    refused = {item.operation for item in snapshot.unanswered}
    before = {row.reservation_id: row for row in stored}
    listed = {row.reservation_id for row in snapshot.reservations}
    unseen = [
        row
        for row in before.values()
        if row.kind.listing and row.kind.listing.operation in refused
        if row.reservation_id not in listed
    ]
    rows = [_carried(row, before.get(row.reservation_id), refused) for row in snapshot.reservations]
    together = sorted([*rows, *unseen], key=lambda row: row.reservation_id)
    return replace(snapshot, reservations=tuple(together))


def _carried(row: Reservation, before: Reservation | None, refused: set[str]) -> Reservation:
    if before is None:
        return row
    if "DescribeInstanceTypes" in refused and row.accelerator is None and before.accelerator:
        row = replace(row, accelerator=before.accelerator.times(row.size))
    return row.carried(before, refused)
