"""The market's offerings for a request, as a pure function.

Rules (EC2 User Guide, Capacity Blocks): whole days up to 14, then whole weeks up to 182 days; every
block ends at 11:30 UTC, so one that starts at another time is shorter than requested; it starts at
least 30 minutes and at most 8 weeks ahead; at most 6 offerings are returned. Local Zones count as
opted in to. An active or scheduled block can be extended from 8 weeks to an hour before its end, up
to 182 days in total; here only if its zone has enough capacity for sale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sandbox.ec2.errors import EC2Error, invalid_value
from sandbox.ec2.filters import Fields
from sandbox.ec2.fleet import Offer
from sandbox.ec2.zones import zone_type

MAX_OFFERINGS = 6
STARTS_TRIED = 3
SHORTEST_NOTICE = timedelta(minutes=30)
LONGEST_NOTICE = timedelta(weeks=8)
MAX_INSTANCES = 64
EXTENDABLE_STATES = ("active", "scheduled")
EXTENSION_NOTICE = timedelta(hours=1)
LONGEST = timedelta(days=182)


_TYPES = ("InstanceType", "InstanceTypePreferences", "UltraserverType")


@dataclass(frozen=True, slots=True)
class OfferingRequest:
    """A request for offerings; ``kinds`` are instance types, or one UltraServer type."""

    kinds: tuple[str, ...]
    count: int
    hours: int
    earliest: datetime
    latest_end: datetime | None


def parse_request(parameters: Mapping[str, Any], now: datetime) -> OfferingRequest:
    """Raises EC2Error."""
    kinds, count = _wanted(parameters)
    hours = parameters.get("CapacityDurationHours")
    if hours is None:
        raise EC2Error("MissingParameter", "The request must contain CapacityDurationHours")
    _check_hours("CapacityDurationHours", hours)
    earliest = max(parameters.get("StartDateRange", now), now + SHORTEST_NOTICE)
    return OfferingRequest(kinds, count, hours, earliest, parameters.get("EndDateRange"))


def _wanted(parameters: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    given = [name for name in _TYPES if name in parameters]
    if len(given) > 1:
        message = f"{' and '.join(given)} cannot be used together"
        raise EC2Error("InvalidParameterCombination", message)
    name = "Ultraserver" if given == ["UltraserverType"] else "Instance"
    preferences = parameters.get("InstanceTypePreferences", ())
    kinds = [each["InstanceType"] for each in preferences] or [parameters.get(f"{name}Type")]
    count = parameters.get(f"{name}Count")
    if None in kinds or count is None:
        raise EC2Error("MissingParameter", f"The request must contain {name}Type and {name}Count")
    if not 1 <= count <= MAX_INSTANCES:
        raise invalid_value(f"{name}Count", count, f"Expecting 1 to {MAX_INSTANCES}.")
    return tuple(kinds), count


def _check_hours(parameter: str, hours: int) -> None:
    in_days = 24 <= hours <= 14 * 24 and hours % 24 == 0
    in_weeks = hours <= 182 * 24 and hours % (7 * 24) == 0 and hours > 0
    if not (in_days or in_weeks):
        expected = "Use 1 to 14 days in steps of a day, or up to 182 days in steps of 7 days."
        raise invalid_value(parameter, hours, expected)


def offerings(
    market: Sequence[Offer], request: OfferingRequest, sold: frozenset[str], now: datetime
) -> tuple[Fields, ...]:
    """The offerings in this region, the earliest first; empty without capacity.

    ``sold`` are the types that are sold as blocks anywhere. Raises EC2Error.
    """
    if unknown := [each for each in request.kinds if each not in sold]:
        message = f"The instance type {unknown[0]} is not supported for Capacity Blocks"
        raise EC2Error("InvalidParameterValue", message)
    found = [
        _offering(offer, request, start, end)
        for offer in market
        if offer.kind in request.kinds and request.count <= offer.count
        for start, end in _windows(offer, request, now)
    ]
    found.sort(key=lambda item: (item["StartDate"], item["AvailabilityZone"]))
    return tuple(found[:MAX_OFFERINGS])


def _windows(
    offer: Offer, request: OfferingRequest, now: datetime
) -> Iterable[tuple[datetime, datetime]]:
    """The possible starts: the first as soon as there is capacity, the others at 11:30 UTC."""
    start = _next_five_minutes(max(request.earliest, offer.first_start))
    for _ in range(STARTS_TRIED):
        end = _end_of_block(start + timedelta(hours=request.hours))
        in_time = request.latest_end is None or end <= request.latest_end
        if in_time and start <= now + LONGEST_NOTICE and end > start:
            yield start, end
        start = _end_of_block(start) + timedelta(days=1)


def _next_five_minutes(moment: datetime) -> datetime:
    rest = timedelta(
        minutes=moment.minute % 5, seconds=moment.second, microseconds=moment.microsecond
    )
    return moment - rest + timedelta(minutes=5) if rest else moment


def _end_of_block(moment: datetime) -> datetime:
    """The last 11:30 UTC that is not after a moment."""
    end = moment.replace(hour=11, minute=30, second=0, microsecond=0)
    return end if end <= moment else end - timedelta(days=1)


def _offering(offer: Offer, request: OfferingRequest, start: datetime, end: datetime) -> Fields:
    minutes = int((end - start).total_seconds()) // 60
    fee = offer.hourly_price * request.count * minutes / Decimal(60)
    is_ultraserver = offer.kind != offer.instance_type
    number = (
        {"UltraserverCount": request.count} if is_ultraserver else {"InstanceCount": request.count}
    )
    return {
        "CapacityBlockOfferingId": _offering_id(offer, request, start),
        "InstanceType": offer.instance_type,
        **({"UltraserverType": offer.kind} if is_ultraserver else {}),
        **number,
        "AvailabilityZone": offer.zone,
        "StartDate": start,
        "EndDate": end,
        "CapacityBlockDurationHours": minutes // 60,
        "CapacityBlockDurationMinutes": minutes % 60,
        "UpfrontFee": f"{fee:.2f}",
        "CurrencyCode": "USD",
        "Tenancy": "default",
        "ZoneType": zone_type(offer.zone),
    }


def _offering_id(offer: Offer, request: OfferingRequest, start: datetime) -> str:
    """The id of an offering, the same while the market has it."""
    text = f"{offer.kind} {offer.zone} {request.count} {request.hours} {start.isoformat()}"
    return f"cb-{hashlib.sha256(text.encode()).hexdigest()[:17]}"


def extension_hours(parameters: Mapping[str, Any]) -> int:
    """The requested hours of an extension. Raises EC2Error."""
    hours = parameters.get("CapacityBlockExtensionDurationHours")
    if hours is None:
        message = "The request must contain CapacityBlockExtensionDurationHours"
        raise EC2Error("MissingParameter", message)
    _check_hours("CapacityBlockExtensionDurationHours", hours)
    return int(hours)


def extension_offerings(
    market: Sequence[Offer], block: Fields, size: int, hours: int, now: datetime
) -> tuple[Fields, ...]:
    """The market's extensions for a block with ``size`` instances; empty if it is too early, too
    late or too long."""
    start, end = block.get("StartDate"), block.get("EndDate")
    if start is None or end is None:
        return ()
    longer = end + timedelta(hours=hours)
    is_open = EXTENSION_NOTICE <= end - now <= LONGEST_NOTICE and longer - start <= LONGEST
    if block["State"] not in EXTENDABLE_STATES or not is_open:
        return ()
    return tuple(
        _extension(offer, block, size, hours, longer)
        for offer in market
        if (offer.instance_type, offer.zone) == (block["InstanceType"], block["AvailabilityZone"])
        and size <= offer.count
        and offer.first_start <= end
    )


def _extension(offer: Offer, block: Fields, size: int, hours: int, longer: datetime) -> Fields:
    text = f"{block['CapacityReservationId']} {offer.kind} {hours} {longer.isoformat()}"
    return {
        "CapacityBlockExtensionOfferingId": f"cbe-{hashlib.sha256(text.encode()).hexdigest()[:17]}",
        "InstanceType": block["InstanceType"],
        "InstanceCount": size,
        "AvailabilityZone": block["AvailabilityZone"],
        "StartDate": block["StartDate"],
        "CapacityBlockExtensionStartDate": block["EndDate"],
        "CapacityBlockExtensionEndDate": longer,
        "CapacityBlockExtensionDurationHours": hours,
        "UpfrontFee": f"{offer.hourly_price * size * hours:.2f}",
        "CurrencyCode": "USD",
        "Tenancy": "default",
        "ZoneType": zone_type(block["AvailabilityZone"]),
    }
