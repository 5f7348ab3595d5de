"""Listings of one scope over stubbed responses."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.builders import NOON, OHIO
from tests.ec2.stubbed import Raw, StubbedEC2
from truffle.core.model import Failure, Snapshot
from truffle.ec2.listing import DescribedTypes, list_scope

RESERVATIONS = "describe_capacity_reservations"
BLOCKS = "describe_capacity_blocks"
STATUS = "describe_capacity_block_status"
TYPES = "describe_instance_types"


def an_odcr(name: str, **facts: Any) -> Raw:
    known = {"InstanceType": "p5.48xlarge", "State": "active"}
    return {"CapacityReservationId": name, **known, **facts}


def a_block(name: str = "cr-block") -> Raw:
    return an_odcr(name, ReservationType="capacity-block", CapacityBlockId="cb-1")


def answer_of(
    ec2: StubbedEC2,
    types: DescribedTypes | None = None,
    clock: Callable[[], datetime] = lambda: NOON,
    deadline: datetime | None = None,
    *,
    asks_all: bool = True,
) -> Snapshot | Failure:
    answer = list_scope(ec2, OHIO, types or DescribedTypes(), clock, deadline)
    if asks_all:
        ec2.assert_all_asked()
    return answer


def snapshot_of(ec2: StubbedEC2, types: DescribedTypes | None = None) -> Snapshot:
    answer = answer_of(ec2, types)
    assert isinstance(answer, Snapshot), answer
    return answer


def failure_of(ec2: StubbedEC2, *, asks_all: bool = True) -> Failure:
    """The failure of a listing; of calls in parallel, one may fail before the others are made."""
    answer = answer_of(ec2, asks_all=asks_all)
    assert isinstance(answer, Failure), answer
    return answer


def ids(answer: Snapshot) -> list[str]:
    return [row.reservation_id for row in answer.reservations]
