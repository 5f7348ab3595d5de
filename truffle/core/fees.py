"""Fees of capacity blocks: the offering that was bought, among those that watches recorded.

AWS lists no price of a block, and a reservation does not carry its fee. An offering has one
(EC2 API Reference, CapacityBlockOffering, UpfrontFee) for all instances and the whole time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from truffle.core.model import Reservation
from truffle.core.offerings import Offering
from truffle.core.pricing import Fee


def blocks_of(rows: Iterable[Reservation]) -> dict[str, list[Reservation]]:
    """The reservations of each block, by its id: an UltraServer has several."""
    blocks: dict[str, list[Reservation]] = {}
    for row in rows:
        if row.kind.is_prepaid:
            blocks.setdefault(row.block_id or row.reservation_id, []).append(row)
    return blocks


def fees_of(rows: Iterable[Reservation], offerings: Sequence[Offering]) -> dict[str, Fee]:
    """The fees that are known, by block id."""
    found = {name: fee_of(block, offerings) for name, block in blocks_of(rows).items()}
    return {name: fee for name, fee in found.items() if fee is not None}


def fee_of(block: Sequence[Reservation], offerings: Iterable[Offering]) -> Fee | None:
    """The fee of a block: that of the last offering before the purchase with the same type,
    number of instances, zone, start and end.

    None where there is no such offering, where the last ones differ in price, and where a fact
    that has to be compared is unknown. A block that was extended ends later than its offering.
    """
    instances, bought = _instances(block), _bought(block)
    if instances is None or bought is None:
        return None
    same = [it for it in offerings if _is_same(block[0], instances, it) and _seen(it) <= bought]
    last = max(map(_seen, same), default=None)
    fees = {(it.upfront_fee, it.currency_code) for it in same if it.observed_at == last}
    if len(fees) != 1 or last is None:
        return None
    ((amount, currency),) = fees
    try:
        return Fee(Decimal(amount or ""), currency or "", instances, last.date())
    except InvalidOperation:
        return None


def _instances(block: Sequence[Reservation]) -> int | None:
    sizes = [row.size for row in block if row.size is not None]
    return sum(sizes) if len(sizes) == len(block) else None


def _bought(block: Sequence[Reservation]) -> datetime | None:
    return max((row.create_date for row in block if row.create_date), default=None)


def _seen(offering: Offering) -> datetime:
    assert offering.observed_at is not None
    return offering.observed_at


def _is_same(row: Reservation, instances: int, offering: Offering) -> bool:
    if offering.observed_at is None or offering.segments:
        return False
    held = row.region, row.instance_type, row.availability_zone, row.start_date, row.end_date
    sold = (
        offering.region,
        offering.instance_type,
        offering.availability_zone,
        offering.start_date,
        offering.end_date,
    )
    return None not in held and held == sold and offering.instance_count == instances
