"""EC2's fields → the model. Only this module knows EC2's field names.

Every field is optional in EC2's model, so each is read with ``get``; states and other enumerations
are kept unchanged. The shapes are those of boto3's parsed responses (botocore 1.43).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from truffle.core.accelerators import Known, accelerator, accelerator_of
from truffle.core.model import (
    Accelerator,
    Adjustment,
    CapacityBlock,
    Commitment,
    Health,
    InterruptibleAllocation,
    Odcr,
    Reservation,
    Scope,
    block_hours,
    effective_end,
    used_of,
    utilization_of,
)

Raw = Mapping[str, Any]

REQUESTED_QUANTITY_TAG = "aws:ec2capacityreservation:incrementalRequestedQuantity"
"""The tag with a block's size: EC2's counts are 0 before its start (User Guide,
capacity-blocks-view)."""


@dataclass(frozen=True, slots=True)
class Block:
    """The facts that DescribeCapacityBlocks adds to a block's reservations."""

    capacity_block_id: str
    reservation_ids: tuple[str, ...] = ()
    ultraserver_type: str | None = None


@dataclass(frozen=True, slots=True)
class Enrichment:
    """The results of a scope's other calls: blocks by reservation id, health by block id."""

    blocks: Mapping[str, Block] = field(default_factory=dict)
    health: Mapping[str, Health] = field(default_factory=dict)
    accelerators: Known = field(default_factory=dict)


def is_capacity_block(raw: Raw) -> bool:
    return raw.get("ReservationType") == "capacity-block"


def to_blocks(raw_blocks: Iterable[Raw]) -> dict[str, Block]:
    """DescribeCapacityBlocks → blocks by each of their reservation ids."""
    blocks: dict[str, Block] = {}
    for raw in raw_blocks:
        ids = tuple(sorted(raw.get("CapacityReservationIds") or ()))
        block = Block(raw.get("CapacityBlockId", ""), ids, raw.get("UltraserverType"))
        blocks.update(dict.fromkeys(ids, block))
    return blocks


def to_health(raw_statuses: Iterable[Raw]) -> dict[str, Health]:
    """DescribeCapacityBlockStatus → health by the ids of blocks and of their reservations, since a
    reservation may lack its block's id.

    Only the block's own numbers count: the same field of its reservations means used capacity.
    """
    found: dict[str, Health] = {}
    for raw in raw_statuses:
        health = Health(raw.get("InterconnectStatus"), raw.get("TotalUnavailableCapacity"))
        parts = raw.get("CapacityReservationStatuses") or ()
        ids = [raw.get("CapacityBlockId"), *(part.get("CapacityReservationId") for part in parts)]
        found |= {name: health for name in ids if name}
    return found


def to_accelerator(raw_type: Raw) -> Accelerator | None:
    """DescribeInstanceTypes → the accelerators of one instance; FPGA and media devices do not
    count."""
    for info, devices in (
        ("GpuInfo", "Gpus"),
        ("NeuronInfo", "NeuronDevices"),
        ("InferenceAcceleratorInfo", "Accelerators"),
    ):
        for device in raw_type.get(info, {}).get(devices) or ():
            return accelerator(
                device.get("Name", ""),
                device.get("Manufacturer", "AWS" if info == "NeuronInfo" else ""),
                device.get("Count"),
                device.get("LogicalGpuCount"),
                device.get("GpuPartitionSize"),
            )
    return None


def to_tags(raw: Raw) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags") or ()}


def to_reservations(
    raw_reservations: Iterable[Raw], scope: Scope, observed_at: datetime, enrichment: Enrichment
) -> tuple[Reservation, ...]:
    """All reservations of a scope's listing, ordered by id, each once.

    A reservation that moved between pages while they were read is listed twice; the later one wins.
    """
    by_id = {raw["CapacityReservationId"]: raw for raw in raw_reservations}
    siblings = _siblings(by_id.values())
    return tuple(
        to_capacity_block(raw, scope, observed_at, enrichment, siblings)
        if is_capacity_block(raw)
        else to_odcr(raw, scope, observed_at, enrichment.accelerators)
        for _, raw in sorted(by_id.items())
    )


def _siblings(raw_reservations: Iterable[Raw]) -> dict[str, tuple[str, ...]]:
    """The reservations of each block, by EC2's block id."""
    ids: dict[str, list[str]] = {}
    for raw in raw_reservations:
        if raw.get("CapacityBlockId"):
            ids.setdefault(raw["CapacityBlockId"], []).append(raw["CapacityReservationId"])
    return {block_id: tuple(sorted(members)) for block_id, members in ids.items()}


def to_odcr(raw: Raw, scope: Scope, observed_at: datetime, known: Known) -> Odcr:
    """Map one On-Demand Capacity Reservation."""
    state = raw.get("State", "")
    total, available = raw.get("TotalInstanceCount"), raw.get("AvailableInstanceCount")
    used = used_of(state, total, available)
    instance_type = raw.get("InstanceType", "")
    carried = accelerator_of(instance_type, known)
    return Odcr(
        reservation_id=raw["CapacityReservationId"],
        reservation_arn=raw.get("CapacityReservationArn"),
        account_id=scope.account_id or None,
        owner_id=raw.get("OwnerId"),
        region=scope.region,
        availability_zone=raw.get("AvailabilityZone"),
        availability_zone_id=raw.get("AvailabilityZoneId"),
        instance_type=instance_type,
        platform=raw.get("InstancePlatform"),
        tenancy=raw.get("Tenancy"),
        ebs_optimized=raw.get("EbsOptimized"),
        match_criteria=raw.get("InstanceMatchCriteria"),
        state=state,
        total_capacity=total,
        available_capacity=available,
        used_capacity=used,
        utilization=utilization_of(used, total),
        start_date=raw.get("StartDate"),
        end_date=raw.get("EndDate"),
        end_date_type=raw.get("EndDateType"),
        create_date=raw.get("CreateDate"),
        fleet_id=raw.get("CapacityReservationFleetId"),
        placement_group_arn=raw.get("PlacementGroupArn"),
        outpost_arn=raw.get("OutpostArn"),
        interruptible=raw.get("Interruptible"),
        commitment=_to_commitment(raw.get("CommitmentInfo")),
        delivery_preference=raw.get("DeliveryPreference"),
        unused_billing_owner_id=raw.get("UnusedReservationBillingOwnerId"),
        original_start_date=raw.get("OriginalStartDate"),
        adjustment=_to_adjustment(raw),
        interruptible_allocation=_to_allocation(raw.get("InterruptibleCapacityAllocation")),
        source_reservation_id=(raw.get("InterruptionInfo") or {}).get(
            "SourceCapacityReservationId"
        ),
        accelerator=carried.times(total) if carried else None,
        tags=to_tags(raw),
        observed_at=observed_at,
        seen_by=_seen_by(scope),
    )


def to_capacity_block(
    raw: Raw,
    scope: Scope,
    observed_at: datetime,
    enrichment: Enrichment,
    siblings: Mapping[str, tuple[str, ...]],
) -> CapacityBlock:
    """Map one reservation of a capacity block."""
    reservation_id = raw["CapacityReservationId"]
    own_id = raw.get("CapacityBlockId")
    block = enrichment.blocks.get(reservation_id) or Block(
        own_id or reservation_id, siblings.get(own_id or "", (reservation_id,))
    )
    state, tags = raw.get("State", ""), to_tags(raw)
    total, available = raw.get("TotalInstanceCount"), raw.get("AvailableInstanceCount")
    used = used_of(state, total, available)
    count = total or _requested_quantity(tags)
    start, end = raw.get("StartDate"), raw.get("EndDate")
    health = enrichment.health
    instance_type = raw.get("InstanceType", "")
    carried = accelerator_of(instance_type, enrichment.accelerators)
    return CapacityBlock(
        capacity_block_id=own_id or block.capacity_block_id or reservation_id,
        reservation_id=reservation_id,
        reservation_ids=block.reservation_ids,
        account_id=scope.account_id or None,
        owner_id=raw.get("OwnerId"),
        region=scope.region,
        availability_zone=raw.get("AvailabilityZone"),
        availability_zone_id=raw.get("AvailabilityZoneId"),
        instance_type=instance_type,
        instance_count=count,
        duration_hours=block_hours(start, end),
        start_date=start,
        end_date=end,
        effective_end=effective_end(end, _is_ultraserver(raw, block)),
        state=state,
        total_capacity=total,
        available_capacity=available,
        used_capacity=used,
        utilization=utilization_of(used, total),
        # EC2 has no such field: it places every block inside an UltraCluster (API_CapacityBlock).
        ultra_cluster_placement=True,
        ultraserver_type=block.ultraserver_type,
        health=health.get(own_id or block.capacity_block_id) or health.get(reservation_id),
        platform=raw.get("InstancePlatform"),
        tenancy=raw.get("Tenancy"),
        create_date=raw.get("CreateDate"),
        accelerator=carried.times(count) if carried else None,
        tags=tags,
        observed_at=observed_at,
        seen_by=_seen_by(scope),
    )


def _seen_by(scope: Scope) -> tuple[str, ...]:
    """The account of the scope; empty if it is unknown."""
    return (scope.account_id,) if scope.account_id else ()


def _is_ultraserver(raw: Raw, block: Block) -> bool:
    """Only reservations of UltraServers have a LaunchStatus."""
    return block.ultraserver_type is not None or "LaunchStatus" in raw


def _requested_quantity(tags: Mapping[str, str]) -> int | None:
    """The size in the tag; None if missing: the consumer of a shared block does not see its owner's
    tags."""
    text = tags.get(REQUESTED_QUANTITY_TAG, "")
    return int(text) if text.isdecimal() else None


def _to_adjustment(raw: Raw) -> Adjustment | None:
    status, details = raw.get("AdjustmentStatus"), raw.get("AdjustmentDetails") or {}
    if status is None and not details:
        return None
    return Adjustment(
        status,
        details.get("StartDate"),
        details.get("EndDate"),
        details.get("EndDateType"),
        details.get("CommitmentEndDate"),
        details.get("CommitmentDuration"),
    )


def _to_allocation(raw: Raw | None) -> InterruptibleAllocation | None:
    if not raw:
        return None
    return InterruptibleAllocation(
        raw.get("InterruptibleCapacityReservationId"),
        raw.get("InstanceCount"),
        raw.get("TargetInstanceCount"),
        raw.get("Status"),
    )


def _to_commitment(raw: Raw | None) -> Commitment | None:
    if not raw:
        return None
    return Commitment(
        raw.get("CommittedInstanceCount"),
        raw.get("CommitmentEndDate"),
        raw.get("CommitmentDuration"),
    )
