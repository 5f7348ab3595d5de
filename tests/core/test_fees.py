"""Fees of blocks: which recorded offering is the one that was bought."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON, a_block
from tests.core.market.builders import an_offering
from truffle.core.fees import fees_of
from truffle.core.model import Reservation
from truffle.core.offerings import Offering
from truffle.core.pricing import Fee, PriceBook
from truffle.core.spans import Span
from truffle.core.usage import Interval, Period, usage

START, END = NOON + DAY, NOON + 8 * DAY


def bought(**facts: Any) -> Reservation:
    """A block of 16 instances for a week, bought at noon."""
    default = {
        "create_date": NOON,
        "start_date": START,
        "end_date": END,
        "instance_count": 16,
        "region": "us-east-2",
        "availability_zone": "us-east-2a",
    }
    return a_block("cr-1", **{**default, **facts})


def offered(fee: str | None = "1000.01", **facts: Any) -> Offering:
    """What was on sale an hour before."""
    default = {
        "start_date": START,
        "instance_count": 16,
        "upfront_fee": fee,
        "observed_at": NOON - HOUR,
    }
    return an_offering(end=END, **{**default, **facts})


def fee(*offerings: Offering, block: Reservation | None = None) -> Fee | None:
    row = block or bought()
    return fees_of([row], offerings).get(row.block_id or "")


def test_the_fee_is_that_of_the_offering_that_was_bought() -> None:
    assert fee(offered()) == Fee(Decimal("1000.01"), "USD", 16, (NOON - HOUR).date())


@pytest.mark.parametrize(
    "other",
    [
        {"instance_type": "p4d.24xlarge"},
        {"instance_count": 8},
        {"region": "us-east-1"},
        {"availability_zone": "us-east-2b"},
        {"start_date": START + HOUR},
        {"end_date": END + DAY},
        {"observed_at": NOON + HOUR},
        {"observed_at": None},
        {"upfront_fee": None},
    ],
)
def test_another_offering_is_not_it(other: dict[str, Any]) -> None:
    offering = offered()
    assert fee(replace(offering, **other)) is None


def test_the_last_price_before_the_purchase_was_paid() -> None:
    earlier = offered("900", observed_at=NOON - 2 * HOUR)
    found = fee(
        earlier, offered("1000.01"), offered("800", observed_at=NOON + timedelta(minutes=1))
    )
    assert found is not None
    assert found.amount == Decimal("1000.01")


def test_two_prices_at_once_are_no_price() -> None:
    assert fee(offered("900"), offered("1000")) is None


def test_a_block_that_was_extended_is_not_what_was_offered() -> None:
    assert fee(offered(), block=bought(end_date=END + DAY)) is None


def test_the_reservations_of_an_ultraserver_share_their_fee() -> None:
    halves = [
        replace(bought(instance_count=8, capacity_block_id="cb-1"), reservation_id=name)
        for name in ("cr-1", "cr-2")
    ]
    (found,) = fees_of(halves, [offered()]).values()
    assert found.instances == 16


def test_the_days_of_a_block_add_up_to_its_fee_to_the_cent() -> None:
    row = bought(state="active", total_capacity=16, available_capacity=5)
    book = PriceBook(fees=fees_of([row], [offered("1000.01")]))
    span = Span(row, START, END, is_observed=True)
    days = usage([span], Period(START, END, Interval.DAY), ["type"], book.rate)
    assert len(days) == 8
    assert round(sum(day.reserved_cost or 0 for day in days), 2) == 1000.01
