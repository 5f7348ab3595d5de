"""The order of rows: the same everywhere, total, and resumable after any row."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOME, NOON, OTHER, a_block, an_odcr
from tests.strategies import inventories, randoms
from truffle.core.model import CapacityBlock, Health, Reservation
from truffle.core.order import SORT_FIELDS, Order

SORTS = st.none() | st.sampled_from([sign + name for name in SORT_FIELDS for sign in ("", "-")])


def ids(rows: list[Reservation]) -> list[str]:
    return [row.reservation_id for row in rows]


def test_odcrs_come_before_blocks() -> None:
    rows: list[Reservation] = [a_block("cr-1"), an_odcr("cr-2")]

    assert ids(Order().sorted(rows)) == ["cr-2", "cr-1"]


def test_odcrs_go_by_available_largest_first_unknown_last_then_type_region_and_id() -> None:
    rows = [
        an_odcr("cr-6", available_capacity=1, instance_type="a1.large"),
        an_odcr("cr-5", available_capacity=8, instance_type="p5.48xlarge", region="us-east-1"),
        an_odcr("cr-4", available_capacity=8, instance_type="g6.xlarge", region="us-east-2"),
        an_odcr("cr-3", available_capacity=8, instance_type="g6.xlarge", region="us-east-1"),
        an_odcr("cr-2", available_capacity=8, instance_type="g6.xlarge", region="us-east-1"),
        an_odcr("cr-7", available_capacity=0, instance_type="z1.large"),
        an_odcr("cr-1", available_capacity=None, instance_type="a1.large"),
    ]

    assert ids(Order().sorted(rows)) == ["cr-2", "cr-3", "cr-4", "cr-5", "cr-6", "cr-7", "cr-1"]


def test_blocks_go_by_start_then_type_and_id_and_those_without_a_start_come_last() -> None:
    rows = [
        a_block("cr-1", start_date=None, end_date=None),
        a_block("cr-2", start_date=NOON + DAY),
        a_block("cr-5", start_date=NOON, instance_type="p5.48xlarge"),
        a_block("cr-4", start_date=NOON, instance_type="p5.48xlarge"),
        a_block("cr-6", start_date=NOON, instance_type="p4d.24xlarge"),
    ]

    assert ids(Order().sorted(rows)) == ["cr-6", "cr-4", "cr-5", "cr-2", "cr-1"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("total_capacity", ["cr-b", "cr-c", "cr-d", "cr-a"]),
        ("-total_capacity", ["cr-c", "cr-d", "cr-b", "cr-a"]),
    ],
)
def test_by_a_field_ties_go_by_id_and_rows_without_a_value_come_last(
    sort: str, expected: list[str]
) -> None:
    rows = [
        an_odcr("cr-d", total_capacity=10),
        an_odcr("cr-c", total_capacity=10),
        an_odcr("cr-b", total_capacity=9),
        an_odcr("cr-a", total_capacity=None),
    ]

    assert ids(Order(sort).sorted(rows)) == expected


def test_a_field_that_only_one_type_has_puts_the_other_type_last() -> None:
    rows: list[Reservation] = [
        an_odcr("cr-1"),
        a_block("cr-2", instance_count=9),
        a_block("cr-3", instance_count=8),
    ]

    assert ids(Order("-instance_count").sorted(rows)) == ["cr-2", "cr-3", "cr-1"]


def test_a_field_that_is_an_object_sorts_by_its_json() -> None:
    rows = [a_block("cr-1", health=Health("ok", 0)), a_block("cr-2", health=Health("impaired", 1))]

    assert ids(Order("health").sorted(rows)) == ["cr-2", "cr-1"]


def test_a_field_that_is_a_list_sorts_by_its_items() -> None:
    rows = [
        an_odcr("cr-1", seen_by=(OTHER,)),
        an_odcr("cr-2", seen_by=(HOME, OTHER)),
        an_odcr("cr-3", seen_by=(HOME,)),
    ]

    assert ids(Order("seen_by").sorted(rows)) == ["cr-3", "cr-2", "cr-1"]


def test_every_field_of_either_type_can_be_sorted_by() -> None:
    assert {"reservation_id", "interruptible", "health", "effective_end"} <= set(SORT_FIELDS)
    assert len(SORT_FIELDS) == len(set(SORT_FIELDS)) == 63


@pytest.mark.parametrize("sort", ["", "-", "colour", "--region", "region ", "Region"])
def test_what_is_not_a_field_is_refused(sort: str) -> None:
    with pytest.raises(ValueError, match="not a field"):
        Order(sort)


@given(SORTS, inventories, randoms)
def test_the_order_of_rows_does_not_depend_on_how_they_came(
    sort: str | None, rows: list[Reservation], random: Any
) -> None:
    shuffled = random.sample(rows, len(rows))

    assert Order(sort).sorted(shuffled) == Order(sort).sorted(rows)


@given(SORTS, inventories)
def test_ordering_loses_and_invents_no_row(sort: str | None, rows: list[Reservation]) -> None:
    assert sorted(ids(Order(sort).sorted(rows))) == sorted(ids(rows))


@given(inventories)
def test_the_default_order_is_the_contracts(rows: list[Reservation]) -> None:
    for first, second in pairwise(Order().sorted(rows)):
        assert may_precede(first, second)


def may_precede(first: Reservation, second: Reservation) -> bool:
    if first.type != second.type:
        return first.type == "odcr"
    if isinstance(first, CapacityBlock) and isinstance(second, CapacityBlock):
        if first.start_date != second.start_date:
            return second.start_date is None or (
                first.start_date is not None and first.start_date < second.start_date
            )
        return (first.instance_type, first.reservation_id) < (
            second.instance_type,
            second.reservation_id,
        )
    free, next_free = first.available_capacity, second.available_capacity
    if free != next_free:
        return next_free is None or (free is not None and free > next_free)
    return (first.instance_type, first.region, first.reservation_id) < (
        second.instance_type,
        second.region,
        second.reservation_id,
    )


def through_json(mark: list[Any]) -> Any:
    """A mark after a caller has returned it: strict JSON, as other languages parse it."""
    return json.loads(json.dumps(mark, allow_nan=False))


@given(SORTS, inventories, st.integers(1, 4))
def test_pages_of_any_size_show_each_row_once_and_in_order(
    sort: str | None, rows: list[Reservation], size: int
) -> None:
    order = Order(sort)
    ordered = order.sorted(rows)

    shown: list[Reservation] = []
    start = 0
    while (page := ordered[start : start + size]) and len(shown) <= len(ordered):
        shown += page
        start = order.after(ordered, through_json(order.mark(page[-1])))

    assert shown == ordered


@given(SORTS, inventories, st.data())
def test_pages_go_on_in_the_right_place_when_rows_and_even_the_marked_one_have_gone(
    sort: str | None, rows: list[Reservation], data: st.DataObject
) -> None:
    # Given a page that ended with some row
    order = Order(sort)
    ordered = order.sorted(rows)
    if not ordered:
        return
    last = data.draw(st.integers(0, len(ordered) - 1))
    mark = through_json(order.mark(ordered[last]))

    # When that row and some others are gone
    gone = data.draw(st.sets(st.integers(0, len(ordered) - 1))) | {last}
    left = [row for number, row in enumerate(ordered) if number not in gone]

    # Then the next page begins with the first row behind it that is left
    behind = [row for number, row in enumerate(ordered) if number > last and number not in gone]
    assert left[order.after(left, mark) :] == behind


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(SORTS, inventories, json_values)
def test_a_mark_that_is_none_is_refused_or_harmless(
    sort: str | None, rows: list[Reservation], mark: Any
) -> None:
    order = Order(sort)
    ordered = order.sorted(rows)

    try:
        start = order.after(ordered, mark)
    except (TypeError, ValueError):
        return

    assert 0 <= start <= len(ordered)


def test_a_mark_of_another_order_is_refused() -> None:
    rows: list[Reservation] = [an_odcr()]

    with pytest.raises((TypeError, ValueError)):
        Order("region").after(rows, Order().mark(rows[0]))


@pytest.mark.parametrize("sort", [None, "region"])
@pytest.mark.parametrize("mark", [[], "ab", {}, [0] * 3, [0] * 50])
def test_what_is_not_a_mark_is_refused(sort: str | None, mark: Any) -> None:
    with pytest.raises(ValueError, match="not a position"):
        Order(sort).after([an_odcr()], mark)
