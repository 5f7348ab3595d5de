"""``truffle fleets``: targets, what is fulfilled, and which reservations do it."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.store.fleets import StoredFleets
from sandbox.ec2.faults import FaultKind
from tests.builders import NOON, OHIO
from tests.cli.conftest import Run
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import HOME, World
from truffle import Truffle
from truffle.core.fleet_watch import FleetError, ScopeFleets, Shortfall
from truffle.core.fleets import CapacityFleet
from truffle.core.model import Scope

CALL = "DescribeCapacityReservationFleets"


def a_fleet(fleet_id: str = "crf-1", **fields: Any) -> dict[str, Any]:
    """8 units wanted, 6 there: 4 × p5.48xlarge of weight 1 and one p4d.24xlarge of weight 2."""
    return {
        "CapacityReservationFleetId": fleet_id,
        "State": "partially_fulfilled",
        "TotalTargetCapacity": 8,
        "TotalFulfilledCapacity": 6.0,
        "Tenancy": "default",
        "InstanceMatchCriteria": "open",
        "AllocationStrategy": "prioritized",
        "CreateTime": "-10d",
        "InstanceTypeSpecifications": [
            {
                "CapacityReservationId": "cr-a",
                "InstanceType": "p5.48xlarge",
                "AvailabilityZone": "us-east-2a",
                "TotalInstanceCount": 4,
                "FulfilledCapacity": 4.0,
                "Weight": 1.0,
                "Priority": 1,
            },
            {
                "CapacityReservationId": "cr-b",
                "InstanceType": "p4d.24xlarge",
                "TotalInstanceCount": 1,
                "FulfilledCapacity": 2.0,
                "Weight": 2.0,
            },
        ],
        "Tags": [{"Key": "Team", "Value": "vision"}],
        **fields,
    }


@pytest.fixture
def held(world: World) -> None:
    world.has_regions({"us-east-2": {"CapacityReservationFleets": [a_fleet()]}, "eu-west-1": {}})


@pytest.mark.usefixtures("held")
class TestFleets:
    def test_a_fleet_that_falls_short_says_by_how_much(self, truffle: Run) -> None:
        found = truffle("fleets")
        assert found.status == 0
        assert "Capacity Reservation Fleets: 1 fleet, 1 below target" in found.out
        assert "75%" in found.out
        assert "4 × p5.48xlarge, 1 × p4d.24xlarge" in found.out

    def test_json_has_its_members_and_its_account(self, truffle: Run) -> None:
        (row,) = truffle("fleets", "-o", "json").json
        assert (row["account_id"], row["region"], row["state"]) == (
            HOME,
            "us-east-2",
            "partially_fulfilled",
        )
        assert (row["target_capacity"], row["fulfilled_capacity"], row["fulfilment"]) == (
            8,
            6,
            0.75,
        )
        assert [member["reservation_id"] for member in row["members"]] == ["cr-a", "cr-b"]
        assert row["tags"] == {"Team": "vision"}

    def test_a_region_that_fails_is_named_beside_the_rest(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, "eu-west-1", CALL, code="InternalError")
        found = truffle("fleets")
        assert found.status == 3
        assert "crf-1" in found.out
        assert "eu-west-1: InternalError" in found.err

    def test_a_denied_region_can_be_ignored(self, truffle: Run, world: World) -> None:
        world.control.break_calls(FaultKind.UNAUTHORIZED, "eu-west-1", CALL)
        assert truffle("fleets").status == 3
        assert truffle("fleets", "--ignore-denied").status == 0

    def test_the_client_gives_them_with_its_failures(self, world: World) -> None:
        world.control.break_calls(FaultKind.ERROR, "eu-west-1", CALL, code="InternalError")
        fleets = Truffle().fleets()
        assert [fleet.fleet_id for fleet in fleets] == ["crf-1"]
        assert [failure.region for failure in fleets[:0].failures] == ["eu-west-1"]


def test_the_absence_of_fleets_is_stated(truffle: Run, world: World) -> None:
    world.has_regions({"us-east-2": {}})
    assert truffle("fleets").out.strip() == "No fleets found"


def test_every_page_is_read(truffle: Run, world: World) -> None:
    fleets = [a_fleet(f"crf-{number:03}") for number in range(205)]
    world.has_regions({"us-east-2": {"CapacityReservationFleets": fleets}})
    assert len(truffle("fleets", "-o", "json").json) == 205


def test_a_fleet_without_a_target_has_no_fulfilment(truffle: Run, world: World) -> None:
    fleet = a_fleet(TotalTargetCapacity=0, TotalFulfilledCapacity=0.0, State="cancelled")
    world.has_regions({"us-east-2": {"CapacityReservationFleets": [fleet]}})
    assert truffle("fleets", "-o", "json").json[0]["fulfilment"] is None


class TestOfTheStack:
    def test_fleets_of_all_accounts_with_what_could_not_be_asked(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        other = Scope("210987654321", "us-east-2")
        deployed.collected(OHIO)
        deployed.collected(other)
        short = {"crf-1": Shortfall(NOON)}
        fleets = tuple(
            CapacityFleet(
                fleet_id=name, region="us-east-2", state="active", account_id=OHIO.account_id
            )
            for name in ("crf-1", "crf-2")
        )
        deployed.fleets[OHIO] = StoredFleets(ScopeFleets(fleets, short), 1)
        error = FleetError("UnauthorizedOperation", NOON)
        deployed.fleets[other] = StoredFleets(ScopeFleets(error=error), 1)

        found = truffle("fleets", "--api-url", api_url)
        assert found.status == 3
        assert "crf-1" in found.out
        assert "2026-11-24 12:00" in found.out
        assert "210987654321/us-east-2: UnauthorizedOperation" in found.err

        client = Truffle(api_url=api_url)
        assert [(it.fleet_id, it.short_since) for it in client.fleets()] == [
            ("crf-1", NOON),
            ("crf-2", None),
        ]

    def test_fleets_of_some_accounts(self, truffle: Run, deployed: Deployed, api_url: str) -> None:
        for scope in (OHIO, Scope("210987654321", "us-east-2")):
            fleet = CapacityFleet(
                fleet_id=f"crf-{scope.account_id}",
                region="us-east-2",
                state="active",
                account_id=scope.account_id,
            )
            deployed.collected(scope)
            deployed.fleets[scope] = StoredFleets(ScopeFleets((fleet,)), 1)
        found = truffle("fleets", "--api-url", api_url, "--accounts", OHIO.account_id)
        assert found.out.count("crf-") == 1
        (fleet,) = Truffle(api_url=api_url).fleets(accounts=OHIO.account_id)
        assert fleet.account_id == OHIO.account_id

    def test_live_refuses_accounts(self, truffle: Run) -> None:
        found = truffle("fleets", "--accounts", "research-*")
        assert found.status == 2
        assert "research-*" in found.err

    def test_live_is_asked_where_it_is_named(
        self, truffle: Run, world: World, api_url: str
    ) -> None:
        world.has_regions({"us-east-2": {"CapacityReservationFleets": [a_fleet("crf-live")]}})
        assert "crf-live" in truffle("fleets", "--api-url", api_url, "--source", "live").out
