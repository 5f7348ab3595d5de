"""Prices: which source counts, what idle instances cost, and what is unknown."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tests.builders import a_block, an_odcr
from truffle.core.kinds.training_plan import TrainingPlan
from truffle.core.pricing import (
    Fee,
    PriceBook,
    PriceSource,
    Product,
    Rate,
    price_of,
)

ODCR = an_odcr(available_capacity=3, platform="Linux/UNIX", tenancy="default")
PRODUCT = Product("p4d.24xlarge", "us-east-2", "Linux/UNIX", "default")


def listed(amount: str, currency: str = "USD") -> dict[Product, Rate]:
    day = date(2026, 11, 1)
    return {PRODUCT: Rate(Decimal(amount), currency, PriceSource.PRICE_LIST, day)}


@pytest.mark.parametrize(
    ("prices", "price"),
    [
        ({"p5.48xlarge": 1.0, "p5.48*": 2.0}, 1.0),
        ({"p5*": 1.0, "p5.48*": 2.0, "*": 3.0}, 2.0),
        ({"*p5******": 1.0, "p5.48*": 2.0, "*": 3.0}, 2.0),
        ({"*": 3.0}, 3.0),
        ({"p4*": 1.0}, None),
        ({}, None),
    ],
)
def test_a_price_is_the_types_own_or_that_of_the_nearest_glob(
    prices: dict[str, float], price: float | None
) -> None:
    assert price_of("p5.48xlarge", prices) == price


def test_the_users_own_price_comes_before_the_price_list() -> None:
    own = PriceBook({"p4d.*": 20.0}, listed("32.7726"))
    assert own.rate(ODCR) == Rate(Decimal("20.0"), "USD", PriceSource.SETTINGS)
    assert PriceBook({}, listed("32.7726")).rate(ODCR) == listed("32.7726")[PRODUCT]


def test_idle_instances_cost_their_price_exactly() -> None:
    assert PriceBook({}, listed("32.7726")).idle_micro_usd(ODCR) == 98_317_800
    assert PriceBook({}, listed("32.7726")).idle_usd(ODCR) == 98.3178


@pytest.mark.parametrize(
    "book",
    [PriceBook(), PriceBook({"p5*": 1.0}), PriceBook({}, listed("99", currency="CNY"))],
)
def test_a_cost_without_a_price_in_dollars_is_unknown(book: PriceBook) -> None:
    assert book.idle_usd(ODCR) is None


def test_a_reservation_that_is_used_costs_nothing_idle_whatever_its_price() -> None:
    assert PriceBook().idle_usd(an_odcr(available_capacity=0)) == 0
    assert PriceBook().idle_usd(a_block(state="scheduled")) == 0


def test_a_block_costs_its_share_of_the_fee() -> None:
    block = a_block("cr-b", state="active", available_capacity=4)
    hours = block.duration_hours
    assert hours is not None
    fee = Fee(amount=Decimal(str(hours)) * 16 * 40, currency="USD")
    assert PriceBook(fees={block.capacity_block_id: fee}).idle_usd(block) == 160


def test_a_training_plan_costs_its_share_of_the_fee_that_aws_returns_with_it() -> None:
    plan = TrainingPlan(
        plan_arn="arn:aws:sagemaker:us-east-2:123456789012:training-plan/large",
        plan_name="large",
        reservation_id="tp-123456789012-us-east-2-large",
        instance_type="ml.p5.48xlarge",
        instance_count=4,
        duration_hours=168.0,
        upfront_fee=26_880.0,
        currency="USD",
    )
    assert PriceBook().rate(plan) == Rate(Decimal(40), "USD", PriceSource.UPFRONT_FEE)


def test_the_price_list_is_no_price_of_a_block() -> None:
    block = a_block(state="active", available_capacity=4, instance_type="p4d.24xlarge")
    assert PriceBook({}, listed("32.7726")).rate(block) is None
