"""DB capacity reservations of RDS: capacity for DB instances of one class and engine.

Amazon RDS API Reference, DBCapacityReservation, CancelDBCapacityReservation and
ModifyDBCapacityReservation (botocore 1.44). None of RDS's DB instance classes has an accelerator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from truffle.core.kinds.kind import CapacityRow, Kind, ListOperation, ReservationType
from truffle.core.kinds.parts import (
    Accelerator,
    Commitment,
    Raw,
    Scope,
    seen_by,
    tags_of,
    used_of,
    utilization_of,
)
from truffle.core.severity import Severity

KIND = Kind(
    type=ReservationType.DB_CAPACITY_RESERVATIONS,
    noun="DB capacity reservation",
    short="DB reservation",
    plural="DB capacity reservations",
    one="a DB capacity reservation",
    title="DB Capacity Reservation Summary:",
    about="DB capacity reservations of RDS.",
    option="db-capacity-reservations",
    path="/db-capacity-reservations",
    id_prefix="dbcr-",
    service="RDS",
    operations=("DescribeDBCapacityReservations",),
    tools=("rds",),
    active_states=frozenset({"active"}),
    end_field="end_date",
    is_prepaid=False,
    is_extendable=False,
    at_its_end="when RDS releases it; DB instances keep running on unreserved capacity",
    vanished=(Severity.WARNING, "is no longer listed by RDS."),
    ended_early=Severity.WARNING,
    extended=Severity.INFO,
    size_field="total_capacity",
    verdicts={
        "active": (Severity.GOOD, "is active: its capacity is reserved and billed."),
        "pending": (Severity.INFO, "is pending: RDS is creating or modifying it."),
        "assessing": (Severity.INFO, "is being assessed by RDS."),
        "scheduled": (Severity.GOOD, "is accepted and scheduled."),
        "delayed": (Severity.WARNING, "is delayed: RDS cannot deliver by the requested start."),
        "unsupported": (Severity.CRITICAL, "was rejected: RDS cannot provide the capacity."),
        "failed": (Severity.CRITICAL, "failed: RDS could not reserve the capacity."),
        "cancelled": (Severity.INFO, "was cancelled: its capacity is released."),
        "expired": (Severity.INFO, "has ended."),
    },
    next_steps={
        "failed": "Create the reservation again, in other zones or with another size.",
        "unsupported": "Request other dates, another size or other zones.",
        "delayed": "Plan for a later start, or cancel it and look for capacity in other zones.",
        "cancelled": "Check its DB instances: they keep running on unreserved capacity.",
        "expired": "Check its DB instances: they keep running on unreserved capacity.",
    },
    sample_type="db.r7g.2xlarge",
    listing=ListOperation("rds", "DescribeDBCapacityReservations", "DBCapacityReservations", 100),
    meanings={
        "reservation_name": "The name of the DB capacity reservation.",
        "engine": "The database engine, as RDS names it.",
        "license_model": "The license model that DB instances must have; null for any.",
        "capacity_per_zone": "DB instances reserved in each zone.",
        "available_by_zone": "The zones, with the reserved DB instances that are free in each.",
    },
)


@dataclass(frozen=True, slots=True)
class ZoneCapacity:
    """The free DB instances of one zone (RDS's AvailableCapacityPerAvailabilityZone)."""

    availability_zone: str
    available_capacity: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DbCapacityReservation(CapacityRow):
    """One DB capacity reservation of RDS.

    ``instance_type`` is the DB instance class (``db.r7g.2xlarge``); capacities are DB instances in
    all zones together. RDS reports free capacity only for an active reservation, and 0 otherwise,
    so ``used_capacity`` and ``utilization`` (0..1) are None unless it is active. A reservation in
    several zones has no ``availability_zone``. A reservation that started immediately has no start
    date in RDS; its ``start_date`` is its creation date. ``accelerator`` is always None.
    """

    kind: ClassVar[Kind] = KIND

    reservation_id: str
    reservation_arn: str | None = None
    reservation_name: str | None = None
    type: ReservationType = field(default=ReservationType.DB_CAPACITY_RESERVATIONS, init=False)
    account_id: str | None = None
    owner_id: str | None = None
    region: str = ""
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    instance_type: str = ""
    engine: str | None = None
    license_model: str | None = None
    state: str = ""
    total_capacity: int | None = None
    available_capacity: int | None = None
    used_capacity: int | None = None
    utilization: float | None = None
    capacity_per_zone: int | None = None
    available_by_zone: tuple[ZoneCapacity, ...] = ()
    start_date: datetime | None = None
    end_date: datetime | None = None
    create_date: datetime | None = None
    commitment: Commitment | None = None
    accelerator: Accelerator | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    seen_by: tuple[str, ...] = ()
    account_name: str | None = None
    organizational_unit: str | None = None

    @property
    def arn(self) -> str | None:
        return self.reservation_arn

    @property
    def name(self) -> str | None:
        return self.reservation_name

    @property
    def size(self) -> int | None:
        """Reserved DB instances."""
        return self.total_capacity

    @property
    def commitment_end(self) -> datetime | None:
        return self.commitment.commitment_end_date if self.commitment else None

    @classmethod
    def from_response(cls, raw: Raw, scope: Scope, observed_at: datetime) -> DbCapacityReservation:
        """Map a reservation of DescribeDBCapacityReservations. Raises KeyError if it has no
        identifier."""
        arn = raw.get("DBCapacityReservationArn")
        zones = tuple(
            ZoneCapacity(zone["AvailabilityZone"], zone.get("AvailableCapacity"))
            for zone in raw.get("AvailableCapacityPerAvailabilityZoneList") or ()
        )
        return cls(
            reservation_id=raw["DBCapacityReservationIdentifier"],
            reservation_arn=arn,
            reservation_name=raw.get("DBCapacityReservationName"),
            account_id=scope.account_id or None,
            owner_id=arn.split(":")[4] if arn else scope.account_id or None,
            region=scope.region,
            availability_zone=zones[0].availability_zone if len(zones) == 1 else None,
            instance_type=raw.get("DBInstanceClass", ""),
            engine=raw.get("Engine"),
            license_model=raw.get("LicenseModel"),
            start_date=raw.get("StartDate") or raw.get("CreateDate"),
            end_date=raw.get("EndDate"),
            create_date=raw.get("CreateDate"),
            commitment=_commitment(raw.get("CommitmentInfo"), zones),
            tags=tags_of({"Tags": raw.get("TagList")}),
            observed_at=observed_at,
            seen_by=seen_by(scope),
            **_capacity(raw, zones),
        )

    @classmethod
    def sample_facts(
        cls, reservation_id: str, instances: int, start: datetime, end: datetime
    ) -> dict[str, Any]:
        return {"reservation_name": "truffle-sample", "engine": "postgres"}


def _capacity(raw: Raw, zones: Sequence[ZoneCapacity]) -> dict[str, Any]:
    state, each = raw.get("State", ""), raw.get("ReservedCapacityPerAvailabilityZone")
    total, available = _in_all(each, zones), _free(zones)
    used = used_of(state, total, available)
    return {
        "state": state,
        "capacity_per_zone": each,
        "available_by_zone": zones,
        "total_capacity": total,
        "available_capacity": available,
        "used_capacity": used,
        "utilization": utilization_of(used, total),
    }


def _in_all(each: int | None, zones: Sequence[ZoneCapacity]) -> int | None:
    """The DB instances in all zones; None if either number is unknown."""
    return each * len(zones) if each is not None and zones else None


def _free(zones: Sequence[ZoneCapacity]) -> int | None:
    known = [zone.available_capacity for zone in zones if zone.available_capacity is not None]
    return sum(known) if zones and len(known) == len(zones) else None


def _commitment(raw: Raw | None, zones: Sequence[ZoneCapacity]) -> Commitment | None:
    if raw is None:
        return None
    committed = _in_all(raw.get("CommittedCapacityPerAvailabilityZone"), zones)
    return Commitment(committed, raw.get("CommitmentEndDate"))
