"""Faults on demand, and the small bucket: EC2 when it fails."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from sandbox.ec2.control import ControlError
from sandbox.ec2.faults import FaultKind
from tests.sandbox.worlds import FOR_GOOD, HOME, PARTNER, World, an_odcr, ids


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        (FaultKind.THROTTLED, "RequestLimitExceeded", 503),
        (FaultKind.INTERNAL, "InternalError", 500),
        (FaultKind.UNAVAILABLE, "Unavailable", 503),
        (FaultKind.UNAUTHORIZED, "UnauthorizedOperation", 403),
        (FaultKind.DISABLED, "AuthFailure", 401),
        (FaultKind.OPT_IN, "OptInRequired", 401),
        (FaultKind.UNSUPPORTED, "UnsupportedOperation", 400),
    ],
)
def test_errors(world: World, kind: FaultKind, code: str, status: int) -> None:
    world.control.break_calls(kind)
    assert world.error() == (code, status)
    assert world.error("describe_regions") == (code, status)


def test_any_error_code(world: World) -> None:
    world.control.break_calls(FaultKind.ERROR, code="ExpiredToken")
    assert world.error() == ("ExpiredToken", 400)


def test_a_fault_hits_its_region_operation_and_account_only(world: World) -> None:
    world.has(an_odcr(1), an_odcr(2, OwnerId=PARTNER))
    world.control.break_calls(FaultKind.INTERNAL, "eu-*")
    world.control.break_calls(FaultKind.INTERNAL, operation="DescribeCapacityBlocks")
    world.control.break_calls(FaultKind.UNAUTHORIZED, account=PARTNER)
    assert world.error(region="eu-west-1")[0] == "InternalError"
    assert world.refusal("describe_capacity_blocks") == "InternalError"
    assert ids(world.listed(access_key=HOME)) == [1]
    with pytest.raises(Exception, match="UnauthorizedOperation"):
        world.listed(access_key=PARTNER)


def test_a_fault_may_be_over_after_some_calls(world: World) -> None:
    world.control.break_calls(FaultKind.THROTTLED, times=2)
    assert [fault.times for fault in world.control.faults()] == [2]
    assert [world.refusal(), world.refusal()] == ["RequestLimitExceeded"] * 2
    assert world.listed() == []
    assert world.control.faults() == []


def test_a_second_page_that_fails(world: World) -> None:
    world.has(*map(an_odcr, range(5)))
    world.control.break_calls(FaultKind.INTERNAL, page=2)
    first = world.ec2().describe_capacity_reservations(MaxResults=2)
    assert world.refusal(MaxResults=2, NextToken=first["NextToken"]) == "InternalError"


def test_a_hang_ends_with_the_answer(world: World) -> None:
    world.control.break_calls(FaultKind.HANG, seconds=0.2, times=1)
    assert world.listed() == []


def test_a_hang_longer_than_the_client_waits(world: World) -> None:
    world.control.break_calls(FaultKind.HANG, seconds=FOR_GOOD, times=1)
    with pytest.raises(ReadTimeoutError):
        world.new_client(patience=0.2).describe_capacity_reservations()


def test_a_dropped_connection(world: World) -> None:
    world.control.break_calls(FaultKind.DROP, times=1)
    with pytest.raises(ConnectionClosedError):
        world.listed()


def test_an_answer_that_is_not_xml(world: World) -> None:
    world.has(an_odcr())
    world.control.break_calls(FaultKind.MALFORMED, times=1)
    with pytest.raises(ResponseParserError):
        world.listed()


def test_latency(world: World) -> None:
    world.control.set_latency(1000 * FOR_GOOD)
    world.control.set_latency(0, "eu-west-1")
    with pytest.raises(ReadTimeoutError):
        world.new_client(patience=0.2).describe_capacity_reservations()
    assert world.ec2("eu-west-1").describe_capacity_reservations()["CapacityReservations"] == []


def test_faults_end_by_region_or_all_at_once(world: World) -> None:
    world.control.break_calls(FaultKind.INTERNAL, "eu-west-1")
    world.control.break_calls(FaultKind.THROTTLED, "us-east-2")
    world.control.mend("eu-west-1")
    assert [fault.region for fault in world.control.faults()] == ["us-east-2"]
    world.control.clear_faults()
    assert world.listed() == []


def test_an_unknown_kind_is_refused(world: World) -> None:
    with pytest.raises(ControlError, match="bored"):
        world.control.request("POST", "faults", {"kind": "bored"})


class TestBucket:
    """The offerings' bucket: ten calls at once, then one every 6.7 seconds."""

    def ask(self, world: World, region: str = "us-east-2") -> None:
        world.ec2(region).describe_capacity_block_offerings(
            InstanceType="p5.48xlarge", InstanceCount=1, CapacityDurationHours=24
        )

    def test_the_eleventh_call_is_refused_until_there_is_a_token(self, world: World) -> None:
        for _ in range(10):
            self.ask(world)
        with pytest.raises(Exception, match="CapacityBlockDescribeLimitExceeded"):
            self.ask(world)
        world.simulator.advance(timedelta(seconds=6))
        with pytest.raises(Exception, match="CapacityBlockDescribeLimitExceeded"):
            self.ask(world)
        world.simulator.advance(timedelta(seconds=1))
        self.ask(world)

    def test_each_region_has_its_own(self, world: World) -> None:
        for _ in range(10):
            self.ask(world)
        self.ask(world, "eu-west-1")
