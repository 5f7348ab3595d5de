"""``truffle topology``: network nodes as a tree."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ec2.faults import FaultKind
from tests.cli.conftest import Run
from tests.sandbox.worlds import World
from truffle import Truffle
from truffle.core.topology import Placement, shared_nodes

CALL = "DescribeCapacityReservationTopology"


def held(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "CapacityReservationId": name,
        "InstanceType": "p5.48xlarge",
        "TotalInstanceCount": 4,
        "AvailabilityZone": "us-east-2a",
        **fields,
    }


def at(name: str, *nodes: str) -> dict[str, Any]:
    return {"CapacityReservationId": name, "NetworkNodes": list(nodes)}


@pytest.fixture
def network(world: World) -> None:
    world.has_regions(
        {
            "us-east-2": {
                "CapacityReservations": [
                    held("cr-a"),
                    held("cr-b"),
                    held("cr-c", InstanceType="p4d.24xlarge"),
                    held("cr-d", State="expired"),
                ],
                "CapacityReservationTopology": [
                    at("cr-a", "nn-1", "nn-2", "nn-3"),
                    at("cr-b", "nn-1", "nn-2", "nn-4"),
                    at("cr-c", "nn-1", "nn-5", "nn-6"),
                    at("cr-d", "nn-1", "nn-5", "nn-6"),
                ],
            },
            "eu-west-1": {},
        }
    )


@pytest.mark.usefixtures("network")
class TestTopology:
    def test_reservations_stand_below_their_nodes(self, truffle: Run) -> None:
        tree = truffle("topology").out
        assert "nn-1 (3 reservations)" in tree
        assert "nn-2 (2 reservations)" in tree
        lines = tree.splitlines()
        below = lines.index(next(line for line in lines if "nn-3" in line)) + 1
        assert "cr-a" in lines[below]

    def test_nodes_that_ec2_does_not_give_are_unknown(self, truffle: Run) -> None:
        assert "Network nodes unknown: cr-d (expired)." in truffle("topology").out
        rows = {row["reservation_id"]: row for row in truffle("topology", "-o", "json").json}
        assert rows["cr-d"]["network_nodes"] is None
        assert rows["cr-a"]["network_nodes"] == ["nn-1", "nn-2", "nn-3"]

    def test_instance_types_take_globs(self, truffle: Run) -> None:
        rows = truffle("topology", "--instance-types", "p4*", "-o", "json").json
        assert [row["reservation_id"] for row in rows] == ["cr-c"]

    def test_a_region_without_the_call_has_not_failed(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, "eu-west-1", CALL, code="UnsupportedOperation")
        found = truffle("topology")
        assert found.status == 0
        assert "EC2 provides no topology of reservations in eu-west-1." in found.err

    def test_a_region_that_fails_is_named(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, "us-east-2", CALL, code="InternalError")
        found = truffle("topology", "-o", "json")
        assert (found.status, found.json) == (3, [])

    def test_the_client_gives_placements(self) -> None:
        placements = Truffle().topology(["p5*"], regions=["us-east-2"])
        assert [it.reservation_id for it in placements if it.network_nodes] == ["cr-a", "cr-b"]


def test_every_page_of_ten_is_read(truffle: Run, world: World) -> None:
    rows = [held(f"cr-{number:03}") for number in range(23)]
    world.has_regions({"us-east-2": {"CapacityReservations": rows}})
    assert len(truffle("topology", "-o", "json").json) == 23


def placed(name: str, *nodes: str, account: str = "1") -> Placement:
    return Placement(
        reservation_id=name, region="us-east-2", account_id=account, network_nodes=nodes or None
    )


def test_how_many_nodes_two_reservations_share() -> None:
    one = placed("cr-a", "x", "y", "z")
    assert shared_nodes(one, placed("cr-b", "x", "y", "w")) == 2
    assert shared_nodes(one, placed("cr-b", "w", "y", "z")) == 0


def test_nodes_of_two_accounts_cannot_be_compared() -> None:
    assert shared_nodes(placed("cr-a", "x"), placed("cr-b", "x", account="2")) is None
    assert shared_nodes(placed("cr-a", "x"), placed("cr-b")) is None


def test_few_of_those_without_nodes_are_named(truffle: Run, world: World) -> None:
    rows = [held(f"cr-{number:03}") for number in range(23)]
    world.has_regions({"us-east-2": {"CapacityReservations": rows}})
    output = truffle("topology").out
    assert "cr-009" in output
    assert "cr-010" not in output
    assert "and 13 more (-o json has them all)." in " ".join(output.split())
