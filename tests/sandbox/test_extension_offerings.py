"""Extensions of capacity blocks for sale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.test_offerings import P5
from tests.sandbox.worlds import NOW, PARTNER, World, a_block, an_odcr
from truffle.ec2.extensions import ExtensionCheck, ask_for_extension

BLOCK = a_block(1)["CapacityReservationId"]
END = NOW + timedelta(hours=26)


def for_sale(world: World, *blocks: Any, **offer: Any) -> None:
    """Blocks in the zone in which the market has eight instances."""
    held = blocks or (a_block(1),)
    zoned = [{"AvailabilityZone": "us-east-2a", **block} for block in held]
    world.has(*zoned, Market=[{**P5, **offer}])


def offered(world: World, hours: int = 24, **client: Any) -> list[dict[str, Any]]:
    answer = world.ec2(**client).describe_capacity_block_extension_offerings(
        CapacityReservationId=BLOCK, CapacityBlockExtensionDurationHours=hours
    )
    return list(answer["CapacityBlockExtensionOfferings"])


def refused(call: Callable[[], object]) -> str:
    """The code of the error with which EC2 refuses a call."""
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Code"])


def test_an_extension_begins_where_the_block_ends(world: World) -> None:
    for_sale(world)
    (offer,) = offered(world)
    assert offer["CapacityBlockExtensionStartDate"] == END
    assert offer["CapacityBlockExtensionEndDate"] == END + timedelta(days=1)
    assert (offer["InstanceCount"], offer["UpfrontFee"]) == (8, "6041.09")


@pytest.mark.parametrize(
    "offer",
    [
        {"Count": 7},
        {"InstanceType": "p5en.48xlarge"},
        {"AvailabilityZone": "us-east-2b"},
        {"FirstStart": "+27h"},
    ],
)
def test_other_capacity_extends_nothing(world: World, offer: dict[str, Any]) -> None:
    for_sale(world, **offer)
    assert offered(world) == []


@pytest.mark.parametrize(
    "block",
    [
        a_block(1, State="payment-pending"),
        a_block(1, State="active", StartDate="-1d", EndDate="+59m"),
        a_block(1, State="active", StartDate="-1d", EndDate="+57d"),
        a_block(1, State="active", StartDate="-181d", EndDate="+25h"),
    ],
)
def test_a_block_is_extended_in_time_and_not_for_ever(world: World, block: dict[str, Any]) -> None:
    for_sale(world, block)
    assert offered(world) == []


def test_a_length_that_is_not_sold_is_refused(world: World) -> None:
    for_sale(world)
    assert refused(lambda: offered(world, hours=25)) == "InvalidParameterValue"


def test_what_is_no_block_of_ones_own_is_not_found(world: World) -> None:
    world.has(an_odcr(1))
    assert refused(lambda: offered(world)) == "InvalidCapacityReservationId.NotFound"
    for_sale(world, a_block(1, Simulator={"SharedWith": [PARTNER]}))
    code = refused(lambda: offered(world, access_key=PARTNER))
    assert code == "InvalidCapacityReservationId.NotFound"


def test_the_bucket_is_the_tiny_one(world: World) -> None:
    for_sale(world)
    for _ in range(10):
        offered(world)
    assert refused(lambda: offered(world)) == "CapacityBlockDescribeLimitExceeded"


def test_the_collector_reads_that_answer(world: World) -> None:
    for_sale(world)
    assert ask_for_extension(world.ec2(), BLOCK) == ExtensionCheck(True)
    for_sale(world, Count=1)
    assert ask_for_extension(world.ec2(), BLOCK) == ExtensionCheck(False)
    world.has()
    answer = ask_for_extension(world.ec2(), BLOCK)
    assert answer == ExtensionCheck(None, "InvalidCapacityReservationId.NotFound")
