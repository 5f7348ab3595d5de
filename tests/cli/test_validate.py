"""``truffle validate``: the answer, its exit status, and what it looks at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.store.placements import ScopePlacements
from sandbox.ec2.faults import FaultKind
from tests.builders import OHIO
from tests.builders import a_block as block_row
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import HOME, PARTNER, Raw, World, a_block, an_odcr, running_now
from truffle.core.topology import Placement

WEEK: Raw = {"StartDate": "+2d@11:30", "EndDate": "+9d@11:30"}
RUN = ["validate", "--instance-type", "p5.48xlarge", "--count", "16", "--days", "7"]


def test_a_block_is_capacity(truffle: Run, world: World) -> None:
    world.has(a_block(1, 16, **WEEK))
    found = truffle(*RUN)
    assert found.status == 0
    assert "16 × p5.48xlarge for 7 days has capacity." in found.out
    assert "Capacity Block: cr-00000000000000001" in found.out
    assert "Network: EC2 UltraCluster" in found.out
    assert "Note: it is 0.5 h short of 7 days" in found.out


def test_none_is_status_4_with_every_near_miss(truffle: Run, world: World) -> None:
    world.has(
        a_block(1, 8, **WEEK),
        a_block(2, 8, **WEEK),
        a_block(3, 16, State="payment-failed", **WEEK),
        an_odcr(4, InstanceType="p5.48xlarge"),
    )
    found = truffle(*RUN)
    assert found.status == 4
    assert "has no capacity" in found.out
    assert (
        "block cr-00000000000000001 in us-east-2a: it has 8 instances; the run needs 16"
        in found.out
    )
    assert "cr-00000000000000003" in found.out
    assert "1 of its 4 instances free; the run needs 16" in found.out
    assert "2 blocks in us-east-2a have 16 instances together, not counted" in found.out


def test_its_json_is_the_api_s(truffle: Run, world: World) -> None:
    world.has(a_block(1, 16, **WEEK))
    output = truffle(*RUN, "-o", "json")
    assert output.json["ok"] is True
    assert output.json["found"]["reservation_id"] == "cr-00000000000000001"
    assert output.json["hours"] == 168
    assert output.err == ""


def test_a_start_by(truffle: Run, world: World) -> None:
    world.has(a_block(1, 16, **WEEK))
    start = running_now() + timedelta(days=2)
    assert truffle(*RUN, "--start-by", f"{start:%Y-%m-%d}").status == 0
    assert truffle(*RUN, "--start-by", f"{start - timedelta(days=1):%Y-%m-%d}").status == 4


def test_without_an_answer_of_every_region_the_result_is_unknown(
    truffle: Run, world: World
) -> None:
    world.control.break_calls(FaultKind.ERROR, "eu-west-1", code="InvalidParameterValue")
    found = truffle(*RUN)
    assert found.status == 3
    assert "has no known capacity: eu-west-1 did not respond" in found.out
    assert "eu-west-1: InvalidParameterValue" in found.err
    output = truffle(*RUN, "-o", "json").json
    assert output["unknown_regions"] == ["eu-west-1"]
    assert output["reason"].endswith("Unknown: eu-west-1 did not respond.")
    world.has(a_block(1, 16, **WEEK))
    world.control.break_calls(FaultKind.ERROR, "eu-west-1", code="InvalidParameterValue")
    assert truffle(*RUN).status == 0


def test_a_denied_region_is_not_a_place_to_run(truffle: Run, world: World) -> None:
    world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1")
    found = truffle(*RUN)
    assert found.status == 4
    assert "eu-west-1: UnauthorizedOperation" in found.err


def test_all_regions_failed(truffle: Run, world: World) -> None:
    world.control.break_calls(FaultKind.ERROR, code="InvalidParameterValue")
    assert truffle(*RUN, "-r", "us-east-2,eu-west-1").status == 1


def test_the_deployed_stack_answers_the_same(
    truffle: Run, deployed: Deployed, api_url: str
) -> None:
    start = running_now() + timedelta(days=1)
    deployed.collected(OHIO, block_row("cr-1", start_date=start))
    found = truffle(*RUN, "--api-url", api_url, "-o", "json")
    assert (found.status, found.json["found"]["reservation_id"]) == (0, "cr-1")


@pytest.mark.parametrize(("count", "output"), [("4", "For sale now."), ("64", "no suitable block")])
def test_offerings_are_looked_for_where_asked(
    truffle: Run, world: World, count: str, output: str
) -> None:
    offer = {
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": "us-east-2a",
        "Count": 16,
        "FirstStart": "+1d@11:30",
        "HourlyPrice": "31.464",
    }
    world.has(Market=[offer])
    run = ["validate", "--instance-type", "p5.48xlarge", "--count", count, "--days", "2"]
    found = truffle(*run, "--offerings")
    assert found.status == 4
    assert output in found.out
    listed = truffle(*run, "--offerings", "-o", "json").json["offerings"]
    assert bool(listed) == (count == "4")


def test_an_unknown_size_that_could_be_enough_is_status_3(truffle: Run, world: World) -> None:
    shared = a_block(1, 16, OwnerId=PARTNER, Simulator={"SharedWith": [HOME]}, **WEEK)
    world.has(shared)

    output = truffle(*RUN, "-o", "json")

    assert output.status == 3
    assert output.json["unknown_reservations"] == ["cr-00000000000000001"]
    assert output.json["candidates"][0]["instances"] is None
    assert "may have capacity: too little is known about cr-" in truffle(*RUN).out


TOPOLOGY = "DescribeCapacityReservationTopology"
ACTIVE: Raw = {"StartDate": "-1d@11:30", "EndDate": "+9d@11:30", "State": "active"}
FULL_SIZE: Raw = {"TotalInstanceCount": 16, "AvailableInstanceCount": 16}


@pytest.fixture
def active(world: World) -> World:
    """A started block whose network nodes EC2 knows."""
    block = a_block(1, 16, **ACTIVE, **FULL_SIZE)
    name = block["CapacityReservationId"]
    nodes = [{"CapacityReservationId": name, "NetworkNodes": ["nn-1", "nn-2", "nn-3"]}]
    region = {"CapacityReservations": [block], "CapacityReservationTopology": nodes}
    world.has_regions({"us-east-2": region})
    return world


@pytest.mark.usefixtures("active")
class TestProximity:
    def test_how_near_the_instances_would_be(self, truffle: Run) -> None:
        found = truffle(*RUN)
        assert found.status == 0
        assert "Proximity: all instances are below network node nn-3 (layer 3 of 3" in found.out
        assert truffle(*RUN, "-o", "json").json["network_nodes"] == ["nn-1", "nn-2", "nn-3"]

    def test_a_refusal_leaves_the_answer_and_is_named(self, truffle: Run, active: World) -> None:
        active.control.break_calls(FaultKind.UNAUTHORIZED, "us-east-2", TOPOLOGY)
        found = truffle(*RUN)
        assert found.status == 0
        assert "Proximity" not in found.out
        assert "network nodes of these reservations are unknown" in found.err

    def test_a_block_that_has_not_started_costs_no_call(self, truffle: Run, world: World) -> None:
        world.has(a_block(1, 16, **WEEK))
        assert truffle(*RUN, "-o", "json").json["proximity"] is None
        assert ("us-east-2", TOPOLOGY) not in world.simulator.calls()

    def test_the_deployed_stack_knows_it_too(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        row = block_row("cr-1", state="active", total_capacity=16, available_capacity=16)
        deployed.collected(OHIO, row)
        placement = Placement(
            reservation_id="cr-1",
            region="us-east-2",
            instance_type="p5.48xlarge",
            network_nodes=("nn-1",),
        )
        known = ScopePlacements(frozenset({"cr-1"}), (placement,), running_now())
        deployed.placements[OHIO] = known
        found = truffle(*RUN[:-1], "1", "--api-url", api_url)
        assert "below network node nn-1 (layer 1 of 1, the lowest known)" in found.out
