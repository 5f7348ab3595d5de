"""On-Demand Capacity Reservations of EC2."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar

from truffle.core.kinds.kind import CapacityRow, Kind, ReservationType
from truffle.core.kinds.parts import (
    EC2_TOOLS,
    Accelerator,
    Adjustment,
    BillingRequest,
    Commitment,
    Consumer,
    InterruptibleAllocation,
    MarketType,
)
from truffle.core.severity import Severity

KIND = Kind(
    type=ReservationType.ODCR,
    noun="ODCR",
    short="ODCR",
    plural="ODCRs",
    one="an ODCR",
    title="Capacity Reservation Summary (ODCRs):",
    about="On-Demand Capacity Reservations.",
    option="odcr",
    path="/odcrs",
    id_prefix="cr-",
    service="EC2",
    operations=("DescribeCapacityReservations",),
    tools=EC2_TOOLS,
    active_states=frozenset({"active"}),
    end_field="end_date",
    is_prepaid=False,
    bills_unused=True,
    is_extendable=False,
    at_its_end="when EC2 releases it",
    vanished=(Severity.WARNING, "is no longer listed by EC2."),
    ended_early=Severity.WARNING,
    extended=Severity.INFO,
    size_field="total_capacity",
    verdicts={
        "active": (Severity.GOOD, "is active: its capacity is reserved and billed."),
        "pending": (Severity.INFO, "is being provisioned."),
        "assessing": (Severity.INFO, "is being assessed by EC2."),
        "scheduled": (Severity.GOOD, "is approved and scheduled."),
        "delayed": (
            Severity.WARNING,
            "is delayed: EC2 cannot deliver by the requested start.",
        ),
        "unsupported": (Severity.CRITICAL, "was rejected: EC2 cannot provide the capacity."),
        "failed": (Severity.CRITICAL, "failed: EC2 will not deliver its capacity."),
        "unavailable": (Severity.CRITICAL, "is unavailable: EC2 gives no reason."),
        "cancelling": (Severity.INFO, "is being cancelled."),
        "cancelled": (Severity.INFO, "was cancelled: its capacity is released."),
        "expired": (Severity.INFO, "has ended."),
    },
    terraform_data="aws_ec2_capacity_reservation",
    terraform_resource="aws_ec2_capacity_reservation",
    next_steps={
        "failed": "Create the reservation again, in another zone or with another size.",
        "unsupported": "Request other dates, another size or another zone.",
        "delayed": "Plan for a later start, or look for capacity in another zone: EC2 waives its "
        "commitment, so it can be cancelled without a charge.",
        "expired": "Check that no workload relies on this capacity.",
        "unavailable": "Open a support case with AWS: this state is not documented.",
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odcr(CapacityRow):
    """One On-Demand Capacity Reservation, as listed by one or several scopes.

    Capacities are instances. ``used_capacity`` and ``utilization`` (0..1) are None unless the
    reservation is active. ``account_name`` and ``organizational_unit`` are the names in AWS
    Organizations of ``account_id`` and of its units below the root, joined by slashes; None if the
    source does not know. ``consumers`` are the accounts that use a shared reservation, including
    its owner; None if EC2 was not asked or did not respond. ``original_start_date`` is the first
    requested start of a future-dated ODCR, ``source_reservation_id`` the lender of an interruptible
    one. ``billing_request`` is None if there is none, or if EC2 was not asked or did not respond.
    """

    kind: ClassVar[Kind] = KIND

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
    original_start_date: datetime | None = None
    adjustment: Adjustment | None = None
    interruptible_allocation: InterruptibleAllocation | None = None
    source_reservation_id: str | None = None
    billing_request: BillingRequest | None = None

    @property
    def commitment_end(self) -> datetime | None:
        return self.commitment.commitment_end_date if self.commitment else None

    @property
    def arn(self) -> str | None:
        return self.reservation_arn

    @property
    def market(self) -> MarketType | None:
        return MarketType.INTERRUPTIBLE if self.interruptible else None

    @classmethod
    def sample_facts(
        cls, reservation_id: str, instances: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        return {"end_date_type": "limited"}

    def with_consumers(self, consumers: tuple[Consumer, ...]) -> Odcr:
        return replace(self, consumers=consumers)

    def with_billing_request(self, request: BillingRequest) -> Odcr:
        return replace(self, billing_request=request)

    def carried(self, before: CapacityRow, refused: AbstractSet[str]) -> Odcr:
        if "DescribeCapacityReservationBillingRequests" not in refused or self.billing_request:
            return self
        return replace(self, billing_request=before.billing_request)

    def completed(self, before: CapacityRow) -> Odcr:
        # EC2 keeps showing the last change of an ODCR, but possibly not to its consumers.
        self = replace(self, adjustment=self.adjustment or before.adjustment)
        known, request = before.billing_request, self.billing_request
        # The two sides of a request may see its decision at different times.
        if known is None or (request is not None and not request.is_older_than(known)):
            return self
        return replace(self, billing_request=known)

    @property
    def size(self) -> int | None:
        """Reserved instances."""
        return self.total_capacity
