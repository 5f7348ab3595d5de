"""The listings of the Describe calls, before filters and pages: functions of fleet and moment.

A listing has the time until which it is valid, so that derived data can be cached.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from sandbox.ec2.errors import EC2Error
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Fleet, Region
from sandbox.ec2.lifecycle import phase_at, requested_size
from sandbox.ec2.offerings import extension_hours, extension_offerings, offerings, parse_request
from sandbox.ec2.zones import zone_id, zone_type


@dataclass(frozen=True, slots=True)
class Call:
    """The parameters of a call that determine a listing."""

    fleet: Fleet
    region: Region
    account: str
    now: datetime
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """All items of a kind, and the time until which they are valid; None means until the fleet
    changes."""

    items: tuple[Fields, ...]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ids:
    """The parameter with ids, and EC2's error for unknown ids.

    Without a code, an unknown id is not an error.
    """

    parameter: str
    member: str
    code: str | None = None
    message: str = ""


RESERVATION_IDS = Ids(
    "CapacityReservationIds",
    "CapacityReservationId",
    "InvalidCapacityReservationId.NotFound",
    "The Capacity Reservation ID '{}' does not exist",
)


def reservations(call: Call) -> Listing:
    """The account's own reservations, and those shared with it without their owner's tags."""
    phases = [(item, phase_at(item, call.now)) for item in call.region.reservations.values()]
    items = []
    for reservation, phase in phases:
        if not phase.fields:
            continue
        if phase.fields["OwnerId"] == call.account:
            items.append(phase.fields)
        elif call.account in reservation.shared_with:
            items.append({**phase.fields, "Tags": []})
    return Listing(tuple(items), _first(phase.until for _, phase in phases))


def _first(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def blocks(call: Call) -> Listing:
    """The account's own blocks, from the file and, with priority, from the reservations."""
    by_block, until = _own_blocks(call)
    shown = [
        {**call.region.blocks.get(block_id, {}), **_block(block_id, members)}
        for block_id, members in by_block.items()
    ]
    return Listing(tuple(item for item in shown if item["State"] in _BLOCK_STATES), until)


_BLOCK_STATES = {
    "active",
    "expired",
    "unavailable",
    "cancelled",
    "failed",
    "scheduled",
    "payment-pending",
    "payment-failed",
}


def _own_blocks(call: Call) -> tuple[dict[str, list[Fields]], datetime | None]:
    listing = reservations(call)
    by_block: dict[str, list[Fields]] = {}
    for fields in listing.items:
        if "CapacityBlockId" in fields and fields["OwnerId"] == call.account:
            by_block.setdefault(fields["CapacityBlockId"], []).append(fields)
    return by_block, listing.until


def _block(block_id: str, members: Sequence[Fields]) -> dict[str, Any]:
    first = members[0]
    names = ("AvailabilityZone", "AvailabilityZoneId", "StartDate", "EndDate", "CreateDate")
    return {
        "CapacityBlockId": block_id,
        **{name: first[name] for name in names if name in first},
        "CapacityReservationIds": [fields["CapacityReservationId"] for fields in members],
        "State": first["State"],
        "Tags": [tag for tag in first["Tags"] if not tag["Key"].startswith("aws:")],
    }


def block_statuses(call: Call) -> Listing:
    """The health of the account's own blocks; healthy by default."""
    by_block, until = _own_blocks(call)
    items = tuple(
        {**_status(block_id, members), **call.region.statuses.get(block_id, {})}
        for block_id, members in by_block.items()
    )
    return Listing(items, until)


def _status(block_id: str, members: Sequence[Fields]) -> dict[str, Any]:
    is_active = members[0]["State"] == "active"
    parts = [
        {
            "CapacityReservationId": fields["CapacityReservationId"],
            "TotalCapacity": fields["TotalInstanceCount"],
            "TotalAvailableCapacity": fields["AvailableInstanceCount"],
            "TotalUnavailableCapacity": 0,
        }
        for fields in members
    ]
    return {
        "CapacityBlockId": block_id,
        "InterconnectStatus": "ok" if is_active else "insufficient-data",
        "TotalCapacity": sum(part["TotalCapacity"] for part in parts),
        "TotalAvailableCapacity": sum(part["TotalAvailableCapacity"] for part in parts),
        "TotalUnavailableCapacity": 0,
        "CapacityReservationStatuses": parts if is_active else [],
    }


def usages(call: Call) -> Listing:
    """The accounts that use one reservation: all for its owner, only its own use for another
    account (EC2 API, GetCapacityReservationUsage)."""
    fields, others = _used(call)
    used = fields["TotalInstanceCount"] - fields["AvailableInstanceCount"]
    owner = fields["OwnerId"]
    left = {name: count for name, count in others.items() if name != owner and count}
    everyone = {owner: max(used - sum(left.values()), 0), **left}
    shown = everyone if call.account == owner else {call.account: left.get(call.account, 0)}
    return Listing(
        tuple(
            {"AccountId": name, "UsedInstanceCount": count} for name, count in sorted(shown.items())
        )
    )


def usage_facts(call: Call) -> Fields:
    """The reservation's own fields in GetCapacityReservationUsage."""
    fields, _ = _used(call)
    names = (
        "CapacityReservationId",
        "InstanceType",
        "TotalInstanceCount",
        "AvailableInstanceCount",
        "State",
        "Interruptible",
        "InterruptibleCapacityAllocation",
        "InterruptionInfo",
    )
    return {name: fields[name] for name in names if name in fields}


def _used(call: Call) -> tuple[Fields, Mapping[str, int]]:
    """The reservation named by a call, and the instances used by others. Raises EC2Error."""
    wanted = call.parameters.get("CapacityReservationId")
    if wanted is None:
        raise EC2Error("MissingParameter", "The request must contain CapacityReservationId")
    for fields in reservations(call).items:
        if fields["CapacityReservationId"] == wanted:
            return fields, call.region.reservations[wanted].used_by
    raise EC2Error(RESERVATION_IDS.code or "", RESERVATION_IDS.message.format(wanted))


def extensions(call: Call) -> Listing:
    """The extensions of the account's own blocks."""
    listing = reservations(call)
    own = {
        fields["CapacityReservationId"]
        for fields in listing.items
        if fields["OwnerId"] == call.account
    }
    items = (item for item in call.region.extensions if item["CapacityReservationId"] in own)
    return Listing(tuple(items), listing.until)


def fleets(call: Call) -> Listing:
    """The account's own Capacity Reservation Fleets."""
    own = (
        item
        for item in call.region.fleets
        if item["CapacityReservationFleetArn"].split(":")[4] == call.account
    )
    return Listing(tuple(own))


def instances(call: Call) -> Listing:
    """The account's own instances, each in a group of its own."""
    return Listing(tuple(it for it in call.region.instances if it["OwnerId"] == call.account))


def topology(call: Call) -> Listing:
    """The network nodes of the account's own reservations, only if active or pending (EC2 API,
    CapacityReservationTopology)."""
    listing = reservations(call)
    own = (fields for fields in listing.items if fields["OwnerId"] == call.account)
    return Listing(tuple(_placement(call.region, fields) for fields in own), listing.until)


def _placement(region: Region, fields: Fields) -> dict[str, Any]:
    names = ("CapacityReservationId", "State", "InstanceType", "AvailabilityZone")
    known = {name: fields[name] for name in (*names, "AvailabilityZoneId") if name in fields}
    placement = {**region.topologies.get(fields["CapacityReservationId"], {}), **known}
    if fields["State"] not in ("active", "pending"):
        placement.pop("NetworkNodes", None)
    return placement


def block_offerings(call: Call) -> Listing:
    request = parse_request(call.parameters, call.now)
    return Listing(offerings(call.region.market, request, sold_as_blocks(call.fleet), call.now))


def block_extension_offerings(call: Call) -> Listing:
    """The extensions of one of the account's own blocks."""
    hours = extension_hours(call.parameters)
    wanted = call.parameters.get("CapacityReservationId")
    if wanted is None:
        raise EC2Error("MissingParameter", "The request must contain CapacityReservationId")
    own = {
        fields["CapacityReservationId"]: fields
        for members in _own_blocks(call)[0].values()
        for fields in members
    }
    if wanted not in own:
        raise EC2Error(RESERVATION_IDS.code or "", RESERVATION_IDS.message.format(wanted))
    block = own[wanted]
    return Listing(
        extension_offerings(call.region.market, block, requested_size(block), hours, call.now)
    )


def sold_as_blocks(fleet: Fleet) -> frozenset[str]:
    """The instance and UltraServer types that are sold as blocks in some region."""
    by_type = {
        fields["InstanceType"]
        for fields in instance_types()
        if "capacity-block" in fields["SupportedUsageClasses"]
    }
    offered = {offer.kind for region in fleet.regions.values() for offer in region.market}
    return frozenset(by_type | offered)


@cache
def instance_types() -> tuple[Fields, ...]:
    """The types that EC2 describes, the same in every region."""
    path = files("sandbox.ec2").joinpath("instance_types.json")
    return tuple(json.loads(path.read_text())["InstanceTypes"])


def types(call: Call) -> Listing:
    return Listing(instance_types())


def regions(call: Call) -> Listing:
    """The regions enabled for the account; with AllRegions or by name, all of them."""
    requested = call.parameters.get("RegionNames")
    everything = call.parameters.get("AllRegions") or requested is not None
    fleet, account = call.fleet, call.account
    shown = [it for it in fleet.regions.values() if everything or fleet.is_enabled(it, account)]
    items = tuple(
        {
            "RegionName": region.name,
            "Endpoint": f"ec2.{region.name}.amazonaws.com",
            "OptInStatus": fleet.opt_in_status(region, account),
        }
        for region in sorted(shown, key=lambda region: region.name)
    )
    return Listing(items)


def zones(call: Call) -> Listing:
    """The zones of the region with reservations or capacity for sale, and its first three."""
    name = call.region.name
    found = {f"{name}{letter}" for letter in "abc"}
    found |= {item.fields["AvailabilityZone"] for item in call.region.reservations.values()}
    found |= {offer.zone for offer in call.region.market}
    return Listing(tuple(_zone(zone, name) for zone in sorted(found)))


def _zone(zone: str, region: str) -> Fields:
    is_local = zone_type(zone) == "local-zone"
    group = zone[:-1] if is_local else f"{region}-zg-1"
    return {
        "OptInStatus": "opted-in" if is_local else "opt-in-not-required",
        "RegionName": region,
        "ZoneName": zone,
        "ZoneId": zone_id(zone) or zone,
        "GroupName": group,
        "NetworkBorderGroup": group if is_local else region,
        "ZoneType": zone_type(zone),
        "State": "available",
    }
