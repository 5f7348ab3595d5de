"""Capacity blocks for sale."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.worlds import World

P5 = {
    "InstanceType": "p5.48xlarge",
    "AvailabilityZone": "us-east-2a",
    "Count": 8,
    "FirstStart": "-1d",
    "HourlyPrice": "31.464",
}


def offered(world: World, **parameters: Any) -> list[dict[str, Any]]:
    asked = {"InstanceType": "p5.48xlarge", "InstanceCount": 4, "CapacityDurationHours": 48}
    asked = {name: value for name, value in {**asked, **parameters}.items() if value is not None}
    answer = world.ec2().describe_capacity_block_offerings(**asked)
    return list(answer["CapacityBlockOfferings"])


def test_a_block_that_starts_now_is_shorter_because_it_ends_at_half_past_eleven(
    world: World,
) -> None:
    world.has(Market=[P5])
    now, tomorrow, *_ = offered(world)
    assert now["StartDate"] == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert now["EndDate"] == datetime(2026, 11, 25, 11, 30, tzinfo=UTC)
    duration = (now["CapacityBlockDurationHours"], now["CapacityBlockDurationMinutes"])
    assert duration == (26, 0)
    assert tomorrow["StartDate"] == datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
    assert tomorrow["CapacityBlockDurationHours"] == 48


def test_several_types_are_alternatives(world: World) -> None:
    world.has(Market=[P5, {**P5, "InstanceType": "p5en.48xlarge"}])
    types = [{"InstanceType": name} for name in ("p5.48xlarge", "p5en.48xlarge")]
    found = offered(world, InstanceType=None, InstanceTypePreferences=types)
    assert {it["InstanceType"] for it in found} == {"p5.48xlarge", "p5en.48xlarge"}
    with pytest.raises(ClientError, match="cannot be used together"):
        offered(world, InstanceTypePreferences=types)


def test_the_fee_is_for_all_instances_and_the_whole_time(world: World) -> None:
    world.has(Market=[P5])
    offer = offered(world)[1]
    assert Decimal(offer["UpfrontFee"]) == Decimal("6041.09")
    assert (offer["CurrencyCode"], offer["InstanceCount"]) == ("USD", 4)


def test_no_capacity_is_an_empty_list(world: World) -> None:
    assert offered(world) == []
    world.has(Market=[P5])
    assert offered(world, InstanceCount=9) == []
    assert offered(world, EndDateRange=datetime(2026, 11, 25, tzinfo=UTC)) == []


def test_the_window_is_kept(world: World) -> None:
    world.has(Market=[P5])
    start, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 5, tzinfo=UTC)
    found = offered(world, StartDateRange=start, EndDateRange=end)
    assert found
    assert all(start <= offer["StartDate"] < offer["EndDate"] <= end for offer in found)


def test_ultraservers(world: World) -> None:
    server = {**P5, "InstanceType": "p6e-gb200.36xlarge", "UltraserverType": "u-p6e-gb200x72"}
    world.has(Market=[{**server, "AvailabilityZone": "us-east-1-dfw-2a", "Count": 1}])
    found = offered(
        world,
        InstanceType=None,
        InstanceCount=None,
        UltraserverType="u-p6e-gb200x72",
        UltraserverCount=1,
    )
    assert {(offer["UltraserverCount"], offer["ZoneType"]) for offer in found} == {
        (1, "local-zone")
    }


def test_at_most_six_and_pages_of_them(world: World) -> None:
    zones = [{**P5, "AvailabilityZone": f"us-east-2{letter}"} for letter in "abc"]
    world.has(Market=zones)
    found = offered(world)
    assert len(found) == 6
    assert len({offer["CapacityBlockOfferingId"] for offer in found}) == 6


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"InstanceType": "g6.xlarge"}, "InvalidParameterValue"),
        ({"InstanceType": "p99.huge"}, "InvalidParameterValue"),
        ({"CapacityDurationHours": 25}, "InvalidParameterValue"),
        ({"CapacityDurationHours": 15 * 24}, "InvalidParameterValue"),
        ({"CapacityDurationHours": 189 * 24}, "InvalidParameterValue"),
        ({"CapacityDurationHours": 0}, "InvalidParameterValue"),
        ({"InstanceCount": 65}, "InvalidParameterValue"),
        ({"InstanceCount": None}, "MissingParameter"),
        ({"UltraserverType": "u-trn2"}, "InvalidParameterCombination"),
    ],
)
def test_what_ec2_does_not_sell(world: World, parameters: dict[str, Any], code: str) -> None:
    with pytest.raises(Exception, match=rf"\({code}\)"):
        offered(world, **parameters)


@pytest.mark.parametrize("days", [1, 14, 21, 182])
def test_lengths_that_are_sold(world: World, days: int) -> None:
    world.has(Market=[P5])
    assert offered(world, CapacityDurationHours=days * 24)
