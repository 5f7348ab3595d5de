"""Usage, against a count of every minute that knows nothing of spans."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import HOUR, NOON, OHIO, a_block, an_odcr
from truffle.core.model import Reservation, Snapshot
from truffle.core.pricing import USD, PriceBook, PriceSource, Rate
from truffle.core.spans import Span, spans_of
from truffle.core.usage import Period, TooManyRows, UsageRow, UsageTally, usage
from truffle.core.usage_axes import Interval

MINUTE = timedelta(minutes=1)
DAY = datetime(2026, 11, 24, tzinfo=UTC)


def no_price(_: Reservation) -> None:
    return None


def priced(amount: str, currency: str = USD) -> Rate:
    return Rate(Decimal(amount), currency, PriceSource.SETTINGS)


def held(row: Reservation, hours: float, start: datetime = NOON) -> Span:
    return Span(row, start, start + hours * HOUR)


def total(*spans: Span, by: tuple[str, ...] = (), price: Rate | None = None) -> list[UsageRow]:
    period = Period(DAY, DAY + timedelta(days=2), Interval.TOTAL)
    return usage(spans, period, by, lambda _: price)


def test_hours_are_instance_hours() -> None:
    (row,) = total(held(an_odcr(total_capacity=8, available_capacity=3), 2))
    assert (row.reserved_hours, row.used_hours, row.idle_hours) == (16, 10, 6)
    assert row.utilization == 10 / 16


def test_accelerator_hours_are_those_of_every_device() -> None:
    (row,) = total(held(an_odcr(total_capacity=2, available_capacity=1), 1))
    assert row.reserved_accelerator_hours == 16
    assert row.used_accelerator_hours == row.idle_accelerator_hours == 8


def test_an_unobserved_span_is_neither_reserved_nor_used() -> None:
    (row,) = total(Span(an_odcr(total_capacity=4), NOON, NOON + HOUR, is_observed=False))
    assert (row.unobserved_hours, row.reserved_hours, row.utilization) == (4, 0, None)


def test_the_row_that_is_one_too_many_ends_the_sum() -> None:
    period = Period(DAY, DAY + timedelta(days=2), Interval.HOUR)
    tally = UsageTally(period, ["reservation"], no_price, most_rows=5)
    tally.add(held(an_odcr("cr-a"), 3))
    tally.add(held(an_odcr("cr-a", available_capacity=0), 3))
    tally.add(held(an_odcr("cr-b"), 2))
    assert len(tally.texts()) == 5
    with pytest.raises(TooManyRows):
        tally.add(held(an_odcr("cr-c"), 1))


def test_a_price_gives_what_was_reserved_and_what_was_idle() -> None:
    spans = held(an_odcr(total_capacity=8, available_capacity=3), 0.5)
    (row,) = total(spans, price=priced("98.32"))
    assert (row.reserved_cost, row.idle_cost, row.currency) == (393.28, 147.48, "USD")


def test_without_a_price_costs_are_unknown_and_not_zero() -> None:
    (row,) = total(held(an_odcr(total_capacity=8), 1))
    assert (row.reserved_cost, row.idle_cost, row.currency) == (None, None, None)
    assert row.unpriced_hours == 8


def test_a_group_with_some_prices_says_how_much_has_none() -> None:
    spans = [held(an_odcr("cr-a", total_capacity=1), 1), held(a_block(state="active"), 1)]
    period = Period(DAY, DAY + timedelta(days=2), Interval.TOTAL)
    (row,) = usage(spans, period, (), lambda it: priced("2") if it.type == "odcr" else None)
    assert (row.reserved_cost, row.unpriced_hours) == (2, 16)


PRICES = {"p5.48xlarge": "55.0401", "p4d.24xlarge": "21.957642", "g6.xlarge": None}


@given(st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_parts_add_up_to_the_whole_to_the_cent(random: Random) -> None:
    def price(row: Reservation) -> Rate | None:
        amount = PRICES[str(row.instance_type)]
        return None if amount is None else priced(amount)

    spans, reserved, idle = [], Decimal(), Decimal()
    for number in range(9):
        total, name = random.randint(1, 40), random.choice([*PRICES])
        free, seconds = random.randint(0, total), random.randint(1, 100_000)
        tags = {"Team": random.choice("ab")}
        row = an_odcr(
            f"cr-{number}",
            instance_type=name,
            total_capacity=total,
            available_capacity=free,
            tags=tags,
        )
        spans.append(held(row, seconds / 3600, DAY + timedelta(seconds=random.randint(0, 70_000))))
        hour = Decimal(PRICES[name] or 0) * seconds / 3600
        reserved, idle = reserved + total * hour, idle + free * hour
    for by, interval in ((), "total"), (("reservation",), "hour"), (("tag:Team", "type"), "day"):
        period = Period(DAY, DAY + timedelta(days=2), Interval(interval))
        parts = usage(spans, period, by, price)
        assert sum(it.reserved_cost or 0 for it in parts) == pytest.approx(
            float(reserved), abs=5e-3
        )
        assert sum(it.idle_cost or 0 for it in parts) == pytest.approx(float(idle), abs=5e-3)


def test_money_of_two_currencies_is_not_added() -> None:
    spans = [held(an_odcr("cr-a"), 1), held(an_odcr("cr-b", region="cn-north-1"), 1)]
    period = Period(DAY, DAY + timedelta(days=2), Interval.TOTAL)
    rows = usage(
        spans, period, (), lambda it: priced("1", "CNY" if it.region == "cn-north-1" else USD)
    )
    assert [(row.currency, row.reserved_cost) for row in rows] == [("CNY", 8), ("USD", 8)]


def test_groups_of_several_keys_stand_in_order_with_the_untagged_last() -> None:
    spans = [
        held(an_odcr("cr-1"), 1),
        held(an_odcr("cr-2", tags={"Team": "vision"}), 1),
        held(an_odcr("cr-3", tags={"Team": ""}), 1),
    ]
    rows = total(*spans, by=("type", "tag:Team"))
    assert [row.group["tag:Team"] for row in rows] == ["", "vision", None]


@pytest.mark.parametrize(
    ("interval", "starts"),
    [
        (Interval.TOTAL, ["11-28T22"]),
        (Interval.MONTH, ["11-28T22", "12-01T00"]),
        (Interval.WEEK, ["11-28T22", "11-30T00"]),
        (Interval.DAY, ["11-28T22", "11-29T00", "11-30T00", "12-01T00"]),
    ],
)
def test_intervals_begin_at_their_own_bounds(interval: Interval, starts: list[str]) -> None:
    since, until = datetime(2026, 11, 28, 22, tzinfo=UTC), datetime(2026, 12, 1, 5, tzinfo=UTC)
    bins = list(Period(since, until, interval).bins())
    assert [f"{start:%m-%dT%H}" for start, _ in bins] == starts
    assert bins[-1][1] == until


def test_a_span_is_shared_out_over_the_intervals_that_it_lies_in() -> None:
    period = Period(NOON, NOON + 3 * HOUR, Interval.HOUR)
    spans = [Span(an_odcr(total_capacity=1), NOON - HOUR, NOON + 1.5 * HOUR)]
    rows = usage(spans, period, (), no_price)
    assert [row.reserved_hours for row in rows] == [1, 0.5]


def test_a_block_has_the_fee_and_not_the_list_price() -> None:
    book = PriceBook()
    assert book.rate(a_block()) is None


# --- against every minute ------------------------------------------------------------------------

Look = tuple[int, int, int]
"""The minute of a snapshot, reserved instances (0: not there), free ones."""


def looks(draw: st.DrawFn) -> list[Look]:
    minutes = sorted(draw(st.sets(st.integers(0, 599), min_size=1, max_size=8)))
    sizes = [draw(st.integers(0, 5)) for _ in minutes]
    return [(at, size, draw(st.integers(0, size))) for at, size in zip(minutes, sizes, strict=True)]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Look], int]:
    return looks(draw), draw(st.integers(1, 600))


def counted(history: list[Look], end: int) -> tuple[int, int, int]:
    """Reserved, used and unobserved instance-minutes of ten hours, minute by minute."""
    reserved = used = unobserved = 0
    for minute in range(600):
        before = [look for look in history if look[0] <= minute]
        after = [look for look in history if look[0] > minute]
        if not before or minute >= end:
            continue
        began, size, free = before[-1]
        until = after[0][0] if after else 600
        if until - began > 120:
            unobserved += size
        else:
            reserved += size
            used += size - free
    return reserved, used, unobserved


@given(histories())
def test_usage_is_what_counting_every_minute_gives(given_history: tuple[list[Look], int]) -> None:
    history, end = given_history
    snapshots = [
        Snapshot(
            OHIO,
            DAY + at * MINUTE,
            (
                an_odcr(
                    total_capacity=size,
                    available_capacity=free,
                    start_date=DAY - HOUR,
                    end_date=DAY + end * MINUTE,
                ),
            )
            if size
            else (),
        )
        for at, size, free in history
    ]
    until = DAY + 600 * MINUTE
    rows = usage(spans_of(snapshots, until, HOUR), Period(DAY, until, Interval.HOUR), (), no_price)
    summed = [
        round(60 * sum(getattr(row, name) for row in rows))
        for name in ("reserved_hours", "used_hours", "unobserved_hours")
    ]
    assert tuple(summed) == counted(history, end)
