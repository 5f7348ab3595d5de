"""Fees of capacity blocks: the offering that was bought, and the extensions that followed.

AWS's price list has no blocks, and a reservation does not include its fee. An offering has one (EC2
API Reference, CapacityBlockOffering, UpfrontFee) for all instances and the whole time, and each
extension its own (CapacityBlockExtension, UpfrontFee).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from truffle.core.extensions import Extension
from truffle.core.kinds.parts import block_hours
from truffle.core.model import Reservation
from truffle.core.offerings import Offering
from truffle.core.pricing import Fee, PriceSource

Extensions = Mapping[str, Sequence[Extension]]
"""The extensions of blocks, by block id."""

_NONE: Extensions = MappingProxyType({})


def blocks_of(rows: Iterable[Reservation]) -> dict[str, list[Reservation]]:
    """The reservations of each block, by its id: an UltraServer has several."""
    blocks: dict[str, list[Reservation]] = {}
    for row in rows:
        if row.kind.is_prepaid:
            blocks.setdefault(row.block_id or row.reservation_id, []).append(row)
    return blocks


def paid_of(
    rows: Iterable[Reservation], extensions: Iterable[Extension]
) -> dict[str, tuple[Extension, ...]]:
    """The paid extensions by block id, in order of time."""
    by_reservation: dict[str, list[Extension]] = defaultdict(list)
    for extension in extensions:
        if extension.is_paid:
            by_reservation[extension.reservation_id].append(extension)
    paid = {
        name: [it for row in block for it in by_reservation.get(row.reservation_id, ())]
        for name, block in blocks_of(rows).items()
    }
    return {
        name: tuple(sorted(found, key=lambda it: (it.start_date, it.reservation_id)))
        for name, found in paid.items()
        if found
    }


def fees_of(
    rows: Iterable[Reservation], offerings: Sequence[Offering], extensions: Extensions = _NONE
) -> dict[str, Fee]:
    """The known fees of offerings, by block id."""
    found = {
        name: fee_of(block, offerings, extensions.get(name, ()))
        for name, block in blocks_of(rows).items()
    }
    return {name: fee for name, fee in found.items() if fee is not None}


def fee_of(
    block: Sequence[Reservation], offerings: Iterable[Offering], paid: Sequence[Extension] = ()
) -> Fee | None:
    """The fee of a block without its extensions: that of the last offering before the purchase with
    the same type, number of instances, zone, start and end.

    None if there is no such offering, if the last ones differ in price, or if a compared value is
    unknown.
    """
    instances, bought = instances_of(block), _bought(block)
    if instances is None or bought is None:
        return None
    end = _first_end(block, paid)
    same = [
        it for it in offerings if _is_same(block[0], end, instances, it) and _seen(it) <= bought
    ]
    last = max(map(_seen, same), default=None)
    fees = {(it.upfront_fee, it.currency_code) for it in same if it.observed_at == last}
    if len(fees) != 1 or last is None:
        return None
    ((amount, currency),) = fees
    hours = hours_without(block, paid)
    try:
        return Fee(
            amount=Decimal(amount or ""),
            currency=currency or "",
            instances=instances,
            as_of=last.date(),
            hours=hours,
        )
    except InvalidOperation:
        return None


def with_extensions(fees: Mapping[str, Fee], extensions: Extensions) -> dict[str, Fee]:
    """The fees of blocks with those of their extensions, by block id; a block with an unknown fee
    is omitted."""
    found = {name: extended(fee, extensions.get(name, ())) for name, fee in fees.items()}
    return {name: fee for name, fee in found.items() if fee is not None}


def extended(fee: Fee, paid: Sequence[Extension]) -> Fee | None:
    """A fee including those of all extensions.

    None if a fee is unknown or in another currency, or if the extensions do not cover all
    instances, because it is then unknown which hours were paid for.
    """
    if not paid:
        return fee
    sizes: dict[tuple[datetime, datetime], int] = defaultdict(int)
    for it in paid:
        sizes[it.start_date, it.end_date] += it.instances or 0
    is_whole = fee.instances is not None and set(sizes.values()) == {fee.instances}
    if fee.hours is None or not is_whole or {it.currency for it in paid} != {fee.currency}:
        return None
    try:
        amount = sum((Decimal(it.fee or "") for it in paid), Decimal())
    except InvalidOperation:
        return None
    return replace(
        fee,
        amount=fee.amount + amount,
        hours=fee.hours + sum(block_hours(*times) or 0 for times in sizes),
        extensions=amount,
        source=PriceSource.EXTENDED_FEE,
    )


def hours_without(block: Sequence[Reservation], paid: Sequence[Extension]) -> float | None:
    """The length of a block without its extensions."""
    return block_hours(block[0].start_date, _first_end(block, paid))


def _first_end(block: Sequence[Reservation], paid: Sequence[Extension]) -> datetime | None:
    return min((it.start_date for it in paid), default=block[0].end_date)


def instances_of(block: Sequence[Reservation]) -> int | None:
    """The instances of all reservations of a block; None if one has no number."""
    sizes = [row.size for row in block if row.size is not None]
    return sum(sizes) if len(sizes) == len(block) else None


def _bought(block: Sequence[Reservation]) -> datetime | None:
    return max((row.create_date for row in block if row.create_date), default=None)


def _seen(offering: Offering) -> datetime:
    assert offering.observed_at is not None
    return offering.observed_at


def _is_same(row: Reservation, end: datetime | None, instances: int, offering: Offering) -> bool:
    if offering.observed_at is None or offering.segments:
        return False
    held = row.region, row.instance_type, row.availability_zone, row.start_date, end
    sold = (
        offering.region,
        offering.instance_type,
        offering.availability_zone,
        offering.start_date,
        offering.end_date,
    )
    return None not in held and held == sold and offering.instance_count == instances
