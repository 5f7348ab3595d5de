"""DescribeCapacityReservationBillingRequests of the simulator: roles, time, pages and faults."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sandbox.ec2.control import ControlError
from sandbox.ec2.faults import FaultKind
from tests.sandbox.worlds import HOME, PARTNER, World, an_odcr

CALL = "describe_capacity_reservation_billing_requests"
OWNER, ASKED = "odcr-owner", "unused-reservation-billing-owner"


def shared(number: int = 1, **request: Any) -> dict[str, Any]:
    """An ODCR that is shared with the partner, who is asked to pay for what is unused."""
    asked = {"UnusedReservationBillingOwnerId": PARTNER, **request}
    return an_odcr(number, Simulator={"SharedWith": [PARTNER], "BillingRequest": asked})


def listed(world: World, role: str, access_key: str = "test", size: int = 1000) -> list[Any]:
    pages = world.ec2(access_key=access_key).get_paginator(CALL)
    found = pages.paginate(Role=role, PaginationConfig={"PageSize": size})
    return [item for page in found for item in page["CapacityReservationBillingRequests"]]


def status(world: World) -> list[str]:
    return [item["Status"] for item in listed(world, OWNER)]


def test_both_sides_see_it_each_in_its_role(world: World) -> None:
    world.has(shared(), an_odcr(2))

    (sent,) = listed(world, OWNER)
    (received,) = listed(world, ASKED, access_key=PARTNER)

    assert sent == received
    assert (sent["RequestedBy"], sent["UnusedReservationBillingOwnerId"]) == (HOME, PARTNER)
    assert sent["Status"] == "pending"
    assert sent["CapacityReservationInfo"]["InstanceType"] == "g6.xlarge"
    assert listed(world, ASKED) == listed(world, OWNER, access_key=PARTNER) == []


def test_it_expires_after_twelve_hours_and_is_shown_a_day_more(world: World) -> None:
    world.has(shared(LastUpdateTime="-11h"))
    seen = []
    for hours in (0, 2, 22, 3):
        world.control.advance(timedelta(hours=hours))
        seen.append(status(world))

    assert seen == [["pending"], ["expired"], ["expired"], []]


def test_it_can_be_decided_and_taken_away(world: World) -> None:
    world.has(shared())
    name = an_odcr(1)["CapacityReservationId"]
    answer = {"UnusedReservationBillingOwnerId": PARTNER, "Status": "accepted"}

    world.control.set_billing_request(name, answer)
    assert status(world) == ["accepted"]
    world.control.set_billing_request(name, None)
    assert status(world) == []


def test_pages_and_faults(world: World) -> None:
    world.has(*(shared(number) for number in range(1, 8)))
    assert len(listed(world, OWNER, size=5)) == 7

    world.control.break_calls(FaultKind.UNAUTHORIZED, "us-east-2")
    assert world.refusal(CALL, Role=OWNER) == "UnauthorizedOperation"


def test_an_unknown_role_is_refused(world: World) -> None:
    assert world.refusal(CALL, Role="somebody") == "InvalidParameterValue"


def test_a_request_has_to_say_who_is_asked(world: World) -> None:
    world.has(shared())
    with pytest.raises(ControlError, match="lacks UnusedReservationBillingOwnerId"):
        world.control.set_billing_request(an_odcr(1)["CapacityReservationId"], {"Status": "x"})
