"""Reservations as EC2 describes them."""

from typing import Any

from tests.builders import NOON, OHIO
from tests.ec2.stubbed import Raw, StubbedEC2
from truffle.core.model import Reservation, Scope, Snapshot
from truffle.ec2.listing import DescribedTypes, list_scope

RESERVATIONS = "describe_capacity_reservations"
BLOCKS = "describe_capacity_blocks"
STATUS = "describe_capacity_block_status"


def listed(ec2: StubbedEC2, scope: Scope = OHIO) -> dict[str, Reservation]:
    """The rows of a complete listing, by the last three characters of their ids."""
    answer = list_scope(ec2, scope, DescribedTypes(), lambda: NOON)
    assert isinstance(answer, Snapshot), answer
    ec2.assert_all_asked()
    return {row.reservation_id[-3:]: row for row in answer.reservations}


def a_raw_odcr(name: str = "cr-00000000000000001", **facts: Any) -> Raw:
    return {
        "CapacityReservationId": name,
        "ReservationType": "default",
        "InstanceType": "m5.large",
        "State": "active",
        "TotalInstanceCount": 4,
        "AvailableInstanceCount": 1,
        **facts,
    }
