"""Stranded spend: instances that run On-Demand beside idle reserved capacity, and why.

An instance runs in a reservation with its instance type, platform, zone and tenancy, if the
reservation is open or the instance targets it, and if the instance does not avoid reservations (EC2
User Guide, capacity-reservations-using). Settings change while an instance is stopped (the same
guide, capacity-reservations-modify-instance).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from truffle.core.codec import Json
from truffle.core.idle import unused
from truffle.core.model import Reservation
from truffle.core.pricing import MICRO, USD, PriceBook, Product

MOST_NAMED = 20
"""The maximum number of instances that a finding names; it counts all."""


class Reason(StrEnum):
    """The reason why an instance does not run in a reservation, the nearest miss first."""

    PREFERENCE_NONE = "preference-none"
    TARGETS_ANOTHER = "targets-another"
    NOT_TARGETED = "not-targeted"
    PREPAID = "prepaid"
    PLACEMENT_GROUP = "placement-group"
    UNKNOWN = "unknown"
    ZONE = "zone"
    TENANCY = "tenancy"
    PLATFORM = "platform"


_NEAREST_FIRST = list(Reason)

WHY: dict[Reason, str] = {
    Reason.PREFERENCE_NONE: "The instances avoid every reservation (preference none).",
    Reason.TARGETS_ANOTHER: "The instances target another reservation or group.",
    Reason.NOT_TARGETED: "The reservation is targeted, and the instances do not target it.",
    Reason.PREPAID: "Instances of a capacity block must name its market type and the block.",
    Reason.PLACEMENT_GROUP: "The reservation is in a cluster placement group.",
    Reason.UNKNOWN: "Nothing that EC2 describes keeps the instances out.",
    Reason.ZONE: "The instances run in another availability zone.",
    Reason.TENANCY: "The instances have a different tenancy.",
    Reason.PLATFORM: "The instances run on a different platform.",
}

FIX: dict[Reason, str] = {
    Reason.PREFERENCE_NONE: "Stop the instances, set their preference to open, and start them.",
    Reason.TARGETS_ANOTHER: "Stop the instances, let them target this reservation, and start them.",
    Reason.NOT_TARGETED: (
        "Stop the instances, let them target the reservation, and start them; or make the "
        "reservation open while nothing runs in it."
    ),
    Reason.PREPAID: "Launch the instances again with the block's market type.",
    Reason.PLACEMENT_GROUP: "Launch the instances in the reservation's placement group.",
    Reason.UNKNOWN: "Stop and start the instances.",
    Reason.ZONE: "Launch the instances in the reservation's zone, or reserve capacity in theirs.",
    Reason.TENANCY: "Launch the instances with the reservation's tenancy, or reserve capacity "
    "with theirs.",
    Reason.PLATFORM: "Launch from an image for the reservation's platform, or reserve capacity "
    "for theirs.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemandInstance:
    """A running instance outside of reservations.

    ``preference`` is its capacity reservation preference; ``target`` the reservation or resource
    group that it targets.
    """

    instance_id: str
    instance_type: str
    availability_zone: str | None
    platform: str | None
    tenancy: str | None
    preference: str | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranded:
    """Instances beside one reservation that they could use, and the common reason why they do not.

    There are at most as many ``instances`` as the reservation has idle ones; each is counted beside
    one reservation.
    """

    account_id: str | None
    region: str
    instance_type: str
    availability_zone: str | None
    platform: str | None
    tenancy: str | None
    reservation_id: str
    reason: Reason
    instances: int
    instance_ids: tuple[str, ...]
    idle_instances: int

    def usd_per_hour(self, prices: PriceBook) -> float | None:
        """The hourly On-Demand cost of the instances; None if unknown."""
        if not self.platform or not self.tenancy:
            return None
        product = Product(self.instance_type, self.region, self.platform, self.tenancy)
        rate = prices.on_demand(product)
        if rate is None or rate.currency != USD:
            return None
        return round(rate.amount * self.instances * MICRO) / MICRO


def is_worth_asking(row: Reservation) -> bool:
    """Whether an active reservation has unused instances."""
    return (unused(row) or 0) > 0


def reason_of(instance: OnDemandInstance, row: Reservation) -> Reason:
    """Why an instance with a reservation's type and account does not run in it."""
    if instance.platform != row.platform:
        return Reason.PLATFORM
    if instance.tenancy != row.tenancy:
        return Reason.TENANCY
    if instance.availability_zone != row.availability_zone:
        return Reason.ZONE
    if row.kind.is_prepaid:
        return Reason.PREPAID
    if instance.preference == "none":
        return Reason.PREFERENCE_NONE
    if instance.target is not None:
        is_there = instance.target == row.reservation_id
        return Reason.UNKNOWN if is_there else Reason.TARGETS_ANOTHER
    if getattr(row, "match_criteria", None) == "targeted":
        return Reason.NOT_TARGETED
    if getattr(row, "placement_group_arn", None):
        return Reason.PLACEMENT_GROUP
    return Reason.UNKNOWN


def stranded(rows: Iterable[Reservation], instances: Iterable[OnDemandInstance]) -> list[Stranded]:
    """The findings of one scope, from its rows and instances.

    Each instance is beside at most one reservation, the nearest miss first, and each idle instance
    of a reservation is beside at most one instance.
    """
    idle = sorted(filter(is_worth_asking, rows), key=lambda row: row.reservation_id)
    left = {row.reservation_id: unused(row) or 0 for row in idle}
    placed: dict[tuple[str, Reason, OnDemandInstance], list[str]] = defaultdict(list)
    done: set[str] = set()
    for reason, instance, row in _nearest_first(idle, list(instances)):
        if instance.instance_id in done or not left[row.reservation_id]:
            continue
        done.add(instance.instance_id)
        left[row.reservation_id] -= 1
        placed[row.reservation_id, reason, _alike(instance)].append(instance.instance_id)
    by_id = {row.reservation_id: row for row in idle}
    found = [
        _finding(by_id[name], reason, alike, names)
        for (name, reason, alike), names in placed.items()
    ]
    return sorted(found, key=lambda it: (it.reservation_id, it.reason, str(it.instance_ids)))


def _nearest_first(
    idle: Sequence[Reservation], instances: Sequence[OnDemandInstance]
) -> Iterator[tuple[Reason, OnDemandInstance, Reservation]]:
    pairs = [
        (reason_of(instance, row), instance, row)
        for row in idle
        for instance in instances
        if instance.instance_type == row.instance_type
    ]
    yield from sorted(
        pairs,
        key=lambda it: (_NEAREST_FIRST.index(it[0]), it[1].instance_id, it[2].reservation_id),
    )


def _alike(instance: OnDemandInstance) -> OnDemandInstance:
    """The fields that all instances of a finding share."""
    return OnDemandInstance(
        instance_id="",
        instance_type=instance.instance_type,
        availability_zone=instance.availability_zone,
        platform=instance.platform,
        tenancy=instance.tenancy,
    )


def _finding(
    row: Reservation, reason: Reason, alike: OnDemandInstance, names: list[str]
) -> Stranded:
    return Stranded(
        account_id=row.account_id,
        region=row.region,
        instance_type=row.instance_type,
        availability_zone=alike.availability_zone,
        platform=alike.platform,
        tenancy=alike.tenancy,
        reservation_id=row.reservation_id,
        reason=reason,
        instances=len(names),
        instance_ids=tuple(sorted(names)[:MOST_NAMED]),
        idle_instances=unused(row) or 0,
    )


def to_json(finding: Stranded) -> Json:
    """A finding as stored in the table."""
    return {
        **{name: getattr(finding, name) for name in _TEXTS},
        "reason": finding.reason.value,
        "instances": finding.instances,
        "instance_ids": list(finding.instance_ids),
        "idle_instances": finding.idle_instances,
    }


def with_advice(finding: Stranded, prices: PriceBook) -> Json:
    """A finding for the API: with the text of the reason and the fix, and the cost."""
    return {
        **to_json(finding),
        "why": WHY[finding.reason],
        "fix": FIX[finding.reason],
        "usd_per_hour": finding.usd_per_hour(prices),
    }


def from_json(data: Json) -> Stranded:
    """The inverse of ``to_json``. Raises ValueError, KeyError or TypeError for anything else."""
    return Stranded(
        **{name: data[name] for name in _TEXTS},
        reason=Reason(data["reason"]),
        instances=data["instances"],
        instance_ids=tuple(data["instance_ids"]),
        idle_instances=data["idle_instances"],
    )


_TEXTS = (
    "account_id",
    "region",
    "instance_type",
    "availability_zone",
    "platform",
    "tenancy",
    "reservation_id",
)
