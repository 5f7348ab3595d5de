"""DescribeInstances of the simulator: filters, pages, owners and faults."""

from __future__ import annotations

from typing import Any

from sandbox.ec2.faults import FaultKind
from tests.sandbox.worlds import World


def an_instance(number: int, **facts: Any) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{number:017x}",
        "InstanceType": "p4d.24xlarge",
        "Placement": {"AvailabilityZone": "us-east-2a"},
        **facts,
    }


def runs(world: World, *instances: dict[str, Any]) -> None:
    """Let the caller's account have these instances."""
    world.has(Instances=list(instances))


def listed(world: World, size: int = 1000, **filters: list[str]) -> list[str]:
    given = [{"Name": name.replace("_", "-"), "Values": values} for name, values in filters.items()]
    pages = (
        world.ec2()
        .get_paginator("describe_instances")
        .paginate(Filters=given, PaginationConfig={"PageSize": size})
    )
    return [
        instance["InstanceId"][-1]
        for page in pages
        for group in page["Reservations"]
        for instance in group["Instances"]
    ]


def test_instances_are_chosen_by_type_and_state(world: World) -> None:
    stopped = {"State": {"Code": 80, "Name": "stopped"}}
    runs(
        world,
        an_instance(1),
        an_instance(2, InstanceType="g6.xlarge"),
        an_instance(3, **stopped),
    )
    assert listed(world) == ["1", "2", "3"]
    assert listed(world, instance_type=["p4d.24xlarge"]) == ["1", "3"]
    types, states = ["p4d*", "g6*"], ["running"]
    assert listed(world, instance_type=types, instance_state_name=states) == ["1", "2"]


def test_pages_have_every_instance_once(world: World) -> None:
    runs(world, *(an_instance(number) for number in range(8)))
    assert listed(world, size=5) == list("01234567")


def test_an_instance_runs_by_default_on_linux_in_no_reservation(world: World) -> None:
    runs(world, an_instance(1))
    ((instance,),) = [
        group["Instances"] for group in world.ec2().describe_instances()["Reservations"]
    ]
    assert instance["PlatformDetails"] == "Linux/UNIX"
    assert instance["Placement"]["Tenancy"] == "default"
    assert "CapacityReservationId" not in instance


def test_a_refusal_is_an_error(world: World) -> None:
    runs(world, an_instance(1))
    world.control.break_calls(FaultKind.UNAUTHORIZED, "us-east-2", "DescribeInstances")
    assert world.refusal("describe_instances") == "UnauthorizedOperation"
