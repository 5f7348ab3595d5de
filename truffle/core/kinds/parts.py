"""Values and rules that several kinds of capacity share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from truffle.core.times import hours_between, whole

Raw = Mapping[str, Any]
"""A part of AWS's response as parsed by botocore; any member may be missing."""


STATES: Final = (
    "active",
    "assessing",
    "cancelled",
    "cancelling",
    "delayed",
    "expired",
    "failed",
    "payment-failed",
    "payment-pending",
    "pending",
    "scheduled",
    "unavailable",
    "unsupported",
)
"""EC2's CapacityReservationState (botocore 1.43); an unknown one is kept unchanged."""

USABLE_STATES: Final = frozenset({"active", "scheduled"})
"""States in which instances can be launched, now or from the start date."""

TERMINAL_STATES: Final = frozenset(
    {"expired", "cancelled", "failed", "payment-failed", "unsupported"}
)
"""States that a reservation never leaves (EC2's CapacityReservationState, its descriptions)."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The accelerators of an instance; ``total_count`` is their number times the reserved
    instances.

    ``count`` is a fraction for types with a partitioned GPU (a g6f.large has 0.125 of an L4), and
    None if EC2 names the device without a number.
    """

    name: str
    manufacturer: str
    count: float | None
    total_count: float | None = None

    def times(self, instances: int | None) -> Accelerator:
        """The same accelerator with ``total_count`` for that many instances."""
        return Accelerator(self.name, self.manufacturer, self.count, self.on(instances))

    def on(self, instances: int | None) -> float | None:
        """The devices of that many instances; None if either number is unknown."""
        if self.count is None or instances is None:
            return None
        return whole(self.count * instances)


@dataclass(frozen=True, slots=True)
class Commitment:
    """The commitment of a future-dated ODCR (EC2's CommitmentInfo); the duration in seconds."""

    committed_instance_count: int | None = None
    commitment_end_date: datetime | None = None
    commitment_duration_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A requested change of dates of a future-dated ODCR (EC2's AdjustmentStatus and
    AdjustmentDetails): ``requested``, ``applied`` or ``rejected``, and the values after it."""

    status: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    end_date_type: str | None = None
    commitment_end_date: datetime | None = None
    commitment_duration_seconds: int | None = None

    @property
    def is_rejected(self) -> bool:
        """Whether EC2 rejected it."""
        return self.status == "rejected"


@dataclass(frozen=True, slots=True)
class InterruptibleAllocation:
    """The instances that an ODCR lends to an interruptible one, whose id is ``reservation_id``
    (EC2's InterruptibleCapacityAllocation). The lender's own capacity does not include them."""

    reservation_id: str | None = None
    instance_count: int | None = None
    target_instance_count: int | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Consumer:
    """One account's use of a reservation, in instances (EC2's InstanceUsage)."""

    account_id: str
    used_capacity: int | None = None


REQUEST_LIFETIME: Final = timedelta(hours=12)
"""A billing request expires if it is neither accepted nor rejected in this time (EC2 User Guide,
"Accept or reject billing of a shared EC2 Capacity Reservation")."""


@dataclass(frozen=True, slots=True)
class BillingRequest:
    """The most recent request to bill unused capacity to a consumer of the reservation (EC2's
    CapacityReservationBillingRequest).

    ``status`` is ``pending``, ``accepted``, ``rejected``, ``cancelled``, ``revoked`` or
    ``expired``. ``expires_at`` is the deadline for accepting or rejecting a pending one.
    """

    requested_by: str | None = None
    unused_billing_owner_id: str | None = None
    status: str | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    status_message: str | None = None

    def is_older_than(self, other: BillingRequest) -> bool:
        """Whether it was superseded by a later request, or by the decision of the same one."""
        if self.updated_at is None or other.updated_at is None:
            return False
        if self.updated_at == other.updated_at:
            return self.status == "pending" and other.status != "pending"
        return self.updated_at < other.updated_at

    def is_open(self, now: datetime) -> bool:
        """Whether it still waits for a decision."""
        return self.status == "pending" and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class Health:
    """A capacity block's health (EC2's DescribeCapacityBlockStatus), for the whole block.

    ``interconnect_status`` is ``ok``, ``impaired`` or ``insufficient-data``;
    ``unavailable_capacity`` counts instances that are down because of failed system checks.
    """

    interconnect_status: str | None = None
    unavailable_capacity: int | None = None

    @property
    def is_bad(self) -> bool:
        return self.interconnect_status == "impaired" or bool(self.unavailable_capacity)


class MarketType(StrEnum):
    """EC2's MarketType of a launch into a reservation (RunInstances, InstanceMarketOptions)."""

    CAPACITY_BLOCK = "capacity-block"
    INTERRUPTIBLE = "interruptible-capacity-reservation"


def used_of(state: str, total: int | None, available: int | None) -> int | None:
    """Instances in use; None unless active, since EC2's counts are meaningless before and after."""
    if state != "active" or total is None or available is None:
        return None
    return total - available


def utilization_of(used: int | None, total: int | None) -> float | None:
    """Used over total, 0..1; None if unknown or if nothing is reserved."""
    return used / total if used is not None and total else None


def block_hours(start: datetime | None, end: datetime | None) -> float | None:
    """A block's length in hours, as a fraction: real blocks are not whole days."""
    return hours_between(start, end) if start and end else None


def effective_end(end: datetime | None, ultraserver: bool) -> datetime | None:
    """When AWS starts to terminate a block's instances.

    30 minutes before the end date, 60 for UltraServers (EC2 User Guide, capacity-blocks).
    """
    return end - timedelta(minutes=60 if ultraserver else 30) if end else None


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One account in one region: the unit that is listed, compared and reported on."""

    account_id: str
    region: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}"


EC2_TOOLS: Final = (
    "parallelcluster",
    "karpenter",
    "eks-nodegroup",
    "ec2-run-instances",
    "sagemaker",
)
"""The targets of ``truffle use`` for EC2's reservations."""


def seen_by(scope: Scope) -> tuple[str, ...]:
    """The accounts that list the reservations of a scope; empty if the account is unknown."""
    return (scope.account_id,) if scope.account_id else ()


def tags_of(raw: Raw) -> dict[str, str]:
    """The tags of a response of EC2."""
    return {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags") or ()}
