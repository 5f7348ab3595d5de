"""The one filter: values of a field are OR, fields are AND, tags are AND by key, OR by value."""

from dataclasses import fields
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import DAY, HOME, HOUR, NOON, OTHER, a_block, an_odcr
from tests.strategies import (
    ACCOUNTS,
    INSTANCE_TYPES,
    REGIONS,
    STATES,
    TAG_KEYS,
    TAG_VALUES,
    ZONES,
    grid_moments,
    inventories,
)
from truffle.core.filters import Filter, tags_by_key
from truffle.core.model import Accelerator, CapacityBlock, Reservation

EVERY_TYPE = frozenset({"odcr", "capacity-block"})


def some(*values: str) -> frozenset[str]:
    return frozenset(values)


def kept(chosen: Filter, *rows: Reservation) -> list[str]:
    return [row.reservation_id for row in chosen.apply(rows)]


def test_the_empty_filter_hides_nothing() -> None:
    rows: list[Reservation] = [
        an_odcr("cr-1", state="expired"),
        a_block("cr-2", state="payment-failed"),
    ]

    assert Filter().apply(rows) == rows


def test_matches_stay_in_the_order_they_came_in() -> None:
    rows = [an_odcr(name, state="active") for name in ("cr-3", "cr-1", "cr-2")]

    assert kept(Filter(states=some("active")), *rows) == ["cr-3", "cr-1", "cr-2"]


@pytest.mark.parametrize(
    ("facts", "chosen"),
    [
        ({"region": "us-east-1"}, Filter(regions=some("us-east-1"))),
        ({"availability_zone": "us-east-2c"}, Filter(availability_zones=some("us-east-2c"))),
        ({"state": "cancelled"}, Filter(states=some("cancelled"))),
        ({"owner_id": OTHER}, Filter(owners=some(OTHER))),
        ({"seen_by": (HOME, OTHER)}, Filter(accounts=some(OTHER))),
        ({"instance_type": "g6.xlarge"}, Filter(instance_types=some("g6.xlarge"))),
        ({"available_capacity": 4}, Filter(min_capacity=4)),
        ({"tags": {"Team": "ops"}}, Filter(tags={"Team": some("ops")})),
    ],
)
def test_each_field_keeps_only_its_values(facts: dict[str, Any], chosen: Filter) -> None:
    assert kept(chosen, an_odcr("cr-yes", **facts), an_odcr("cr-no")) == ["cr-yes"]


def test_a_type_keeps_only_reservations_of_it() -> None:
    rows = (an_odcr("cr-1"), a_block("cr-2"))

    assert kept(Filter(types=some("capacity-block")), *rows) == ["cr-2"]
    assert kept(Filter(types=some("odcr")), *rows) == ["cr-1"]
    assert kept(Filter(types=EVERY_TYPE), *rows) == ["cr-1", "cr-2"]


def test_values_of_one_field_mean_or() -> None:
    rows = [an_odcr(name, region=name) for name in ("us-east-1", "us-west-2", "eu-west-1")]

    assert kept(Filter(regions=some("us-east-1", "eu-west-1")), *rows) == ["us-east-1", "eu-west-1"]


def test_different_fields_mean_and() -> None:
    chosen = Filter(regions=some("us-east-1"), states=some("active"))
    rows = (
        an_odcr("cr-both", region="us-east-1", state="active"),
        an_odcr("cr-region", region="us-east-1", state="pending"),
        an_odcr("cr-state", region="us-east-2", state="active"),
    )

    assert kept(chosen, *rows) == ["cr-both"]


def test_tags_are_and_between_keys_and_or_between_the_values_of_one_key() -> None:
    chosen = Filter(tags={"Team": some("research", "ops"), "Env": some("prod")})
    rows = (
        an_odcr("cr-1", tags={"Team": "research", "Env": "prod"}),
        an_odcr("cr-2", tags={"Team": "ops", "Env": "prod"}),
        an_odcr("cr-3", tags={"Team": "sales", "Env": "prod"}),
        an_odcr("cr-4", tags={"Team": "ops"}),
    )

    assert kept(chosen, *rows) == ["cr-1", "cr-2"]


def test_tag_pairs_gather_by_key() -> None:
    pairs = [("Team", "ops"), ("Env", "prod"), ("Team", "research")]

    assert tags_by_key(pairs) == {"Team": some("ops", "research"), "Env": some("prod")}


@pytest.mark.parametrize(
    ("glob", "matched"),
    [
        ("p5.48xlarge", {"p5.48xlarge"}),
        ("p5*", {"p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge"}),
        ("p5?.*", {"p5e.48xlarge"}),
        ("*.48xlarge", {"p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge"}),
        ("[gp]4*", {"g4dn.xlarge"}),
        ("p5", set()),
        ("p5x48xlarge", set()),
    ],
)
def test_instance_types_are_exact_or_globs(glob: str, matched: set[str]) -> None:
    names = ("p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge", "g4dn.xlarge")
    rows = [an_odcr(name, instance_type=name) for name in names]

    assert set(kept(Filter(instance_types=some(glob)), *rows)) == matched


def test_gpu_only_goes_by_the_types_description_and_not_by_its_name() -> None:
    rows = (
        an_odcr("cr-gpu", instance_type="g6.xlarge"),
        an_odcr("cr-trainium", instance_type="trn1.32xlarge"),
        an_odcr("cr-plain", instance_type="m7i.24xlarge"),
        an_odcr("cr-fpga", instance_type="f2.48xlarge"),
        an_odcr("cr-named-like-one", instance_type="p9.unheard-of"),
        an_odcr("cr-described", instance_type="x1", accelerator=Accelerator("A", "B", 1)),
    )

    assert kept(Filter(gpu_only=True), *rows) == ["cr-gpu", "cr-trainium", "cr-described"]


def test_available_only_keeps_what_has_free_instances() -> None:
    rows = [
        an_odcr(f"cr-{free}", available_capacity=free, used_capacity=None) for free in (0, 1, None)
    ]

    assert kept(Filter(available_only=True), *rows) == ["cr-1"]


@pytest.mark.parametrize(
    ("types", "hidden"),
    [
        (EVERY_TYPE, {"odcr scheduled", "odcr expired", "capacity-block payment-failed"}),
        (some("odcr"), {"odcr scheduled", "odcr expired"}),
        (some("capacity-block"), {"capacity-block payment-failed"}),
        (some(), set()),
    ],
)
def test_active_only_keeps_active_odcrs_and_active_or_scheduled_blocks(
    types: frozenset[str], hidden: set[str]
) -> None:
    rows: list[Reservation] = [
        *(an_odcr(f"odcr {state}", state=state) for state in ("active", "scheduled", "expired")),
        *(
            a_block(f"capacity-block {state}", state=state)
            for state in ("active", "scheduled", "payment-failed")
        ),
    ]

    names = {row.reservation_id for row in rows}
    assert set(kept(Filter(active_only=types), *rows)) == names - hidden


def test_min_capacity_is_the_free_instances_of_an_odcr_and_the_size_of_a_block() -> None:
    rows = (
        an_odcr("cr-enough", total_capacity=16, available_capacity=8),
        an_odcr("cr-large-but-used", total_capacity=16, available_capacity=7),
        a_block("cr-scheduled", instance_count=8, state="scheduled"),
        a_block("cr-small", instance_count=7, state="scheduled"),
        a_block("cr-unknown", instance_count=None, state="scheduled"),
    )

    assert kept(Filter(min_capacity=8), *rows) == ["cr-enough", "cr-scheduled"]


def test_after_includes_its_bound_and_before_excludes_it() -> None:
    rows = [
        an_odcr(f"cr-{hour:+}", start_date=NOON + hour * HOUR, end_date=NOON + hour * HOUR)
        for hour in (-1, 0, 1)
    ]

    assert kept(Filter(starts_after=NOON), *rows) == ["cr-+0", "cr-+1"]
    assert kept(Filter(starts_before=NOON), *rows) == ["cr--1"]
    assert kept(Filter(ends_after=NOON), *rows) == ["cr-+0", "cr-+1"]
    assert kept(Filter(ends_before=NOON), *rows) == ["cr--1"]


def test_no_end_is_never_before_and_always_after() -> None:
    endless = an_odcr("cr-endless", end_date=None)

    assert kept(Filter(ends_before=NOON + 9999 * DAY), endless) == []
    assert kept(Filter(ends_after=NOON + 9999 * DAY), endless) == ["cr-endless"]
    assert kept(Filter(ends_after=NOON, ends_before=NOON + 9999 * DAY), endless) == []


def test_no_start_is_neither_before_nor_after() -> None:
    unknown = an_odcr("cr-unknown", start_date=None)

    assert kept(Filter(starts_before=NOON + 9999 * DAY), unknown) == []
    assert kept(Filter(starts_after=NOON - 9999 * DAY), unknown) == []


def subsets(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.just(frozenset()) | st.frozensets(st.sampled_from(values), min_size=1, max_size=3)


bounds = st.none() | st.none() | grid_moments

filters = st.builds(
    Filter,
    types=subsets(*EVERY_TYPE),
    instance_types=subsets(*INSTANCE_TYPES, "p5*", "*.48xlarge", "[gm]*", "?5e.*", "*"),
    regions=subsets(*REGIONS, "us-*"),
    availability_zones=subsets(*ZONES),
    accounts=subsets(*ACCOUNTS),
    owners=subsets(*ACCOUNTS),
    states=subsets(*STATES),
    accelerators=subsets("h100", "A100", "none such"),
    gpu_only=st.booleans(),
    available_only=st.booleans(),
    active_only=subsets(*EVERY_TYPE),
    min_capacity=st.none() | st.integers(0, 10),
    tags=st.dictionaries(
        st.sampled_from(TAG_KEYS),
        st.frozensets(st.sampled_from(TAG_VALUES), min_size=1),
        max_size=2,
    ),
    starts_before=bounds,
    starts_after=bounds,
    ends_before=bounds,
    ends_after=bounds,
)


def one_field_at_a_time(chosen: Filter) -> list[Filter]:
    """The filter, taken apart: its result for each field alone."""
    said = {field.name: getattr(chosen, field.name) for field in fields(Filter)}
    return [
        Filter(**{name: value}) for name, value in said.items() if value != getattr(Filter(), name)
    ]


def is_kept(chosen: Filter, row: Reservation) -> bool:
    """The contract's words, one after the other, without any regard for speed."""
    is_block = isinstance(row, CapacityBlock)
    if chosen.types and ("capacity-block" if is_block else "odcr") not in chosen.types:
        return False
    if chosen.instance_types and not [
        glob for glob in chosen.instance_types if fnmatchcase(row.instance_type, glob)
    ]:
        return False
    if chosen.regions and not [glob for glob in chosen.regions if fnmatchcase(row.region, glob)]:
        return False
    names = {name.lower() for name in chosen.accelerators}
    if names and (row.accelerator is None or row.accelerator.name.lower() not in names):
        return False
    for wanted, value in (
        (chosen.availability_zones, row.availability_zone),
        (chosen.owners, row.owner_id),
        (chosen.states, row.state),
    ):
        if wanted and value not in wanted:
            return False
    if chosen.accounts and not set(row.seen_by) & set(chosen.accounts):
        return False
    if chosen.gpu_only and row.accelerator is None:
        return False
    if chosen.available_only and (row.available_capacity or 0) < 1:
        return False
    if row.type in chosen.active_only and row.state not in (
        ["active", "scheduled"] if is_block else ["active"]
    ):
        return False
    if chosen.min_capacity is not None:
        capacity = row.instance_count if isinstance(row, CapacityBlock) else row.available_capacity
        if capacity is None or capacity < chosen.min_capacity:
            return False
    if any(row.tags.get(key, object()) not in values for key, values in chosen.tags.items()):
        return False
    if chosen.ends_after and chosen.ends_before is None and row.end_date is None:
        return is_between(chosen.starts_after, row.start_date, chosen.starts_before)
    return is_between(chosen.starts_after, row.start_date, chosen.starts_before) and is_between(
        chosen.ends_after, row.end_date, chosen.ends_before
    )


def is_between(after: datetime | None, moment: datetime | None, before: datetime | None) -> bool:
    """``after <= moment < before``, as far as there are bounds; no moment is within no bound."""
    if moment is None:
        return after is None and before is None
    return not (after and moment < after) and not (before and moment >= before)


@given(filters, inventories)
def test_the_filter_is_what_the_contract_says_word_for_word(
    chosen: Filter, rows: list[Reservation]
) -> None:
    assert chosen.apply(rows) == [row for row in rows if is_kept(chosen, row)]


@given(filters, inventories)
def test_each_part_of_the_filter_alone_is_what_the_contract_says(
    chosen: Filter, rows: list[Reservation]
) -> None:
    for part in one_field_at_a_time(chosen):
        assert part.apply(rows) == [row for row in rows if is_kept(part, row)]


@given(filters, inventories)
def test_matching_one_row_and_filtering_many_agree(chosen: Filter, rows: list[Reservation]) -> None:
    assert chosen.apply(rows) == [row for row in rows if chosen.matches(row)]


@given(filters, inventories)
def test_a_filter_is_the_intersection_of_its_fields(
    chosen: Filter, rows: list[Reservation]
) -> None:
    left = rows
    for part in one_field_at_a_time(chosen):
        left = part.apply(left)

    assert chosen.apply(rows) == left


@given(inventories, st.sampled_from(STATES), st.sampled_from(STATES))
def test_two_values_of_a_field_keep_the_union_of_each(
    rows: list[Reservation], one: str, other: str
) -> None:
    either = Filter(states=some(one)).apply(rows) + Filter(states=some(other)).apply(rows)

    assert Filter(states=some(one, other)).apply(rows) == [row for row in rows if row in either]


@pytest.mark.parametrize(
    ("globs", "kept"),
    [
        (["train-1"], ["cr-1"]),
        (["train-*"], ["cr-1", "cr-2"]),
        (["*"], ["cr-1", "cr-2", "cr-3"]),
        (["TRAIN-1"], []),
        (["train-1", "web"], ["cr-1", "cr-3"]),
    ],
)
def test_names_are_those_of_the_tag_name(globs: list[str], kept: list[str]) -> None:
    """A reservation without that tag has no name, which no glob matches."""
    rows = [
        an_odcr("cr-1", tags={"Name": "train-1"}),
        an_odcr("cr-2", tags={"Name": "train-2"}),
        an_odcr("cr-3", tags={"Name": "web"}),
        an_odcr("cr-4", tags={"name": "train-1"}),
    ]
    assert [row.reservation_id for row in Filter(names=frozenset(globs)).apply(rows)] == kept
