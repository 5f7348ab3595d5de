"""Stranded spend: each reason why an instance is not in a reservation, and no double count."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import a_block, an_odcr
from truffle.core.pricing import PriceBook
from truffle.core.stranded import (
    FIX,
    WHY,
    OnDemandInstance,
    Reason,
    from_json,
    reason_of,
    stranded,
    to_json,
    with_advice,
)

ZONE = "us-east-2a"
SAME: dict[str, Any] = {
    "instance_type": "p4d.24xlarge",
    "availability_zone": ZONE,
    "platform": "Linux/UNIX",
    "tenancy": "default",
    "preference": "open",
}


def odcr(name: str = "cr-a", idle: int = 4, **facts: Any) -> Any:
    return an_odcr(name, total_capacity=8, available_capacity=idle, **facts)


def instance(name: str = "i-1", **facts: Any) -> OnDemandInstance:
    return OnDemandInstance(instance_id=name, **{**SAME, **facts})


@pytest.mark.parametrize(
    ("facts", "of_reservation", "reason"),
    [
        ({"platform": "Windows"}, {}, Reason.PLATFORM),
        ({"tenancy": "dedicated"}, {}, Reason.TENANCY),
        ({"availability_zone": "us-east-2b"}, {}, Reason.ZONE),
        ({"platform": "Windows", "availability_zone": "us-east-2b"}, {}, Reason.PLATFORM),
        ({"preference": "none"}, {}, Reason.PREFERENCE_NONE),
        ({"preference": "none"}, {"match_criteria": "targeted"}, Reason.PREFERENCE_NONE),
        ({"target": "cr-other"}, {}, Reason.TARGETS_ANOTHER),
        ({"target": "arn:aws:resource-groups:…"}, {}, Reason.TARGETS_ANOTHER),
        ({"target": "cr-a"}, {"match_criteria": "targeted"}, Reason.UNKNOWN),
        ({}, {"match_criteria": "targeted"}, Reason.NOT_TARGETED),
        ({}, {"placement_group_arn": "arn:aws:ec2:…"}, Reason.PLACEMENT_GROUP),
        ({}, {}, Reason.UNKNOWN),
        ({"platform": None}, {}, Reason.PLATFORM),
    ],
)
def test_each_reason(facts: dict[str, Any], of_reservation: dict[str, Any], reason: Reason) -> None:
    (found,) = stranded([odcr(**of_reservation)], [instance(**facts)])
    assert (found.reason, found.instances, found.idle_instances) == (reason, 1, 4)
    assert WHY[reason]
    assert FIX[reason]


def test_an_instance_beside_an_idle_block_has_to_name_it() -> None:
    block = a_block(state="active", available_capacity=2, instance_type="p4d.24xlarge")
    assert reason_of(instance(), block) is Reason.PREPAID


@pytest.mark.parametrize(
    "row",
    [odcr(idle=0), odcr(state="cancelled"), odcr(instance_type="p5.48xlarge")],
)
def test_nothing_is_stranded_without_idle_capacity_of_its_type(row: Any) -> None:
    assert stranded([row], [instance()]) == []


def test_only_as_many_are_stranded_as_there_is_idle_capacity_for() -> None:
    (found,) = stranded([odcr(idle=2)], [instance(f"i-{number}") for number in range(5)])
    assert (found.instances, found.instance_ids) == (2, ("i-0", "i-1"))


def test_the_nearest_reservation_is_named() -> None:
    far = odcr("cr-a", availability_zone="us-east-2b")
    near = odcr("cr-b", match_criteria="targeted")
    (found,) = stranded([far, near], [instance()])
    assert (found.reservation_id, found.reason) == ("cr-b", Reason.NOT_TARGETED)


def test_the_cost_is_that_of_the_instances_or_unknown() -> None:
    (found,) = stranded([odcr()], [instance("i-1"), instance("i-2")])
    assert with_advice(found, PriceBook({"p4d*": 30.5}))["usd_per_hour"] == 61
    assert with_advice(found, PriceBook())["usd_per_hour"] is None
    assert from_json(to_json(found)) == found


rows = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(["us-east-2a", "us-east-2b"])), max_size=5
).map(
    lambda made: [
        odcr(f"cr-{place}", idle=idle, availability_zone=zone)
        for place, (idle, zone) in enumerate(made)
    ]
)
running = st.lists(st.sampled_from(["us-east-2a", "us-east-2b"]), max_size=12).map(
    lambda zones: [
        instance(f"i-{place}", availability_zone=zone) for place, zone in enumerate(zones)
    ]
)


@given(rows, running)
def test_no_instance_and_no_idle_capacity_counts_twice(
    reservations: list[Any], instances: list[OnDemandInstance]
) -> None:
    found = stranded(reservations, instances)
    names = [name for each in found for name in each.instance_ids]
    assert len(set(names)) == len(names) == sum(each.instances for each in found)
    assert len(names) == min(sum(row.available_capacity for row in reservations), len(instances))
    for row in reservations:
        here = [each for each in found if each.reservation_id == row.reservation_id]
        assert sum(each.instances for each in here) <= row.available_capacity
