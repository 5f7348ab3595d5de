"""Fees of blocks: which recorded offering is the one that was bought."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import DAY, HOUR, NOON, a_block
from tests.core.market.builders import an_offering
from truffle.core.extensions import Extension
from truffle.core.fees import fees_of, paid_of, with_extensions
from truffle.core.model import Reservation
from truffle.core.offerings import Offering
from truffle.core.pricing import Fee, PriceBook, PriceSource
from truffle.core.spans import Span
from truffle.core.usage import Period, usage
from truffle.core.usage_axes import Interval

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
    """The offerings an hour before."""
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
    day = (NOON - HOUR).date()
    assert fee(offered()) == Fee(
        amount=Decimal("1000.01"), currency="USD", instances=16, as_of=day, hours=7 * 24
    )


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


# --- extensions ----------------------------------------------------------------------------------

LONGER = END + 2 * DAY


def an_extension(fee: str | None = "500.02", **facts: Any) -> Extension:
    """Two days more of all 16 instances."""
    default = {"status": "payment-succeeded", "instances": 16, "currency": "USD"}
    return Extension(
        reservation_id="cr-1", start_date=END, end_date=LONGER, fee=fee, **{**default, **facts}
    )


def total(*extensions: Extension, block: Reservation | None = None) -> Fee | None:
    """The fee of a block that was extended, of which the offering was seen."""
    row = block or bought(end_date=LONGER, duration_hours=9 * 24)
    paid = paid_of([row], extensions)
    return with_extensions(fees_of([row], [offered()], paid), paid).get(row.block_id or "")


def test_an_extension_adds_its_own_fee_and_hours() -> None:
    found = total(an_extension())
    assert found is not None
    assert (found.amount, found.extensions) == (Decimal("1500.03"), Decimal("500.02"))
    assert (found.hours, found.source) == (9 * 24, PriceSource.EXTENDED_FEE)


def test_a_second_extension_follows_the_first() -> None:
    again = replace(an_extension("99.97"), start_date=LONGER, end_date=LONGER + DAY)
    found = total(again, an_extension(), block=bought(end_date=LONGER + DAY))
    assert found is not None
    assert (found.amount, found.hours) == (Decimal("1600.00"), 10 * 24)


@pytest.mark.parametrize("status", ["payment-pending", "payment-failed"])
def test_an_extension_that_is_not_paid_is_no_part_of_the_fee(status: str) -> None:
    found = total(an_extension(status=status), block=bought())
    assert found is not None
    assert (found.amount, found.source) == (Decimal("1000.01"), PriceSource.BLOCK_FEE)


@pytest.mark.parametrize(
    "unknown",
    [{"fee": None}, {"fee": "a lot"}, {"instances": 8}, {"instances": None}, {"currency": "EUR"}],
    ids=str,
)
def test_a_fee_is_unknown_where_one_of_its_extensions_is(unknown: dict[str, Any]) -> None:
    assert total(an_extension(**unknown)) is None


def test_the_halves_of_an_ultraserver_are_extended_together() -> None:
    halves = [
        replace(
            bought(instance_count=8, capacity_block_id="cb-1", end_date=LONGER),
            reservation_id=name,
        )
        for name in ("cr-1", "cr-2")
    ]
    one = an_extension("250.01", instances=8)
    paid = paid_of(halves, [one, replace(one, reservation_id="cr-2")])
    (found,) = with_extensions(fees_of(halves, [offered()], paid), paid).values()
    assert (found.amount, found.hours) == (Decimal("1500.03"), 9 * 24)


def test_the_days_of_an_extended_block_add_up_to_all_its_fees_to_the_cent() -> None:
    """Also the days that were seen before it was extended."""
    short = bought(state="active", total_capacity=16, available_capacity=5, duration_hours=7 * 24)
    facts = {"end_date": LONGER, "duration_hours": 9 * 24}
    long = bought(state="active", total_capacity=16, available_capacity=5, **facts)
    found = total(an_extension(), block=long)
    assert found is not None
    book = PriceBook(fees={str(long.block_id): found})
    spans = [Span(short, START, END), Span(long, END, LONGER)]
    days = usage(spans, Period(START, LONGER, Interval.DAY), ["type"], book.rate)
    assert len(days) == 10
    assert round(sum(day.reserved_cost or 0 for day in days), 2) == 1500.03


def test_a_block_that_is_longer_than_what_was_paid_for_has_no_rate() -> None:
    row = bought(state="active", end_date=LONGER, duration_hours=9 * 24)
    book = PriceBook(fees=fees_of([bought()], [offered()]))
    assert book.rate(row) is None
