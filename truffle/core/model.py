"""The vocabulary: reservations, scopes, and what listing a scope gives.

The field names and their order are the interface: the JSON of every output is made from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from truffle.core.times import hours_between, whole


class ReservationType(StrEnum):
    """The two types of capacity that AWS reserves for machine learning."""

    ODCR = "odcr"
    CAPACITY_BLOCKS = "capacity-block"


TYPES: Final = tuple(ReservationType)

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
"""EC2's CapacityReservationState (botocore 1.43); a newer one is kept as it comes."""

USABLE_STATES: Final = frozenset({"active", "scheduled"})
"""States in which instances can be launched, now or from the start date."""

TERMINAL_STATES: Final = frozenset(
    {"expired", "cancelled", "failed", "payment-failed", "unsupported"}
)
"""States that a reservation never leaves (EC2's CapacityReservationState, its descriptions)."""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """The accelerators of one instance of a type; ``total_count`` is theirs times the reserved
    instances.

    ``count`` is a fraction for types with a partitioned GPU (a g6f.large has 0.125 of an L4), and
    None where EC2 names the device without a number.
    """

    name: str
    manufacturer: str
    count: float | None
    total_count: float | None = None

    def times(self, instances: int | None) -> Accelerator:
        """The same accelerator with ``total_count`` for that many instances."""
        return Accelerator(self.name, self.manufacturer, self.count, self.on(instances))

    def on(self, instances: int | None) -> float | None:
        """The devices of that many instances; None where either number is unknown."""
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
class Consumer:
    """One account's use of a reservation, in instances (EC2's InstanceUsage)."""

    account_id: str
    used_capacity: int | None = None


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


@dataclass(frozen=True, slots=True)
class Odcr:
    """One On-Demand Capacity Reservation as one scope, or several, see it.

    Capacities are instances. ``used_capacity`` and ``utilization`` (0..1) are None unless the
    reservation is active. ``account_name`` and ``organizational_unit`` are what AWS Organizations
    calls ``account_id`` and its units below the root, joined by slashes; None where the source does
    not know. ``consumers`` are the accounts that use a shared reservation, its owner among them;
    None where EC2 was not asked or did not answer.
    """

    reservation_id: str
    reservation_arn: str | None = None
    type: ReservationType = field(default=ReservationType.ODCR, init=False)
    account_id: str | None = None
    owner_id: str | None = None
    region: str = ""
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    instance_type: str = ""
    platform: str | None = None
    tenancy: str | None = None
    ebs_optimized: bool | None = None
    match_criteria: str | None = None
    state: str = ""
    total_capacity: int | None = None
    available_capacity: int | None = None
    used_capacity: int | None = None
    utilization: float | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    end_date_type: str | None = None
    create_date: datetime | None = None
    fleet_id: str | None = None
    placement_group_arn: str | None = None
    outpost_arn: str | None = None
    interruptible: bool | None = None
    commitment: Commitment | None = None
    delivery_preference: str | None = None
    unused_billing_owner_id: str | None = None
    accelerator: Accelerator | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    seen_by: tuple[str, ...] = ()
    account_name: str | None = None
    organizational_unit: str | None = None
    consumers: tuple[Consumer, ...] | None = None

    @property
    def size(self) -> int | None:
        """Reserved instances."""
        return self.total_capacity


@dataclass(frozen=True, slots=True)
class CapacityBlock:
    """One EC2 reservation of a Capacity Block for ML; an UltraServer block may have several.

    ``total_capacity`` and ``available_capacity`` are EC2's own counts, 0 before the block starts;
    ``instance_count`` is its size at any time. ``effective_end`` is when AWS starts to terminate
    instances. ``used_capacity`` and ``utilization`` (0..1) are None unless the block is active.
    ``consumers`` are as an ODCR's.
    """

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
    def size(self) -> int | None:
        """Reserved instances, also before the block starts."""
        return self.instance_count


Reservation = Odcr | CapacityBlock


class Market(StrEnum):
    """EC2's MarketType of a launch into a reservation (RunInstances, InstanceMarketOptions)."""

    CAPACITY_BLOCK = "capacity-block"
    INTERRUPTIBLE = "interruptible-capacity-reservation"


def market_of(reservation: Reservation) -> Market | None:
    """The market type that a launch must name; None where it names none, as for other ODCRs.

    EC2 User Guide: capacity-blocks-launch, and capacity-consumer-procedures for interruptible ones.
    """
    if isinstance(reservation, CapacityBlock):
        return Market.CAPACITY_BLOCK
    return Market.INTERRUPTIBLE if reservation.interruptible else None


def used_of(state: str, total: int | None, available: int | None) -> int | None:
    """Instances in use; None unless active, since EC2's counts mean nothing before and after."""
    if state != "active" or total is None or available is None:
        return None
    return total - available


def utilization_of(used: int | None, total: int | None) -> float | None:
    """Used over total, 0..1; None where nothing is known or nothing is reserved."""
    return used / total if used is not None and total else None


def block_hours(start: datetime | None, end: datetime | None) -> float | None:
    """A block's length in hours, with its fraction: real blocks are not whole days."""
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


class FailureKind(StrEnum):
    """The class of a failure: whether a retry could help.

    ``denied`` (IAM or an SCP) and ``disabled`` (a region that is not enabled) are answers, and stay
    as they are until someone changes them; an ``error`` is worth another try, and ``throttled`` one
    that waits longer.
    """

    DENIED = "denied"
    DISABLED = "disabled"
    THROTTLED = "throttled"
    ERROR = "error"


DEADLINE_EXCEEDED: Final = "DeadlineExceeded"
"""The code of a failure that is truffle's own: time ran out before AWS answered."""

CLOSED_KINDS = frozenset({FailureKind.DENIED, FailureKind.DISABLED})
"""The answers among them: nobody looks there, and nothing can run there."""

LONGEST_MESSAGE: Final = 1000
"""Characters of a failure's message that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A scope that could not be listed completely; it says nothing about its reservations.

    ``is_expected``: the setting ``expected_denied`` expects it.
    """

    scope: Scope
    failed_at: datetime
    kind: FailureKind
    code: str
    message: str
    operation: str | None = None
    is_expected: bool = False

    @property
    def is_final(self) -> bool:
        """Whether asking again soon would only get the same answer."""
        return self.kind in CLOSED_KINDS

    @property
    def short_message(self) -> str:
        """The message as it is stored and published."""
        return self.message[:LONGEST_MESSAGE]

    def __str__(self) -> str:
        return f"{self.scope}: {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An enrichment that EC2 refused: the fields that it would have filled are None."""

    operation: str
    code: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The complete, successful listing of one scope at one moment, ordered by reservation id."""

    scope: Scope
    observed_at: datetime
    reservations: tuple[Reservation, ...]
    unanswered: tuple[Unanswered, ...] = ()
