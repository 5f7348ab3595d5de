"""Flexible windows: the lengths that are tried, and the best offering."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import DAY, NOON
from truffle.core.offerings import Offering
from truffle.core.windows import MOST_LENGTHS, best_window, lengths_between


def days(fewest: float, most: float) -> list[float]:
    return [hours / 24 for hours in lengths_between(fewest, most)]


@pytest.mark.parametrize(
    ("fewest", "most", "tried"),
    [
        (5, 10, [10, 9, 8, 7, 6, 5]),
        (3, 3, [3]),
        (2.5, 3, [3]),
        (13, 28, [28, 21, 14, 13]),
        (15, 20, [21]),
    ],
)
def test_every_length_that_is_sold_is_tried(fewest: float, most: float, tried: list[int]) -> None:
    assert days(fewest, most) == tried


def test_a_long_range_is_tried_in_even_steps_with_both_ends() -> None:
    tried = days(1, 182)
    assert len(tried) == MOST_LENGTHS
    assert (tried[0], tried[-1]) == (182, 1)
    assert tried == sorted(tried, reverse=True)


@pytest.mark.parametrize(("fewest", "most"), [(0, 3), (1, 183)])
def test_lengths_that_aws_does_not_sell_are_refused(fewest: float, most: float) -> None:
    with pytest.raises(ValueError, match="hours"):
        days(fewest, most)


def an_offering(name: str, fee: str | None = "240.00", length: int = 24, **facts: Any) -> Offering:
    """One instance for a day at $10 an hour."""
    start = facts.pop("start_date", NOON)
    return Offering(
        offering_id=name,
        instance_type="p5.48xlarge",
        instance_count=1,
        region="us-east-2",
        availability_zone="us-east-2a",
        start_date=start,
        end_date=None,
        duration_hours=length,
        upfront_fee=fee,
        currency_code="USD",
        **facts,
    )


def test_the_cheapest_hour_is_the_best_whatever_the_whole_costs() -> None:
    long = an_offering("cb-long", "432.00", 48)
    assert best_window([an_offering("cb-short"), long]) == long


def test_of_equal_prices_the_longest_is_the_best_and_then_the_first() -> None:
    long = an_offering("cb-long", "480.00", 48)
    late = an_offering("cb-late", "480.00", 48, start_date=NOON + DAY)
    assert best_window([an_offering("cb-short"), late, long]) == long


def test_an_offering_without_a_price_is_never_the_best() -> None:
    assert best_window([an_offering("cb-a", None)]) is None
    assert best_window([an_offering("cb-a", None), an_offering("cb-b")]) == an_offering("cb-b")
