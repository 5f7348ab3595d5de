"""Totals: what is held, what is free, by type, region, instance type and state."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOUR, NOON, a_block, an_odcr
from tests.strategies import inventories, whole_reservations
from truffle.core.model import CapacityBlock, Reservation
from truffle.core.pricing import PriceBook
from truffle.core.summary import summarize


def total(*rows: Reservation) -> dict[str, Any]:
    return summarize(rows).total.to_json()


def test_nothing_adds_up_to_nothing() -> None:
    assert summarize([]).to_json() == {
        "total": {
            "reservations": 0,
            "instances": 0,
            "total_capacity": 0,
            "available_capacity": 0,
            "used_capacity": 0,
            "utilization": None,
            "accelerators": 0,
            "idle_accelerators": 0,
            "unknown_sizes": 0,
            "unknown_accelerators": 0,
            "idle_usd_per_hour": 0,
            "unpriced_instances": 0,
        },
        "by_type": {},
        "by_region": {},
        "by_instance_type": {},
        "by_state": {},
        "duration_hours": {"shortest": None, "longest": None},
    }


def test_active_reservations_add_up() -> None:
    rows = (
        an_odcr("cr-1", instance_type="p4d.24xlarge", total_capacity=8, available_capacity=3),
        a_block("cr-2", state="active", instance_count=16, available_capacity=2),
    )

    assert total(*rows) == {
        "reservations": 2,
        "instances": 24,
        "total_capacity": 24,
        "available_capacity": 5,
        "used_capacity": 19,
        "utilization": 19 / 24,
        "accelerators": 24 * 8,
        "idle_accelerators": 5 * 8,
        "unknown_sizes": 0,
        "unknown_accelerators": 0,
        "idle_usd_per_hour": None,
        "unpriced_instances": 5,
    }


def test_idle_instances_of_some_price_have_a_cost_and_the_others_are_counted() -> None:
    rows = (
        an_odcr("cr-1", instance_type="p4d.24xlarge", total_capacity=8, available_capacity=3),
        a_block("cr-2", state="active", instance_count=16, available_capacity=2),
    )
    answer = summarize(rows, PriceBook({"p4d.24xlarge": 0.1})).total

    assert (answer.idle_usd_per_hour, answer.unpriced_instances) == (0.3, 2)


def test_a_block_before_its_start_counts_with_its_size_but_with_no_capacity() -> None:
    answer = total(a_block(state="scheduled", instance_count=16))

    assert (answer["instances"], answer["accelerators"]) == (16, 128)
    assert (answer["total_capacity"], answer["utilization"]) == (0, None)


@pytest.mark.parametrize("state", ["expired", "cancelled", "pending", "teleporting"])
def test_the_free_instances_of_what_is_not_active_are_not_capacity(state: str) -> None:
    answer = total(an_odcr(state=state, total_capacity=8, available_capacity=8))

    assert (answer["available_capacity"], answer["idle_accelerators"]) == (0, 0)


def test_shared_gpus_count_in_fractions_and_whole_sums_print_as_whole_numbers() -> None:
    part = an_odcr("cr-1", instance_type="g6f.large", total_capacity=3, available_capacity=1)
    rest = an_odcr("cr-2", instance_type="g6f.large", total_capacity=5, available_capacity=1)

    assert (total(part)["accelerators"], total(part)["idle_accelerators"]) == (0.375, 0.125)
    assert str(total(part, rest)["accelerators"]) == "1"


def test_a_sum_of_unknown_sizes_is_unknown() -> None:
    answer = total(an_odcr(total_capacity=None, available_capacity=None))

    assert (answer["instances"], answer["accelerators"]) == (None, None)
    assert (answer["unknown_sizes"], answer["unknown_accelerators"]) == (1, 1)


def test_a_sum_of_known_and_unknown_sizes_says_how_many_are_unknown() -> None:
    rows = (an_odcr("cr-1", total_capacity=None, available_capacity=None), an_odcr("cr-2"))

    answer, known = total(*rows), total(an_odcr("cr-2"))

    assert answer == known | {"reservations": 2, "unknown_sizes": 1, "unknown_accelerators": 1}


def test_each_group_has_its_own_totals_and_the_groups_are_sorted() -> None:
    rows = (
        an_odcr("cr-1", region="us-west-2", total_capacity=1),
        an_odcr("cr-2", region="us-east-1", total_capacity=2),
        a_block("cr-3", region="us-east-1", instance_count=4, state="scheduled"),
    )

    answer = summarize(rows)

    assert [(name, group.instances) for name, group in answer.by_region.items()] == [
        ("us-east-1", 6),
        ("us-west-2", 1),
    ]
    assert list(answer.by_type) == ["capacity-block", "odcr"]
    assert list(answer.by_state) == ["active", "scheduled"]
    assert list(answer.by_instance_type) == ["p4d.24xlarge", "p5.48xlarge"]


def test_the_durations_are_those_of_blocks() -> None:
    rows = (
        an_odcr("cr-1", start_date=NOON, end_date=NOON + HOUR),
        a_block("cr-2", start_date=NOON, end_date=NOON + DAY),
        a_block("cr-3", start_date=NOON, end_date=NOON + 7 * DAY - HOUR / 2),
        a_block("cr-4", start_date=NOON, end_date=None),
    )

    assert summarize(rows).to_json()["duration_hours"] == {"shortest": 24, "longest": 167.5}


@given(inventories)
def test_the_groups_of_each_kind_add_up_to_the_total(rows: list[Reservation]) -> None:
    answer = summarize(rows)

    for groups in (answer.by_type, answer.by_region, answer.by_instance_type, answer.by_state):
        for name in ("reservations", "instances", "total_capacity", "accelerators"):
            whole = getattr(answer.total, name)
            assert sum(getattr(group, name) for group in groups.values()) == pytest.approx(whole)


def test_rows_are_looked_at_once_so_that_they_may_come_from_anywhere() -> None:
    rows: list[Reservation] = [an_odcr("cr-1"), a_block("cr-2")]

    assert summarize(iter(rows)) == summarize(rows)


def test_instances_beyond_the_reserved_ones_count_as_they_come() -> None:
    rows = [
        an_odcr("cr-1", total_capacity=8, available_capacity=11),
        an_odcr("cr-2", total_capacity=8, available_capacity=7),
    ]

    answer = summarize(rows).total

    assert (answer.total_capacity, answer.available_capacity, answer.used_capacity) == (16, 18, -2)
    assert summarize(rows[:1]).total.used_capacity == -3


def test_millions_of_instances_add_up() -> None:
    rows = [
        an_odcr(f"cr-{number}", instance_type="p5.48xlarge", total_capacity=10**7)
        for number in range(100)
    ]

    answer = summarize(rows).total

    assert (answer.instances, answer.accelerators) == (10**9, 8 * 10**9)


def added_up(rows: list[Reservation]) -> dict[str, float | None]:
    """The sums as the contract has them, one field after the other."""
    sizes = [
        row.instance_count if isinstance(row, CapacityBlock) else row.total_capacity for row in rows
    ]
    devices = [row.accelerator.total_count for row in rows if row.accelerator is not None]
    active = [
        row
        for row in rows
        if None not in (row.used_capacity, row.total_capacity, row.available_capacity)
    ]
    return {
        "reservations": len(rows),
        "instances": known_sum(sizes),
        "total_capacity": sum(row.total_capacity or 0 for row in active),
        "available_capacity": sum(row.available_capacity or 0 for row in active),
        "used_capacity": sum(row.used_capacity or 0 for row in active),
        "accelerators": known_sum(devices),
        "idle_accelerators": sum(
            (row.accelerator.count or 0) * (row.available_capacity or 0)
            for row in active
            if row.accelerator
        ),
        "unknown_sizes": sizes.count(None),
        "unknown_accelerators": devices.count(None),
        **idle_cost([row for row in active if row.state == "active"]),
    }


def idle_cost(active: list[Reservation]) -> dict[str, float | None]:
    """At a tenth of a dollar for every p5, and no price for other types."""
    priced = [row for row in active if row.instance_type.startswith("p5")]
    unpriced = sum(row.available_capacity or 0 for row in active if row not in priced)
    tenths = sum(row.available_capacity or 0 for row in priced)
    return {
        "idle_usd_per_hour": None if unpriced and not tenths else tenths / 10,
        "unpriced_instances": unpriced,
    }


def known_sum(numbers: Sequence[float | None]) -> float | None:
    """The sum of the known numbers; None if only unknown ones could make it more than 0."""
    known = sum(number for number in numbers if number is not None)
    return None if None in numbers and not known else known


@given(st.lists(whole_reservations, max_size=8))
def test_every_sum_is_what_adding_field_by_field_gives(rows: list[Reservation]) -> None:
    answer = summarize(rows, PriceBook({"p5*": 0.1})).to_json()
    groups = {
        "by_type": "type",
        "by_region": "region",
        "by_instance_type": "instance_type",
        "by_state": "state",
    }

    assert without_utilization(answer["total"]) == added_up(rows)
    for group, name in groups.items():
        values = sorted({getattr(row, name) for row in rows})
        expected = {
            value: added_up([row for row in rows if getattr(row, name) == value])
            for value in values
        }
        found: Any = answer[group]
        assert list(found) == values
        assert {value: without_utilization(found[value]) for value in values} == expected


def without_utilization(totals: Any) -> dict[str, float | None]:
    return {name: number for name, number in totals.items() if name != "utilization"}
