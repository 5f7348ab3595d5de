"""Keep the fields of a scope's last snapshot that EC2 refused to return this time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from truffle.core.model import CapacityBlock, Reservation, Snapshot, effective_end


def carry_forward(snapshot: Snapshot, stored: Iterable[Reservation]) -> Snapshot:
    """The snapshot, with what its refused enrichments would have told as it was last known.

    A refusal says nothing about a reservation, so it must not look like a change of one.
    """
    refused = {item.operation for item in snapshot.unanswered}
    before = {row.reservation_id: row for row in stored}
    rows = tuple(
        _carried(row, before.get(row.reservation_id), refused) for row in snapshot.reservations
    )
    return replace(snapshot, reservations=rows)


def _carried(row: Reservation, before: Reservation | None, refused: set[str]) -> Reservation:
    if before is None:
        return row
    if "DescribeInstanceTypes" in refused and row.accelerator is None and before.accelerator:
        row = replace(row, accelerator=before.accelerator.times(row.size))
    if not isinstance(row, CapacityBlock) or not isinstance(before, CapacityBlock):
        return row
    if "DescribeCapacityBlocks" in refused:
        row = _as_block(row, before)
    if "DescribeCapacityBlockStatus" in refused:
        row = replace(row, health=before.health)
    return row


def _as_block(row: CapacityBlock, before: CapacityBlock) -> CapacityBlock:
    """The fields of a block from DescribeCapacityBlocks."""
    is_ultraserver = before.ultraserver_type is not None
    return replace(
        row,
        capacity_block_id=before.capacity_block_id,
        reservation_ids=before.reservation_ids,
        ultraserver_type=before.ultraserver_type,
        effective_end=effective_end(row.end_date, True) if is_ultraserver else row.effective_end,
    )
