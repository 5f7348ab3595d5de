"""Capacity Blocks for ML of EC2."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from truffle.core.kinds.kind import CapacityRow, Kind, ReservationType
from truffle.core.kinds.parts import (
    EC2_TOOLS,
    USABLE_STATES,
    Accelerator,
    Consumer,
    Health,
    MarketType,
    block_hours,
    effective_end,
)
from truffle.core.severity import Severity

KIND = Kind(
    type=ReservationType.CAPACITY_BLOCKS,
    noun="Capacity block",
    short="block",
    plural="capacity blocks",
    one="a capacity block",
    title="Capacity Block Summary:",
    about="Capacity Blocks for ML.",
    option="blocks",
    path="/capacity-blocks",
    id_prefix="cr-",
    service="EC2",
    operations=(
        "DescribeCapacityReservations",
        "DescribeCapacityBlocks",
        "DescribeCapacityBlockStatus",
    ),
    tools=EC2_TOOLS,
    active_states=USABLE_STATES,
    end_field="effective_end",
    is_prepaid=True,
    is_extendable=True,
    at_its_end="when AWS terminates its instances",
    vanished=(Severity.CRITICAL, "disappeared before its end: EC2 no longer lists it."),
    ended_early=Severity.CRITICAL,
    extended=Severity.GOOD,
    size_field="instance_count",
    verdicts={
        "payment-pending": (Severity.INFO, "was purchased and awaits payment."),
        "payment-failed": (Severity.CRITICAL, "payment failed: the block is released."),
        "scheduled": (Severity.GOOD, "is paid and scheduled."),
        "active": (Severity.GOOD, "is active: instances can be launched."),
        "failed": (Severity.CRITICAL, "failed: EC2 will not deliver its capacity."),
        "cancelled": (Severity.CRITICAL, "was cancelled: its capacity is lost."),
        "unavailable": (Severity.CRITICAL, "is unavailable: EC2 gives no reason."),
        "expired": (Severity.INFO, "has ended."),
        "pending": (Severity.INFO, "is being provisioned."),
    },
    note="Times are UTC. AWS starts to terminate instances 30 minutes before the end"
    " (60 for UltraServers)",
    terraform_data="aws_ec2_capacity_block_reservation",
    next_steps={
        "payment-failed": "Check the payment method in the Billing console and buy another block; "
        "this one can no longer be paid.",
        "failed": "Buy another block: `truffle offerings` shows what is for sale.",
        "payment-pending": "No action needed yet: AWS collects the payment within 12 hours or "
        "releases the block.",
        "scheduled": "Prepare the launch for its start.",
        "active": "Launch the instances: the block is paid whether they run or not.",
        "unavailable": "Open a support case with AWS: this state is not documented.",
        "cancelled": "Open a support case with AWS: a block cannot be cancelled by its owner.",
        "expired": "No action needed: its instances are terminated.",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityBlock(CapacityRow):
    """One EC2 reservation of a Capacity Block for ML; an UltraServer block may have several.

    ``total_capacity`` and ``available_capacity`` are EC2's own counts, 0 before the block starts;
    ``instance_count`` is its size at any time. ``effective_end`` is when AWS starts to terminate
    instances. ``used_capacity`` and ``utilization`` (0..1) are None unless the block is active.
    ``consumers`` as for an ODCR.
    """

    kind: ClassVar[Kind] = KIND

    capacity_block_id: str
    reservation_id: str
    reservation_ids: tuple[str, ...] = ()
    type: ReservationType = field(default=ReservationType.CAPACITY_BLOCKS, init=False)
    account_id: str | None = None
    owner_id: str | None = None
    region: str = ""
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    instance_type: str = ""
    instance_count: int | None = None
    duration_hours: float | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    effective_end: datetime | None = None
    state: str = ""
    total_capacity: int | None = None
    available_capacity: int | None = None
    used_capacity: int | None = None
    utilization: float | None = None
    ultra_cluster_placement: bool | None = None
    ultraserver_type: str | None = None
    health: Health | None = None
    platform: str | None = None
    tenancy: str | None = None
    create_date: datetime | None = None
    accelerator: Accelerator | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    seen_by: tuple[str, ...] = ()
    account_name: str | None = None
    organizational_unit: str | None = None
    consumers: tuple[Consumer, ...] | None = None

    @property
    def block_id(self) -> str:
        return self.capacity_block_id

    @property
    def is_part(self) -> bool:
        return len(self.reservation_ids) > 1

    @property
    def market(self) -> MarketType:
        return MarketType.CAPACITY_BLOCK

    def with_consumers(self, consumers: tuple[Consumer, ...]) -> CapacityBlock:
        return replace(self, consumers=consumers)

    @property
    def size(self) -> int | None:
        """Reserved instances, also before the block starts."""
        return self.instance_count

    @classmethod
    def sample_facts(
        cls, reservation_id: str, instances: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        return {
            "capacity_block_id": reservation_id,
            "reservation_ids": (reservation_id,),
            "instance_count": instances,
            "duration_hours": block_hours(start, end),
            "effective_end": effective_end(end, ultraserver=False),
            "ultra_cluster_placement": True,
        }

    def carried(self, before: CapacityRow, refused: AbstractSet[str]) -> CapacityBlock:
        if not isinstance(before, CapacityBlock):
            return self
        row = self
        if "DescribeCapacityBlocks" in refused:
            is_ultraserver = before.ultraserver_type is not None
            row = replace(
                row,
                capacity_block_id=before.capacity_block_id,
                reservation_ids=before.reservation_ids,
                ultraserver_type=before.ultraserver_type,
                effective_end=effective_end(row.end_date, True)
                if is_ultraserver
                else row.effective_end,
            )
        if "DescribeCapacityBlockStatus" in refused:
            row = replace(row, health=before.health)
        return row

    def completed(self, before: CapacityRow) -> CapacityBlock:
        if not isinstance(before, CapacityBlock):
            return self
        row = self
        if row.health is None:
            row = replace(row, health=before.health)
        if row.instance_count is None:
            row = replace(row, instance_count=before.instance_count)
        if row.ultraserver_type is None and row.end_date == before.end_date:
            row = replace(
                row,
                ultraserver_type=before.ultraserver_type,
                effective_end=before.effective_end,
            )
        return row
