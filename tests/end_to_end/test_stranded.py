"""Stranded spend on the whole stack: found, and distinguished from failed requests."""

from __future__ import annotations

from typing import Any

from sandbox.box import Sandbox
from sandbox.ec2.faults import FaultKind

AVOIDS = {"CapacityReservationPreference": "none"}


def beside(box: Sandbox) -> tuple[str, dict[str, Any]]:
    """The region of an idle ODCR, with an instance beside it that avoids reservations."""
    fleet = box.ec2.fleet()
    region, row = next(
        (name, item)
        for name, held in sorted(fleet["regions"].items())
        for item in held["CapacityReservations"]
        if item["ReservationType"] == "default"
        and item["State"] == "active"
        and item["AvailableInstanceCount"] > 0
        and item["OwnerId"] == fleet["account"]
    )
    instance = {
        "InstanceId": "i-0123456789abcdef0",
        "InstanceType": row["InstanceType"],
        "PlatformDetails": row["InstancePlatform"],
        "Placement": {"AvailabilityZone": row["AvailabilityZone"], "Tenancy": row["Tenancy"]},
        "CapacityReservationSpecification": AVOIDS,
    }
    fleet["regions"][region]["Instances"] = [instance]
    box.ec2.replace_fleet(fleet)
    return region, row


def test_an_instance_beside_idle_capacity_is_found_and_a_refusal_is_not_nothing(
    box: Sandbox,
) -> None:
    region, row = beside(box)
    box.collect()
    status, answer = box.get("/stranded")
    assert status == 200, answer
    (item,) = answer["items"]
    assert (item["instance_ids"], item["reason"]) == (["i-0123456789abcdef0"], "preference-none")
    assert (item["region"], item["instance_type"]) == (region, row["InstanceType"])
    box.ec2.break_calls(FaultKind.UNAUTHORIZED, region, "DescribeInstances")
    box.collect()
    status, answer = box.get("/stranded")
    assert answer["items"] == []
    refused = {(it["region"], it["error"]) for it in answer["unanswered"]}
    assert (region, "UnauthorizedOperation") in refused
