"""EC2's read calls: the listing, filters and ids of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.ec2.billing_requests import MEMBER as BILLING_REQUESTS
from sandbox.ec2.billing_requests import OPERATION as DESCRIBE_BILLING_REQUESTS
from sandbox.ec2.billing_requests import billing_requests
from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields, Texts, at, tags
from sandbox.ec2.listings import (
    RESERVATION_IDS,
    Call,
    Ids,
    Listing,
    block_extension_offerings,
    block_offerings,
    block_statuses,
    blocks,
    extensions,
    fleets,
    instances,
    regions,
    reservations,
    topology,
    types,
    usage_facts,
    usages,
    zones,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call. ``facts`` are members of its response besides the list.

    ``kept`` means that a listing depends only on region, account and moment, ``is_rationed`` that
    the calls count against EC2's smallest bucket.
    """

    name: str
    member: str
    list: Callable[[Call], Listing]
    filters: Mapping[str, Texts] = field(default_factory=dict)
    ids: Ids | None = None
    kept: bool = True
    is_rationed: bool = False
    facts: Callable[[Call], Fields] | None = None


def _fields(**paths: str) -> dict[str, Texts]:
    """Filters by name (with ``_`` for ``-``) and the path that each compares."""
    return {name.replace("_", "-"): at(path) for name, path in paths.items()}


_TYPE_FILTERS = {
    "bare-metal": at("BareMetal"),
    "current-generation": at("CurrentGeneration"),
    "instance-type": at("InstanceType"),
    "memory-info.size-in-mib": at("MemoryInfo.SizeInMiB"),
    "processor-info.supported-architecture": at("ProcessorInfo.SupportedArchitectures"),
    "supported-usage-class": at("SupportedUsageClasses"),
    "vcpu-info.default-vcpus": at("VCpuInfo.DefaultVCpus"),
}

_BLOCK_IDS = Ids(
    "CapacityBlockIds",
    "CapacityBlockId",
    "InvalidCapacityBlockId.NotFound",
    "The Capacity Block ID '{}' does not exist",
)

_OPERATIONS = (
    Operation(
        name="DescribeCapacityReservations",
        member="CapacityReservations",
        list=reservations,
        filters=_fields(
            instance_type="InstanceType",
            owner_id="OwnerId",
            instance_platform="InstancePlatform",
            availability_zone="AvailabilityZone",
            tenancy="Tenancy",
            outpost_arn="OutpostArn",
            state="State",
            start_date="StartDate",
            end_date="EndDate",
            end_date_type="EndDateType",
            instance_match_criteria="InstanceMatchCriteria",
            placement_group_arn="PlacementGroupArn",
        ),
        ids=RESERVATION_IDS,
    ),
    Operation(
        name="DescribeCapacityBlocks",
        member="CapacityBlocks",
        list=blocks,
        filters={
            **_fields(
                capacity_block_id="CapacityBlockId",
                ultraserver_type="UltraserverType",
                availability_zone="AvailabilityZone",
                start_date="StartDate",
                end_date="EndDate",
                create_date="CreateDate",
                state="State",
            ),
            "tags": tags,
        },
        ids=_BLOCK_IDS,
    ),
    Operation(
        name="DescribeCapacityBlockStatus",
        member="CapacityBlockStatuses",
        list=block_statuses,
        filters=_fields(interconnect_status="InterconnectStatus"),
        ids=_BLOCK_IDS,
    ),
    Operation(
        name="DescribeCapacityBlockExtensionHistory",
        member="CapacityBlockExtensions",
        list=extensions,
        filters=_fields(
            availability_zone="AvailabilityZone",
            availability_zone_id="AvailabilityZoneId",
            capacity_block_extension_offering_id="CapacityBlockExtensionOfferingId",
            capacity_block_extension_status="CapacityBlockExtensionStatus",
            capacity_reservation_id="CapacityReservationId",
            instance_type="InstanceType",
        ),
        ids=Ids("CapacityReservationIds", "CapacityReservationId"),
    ),
    Operation(
        name="DescribeCapacityBlockOfferings",
        member="CapacityBlockOfferings",
        list=block_offerings,
        kept=False,
        is_rationed=True,
    ),
    Operation(
        name="DescribeCapacityBlockExtensionOfferings",
        member="CapacityBlockExtensionOfferings",
        list=block_extension_offerings,
        kept=False,
        is_rationed=True,
    ),
    Operation(
        name="DescribeCapacityReservationFleets",
        member="CapacityReservationFleets",
        list=fleets,
        filters=_fields(
            state="State",
            instance_match_criteria="InstanceMatchCriteria",
            tenancy="Tenancy",
            allocation_strategy="AllocationStrategy",
        ),
        ids=Ids(
            "CapacityReservationFleetIds",
            "CapacityReservationFleetId",
            "InvalidCapacityReservationFleetId.NotFound",
            "The Capacity Reservation Fleet ID '{}' does not exist",
        ),
    ),
    Operation(
        name="DescribeInstances",
        member="Reservations",
        list=instances,
        filters=_fields(
            instance_type="Instances.InstanceType",
            instance_state_name="Instances.State.Name",
            availability_zone="Instances.Placement.AvailabilityZone",
            tenancy="Instances.Placement.Tenancy",
            capacity_reservation_id="Instances.CapacityReservationId",
        ),
    ),
    Operation(
        name="DescribeCapacityReservationTopology",
        member="CapacityReservations",
        list=topology,
        filters=_fields(availability_zone="AvailabilityZone", instance_type="InstanceType"),
        ids=RESERVATION_IDS,
    ),
    Operation(
        name=DESCRIBE_BILLING_REQUESTS,
        member=BILLING_REQUESTS,
        list=billing_requests,
        filters=_fields(
            status="Status",
            requested_by="RequestedBy",
            unused_reservation_billing_owner="UnusedReservationBillingOwnerId",
        ),
        ids=RESERVATION_IDS,
        kept=False,
    ),
    Operation(
        name="GetCapacityReservationUsage",
        member="InstanceUsages",
        list=usages,
        kept=False,
        facts=usage_facts,
    ),
    Operation(
        name="DescribeInstanceTypes",
        member="InstanceTypes",
        list=types,
        filters=_TYPE_FILTERS,
        ids=Ids(
            "InstanceTypes",
            "InstanceType",
            "InvalidInstanceType",
            "The following supplied instance types do not exist: [{}]",
        ),
    ),
    Operation(
        name="DescribeRegions",
        member="Regions",
        list=regions,
        filters=_fields(region_name="RegionName", endpoint="Endpoint", opt_in_status="OptInStatus"),
        ids=Ids("RegionNames", "RegionName", "InvalidParameterValue", "Invalid region name: '{}'"),
        kept=False,
    ),
    Operation(
        name="DescribeAvailabilityZones",
        member="AvailabilityZones",
        list=zones,
        filters=_fields(
            region_name="RegionName",
            zone_name="ZoneName",
            zone_id="ZoneId",
            zone_type="ZoneType",
            state="State",
            opt_in_status="OptInStatus",
            group_name="GroupName",
        ),
        ids=Ids(
            "ZoneNames", "ZoneName", "InvalidParameterValue", "Invalid availability zone: [{}]"
        ),
    ),
)

OPERATIONS: Mapping[str, Operation] = {operation.name: operation for operation in _OPERATIONS}


def operation_named(action: str) -> Operation:
    """Raises EC2Error."""
    if not action:
        raise EC2Error("MissingAction", "The request must contain the parameter Action")
    if action not in OPERATIONS:
        message = f"The action {action} is not valid for this web service."
        raise EC2Error("InvalidAction", message)
    return OPERATIONS[action]
