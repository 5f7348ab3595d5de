"""Which block a billed fee is for: only where no other can be meant."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, HOME, HOUR, NOON, a_block
from truffle.core.bill import HeldBlocks, attributed, billed_fees, with_billed
from truffle.core.billed import Bill, BilledFee
from truffle.core.extensions import Extension
from truffle.core.fees import paid_of
from truffle.core.model import Reservation
from truffle.core.pricing import Fee, PriceSource

TYPE, REGION = "p5.48xlarge", "us-east-2"
FEE = BilledFee(
    day=NOON.date(),
    account_id=HOME,
    region=REGION,
    instance_type=TYPE,
    amount=Decimal("1000.01"),
    currency="USD",
)
FOR_ONE = replace(FEE, capacity_block_id="cb-cr-1")


def started(name: str = "cr-1", **facts: Any) -> Reservation:
    """A block of 16 instances for two days, which started at noon."""
    default = {
        "start_date": NOON,
        "end_date": NOON + 2 * DAY,
        "instance_count": 16,
        "instance_type": TYPE,
        "region": REGION,
        "owner_id": HOME,
        "account_id": HOME,
        "capacity_block_id": f"cb-{name}",
    }
    return a_block(name, **{**default, **facts})


def held(
    *rows: Reservation, extensions: tuple[Extension, ...] = (), sure: bool = True
) -> HeldBlocks:
    return HeldBlocks(rows, paid_of(rows, extensions), lambda scope, day: sure)


def an_extension() -> Extension:
    end = NOON + 2 * DAY
    return Extension(
        reservation_id="cr-1",
        start_date=end,
        end_date=end + DAY,
        status="payment-succeeded",
        instances=16,
        fee="500.00",
        currency="USD",
    )


def test_the_only_block_that_starts_on_the_day_has_the_fee() -> None:
    assert held(started(), started("cr-2", start_date=NOON + DAY)).block_of(FEE) == "cb-cr-1"


@pytest.mark.parametrize(
    "other",
    [
        {"day": NOON.date() + timedelta(days=1)},
        {"account_id": "999999999999"},
        {"region": "us-east-1"},
        {"region": None},
        {"instance_type": "p4d.24xlarge"},
        {"amount": Decimal(0)},
        {"amount": Decimal(-5)},
    ],
    ids=str,
)
def test_another_sum_is_not_for_it(other: dict[str, Any]) -> None:
    assert held(started()).block_of(replace(FEE, **other)) is None


def test_two_blocks_that_start_on_a_day_share_a_sum() -> None:
    assert held(started(), started("cr-2", start_date=NOON + HOUR)).block_of(FEE) is None


def test_the_halves_of_an_ultraserver_are_one_block() -> None:
    halves = [started(name, capacity_block_id="cb-1", instance_count=8) for name in ("a", "b")]
    assert held(*halves).block_of(FEE) == "cb-1"
    (fee,) = billed_fees([replace(FEE, capacity_block_id="cb-1")], halves, {}).values()
    assert (fee.instances, fee.hours) == (16, 48)


def test_a_block_without_a_known_start_may_be_the_one() -> None:
    assert held(started(), started("cr-2", start_date=None)).block_of(FEE) is None


def test_a_scope_that_was_not_listed_since_may_have_another_block() -> None:
    assert held(started(), sure=False).block_of(FEE) is None


def test_where_a_block_was_extended_the_sum_may_include_that_fee() -> None:
    assert held(started(), extensions=(an_extension(),)).block_of(FEE) is None


def test_a_sum_that_stays_the_same_keeps_its_block() -> None:
    """Also when the block is extended later: what was billed before is for its own time."""
    row = started(end_date=NOON + 3 * DAY)
    world = held(row, extensions=(an_extension(),))
    (found,) = attributed([FEE], [FOR_ONE], world)
    assert found == FOR_ONE
    (fee,) = billed_fees([found], [row], world.extensions).values()
    assert (fee.amount, fee.hours) == (Decimal("1000.01"), 48)


def test_a_sum_that_changes_is_looked_at_again() -> None:
    before = replace(FOR_ONE, amount=Decimal(500))
    (found,) = attributed([FEE], [before], held(started(), started("cr-2")))
    assert found.capacity_block_id is None


def test_the_fee_has_its_own_label_and_day() -> None:
    expected = Fee(
        amount=Decimal("1000.01"),
        currency="USD",
        instances=16,
        as_of=FEE.day,
        source=PriceSource.COST_EXPLORER,
        hours=48,
    )
    assert billed_fees([FOR_ONE], [started()], {}) == {"cb-cr-1": expected}


def test_the_fee_of_an_offering_goes_before_the_bill() -> None:
    offered = Fee(amount=Decimal(900), currency="USD", instances=16)
    billed = replace(offered, amount=Decimal(1000), source=PriceSource.COST_EXPLORER)
    assert with_billed({"cb": offered}, {"cb": billed}, ["cb"]) == {"cb": offered}


def test_a_fee_that_is_not_in_the_bill_any_more_is_forgotten() -> None:
    billed = Fee(
        amount=Decimal(900), currency="USD", instances=16, source=PriceSource.COST_EXPLORER
    )
    assert with_billed({"cb": billed}, {}, [None]) == {}
    assert with_billed({"cb": billed}, {}, ["cb"]) == {"cb": billed}


def test_a_bill_survives_its_json() -> None:
    bill = Bill((FEE, FOR_ONE), NOON, NOON + HOUR, "AccessDenied")
    assert Bill.from_json(bill.to_json()) == bill
