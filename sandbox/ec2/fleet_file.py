"""Fleet files: JSON ↔ Fleet. The format is described in ``sandbox/README.md``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from sandbox.ec2.billing_requests import KEY as BILLING_REQUEST
from sandbox.ec2.billing_requests import request_at, request_from_json
from sandbox.ec2.faults import Fault, fault_from_json, fault_to_json
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import DEFAULT_ACCOUNT, Change, Fleet, Offer, Region, Reservation
from sandbox.ec2.fleet_accounts import account as account_id
from sandbox.ec2.fleet_accounts import (
    no_others,
    organization_from_json,
    organization_to_json,
    others_to_json,
    with_accounts,
)
from sandbox.ec2.instances import instances_from_json, instances_to_json
from sandbox.ec2.lifecycle import REQUESTED_QUANTITY_TAG, phase_at
from sandbox.ec2.others import held_from_json, held_to_json
from sandbox.ec2.services import FORMS
from sandbox.ec2.shapes import (
    FleetError,
    count_of,
    date_from_json,
    described,
    from_json,
    list_of,
    to_json,
)
from sandbox.ec2.zones import REGION, region_of_zone, zone_id

_OPT_IN = ("opt-in-not-required", "opted-in", "not-opted-in")
_IGNORED = {"NextToken", "ResponseMetadata"}
_SIMULATOR_KEYS = {"SharedWith", "Timeline", "UsedAtStart", "UsedBy", BILLING_REQUEST}
_PLAN_MARKET = "TrainingPlanMarket"
_FLEET_KEYS = {"account", "accounts", "description", "faults", "organization", "regions"}
_REGION_KEYS = {
    "OptInStatus",
    "CapacityReservations",
    "CapacityBlocks",
    "CapacityBlockStatuses",
    "CapacityBlockExtensions",
    "CapacityReservationFleets",
    "CapacityReservationTopology",
    "Market",
    *(form.key for form in FORMS.values()),
    _PLAN_MARKET,
    "Instances",
}
_DEFAULTS: Fields = {
    "InstancePlatform": "Linux/UNIX",
    "Tenancy": "default",
    "EbsOptimized": False,
    "EphemeralStorage": False,
    "State": "active",
    "TotalInstanceCount": 0,
    "AvailableInstanceCount": 0,
    "InstanceMatchCriteria": "open",
    "ReservationType": "default",
    "Tags": [],
    "CapacityAllocations": [],
}


def load_fleet(text: str, now: datetime, account: str | None = None) -> Fleet:
    """Read a fleet file; relative dates count from ``now``.

    Also accepts the output of ``aws ec2 describe-capacity-reservations``: each reservation is then
    in the region of its ARN or zone. ``account`` replaces the file's own account.

    Raises FleetError.
    """
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise FleetError(f"the fleet file is not JSON: {error}") from None
    if not isinstance(raw, Mapping):
        raise FleetError("the fleet file must hold a JSON object")
    own = account_id(raw.get("account", DEFAULT_ACCOUNT), "account")
    if account is not None and account != own:
        return load_fleet(json.dumps({"account": own, **raw}).replace(own, account), now)
    return _fleet(raw, own, now)


def read_fleet(path: Path, now: datetime, account: str | None = None) -> Fleet:
    """``load_fleet`` for a file, with the home region. Raises FleetError, which names the file."""
    try:
        return load_fleet(path.read_text("utf-8"), now, account).with_home_region()
    except (OSError, ValueError) as error:
        raise FleetError(f"{path}: {error}") from None


def _fleet(raw: Mapping[str, Any], account: str, now: datetime) -> Fleet:
    if "regions" not in raw:
        raw = {"account": account, "regions": _by_region(raw)}
    no_others(raw, _FLEET_KEYS, "the fleet file")
    if not isinstance(raw["regions"], Mapping):
        raise FleetError("regions must be an object: region name → what it holds")

    def read(name: str, content: Any, owner: str, where: str) -> Region:
        return _region(name, content, owner, now, where)

    own = {
        name: read(name, content, account, f"regions.{name}")
        for name, content in raw["regions"].items()
    }
    return Fleet(
        account,
        with_accounts(own, raw.get("accounts", {}), account, read),
        tuple(_faults(list_of(raw, "faults", "the fleet file"))),
        organization_from_json(raw.get("organization", {})),
        tuple(raw.get("accounts", {})),
    )


def _faults(raw: Any) -> Iterable[Fault]:
    for index, item in enumerate(raw):
        try:
            yield fault_from_json(item)
        except ValueError as error:
            raise FleetError(f"faults[{index}]: {error}") from None


def _by_region(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The regions of a plain list of reservations."""
    no_others(raw, {"account", "CapacityReservations", *_IGNORED}, "the fleet file")
    regions: dict[str, Any] = defaultdict(lambda: {"CapacityReservations": []})
    items = list_of(raw, "CapacityReservations", "the fleet file")
    for index, item in enumerate(items):
        name = _home(item) if isinstance(item, Mapping) else None
        if name is None:
            where = f"CapacityReservations[{index}]"
            raise FleetError(f"{where} has no region: give CapacityReservationArn")
        regions[name]["CapacityReservations"].append(item)
    return dict(regions)


def _home(raw: Mapping[str, Any]) -> str | None:
    parts = str(raw.get("CapacityReservationArn", "")).split(":")
    return parts[3] if len(parts) > 5 else region_of_zone(str(raw.get("AvailabilityZone", "")))


def _region(name: str, raw: Any, account: str, now: datetime, where: str) -> Region:
    if not REGION.fullmatch(name):
        raise FleetError(f"{where}: {name!r} is not a region")
    no_others(raw, _REGION_KEYS | _IGNORED, where)
    reservations = [
        reservation_from_json(item, name, account, now, f"{where}.CapacityReservations[{index}]")
        for index, item in enumerate(list_of(raw, "CapacityReservations", where))
    ]
    opt_in = raw.get("OptInStatus", _OPT_IN[0])
    if opt_in not in _OPT_IN:
        raise FleetError(f"{where}.OptInStatus = {opt_in!r} must be one of {', '.join(_OPT_IN)}")
    return Region(
        name=name,
        opt_in_status=opt_in,
        reservations={item.reservation_id: item for item in reservations},
        blocks=_by_block(raw, "DescribeCapacityBlocks", "CapacityBlocks", now, where),
        statuses=_by_block(raw, "DescribeCapacityBlockStatus", "CapacityBlockStatuses", now, where),
        extensions=tuple(_extensions(raw, now, where)),
        market=tuple(market_from_json(raw, now, where)),
        fleets=tuple(_fleets(raw, name, account, now, where)),
        topologies=_topologies(raw, now, where),
        others=dict(held_from_json(FORMS.values(), raw, name, account, now, where)),
        plan_market=tuple(market_from_json(raw, now, where, _PLAN_MARKET)),
        instances=tuple(instances_from_json(raw, account, now, where)),
    )


def _by_block(
    raw: Mapping[str, Any], operation: str, key: str, now: datetime, where: str
) -> dict[str, Fields]:
    shape = described(operation, key)
    items = [
        from_json(shape, item, now, f"{where}.{key}[{index}]")
        for index, item in enumerate(list_of(raw, key, where))
    ]
    for index, item in enumerate(items):
        if "CapacityBlockId" not in item:
            raise FleetError(f"{where}.{key}[{index}] lacks CapacityBlockId")
    return {item["CapacityBlockId"]: item for item in items}


def _extensions(raw: Mapping[str, Any], now: datetime, where: str) -> Iterable[Fields]:
    key = "CapacityBlockExtensions"
    shape = described("DescribeCapacityBlockExtensionHistory", key)
    for index, item in enumerate(list_of(raw, key, where)):
        yield from_json(shape, item, now, f"{where}.{key}[{index}]")


def _fleets(
    raw: Mapping[str, Any], region: str, account: str, now: datetime, where: str
) -> Iterable[Fields]:
    key = "CapacityReservationFleets"
    shape = described("DescribeCapacityReservationFleets", key)
    for index, item in enumerate(list_of(raw, key, where)):
        fields = from_json(shape, item, now, f"{where}.{key}[{index}]")
        fleet_id = fields.get("CapacityReservationFleetId")
        if fleet_id is None:
            raise FleetError(f"{where}.{key}[{index}] lacks CapacityReservationFleetId")
        arn = f"arn:aws:ec2:{region}:{account}:capacity-reservation-fleet/{fleet_id}"
        yield {"CapacityReservationFleetArn": arn, "State": "active", **fields}


def _topologies(raw: Mapping[str, Any], now: datetime, where: str) -> dict[str, Fields]:
    key = "CapacityReservationTopology"
    shape = described("DescribeCapacityReservationTopology", "CapacityReservations")
    found: dict[str, Fields] = {}
    for index, item in enumerate(list_of(raw, key, where)):
        fields = from_json(shape, item, now, f"{where}.{key}[{index}]")
        if "CapacityReservationId" not in fields:
            raise FleetError(f"{where}.{key}[{index}] lacks CapacityReservationId")
        found[fields["CapacityReservationId"]] = fields
    return found


def market_from_json(
    raw: Mapping[str, Any], now: datetime, where: str, key: str = "Market"
) -> Iterable[Offer]:
    """The offers of a region of a fleet file, below ``key``. Raises FleetError."""
    for index, item in enumerate(list_of(raw, key, where)):
        here = f"{where}.{key}[{index}]"
        keys = {"InstanceType", "UltraserverType", "AvailabilityZone", "Count"}
        no_others(item, keys | {"FirstStart", "HourlyPrice"}, here)
        try:
            yield Offer(
                item.get("UltraserverType") or item["InstanceType"],
                item["InstanceType"],
                item["AvailabilityZone"],
                count_of(item, "Count", here),
                date_from_json(item["FirstStart"], now, f"{here}.FirstStart"),
                Decimal(str(item["HourlyPrice"])),
            )
        except KeyError as error:
            raise FleetError(f"{here} lacks {error.args[0]}") from None
        except InvalidOperation:
            raise FleetError(f"{here}.HourlyPrice must be a decimal number in quotes") from None


def reservation_from_json(
    raw: Any, region: str, account: str, now: datetime, where: str
) -> Reservation:
    """One reservation of a fleet file. Raises FleetError."""
    no_others(raw, raw, where)
    raw = dict(raw)
    hints = raw.pop("Simulator", {})
    no_others(hints, _SIMULATOR_KEYS, f"{where}.Simulator")
    written = from_json(_reservation_shape(), raw, now, where)
    _check_tags(written, where)
    request = hints.get(BILLING_REQUEST)
    if "CapacityReservationId" not in written:
        raise FleetError(f"{where} lacks CapacityReservationId")
    return Reservation(
        fields=completed(written, region, account, now),
        since=now,
        shared_with=frozenset(_shared_with(hints, f"{where}.Simulator")),
        timeline=tuple(_timeline(hints, now, f"{where}.Simulator")),
        used_at_start=count_of(hints, "UsedAtStart", f"{where}.Simulator"),
        used_by=_used_by(hints, f"{where}.Simulator"),
        billing_request=request
        and request_from_json(request, now, f"{where}.Simulator.{BILLING_REQUEST}"),
    )


def _reservation_shape() -> Any:
    return described("DescribeCapacityReservations", "CapacityReservations")


def _check_tags(fields: Fields, where: str) -> None:
    for index, tag in enumerate(fields.get("Tags") or ()):
        here = f"{where}.Tags[{index}]"
        if not {"Key", "Value"} <= set(tag):
            raise FleetError(f"{here} must have a Key and a Value")
        if tag["Key"] == REQUESTED_QUANTITY_TAG and not tag["Value"].isdecimal():
            raise FleetError(f"{here}.Value = {tag['Value']!r} must be a number of instances")


def _shared_with(raw: Mapping[str, Any], where: str) -> Iterable[str]:
    for index, item in enumerate(list_of(raw, "SharedWith", where)):
        yield account_id(item, f"{where}.SharedWith[{index}]")


def _used_by(raw: Mapping[str, Any], where: str) -> dict[str, int]:
    used = raw.get("UsedBy", {})
    if not isinstance(used, Mapping):
        raise FleetError(f"{where}.UsedBy must be an object: account id → instances")
    here = f"{where}.UsedBy"
    return {account_id(name, here): count_of(used, name, here) for name in used}


def _timeline(raw: Mapping[str, Any], now: datetime, where: str) -> Iterable[Change]:
    for index, item in enumerate(list_of(raw, "Timeline", where)):
        here = f"{where}.Timeline[{index}]"
        no_others(item, {"At", "Set"}, here)
        at = date_from_json(item.get("At"), now, f"{here}.At")
        yield Change(at, fields_from_json(item.get("Set"), now, f"{here}.Set"))


def fields_from_json(raw: Any, now: datetime, where: str) -> Fields:
    """Some fields of a reservation; null removes a field. Raises FleetError."""
    fields = from_json(_reservation_shape(), raw, now, where)
    _check_tags(fields, where)
    return {**fields, **{name: None for name, value in raw.items() if value is None}}


def completed(fields: Fields, region: str, account: str, now: datetime) -> Fields:
    """A reservation with EC2's defaults for omitted fields."""
    owner = fields.get("OwnerId", account)
    zone = fields.get("AvailabilityZone", f"{region}a")
    total = fields.get("TotalInstanceCount", 0)
    used = total - fields.get("AvailableInstanceCount", 0)
    reservation_id = fields["CapacityReservationId"]
    derived = {
        "CapacityReservationId": reservation_id,
        "OwnerId": owner,
        "CapacityReservationArn": (
            f"arn:aws:ec2:{region}:{owner}:capacity-reservation/{reservation_id}"
        ),
        "AvailabilityZone": zone,
        "StartDate": now - timedelta(days=30),
        "CreateDate": min(fields.get("StartDate", now), now) - timedelta(days=7),
        "EndDateType": "limited" if "EndDate" in fields else "unlimited",
    }
    if known := zone_id(zone):
        derived["AvailabilityZoneId"] = known
    if used and fields.get("State", "active") == "active":
        derived["CapacityAllocations"] = [{"AllocationType": "used", "Count": used}]
    return {**_DEFAULTS, **derived, **fields}


def dump_fleet(fleet: Fleet, now: datetime) -> dict[str, Any]:
    """The fleet at a moment, as a fleet file with absolute dates."""
    regions = {name: _region_to_json(region, now) for name, region in fleet.regions.items()}
    return {
        "account": fleet.account,
        "regions": regions,
        "accounts": others_to_json(fleet.others, fleet.regions),
        "faults": [fault_to_json(fault) for fault in fleet.faults],
        "organization": organization_to_json(fleet.organization),
    }


def _region_to_json(region: Region, now: datetime) -> dict[str, Any]:
    reservations = [reservation_to_json(item, now) for item in region.reservations.values()]
    return {
        "OptInStatus": region.opt_in_status,
        "CapacityReservations": [item for item in reservations if item is not None],
        "CapacityBlocks": to_json(list(region.blocks.values())),
        "CapacityBlockStatuses": to_json(list(region.statuses.values())),
        "CapacityBlockExtensions": to_json(region.extensions),
        "CapacityReservationFleets": to_json(region.fleets),
        "CapacityReservationTopology": to_json(list(region.topologies.values())),
        "Instances": to_json(instances_to_json(region.instances)),
        "Market": [_offer_to_json(offer) for offer in region.market],
        **held_to_json(FORMS.values(), region.others.values(), now),
        _PLAN_MARKET: [_offer_to_json(offer) for offer in region.plan_market],
    }


def _offer_to_json(offer: Offer) -> dict[str, Any]:
    is_ultraserver = offer.kind != offer.instance_type
    return {
        "InstanceType": offer.instance_type,
        **({"UltraserverType": offer.kind} if is_ultraserver else {}),
        "AvailabilityZone": offer.zone,
        "Count": offer.count,
        "FirstStart": to_json(offer.first_start),
        "HourlyPrice": str(offer.hourly_price),
    }


def reservation_to_json(reservation: Reservation, now: datetime) -> dict[str, Any] | None:
    """One reservation at a moment; None if it is no longer listed."""
    fields = phase_at(reservation, now).fields
    if not fields:
        return None
    hints: dict[str, Any] = {}
    if reservation.shared_with:
        hints["SharedWith"] = sorted(reservation.shared_with)
    if reservation.used_at_start:
        hints["UsedAtStart"] = reservation.used_at_start
    if reservation.used_by:
        hints["UsedBy"] = dict(reservation.used_by)
    if request := request_at(reservation, now):
        hints[BILLING_REQUEST] = to_json(request)
    coming = [change for change in reservation.timeline if change.at > now]
    if coming:
        hints["Timeline"] = [
            {"At": to_json(step.at), "Set": to_json(step.fields)} for step in coming
        ]
    return {**to_json(fields), **({"Simulator": hints} if hints else {})}
