"""The block that a billed fee is for.

The bill does not name the block. A sum is a block's fee only if no other block can have a part in
it; otherwise it stays a sum.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from truffle.core.billed import BilledFee, Place, place_of
from truffle.core.fees import Extensions, blocks_of, hours_without, instances_of
from truffle.core.model import Reservation, Scope
from truffle.core.pricing import Fee, PriceSource


@dataclass(frozen=True, slots=True)
class HeldBlocks:
    """The blocks that the sums may be for: listed ones and gone ones.

    ``is_complete`` returns whether they include all blocks of a scope that started on a day.
    """

    rows: Sequence[Reservation]
    extensions: Extensions
    is_complete: Callable[[Scope, date], bool]
    _blocks: dict[Place, dict[str, list[Reservation]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def __post_init__(self) -> None:
        for name, block in blocks_of(self.rows).items():
            if block[0].block_id is not None:
                self._blocks.setdefault(place_of(block[0]), {})[name] = block

    def block_of(self, fee: BilledFee) -> str | None:
        """The block that a sum is for: the only one of its account, region and type that starts on
        that day. None if one of them was extended, since the billing day of an extension is
        unknown."""
        blocks = self._blocks.get(fee.place, {})
        if fee.region is None or fee.amount <= 0 or self.extensions.keys() & blocks.keys():
            return None
        if not self.is_complete(Scope(fee.account_id, fee.region), fee.day):
            return None
        if any(_day(row) is None for block in blocks.values() for row in block):
            return None
        started = [name for name, block in blocks.items() if _day(block[0]) == fee.day]
        return started[0] if len(started) == 1 else None


def attributed(
    fees: Iterable[BilledFee], before: Iterable[BilledFee], held: HeldBlocks
) -> tuple[BilledFee, ...]:
    """The sums with their blocks. A sum that equals one ``before`` keeps its block: later events
    did not change the bill."""
    known = {replace(it, capacity_block_id=None): it.capacity_block_id for it in before}
    return tuple(replace(it, capacity_block_id=known.get(it) or held.block_of(it)) for it in fees)


def billed_fees(
    fees: Iterable[BilledFee], rows: Iterable[Reservation], extensions: Extensions
) -> dict[str, Fee]:
    """The fees of blocks in the bill, without extensions, by block id."""
    sums: dict[str, list[BilledFee]] = defaultdict(list)
    for fee in fees:
        if fee.capacity_block_id is not None:
            sums[fee.capacity_block_id].append(fee)
    blocks = blocks_of(rows)
    return {
        name: Fee(
            amount=fee.amount,
            currency=fee.currency,
            instances=instances_of(blocks[name]),
            as_of=fee.day,
            source=PriceSource.COST_EXPLORER,
            hours=hours_without(blocks[name], extensions.get(name, ())),
        )
        for name, (fee, *others) in sums.items()
        if name in blocks and not others
    }


def with_billed(
    fees: Mapping[str, Fee], billed: Mapping[str, Fee], attributed_to: Iterable[str | None]
) -> dict[str, Fee]:
    """The known fees, and those of the bill for blocks without one. A fee of an earlier bill that
    is no longer ``attributed_to`` its block is omitted."""
    still = set(attributed_to)
    is_billed = PriceSource.COST_EXPLORER
    kept = {name: it for name, it in fees.items() if it.source is not is_billed or name in still}
    others = {name: it for name, it in kept.items() if it.source is not is_billed}
    return {**kept, **billed, **others}


def _day(row: Reservation) -> date | None:
    return row.start_date.date() if row.start_date else None
