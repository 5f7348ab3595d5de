"""Capacity Reservation Fleets: a target of capacity, and the reservations that fulfil it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from truffle.core.codec import plain_fields
from truffle.core.times import format_time, parse_time, whole

FLEET_STATES: Final = (
    "submitted",
    "modifying",
    "active",
    "partially_fulfilled",
    "expiring",
    "expired",
    "cancelling",
    "cancelled",
    "failed",
)
"""EC2's CapacityReservationFleetState (botocore 1.43); an unknown one is kept unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMember:
    """A reservation of a fleet; ``fulfilled_capacity`` is its instances times its weight."""

    reservation_id: str | None
    instance_type: str | None
    availability_zone: str | None = None
    platform: str | None = None
    total_instances: int | None = None
    fulfilled_capacity: float | None = None
    weight: float | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityFleet:
    """One fleet as EC2 describes it; capacities are in the units of the members' weights.

    ``state`` is one of EC2's CapacityReservationFleetState (``partially_fulfilled`` if it is below
    its target). ``short_since`` is when a deployed stack first observed it below its target, and
    the names are those of AWS Organizations; None if the source does not know.
    """

    fleet_id: str
    region: str
    state: str
    account_id: str | None = None
    fleet_arn: str | None = None
    target_capacity: int | None = None
    fulfilled_capacity: float | None = None
    tenancy: str | None = None
    match_criteria: str | None = None
    allocation_strategy: str | None = None
    create_date: datetime | None = None
    end_date: datetime | None = None
    members: tuple[FleetMember, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    observed_at: datetime | None = None
    short_since: datetime | None = None
    account_name: str | None = None
    organizational_unit: str | None = None

    @property
    def fulfilment(self) -> float | None:
        """Fulfilled over target capacity, 0..1; None if one is unknown, or the target is 0."""
        if self.fulfilled_capacity is None or not self.target_capacity:
            return None
        return self.fulfilled_capacity / self.target_capacity

    def to_json(self) -> dict[str, Any]:
        return {
            "fleet_id": self.fleet_id,
            "fleet_arn": self.fleet_arn,
            "account_id": self.account_id,
            "region": self.region,
            "state": self.state,
            "target_capacity": self.target_capacity,
            "fulfilled_capacity": _whole(self.fulfilled_capacity),
            "fulfilment": self.fulfilment,
            "tenancy": self.tenancy,
            "match_criteria": self.match_criteria,
            "allocation_strategy": self.allocation_strategy,
            "create_date": self.create_date and format_time(self.create_date),
            "end_date": self.end_date and format_time(self.end_date),
            "members": [_member(member) for member in self.members],
            "tags": dict(self.tags),
            "observed_at": self.observed_at and format_time(self.observed_at),
            "short_since": self.short_since and format_time(self.short_since),
            "account_name": self.account_name,
            "organizational_unit": self.organizational_unit,
        }


def _member(member: FleetMember) -> dict[str, Any]:
    capacity, weight = _whole(member.fulfilled_capacity), _whole(member.weight)
    return {**plain_fields(member), "fulfilled_capacity": capacity, "weight": weight}


def _whole(number: float | None) -> float | None:
    return None if number is None else whole(number)


def from_json(data: Mapping[str, Any]) -> CapacityFleet:
    """Decode a fleet; keys of a newer version are ignored.

    Raises KeyError, TypeError or ValueError for an object that is not a fleet.
    """
    given = {name: data.get(name) for name in _NAMES}
    times = {name: at and parse_time(at) for name, at in given.items() if name in _TIMES}
    members = tuple(
        FleetMember(**{name: member.get(name) for name in _MEMBER_NAMES})
        for member in data["members"]
    )
    known = {"fleet_id": data["fleet_id"], "region": data["region"], "state": data["state"]}
    tags = dict(data.get("tags") or {})
    return CapacityFleet(**{**given, **times, **known, "members": members, "tags": tags})


_NAMES = tuple(it.name for it in fields(CapacityFleet))
_MEMBER_NAMES = tuple(it.name for it in fields(FleetMember))
_TIMES = ("create_date", "end_date", "observed_at", "short_since")


def by_name(fleet: CapacityFleet) -> tuple[str, str]:
    """The order of fleets: by region, then by id."""
    return fleet.region, fleet.fleet_id
