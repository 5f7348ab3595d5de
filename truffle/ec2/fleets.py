"""DescribeCapacityReservationFleets, mapped to the model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from truffle.core.fleets import CapacityFleet, FleetMember
from truffle.ec2.listing import ListingEC2
from truffle.ec2.mapping import Raw, to_tags

PAGE_SIZE = 100
"""The maximum page size (botocore, DescribeCapacityReservationFleets, MaxResults)."""


def list_fleets(
    client: ListingEC2, region: str, account_id: str | None, observed_at: datetime
) -> Iterator[CapacityFleet]:
    """Every fleet of one region, page by page. Raises what botocore does, and ValueError, KeyError
    or TypeError for a response that is not EC2's."""
    paginator = client.get_paginator("describe_capacity_reservation_fleets")
    for page in paginator.paginate(PaginationConfig={"PageSize": PAGE_SIZE}):
        for raw in page.get("CapacityReservationFleets") or ():
            yield to_fleet(raw, region, account_id, observed_at)


def to_fleet(raw: Raw, region: str, account_id: str | None, observed_at: datetime) -> CapacityFleet:
    """Map one fleet; its account is that of its ARN. Raises KeyError if it has no id."""
    arn = raw.get("CapacityReservationFleetArn")
    return CapacityFleet(
        fleet_id=raw["CapacityReservationFleetId"],
        region=region,
        state=raw.get("State", ""),
        account_id=arn.split(":")[4] if arn and arn.count(":") >= 5 else account_id,
        fleet_arn=arn,
        target_capacity=raw.get("TotalTargetCapacity"),
        fulfilled_capacity=raw.get("TotalFulfilledCapacity"),
        tenancy=raw.get("Tenancy"),
        match_criteria=raw.get("InstanceMatchCriteria"),
        allocation_strategy=raw.get("AllocationStrategy"),
        create_date=raw.get("CreateTime"),
        end_date=raw.get("EndDate"),
        members=tuple(map(_member, raw.get("InstanceTypeSpecifications") or ())),
        tags=to_tags(raw),
        observed_at=observed_at,
    )


def _member(raw: Raw) -> FleetMember:
    return FleetMember(
        reservation_id=raw.get("CapacityReservationId"),
        instance_type=raw.get("InstanceType"),
        availability_zone=raw.get("AvailabilityZone"),
        platform=raw.get("InstancePlatform"),
        total_instances=raw.get("TotalInstanceCount"),
        fulfilled_capacity=raw.get("FulfilledCapacity"),
        weight=raw.get("Weight"),
        priority=raw.get("Priority"),
    )
