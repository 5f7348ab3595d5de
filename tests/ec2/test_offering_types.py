"""Several instance types of which any will do: one call, and more only where that is not enough."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.builders import NOON
from truffle.core.offerings import Wanted
from truffle.ec2.offerings import Budget, RegionOfferings, RegionOutcome, list_offerings

TYPES = ("p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge")
Raw = dict[str, Any]


class EC2:
    """Sells that many blocks of each type, six at most in one response; it refuses a request with a
    type that it does not sell."""

    def __init__(self, *, takes_one: bool = False, **blocks: int) -> None:
        self.takes_one = takes_one
        self.blocks = {f"{name}.48xlarge": count for name, count in blocks.items()}
        self.asked: list[list[str]] = []

    def describe_capacity_block_offerings(self, **request: Any) -> Raw:
        preferences = request.get("InstanceTypePreferences")
        if preferences and self.takes_one:
            error = {"Error": {"Code": "MissingParameter", "Message": "InstanceType is missing"}}
            raise ClientError(error, "DescribeCapacityBlockOfferings")
        types = [it["InstanceType"] for it in preferences or [{**request}]]
        assert ("InstanceType" in request) != (preferences is not None)
        self.asked.append(types)
        unknown = [it for it in types if it not in self.blocks]
        if unknown:
            message = f"The instance type {unknown[0]} is not supported for Capacity Blocks"
            error = {"Error": {"Code": "InvalidParameterValue", "Message": message}}
            raise ClientError(error, "DescribeCapacityBlockOfferings")
        offerings = [
            {"CapacityBlockOfferingId": f"{name}-{number}", "InstanceType": name}
            for name in types
            for number in range(self.blocks.get(name, 0))
        ]
        return {"CapacityBlockOfferings": offerings[:6]}

    def get_paginator(self, operation_name: str) -> Any:
        raise AssertionError(operation_name)


def found(ec2: EC2, *types: str) -> RegionOfferings:
    first, *others = types
    wanted = Wanted(instance_type=first, count=1, duration_hours=24, other_types=tuple(others))
    return list_offerings(ec2, "us-east-2", wanted, Budget(clock=lambda: 0.0), lambda: NOON)


def counts(answer: RegionOfferings) -> dict[str, int]:
    types = [it.instance_type or "" for it in answer.offerings]
    return {name: types.count(name) for name in dict.fromkeys(types)}


def test_one_call_asks_for_all_types() -> None:
    ec2 = EC2(p5=2, p5e=0, p5en=3)
    answer = found(ec2, *TYPES)
    assert ec2.asked == [list(TYPES)]
    assert counts(answer) == {"p5.48xlarge": 2, "p5en.48xlarge": 3}
    assert (answer.outcome, answer.unknown_types) == (RegionOutcome.ANSWERED, ())


def test_a_single_type_is_asked_for_as_before() -> None:
    ec2 = EC2(p5=1)
    assert counts(found(ec2, "p5.48xlarge")) == {"p5.48xlarge": 1}
    assert ec2.asked == [["p5.48xlarge"]]


def test_a_type_that_a_full_response_has_no_room_for_is_asked_for_alone() -> None:
    ec2 = EC2(p5=6, p5e=0, p5en=2)
    assert counts(found(ec2, *TYPES)) == {"p5.48xlarge": 6, "p5en.48xlarge": 2}
    assert ec2.asked == [list(TYPES), ["p5e.48xlarge"], ["p5en.48xlarge"]]


def test_where_one_type_is_not_sold_the_others_are_found() -> None:
    ec2 = EC2(p5=1, p5en=1)
    answer = found(ec2, *TYPES)
    assert counts(answer) == {"p5.48xlarge": 1, "p5en.48xlarge": 1}
    assert answer.unknown_types == ("p5e.48xlarge",)


def test_an_ec2_that_takes_one_type_is_asked_for_each() -> None:
    answer = found(EC2(takes_one=True, p5=1, p5e=0, p5en=2), *TYPES)
    assert counts(answer) == {"p5.48xlarge": 1, "p5en.48xlarge": 2}


def test_where_none_of_them_is_sold_the_region_does_not_sell_them() -> None:
    answer = found(EC2(), *TYPES)
    assert (answer.outcome, answer.code) == (RegionOutcome.NOT_SOLD, "InvalidParameterValue")


def test_a_type_that_is_not_sold_is_not_asked_for_with_the_next_length() -> None:
    ec2 = EC2(p5=1, p5en=1)
    wanted = Wanted(
        instance_type="p5.48xlarge",
        count=1,
        duration_hours=48,
        shorter_hours=(24,),
        other_types=TYPES[1:],
    )
    list_offerings(ec2, "us-east-2", wanted, Budget(clock=lambda: 0.0), lambda: NOON)
    assert ec2.asked[-1] == ["p5.48xlarge", "p5en.48xlarge"]


def test_each_type_has_an_answer_of_its_own() -> None:
    wanted = Wanted(instance_type="p5.48xlarge", count=1, duration_hours=24, other_types=TYPES[1:])
    answer = found(EC2(p5=1, p5en=0), *TYPES)
    outcomes = {name: answer.of_type(name, wanted).as_answer.value for name in TYPES}
    assert outcomes == {
        "p5.48xlarge": "offered",
        "p5e.48xlarge": "unknown-type",
        "p5en.48xlarge": "none",
    }
